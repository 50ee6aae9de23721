//! Secret keys, and the decryption of messages for them.

use crate::{MOST_BYTES, blocks, guarded};
use pgp::composed::{DecryptionOptions, Esk, Message, PublicOrSecret, SignedSecretKey, TheRing};
use pgp::packet::PublicKeyEncryptedSessionKey;
use pgp::types::{KeyDetails, S2kParams, SecretParams, Seipdv1ReadMode, StringToKey};
use std::fmt;
use std::io::{Cursor, Read as _};
use zeroize::Zeroizing;

/// The most keys that a message may be encrypted for; SOPS encrypts for one. If a message does not name its
/// recipients, each secret key is tried for each of them.
const MOST_RECIPIENTS: usize = 32;

/// How often a message may be compressed: a compressed message may hold another one.
const MOST_NESTED: usize = 4;

/// Secret keys that messages can be decrypted with.
#[derive(Clone, Default)]
pub struct SecretKeys {
    keys: Vec<SignedSecretKey>,
}

impl fmt::Debug for SecretKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKeys({})", self.keys.len())
    }
}

/// Why a message was not decrypted. It holds no part of a secret key or of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undecrypted {
    /// The message is encrypted for other keys.
    OtherKeys {
        /// The ids of these keys, as the message names them.
        ids: Vec<String>,
    },
    /// The secret key for the message is protected by a passphrase.
    Passphrase {
        /// The key's fingerprint.
        fingerprint: String,
    },
    /// The file of keys has the key without its secret part, which is on a smart card or was not exported.
    NoSecret {
        /// The key's fingerprint.
        fingerprint: String,
    },
    /// It is not an encrypted message, or it was changed. The text says which.
    Broken(&'static str),
}

impl fmt::Display for Undecrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherKeys { ids } => {
                write!(f, "there is no secret key for it, which is encrypted for {}", ids.join(" and "))
            }
            Self::Passphrase { fingerprint } => {
                write!(f, "the secret key {fingerprint} is protected by a passphrase")
            }
            Self::NoSecret { fingerprint } => {
                write!(f, "the secret part of the key {fingerprint} is not in the file of keys")
            }
            Self::Broken(why) => f.write_str(why),
        }
    }
}

impl SecretKeys {
    /// Adds the secret keys of a file, as `gpg --export-secret-keys` writes it, armored or binary.
    pub fn add(&mut self, file: &[u8]) -> Result<(), String> {
        let keys = blocks::keys(file)?.into_iter().filter_map(|key| match key {
            PublicOrSecret::Secret(key) => Some(key),
            PublicOrSecret::Public(_) => None,
        });
        let before = self.keys.len();
        self.keys.extend(keys);
        if self.keys.len() == before { Err("it holds public keys only".to_owned()) } else { Ok(()) }
    }

    /// Whether there is no secret key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Decrypts an armored message. `most` is the largest content, in bytes.
    pub fn decrypt(&self, message: &str, most: usize) -> Result<Zeroizing<Vec<u8>>, Undecrypted> {
        if message.len() >= MOST_BYTES {
            return Err(Undecrypted::Broken("the message is too long"));
        }
        let broken = Undecrypted::Broken("it is not an encrypted message of OpenPGP");
        let bytes = Cursor::new(message.trim_start().as_bytes().to_vec());
        let message = guarded(|| Message::from_armor(bytes).ok()).ok_or(broken.clone())?.0;
        let Message::Encrypted { esk, .. } = &message else { return Err(broken) };
        let recipients: Vec<_> = esk
            .iter()
            .filter_map(|esk| match esk {
                Esk::PublicKeyEncryptedSessionKey(recipient) => Some(recipient),
                Esk::SymKeyEncryptedSessionKey(_) => None,
            })
            .collect();
        if esk.len() > MOST_RECIPIENTS {
            return Err(Undecrypted::Broken("the message is encrypted for too many keys"));
        }
        let usable = self.usable(&recipients)?;
        guarded(|| content(message, usable, most)).ok_or(Undecrypted::Broken(
            "the message cannot be decrypted: it was changed, or is not for its key",
        ))
    }

    /// The keys that a message is for and that can be used: unprotected, with their secret part.
    fn usable(
        &self,
        recipients: &[&PublicKeyEncryptedSessionKey],
    ) -> Result<Vec<&SignedSecretKey>, Undecrypted> {
        let mut locked = None;
        let mut usable = Vec::new();
        for key in &self.keys {
            for state in states(key, recipients) {
                match state {
                    None => usable.push(key),
                    Some(why) => locked = locked.or(Some(why)),
                }
            }
        }
        if !usable.is_empty() {
            return Ok(usable);
        }
        let id = |recipient: &&PublicKeyEncryptedSessionKey| match recipient.id() {
            Ok(id) if id.is_wildcard() => "a key that it does not name".to_owned(),
            Ok(id) => id.to_string().to_uppercase(),
            Err(_) => recipient.fingerprint().ok().flatten().map_or_else(String::new, |f| format!("{f:X}")),
        };
        Err(locked.unwrap_or_else(|| match recipients {
            [] => Undecrypted::Broken("it is encrypted for no key"),
            some => Undecrypted::OtherKeys { ids: some.iter().map(id).collect() },
        }))
    }
}

/// For the primary key and each subkey that a message is for, why it cannot be used; `None` if it can.
fn states(key: &SignedSecretKey, recipients: &[&PublicKeyEncryptedSessionKey]) -> Vec<Option<Undecrypted>> {
    let mut states = Vec::new();
    for recipient in recipients {
        let primary = &key.primary_key;
        if recipient.match_identity(primary.public_key()) {
            states.push(state(primary.secret_params(), &primary.fingerprint()));
        }
        for subkey in key.secret_subkeys.iter().map(|subkey| &subkey.key) {
            if recipient.match_identity(subkey.public_key()) {
                states.push(state(subkey.secret_params(), &subkey.fingerprint()));
            }
        }
    }
    states
}

fn state(params: &SecretParams, fingerprint: &pgp::types::Fingerprint) -> Option<Undecrypted> {
    let SecretParams::Encrypted(params) = params else { return None };
    let fingerprint = format!("{fingerprint:X}");
    // GnuPG marks a missing secret part with an S2K type for private use.
    let is_elsewhere = matches!(
        params.string_to_key_params(),
        S2kParams::Cfb { s2k: StringToKey::Private { .. }, .. }
            | S2kParams::MalleableCfb { s2k: StringToKey::Private { .. }, .. }
            | S2kParams::Aead { s2k: StringToKey::Private { .. }, .. }
    );
    Some(if is_elsewhere {
        Undecrypted::NoSecret { fingerprint }
    } else {
        Undecrypted::Passphrase { fingerprint }
    })
}

/// Decrypts and decompresses a message. Only encryption with integrity protection is accepted.
fn content(message: Message<'_>, keys: Vec<&SignedSecretKey>, most: usize) -> Option<Zeroizing<Vec<u8>>> {
    let options = DecryptionOptions::new()
        .enable_gnupg_aead()
        .set_seipdv1_read_mode(Seipdv1ReadMode::CheckFirst { max_message_size: MOST_BYTES });
    let ring = TheRing { secret_keys: keys, decrypt_options: options, ..TheRing::default() };
    let (mut message, _) = message.decrypt_the_ring(ring, true).ok()?;
    for _ in 0..MOST_NESTED {
        if !message.is_compressed() {
            break;
        }
        message = message.decompress().ok()?;
    }
    if !message.is_literal() {
        return None;
    }
    let mut content = Zeroizing::new(Vec::with_capacity(most + 1));
    let limit = u64::try_from(most).ok()?.checked_add(1)?;
    (&mut message).take(limit).read_to_end(&mut content).ok()?;
    (content.len() <= most).then_some(content)
}
