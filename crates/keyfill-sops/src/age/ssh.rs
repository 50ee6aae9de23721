//! SSH private keys as secret keys of age.

use super::file::Stanza;
use super::x25519::{exchange, point};
use super::{FileKey, derive, open_file_key};
use crate::Refusal;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use curve25519_dalek::edwards::CompressedEdwardsY;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BoxedUint, Oaep, PrivateKey};
use sha2::{Digest as _, Sha256, Sha512};
use zeroize::Zeroizing;

/// The labels that age uses for SSH keys in its key derivation.
const ED25519: &[u8] = b"age-encryption.org/v1/ssh-ed25519";
const RSA: &str = "age-encryption.org/v1/ssh-rsa";

/// The longest RSA modulus, in bits.
const LONGEST_MODULUS: u32 = 16_384;

/// An SSH private key.
pub(super) enum Key {
    Ed25519(Ed25519),
    Rsa(Box<Rsa>),
}

/// An ed25519 key, converted to Curve25519 for the key exchange.
pub(super) struct Ed25519 {
    tag: String,
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
    tweak: Zeroizing<[u8; 32]>,
}

/// An RSA key.
pub(super) struct Rsa {
    tag: String,
    key: PrivateKey,
}

/// Parses a private key in OpenSSH's format.
pub(super) fn read(pem: &str) -> Result<Key, Refusal> {
    let damaged = || {
        Refusal::new("the private key of SSH is not usable").hint(
            "it is a file that begins with -----BEGIN OPENSSH PRIVATE KEY-----, as ssh-keygen writes it",
        )
    };
    let inside = pem
        .trim()
        .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----")
        .and_then(|rest| rest.strip_suffix("-----END OPENSSH PRIVATE KEY-----"))
        .ok_or_else(damaged)?;
    let base64 = Zeroizing::new(inside.split_ascii_whitespace().collect::<String>());
    let bytes = Zeroizing::new(STANDARD.decode(base64.as_bytes()).map_err(|_| damaged())?);
    let mut outer = Reader(bytes.strip_prefix(b"openssh-key-v1\0").ok_or_else(damaged)?);
    if outer.string().ok_or_else(damaged)? != b"none" {
        return Err(Refusal::new("the private key of SSH has a passphrase, and there is nobody to ask")
            .hint("use a key without one, from a file that only keyfill can read"));
    }
    private(outer).ok_or_else(damaged)
}

fn private(mut outer: Reader<'_>) -> Option<Key> {
    let (_derivation, _options, count) = (outer.string()?, outer.string()?, outer.number()?);
    let public = outer.string()?;
    let mut inner = Reader(outer.string()?);
    if count != 1 || inner.number()? != inner.number()? {
        return None;
    }
    match inner.string()? {
        b"ssh-ed25519" => {
            let (point, pair) = (inner.string()?, inner.string()?);
            Ed25519::new(pair.get(..32)?.try_into().ok()?, point.try_into().ok()?, public).map(Key::Ed25519)
        }
        b"ssh-rsa" => {
            let mut number = || uint(inner.string()?);
            let (n, e, d, _, p, q) = (number()?, number()?, number()?, number()?, number()?, number()?);
            let key = PrivateKey::from_components(n, e, d, vec![p, q]).ok()?;
            Some(Key::Rsa(Box::new(Rsa { tag: tag(public), key })))
        }
        _ => None,
    }
}

/// A positive integer; `None` if it is longer than the limit.
fn uint(bytes: &[u8]) -> Option<BoxedUint> {
    let bytes = bytes.strip_prefix(&[0]).unwrap_or(bytes);
    let bits = u32::try_from(bytes.len()).ok()?.checked_mul(8)?;
    if bits > LONGEST_MODULUS {
        return None;
    }
    BoxedUint::from_be_slice(bytes, bits.max(64).next_multiple_of(64)).ok()
}

/// The tag by which a stanza names a public key: the first bytes of its SHA-256.
fn tag(public: &[u8]) -> String {
    STANDARD_NO_PAD.encode(&Sha256::digest(public)[..4])
}

impl Ed25519 {
    fn new(seed: &[u8; 32], point: &[u8; 32], public: &[u8]) -> Option<Self> {
        let hash = Zeroizing::new(<[u8; 64]>::from(Sha512::digest(seed)));
        let secret = Zeroizing::new(<[u8; 32]>::try_from(&hash[..32]).ok()?);
        let montgomery = CompressedEdwardsY(*point).decompress()?.to_montgomery();
        let tweak = derive(&[], public, ED25519)?;
        Some(Self { tag: tag(public), secret, public: montgomery.to_bytes(), tweak })
    }

    /// The file key of a stanza; `None` if the stanza is not for this key.
    pub(super) fn open(&self, stanza: &Stanza<'_>) -> Option<FileKey> {
        let ("ssh-ed25519", [tag, share]) = (stanza.kind, &stanza.arguments[..]) else { return None };
        if *tag != self.tag {
            return None;
        }
        let share = point(share)?;
        let secret = exchange(&self.tweak, &*exchange(&self.secret, &share)?)?;
        let key = derive(&*secret, &[share, self.public].concat(), ED25519)?;
        open_file_key(&key, &stanza.body)
    }
}

impl Rsa {
    /// The file key of a stanza; `None` if the stanza is not for this key.
    pub(super) fn open(&self, stanza: &Stanza<'_>) -> Option<FileKey> {
        let ("ssh-rsa", [tag]) = (stanza.kind, &stanza.arguments[..]) else { return None };
        if *tag != self.tag || stanza.body.len() != self.key.size() {
            return None;
        }
        // With blinding, so that the time of the decryption reveals nothing about the key.
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *seed).ok()?;
        let mut random = ChaCha20Rng::from_seed(*seed);
        let padding = Oaep::<Sha256>::new_with_label(RSA.as_bytes());
        let plain = Zeroizing::new(self.key.decrypt_blinded(&mut random, padding, &stanza.body).ok()?);
        Some(FileKey(Zeroizing::new(plain.as_slice().try_into().ok()?)))
    }
}

/// Parses SSH's encoding: numbers of four bytes, and strings after their length.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Option<u32> {
        let (number, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*number))
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (string, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(string)
    }
}
