//! Decrypts the names and values of secrets, which Bitwarden's clients encrypt with the key of the organization.
//!
//! The access token contains 16 secret bytes. A key that is derived from them decrypts the payload of the login, which
//! contains the organization's key. Both keys have 64 bytes: 32 for AES-256 in CBC mode, and 32 for HMAC-SHA256 over
//! initialization vector and ciphertext, which is verified before the decryption.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt as _, KeyIvInit as _};
use ring::{hkdf, hmac};
use zeroize::Zeroizing;

/// The prefix of a text that is encrypted in this way: `2.VECTOR|CIPHERTEXT|MAC`, each in base64.
const KIND: &str = "2.";

/// A key for decryption and verification.
pub(super) struct Key {
    cipher: Zeroizing<[u8; 32]>,
    mac: hmac::Key,
}

impl Key {
    fn of(bytes: &[u8]) -> Option<Self> {
        let (cipher, mac) = bytes.split_at_checked(32).filter(|(_, mac)| mac.len() == 32)?;
        let cipher = Zeroizing::new(cipher.try_into().ok()?);
        Some(Self { cipher, mac: hmac::Key::new(hmac::HMAC_SHA256, mac) })
    }

    /// The key that is derived from the secret bytes of an access token.
    pub(super) fn of_access_token(secret: &[u8]) -> Option<Self> {
        struct Length;
        impl hkdf::KeyType for Length {
            fn len(&self) -> usize {
                64
            }
        }
        let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, b"bitwarden-accesstoken");
        let mut bytes = Zeroizing::new([0; 64]);
        let extracted = salt.extract(secret);
        extracted.expand(&[b"sm-access-token"], Length).ok()?.fill(&mut *bytes).ok()?;
        Self::of(&*bytes)
    }

    /// The organization's key, from the encrypted payload of a login.
    pub(super) fn of_payload(&self, payload: &str) -> Option<Self> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Payload {
            encryption_key: Zeroizing<String>,
        }
        let opened = self.open(payload)?;
        let payload: Payload = serde_json::from_slice(&opened).ok()?;
        Self::of(&Zeroizing::new(STANDARD.decode(payload.encryption_key.as_bytes()).ok()?))
    }

    /// Decrypts a text. `None` if it was encrypted with another key, was changed, or is not an encrypted text.
    pub(super) fn open(&self, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let mut parts = text.strip_prefix(KIND)?.split('|');
        let mut part = || STANDARD.decode(parts.next()?).ok();
        let (vector, ciphertext, mac) = (part()?, part()?, part()?);
        let signed = [vector.as_slice(), &ciphertext].concat();
        hmac::verify(&self.mac, &signed, &mac).ok()?;
        let vector: [u8; 16] = vector.try_into().ok()?;
        let cipher = cbc::Decryptor::<Aes256>::new(&(*self.cipher).into(), &vector.into());
        cipher.decrypt_padded_vec::<Pkcs7>(&ciphertext).ok().map(Zeroizing::new)
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, STANDARD};
    use base64::Engine as _;

    #[test]
    fn the_key_of_an_access_token_is_the_same_as_in_bitwardens_client() {
        let secret = STANDARD.decode("X8vbvA0bduihIDe/qrzIQQ==").expect("it is base64");
        let key = Key::of_access_token(&secret).expect("it is a key");
        assert_eq!(STANDARD.encode(*key.cipher), "H9/oIRLtL9nGCQOVDjSMoEbJsjWXSOCb3qeyDt6ckzQ=");
    }

    #[test]
    fn texts_that_are_not_encrypted_with_the_key_are_not_decrypted() {
        let key = Key::of(&[7; 64]).expect("it is a key");
        for text in ["", "hush", "2.", "2.a|b", "0.AAAA|AAAA|AAAA", "2.AAAAAAAAAAAAAAAAAAAAAA==|AAAA|AAAA"] {
            assert!(key.open(text).is_none(), "{text}");
        }
        assert!(Key::of(&[7; 63]).is_none() && Key::of(&[7; 65]).is_none());
    }
}
