//! Decrypts files of [age](https://age-encryption.org/v1), in which SOPS stores data keys.
//!
//! An age file has one or more recipients, with the file key encrypted for each of them. The content is encrypted
//! with a key that is derived from the file key. Native keys (X25519) and SSH keys are supported. Passphrases,
//! plugins and hybrid keys are refused, with an error that names them.

mod bech32;
mod file;
mod ssh;
mod x25519;

use crate::{Hidden, Refusal};
use file::{AgeFile, Stanza};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Secret keys of age, and SSH keys that are used as such.
#[derive(Clone, Default)]
pub struct Identities(Vec<Arc<Identity>>);

/// A secret key of age or SSH.
enum Identity {
    X25519(x25519::Identity),
    SshEd25519(ssh::Ed25519),
    SshRsa(Box<ssh::Rsa>),
}

impl std::fmt::Debug for Identities {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} identities", self.0.len())
    }
}

impl Identities {
    /// No secret keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is no secret key.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the keys of an identity file: one on each line, or several separated by blanks, as in the value of an
    /// environment variable. Empty lines and lines that begin with `#` are ignored.
    pub fn add_keys(&mut self, text: &str) -> Result<(), Refusal> {
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            for word in line.split_whitespace() {
                self.0.push(Arc::new(Identity::X25519(native(word)?)));
            }
        }
        Ok(())
    }

    /// Adds an SSH private key: ed25519 or RSA, without a passphrase.
    pub fn add_ssh_key(&mut self, pem: &str) -> Result<(), Refusal> {
        let identity = match ssh::read(pem)? {
            ssh::Key::Ed25519(key) => Identity::SshEd25519(key),
            ssh::Key::Rsa(key) => Identity::SshRsa(key),
        };
        self.0.push(Arc::new(identity));
        Ok(())
    }

    /// Decrypts an armored age file.
    pub(crate) fn decrypt(&self, armored: &str) -> Result<Hidden, Refusal> {
        if self.is_empty() {
            return Err(Refusal::new("no secret key of age is set up").hint(
                "set SOPS_AGE_KEY_FILE (or SOPS_AGE_KEY, SOPS_AGE_SSH_PRIVATE_KEY_FILE) in keyfill's environment",
            ));
        }
        let damaged = || Refusal::new("the age file in the metadata is damaged");
        let bytes = file::dearmor(armored).ok_or_else(damaged)?;
        let age = AgeFile::read(&bytes).ok_or_else(damaged)?;
        let file_key = self.file_key(&age.stanzas)?;
        age.content(&file_key).ok_or_else(damaged)
    }

    fn file_key(&self, stanzas: &[Stanza<'_>]) -> Result<FileKey, Refusal> {
        let found = self.0.iter().find_map(|identity| {
            stanzas.iter().find_map(|stanza| match &**identity {
                Identity::X25519(key) => key.open(stanza),
                Identity::SshEd25519(key) => key.open(stanza),
                Identity::SshRsa(key) => key.open(stanza),
            })
        });
        found.ok_or_else(|| {
            let others: Vec<&str> = stanzas.iter().map(|s| s.kind).filter(|kind| !is_known(kind)).collect();
            if others.is_empty() {
                Refusal::new("none of the secret keys of age that are set up is for this recipient")
            } else {
                Refusal::new(format!(
                    "its recipients are of the kind {}, which keyfill does not open",
                    others.join(", ")
                ))
                .hint("add an X25519 recipient (age1...) to the file's keys")
            }
        })
    }
}

fn is_known(kind: &str) -> bool {
    matches!(kind, "X25519" | "ssh-ed25519" | "ssh-rsa") || kind.ends_with("-grease")
}

/// Parses a native key. Its text is secret, so errors hold no part of it.
fn native(word: &str) -> Result<x25519::Identity, Refusal> {
    if word.starts_with("AGE-PLUGIN-") {
        return Err(Refusal::new("an identity is of an age plugin, and keyfill starts no programs")
            .hint("use a native key (age-keygen) as a recipient of the files"));
    }
    if word.starts_with("AGE-SECRET-KEY-PQ-1") {
        return Err(Refusal::new(
            "an identity is a hybrid (post-quantum) key of age, which keyfill does not know",
        )
        .hint("use an X25519 key (AGE-SECRET-KEY-1...) as a further recipient of the files"));
    }
    x25519::Identity::read(word).ok_or_else(|| {
        Refusal::new("an identity of age is not usable")
            .hint("it is a text such as AGE-SECRET-KEY-1..., as age-keygen prints it")
    })
}

/// The file key, from which the other keys of a file are derived.
struct FileKey(Zeroizing<[u8; 16]>);

/// Decrypts a file key. The key that encrypts it is used only once, so that the nonce is zero.
fn open_file_key(key: &[u8; 32], body: &[u8]) -> Option<FileKey> {
    let opened = open_chunk(key, [0; 12], body)?;
    Some(FileKey(Zeroizing::new(opened.bytes().try_into().ok()?)))
}

/// Decrypts a chunk with ChaCha20-Poly1305.
fn open_chunk(key: &[u8; 32], nonce: [u8; 12], sealed: &[u8]) -> Option<Hidden> {
    let key = LessSafeKey::new(UnboundKey::new(&CHACHA20_POLY1305, key).ok()?);
    let mut buffer = Zeroizing::new(sealed.to_vec());
    let opened = key.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut buffer).ok()?;
    Some(Hidden::new(&*opened))
}

/// Derives 32 bytes with HKDF-SHA-256.
fn derive(secret: &[u8], salt: &[u8], info: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut out = Zeroizing::new([0; 32]);
    let info = [info];
    Salt::new(HKDF_SHA256, salt).extract(secret).expand(&info, Length).ok()?.fill(&mut *out).ok()?;
    Some(out)
}
