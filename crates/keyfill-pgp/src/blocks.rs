//! Files of keys: binary, as `gpg --export` writes them, or armored, one block behind the other.

use crate::{MOST_BYTES, guarded};
use pgp::composed::PublicOrSecret;

const BEGIN: &str = "-----BEGIN PGP ";
const END: &str = "-----END PGP ";

/// All keys of a file. The error says why the file has none.
pub(crate) fn keys(file: &[u8]) -> Result<Vec<PublicOrSecret>, String> {
    if file.len() >= MOST_BYTES {
        return Err(format!("it is larger than {MOST_BYTES} bytes"));
    }
    // The keybox (`pubring.kbx`) of GnuPG 2 has its own format.
    if file.get(8..12) == Some(b"KBXf") {
        return Err("it is a keybox of GnuPG, which only GnuPG reads".to_owned());
    }
    let keys = match armored(file) {
        Some(blocks) => blocks.iter().flat_map(|block| armored_keys(block)).collect(),
        None => binary_keys(file),
    };
    if keys.is_empty() { Err("it holds no key of OpenPGP".to_owned()) } else { Ok(keys) }
}

/// The armored blocks of a text; `None` if there are none.
fn armored(file: &[u8]) -> Option<Vec<&str>> {
    let text = std::str::from_utf8(file).ok()?;
    let mut blocks = Vec::new();
    let mut rest = &text[text.find(BEGIN)?..];
    while let Some(end) = rest.find(END) {
        let line = rest[end..].find('\n').map_or(rest.len(), |line| end + line + 1);
        blocks.push(&rest[..line]);
        match rest[line..].find(BEGIN) {
            Some(next) => rest = &rest[line + next..],
            None => break,
        }
    }
    Some(blocks)
}

fn armored_keys(block: &str) -> Vec<PublicOrSecret> {
    guarded(|| {
        let (keys, _) = PublicOrSecret::from_armor_many_buf(block.as_bytes()).ok()?;
        Some(keys.filter_map(Result::ok).collect())
    })
    .unwrap_or_default()
}

fn binary_keys(file: &[u8]) -> Vec<PublicOrSecret> {
    guarded(|| Some(PublicOrSecret::from_bytes_many(file).ok()?.filter_map(Result::ok).collect()))
        .unwrap_or_default()
}
