//! Public keys, and the verification of what they signed.

use crate::{MOST_BYTES, blocks, certificate, guarded};
use pgp::composed::{CleartextSignedMessage, PublicOrSecret, SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{Signature, SignatureType};
use pgp::types::{Fingerprint, KeyDetails};
use std::fmt;
use std::time::{Duration, SystemTime};

/// The most signatures of one message that are checked.
const MOST_SIGNATURES: usize = 16;

/// Public keys whose signatures are trusted.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<SignedPublicKey>,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({})", self.keys.len())
    }
}

impl Keyring {
    /// Reads the public keys of a file, as `gpg --export` writes it, armored or binary. From a secret key, the public
    /// part is used.
    pub fn read(file: &[u8]) -> Result<Self, String> {
        let keys = blocks::keys(file)?.into_iter().map(|key| match key {
            PublicOrSecret::Public(key) => key,
            PublicOrSecret::Secret(key) => key.to_public_key(),
        });
        Ok(Self { keys: keys.collect() })
    }

    /// The text of a message with a cleartext signature, with `\n` line ends, if a key of this keyring signed it. One
    /// valid signature is enough. The error says why no signature is valid.
    pub fn signed_text(&self, message: &[u8]) -> Result<String, String> {
        if message.len() >= MOST_BYTES {
            return Err(format!("it is larger than {MOST_BYTES} bytes"));
        }
        let read = || CleartextSignedMessage::from_armor_buf(message, Default::default()).ok();
        let (message, _) = guarded(read)
            .ok_or("it is not a text with a signature of OpenPGP, or its signature is broken")?;
        let text = message.signed_text();
        let now = SystemTime::now();
        let mut why = "it is not signed".to_owned();
        for signature in message.signatures().iter().take(MOST_SIGNATURES) {
            match guarded(|| Some(self.check(signature, text.as_bytes(), now))) {
                Some(Ok(())) => return Ok(text.replace("\r\n", "\n")),
                Some(Err(reason)) => why = reason,
                None => why = "its signature is broken".to_owned(),
            }
        }
        Err(why)
    }

    /// Checks that a signature is valid and by a key of the keyring that may sign.
    fn check(&self, signature: &Signature, text: &[u8], now: SystemTime) -> Result<(), String> {
        if !matches!(signature.typ(), Some(SignatureType::Text | SignatureType::Binary)) {
            return Err("its signature is not one on a text".to_owned());
        }
        if !signature.hash_alg().is_some_and(is_strong) {
            return Err("its signature is on a hash that is not safe any more".to_owned());
        }
        if signature.issuer_key_id().is_empty() && signature.issuer_fingerprint().is_empty() {
            return Err("its signature names no key".to_owned());
        }
        if certificate::is_of_future(signature, now) {
            return Err("its signature has a date in the future".to_owned());
        }
        let holds = signature.signature_expiration_time().filter(|holds| holds.as_secs() > 0);
        let until = signature
            .created()
            .zip(holds)
            .map(|(made, holds)| SystemTime::from(made) + Duration::from(holds));
        if until.is_some_and(|until| until < now) {
            return Err("its signature has expired".to_owned());
        }
        let mut why = format!("it is signed by {}, which is not in the keyring", issuer(signature));
        for signer in self.keys.iter().flat_map(Signer::of).filter(|signer| signer.is_named_by(signature)) {
            match signer.signed(signature, text, now) {
                Ok(()) => return Ok(()),
                Err(reason) => why = format!("{reason}: {:X}", signer.fingerprint()),
            }
        }
        Err(why)
    }
}

/// A key that may have signed: a primary key, or one of its subkeys.
struct Signer<'a> {
    key: &'a SignedPublicKey,
    subkey: Option<&'a SignedPublicSubKey>,
}

impl<'a> Signer<'a> {
    /// The primary key and the subkeys of one entry of a keyring.
    fn of(key: &'a SignedPublicKey) -> impl Iterator<Item = Self> {
        let subkeys = key.public_subkeys.iter().map(Some);
        std::iter::once(None).chain(subkeys).map(move |subkey| Self { key, subkey })
    }

    fn fingerprint(&self) -> Fingerprint {
        self.subkey.map_or_else(|| self.key.primary_key.fingerprint(), |subkey| subkey.key.fingerprint())
    }

    /// Whether a signature claims to be by this key.
    fn is_named_by(&self, signature: &Signature) -> bool {
        let id = self
            .subkey
            .map_or_else(|| self.key.primary_key.legacy_key_id(), |subkey| subkey.key.legacy_key_id());
        let fingerprints = signature.issuer_fingerprint();
        fingerprints.contains(&&self.fingerprint()) || signature.issuer_key_id().contains(&&id)
    }

    /// Checks that this key signed the text, and that it may sign.
    fn signed(&self, signature: &Signature, text: &[u8], now: SystemTime) -> Result<(), &'static str> {
        const CHANGED: &str = "its text is not the one that was signed by its key";
        match self.subkey {
            Some(subkey) => {
                signature.verify(&subkey.key, text).map_err(|_| CHANGED)?;
                certificate::subkey(self.key, subkey, now)
            }
            None => {
                signature.verify(&self.key.primary_key, text).map_err(|_| CHANGED)?;
                certificate::primary(self.key, now)
            }
        }
    }
}

/// The key that a signature names, for an error.
fn issuer(signature: &Signature) -> String {
    let fingerprint = signature.issuer_fingerprint().first().map(|fingerprint| format!("{fingerprint:X}"));
    let id = || signature.issuer_key_id().first().map(|id| id.to_string().to_uppercase());
    format!("the key {}", fingerprint.or_else(id).unwrap_or_default())
}

fn is_strong(hash: HashAlgorithm) -> bool {
    use HashAlgorithm::{Sha3_256, Sha3_512, Sha224, Sha256, Sha384, Sha512};
    matches!(hash, Sha224 | Sha256 | Sha384 | Sha512 | Sha3_256 | Sha3_512)
}
