//! Native keys of age: Diffie-Hellman on Curve25519.

use super::file::Stanza;
use super::{FileKey, bech32, derive, open_file_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use curve25519_dalek::montgomery::MontgomeryPoint;
use zeroize::Zeroizing;

/// A secret key with its public key.
pub(super) struct Identity {
    secret: Zeroizing<[u8; 32]>,
    public: [u8; 32],
}

impl Identity {
    /// Parses `AGE-SECRET-KEY-1...`.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = bech32::decode(text, "age-secret-key-")?;
        let secret = Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?);
        let public = MontgomeryPoint::mul_base_clamped(*secret).to_bytes();
        Some(Self { secret, public })
    }

    /// The file key of a stanza; `None` if the stanza is not for this key.
    pub(super) fn open(&self, stanza: &Stanza<'_>) -> Option<FileKey> {
        let ("X25519", [share]) = (stanza.kind, &stanza.arguments[..]) else { return None };
        let share = point(share)?;
        let secret = exchange(&self.secret, &share)?;
        let salt = [share, self.public].concat();
        let key = derive(&*secret, &salt, b"age-encryption.org/v1/X25519")?;
        open_file_key(&key, &stanza.body)
    }
}

/// Decodes a public key in base64.
pub(super) fn point(text: &str) -> Option<[u8; 32]> {
    STANDARD_NO_PAD.decode(text).ok()?.try_into().ok()
}

/// The shared secret of a key exchange. `None` for a public key of low order, for which the secret is always zero.
pub(super) fn exchange(secret: &[u8; 32], public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = Zeroizing::new(MontgomeryPoint(*public).mul_clamped(*secret).to_bytes());
    (*shared != [0; 32]).then_some(shared)
}
