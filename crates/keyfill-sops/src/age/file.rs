//! The format of age files: the armor, the header and the content.

use super::{FileKey, derive, open_chunk};
use crate::Hidden;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ring::hmac;

/// The first line of the armor.
const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
/// The last line of the armor.
const END: &str = "-----END AGE ENCRYPTED FILE-----";
/// The first line of a header.
const VERSION: &str = "age-encryption.org/v1";
/// The number of bytes that a line of base64 in a header encodes. Only the last line of a body is shorter.
const LINE: usize = 48;
/// The plaintext size of a chunk of the content, in bytes. Only the last chunk is shorter.
const CHUNK: usize = 64 * 1024;
/// The number of bytes by which encryption makes a chunk longer.
const TAG: usize = 16;
/// The most recipients of a file. SOPS writes a separate age file for each recipient. The limit exists since each
/// stanza for an SSH RSA key costs an RSA decryption.
const MOST_STANZAS: usize = 32;

/// Decodes the armor of a file.
pub(super) fn dearmor(text: &str) -> Option<Vec<u8>> {
    let inside = text.trim().strip_prefix(BEGIN)?.strip_suffix(END)?;
    let base64: String = inside.split_ascii_whitespace().collect();
    STANDARD.decode(base64).ok()
}

/// An age file.
pub(super) struct AgeFile<'a> {
    pub(super) stanzas: Vec<Stanza<'a>>,
    /// The part of the header that its MAC, `code`, covers.
    header: &'a [u8],
    code: Vec<u8>,
    payload: &'a [u8],
}

/// A stanza of the header: the file key, encrypted for one recipient.
pub(super) struct Stanza<'a> {
    /// The type of the stanza: `X25519`, `ssh-ed25519`, ...
    pub(super) kind: &'a str,
    /// The other arguments of the stanza.
    pub(super) arguments: Vec<&'a str>,
    pub(super) body: Vec<u8>,
}

impl<'a> AgeFile<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut lines = Lines { bytes, at: 0 };
        if lines.next()? != VERSION {
            return None;
        }
        let mut stanzas = Vec::new();
        loop {
            let start = lines.at;
            let line = lines.next()?;
            if let Some(code) = line.strip_prefix("--- ") {
                let header = &bytes[..start + 3];
                let code = STANDARD_NO_PAD.decode(code).ok()?;
                return Some(Self { stanzas, header, code, payload: &bytes[lines.at..] });
            }
            if stanzas.len() == MOST_STANZAS {
                return None;
            }
            let mut words = line.strip_prefix("-> ")?.split(' ');
            let kind = words.next()?;
            stanzas.push(Stanza { kind, arguments: words.collect(), body: lines.body()? });
        }
    }

    /// Decrypts the content; `None` if the header or the content was not made with this file key.
    pub(super) fn content(&self, file_key: &FileKey) -> Option<Hidden> {
        let code_key = derive(&*file_key.0, &[], b"header")?;
        let code_key = hmac::Key::new(hmac::HMAC_SHA256, &*code_key);
        hmac::verify(&code_key, self.header, &self.code).ok()?;
        let (nonce, mut sealed) = self.payload.split_at_checked(16)?;
        let key = derive(&*file_key.0, nonce, b"payload")?;
        let mut plain = Vec::with_capacity(sealed.len());
        for number in 0u64.. {
            let is_last = sealed.len() <= CHUNK + TAG;
            let (chunk, rest) = sealed.split_at(sealed.len().min(CHUNK + TAG));
            let mut counter = [0; 12];
            counter[3..11].copy_from_slice(&number.to_be_bytes());
            counter[11] = u8::from(is_last);
            plain.extend_from_slice(open_chunk(&key, counter, chunk)?.bytes());
            if is_last {
                break;
            }
            sealed = rest;
        }
        Some(Hidden::new(plain))
    }
}

struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|b| *b == b'\n')?;
        self.at += end + 1;
        std::str::from_utf8(&rest[..end]).ok()
    }

    /// Reads a body: lines of base64, of which the last one is shorter than the others, perhaps empty.
    fn body(&mut self) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let line = STANDARD_NO_PAD.decode(self.next()?).ok()?;
            body.extend_from_slice(&line);
            if line.len() < LINE {
                return Some(body);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AgeFile, MOST_STANZAS};

    #[test]
    fn a_file_for_too_many_recipients_is_refused() {
        let file =
            |stanzas| format!("age-encryption.org/v1\n{}--- AAAA\n", "-> X25519 a\n\n".repeat(stanzas));
        let text = file(MOST_STANZAS);
        assert_eq!(AgeFile::read(text.as_bytes()).expect("a file").stanzas.len(), MOST_STANZAS);
        assert!(AgeFile::read(file(MOST_STANZAS + 1).as_bytes()).is_none());
    }
}
