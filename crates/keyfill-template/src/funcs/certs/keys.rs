//! Private keys: creating them, parsing and writing PEM, and signing.

use super::der::{bit_string, from_pem, identifier, integer, sequence, to_pem};
use super::primes;
use crate::function::FuncError;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _, KeypairBytes};
use keyfill_diag::Cx;
use p256::elliptic_curve::Generate;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::signature::{SignatureEncoding, Signer};
use sha2::Sha256;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const SHA256_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const ECDSA_WITH_SHA256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const NULL: &[u8] = &[5, 0];

/// A private key that can sign certificates.
pub(super) enum Key {
    Rsa(Box<rsa::PrivateKey>),
    Ecdsa(Box<p256::SecretKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

impl Key {
    /// A new RSA key with this number of bits.
    pub(super) fn rsa(rng: &mut ChaCha20Rng, bits: u32, cx: &Cx) -> Result<Self, FuncError> {
        Ok(Self::Rsa(Box::new(primes::rsa_key(rng, bits, cx)?)))
    }

    /// A new key on the curve P-256.
    pub(super) fn ecdsa(rng: &mut ChaCha20Rng) -> Self {
        Self::Ecdsa(Box::new(p256::SecretKey::generate_from_rng(rng)))
    }

    /// A new Ed25519 key.
    pub(super) fn ed25519(rng: &mut ChaCha20Rng) -> Self {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        Self::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(&secret)))
    }

    /// Parses a key from the first PEM block.
    pub(super) fn from_pem(pem: &[u8]) -> Result<Self, FuncError> {
        let (label, der) = from_pem(pem).ok_or("no PEM data in input")?;
        let ecdsa = |key| Self::Ecdsa(Box::new(key));
        match label.as_str() {
            "PRIVATE KEY" => Self::from_pkcs8(&der),
            "RSA PRIVATE KEY" => match rsa::PrivateKey::from_pkcs1_der(&der) {
                Ok(key) => Ok(Self::Rsa(Box::new(key))),
                Err(error) => Err(format!("parsing RSA private key from PEM: {error}").into()),
            },
            "EC PRIVATE KEY" => p256::SecretKey::from_sec1_der(&der).map(ecdsa).map_err(|error| {
                format!("parsing EC private key from PEM: {error} (the curve P-256 is supported)").into()
            }),
            "DSA PRIVATE KEY" => Err("x509: unsupported public key type: *dsa.PublicKey".into()),
            other => match other.strip_suffix(" PRIVATE KEY") {
                Some(kind) => Err(format!("invalid private key type {kind}").into()),
                None => Err(format!("no private key data in PEM block of type {other}").into()),
            },
        }
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, FuncError> {
        if let Ok(key) = rsa::PrivateKey::from_pkcs8_der(der) {
            return Ok(Self::Rsa(Box::new(key)));
        }
        if let Ok(key) = p256::SecretKey::from_pkcs8_der(der) {
            return Ok(Self::Ecdsa(Box::new(key)));
        }
        match ed25519_dalek::SigningKey::from_pkcs8_der(der) {
            Ok(key) => Ok(Self::Ed25519(Box::new(key))),
            Err(error) => Err(format!("decoding PEM as PKCS#8: {error}").into()),
        }
    }

    /// The key as PEM, in the format that Go uses for its type.
    pub(super) fn to_pem(&self) -> Result<Vec<u8>, FuncError> {
        let failed =
            |error: &dyn std::fmt::Display| FuncError::new(format!("writing a private key: {error}"));
        Ok(match self {
            Self::Rsa(key) => {
                to_pem("RSA PRIVATE KEY", key.to_pkcs1_der().map_err(|e| failed(&e))?.as_bytes())
            }
            Self::Ecdsa(key) => to_pem("EC PRIVATE KEY", &ec_private_key(key)),
            Self::Ed25519(key) => {
                // Without the public key, as Go writes it.
                let pair = KeypairBytes { secret_key: key.to_bytes(), public_key: None };
                to_pem("PRIVATE KEY", pair.to_pkcs8_der().map_err(|e| failed(&e))?.as_bytes())
            }
        })
    }

    /// The public key as a certificate contains it, and the bit string in it.
    pub(super) fn public(&self) -> Result<Public, FuncError> {
        let (algorithm, bits) = match self {
            Self::Rsa(key) => {
                let public = key.to_public_key();
                let der = public.to_pkcs1_der().map_err(|error| format!("writing a public key: {error}"))?;
                (sequence(&[&identifier(RSA), NULL]), der.as_bytes().to_vec())
            }
            Self::Ecdsa(key) => {
                let point = key.public_key().to_sec1_bytes();
                (sequence(&[&identifier(EC), &identifier(P256)]), point.to_vec())
            }
            Self::Ed25519(key) => {
                (sequence(&[&identifier(ED25519)]), key.verifying_key().to_bytes().to_vec())
            }
        };
        Ok(Public { info: sequence(&[&algorithm, &bit_string(&bits)]), bits })
    }

    /// The algorithm of the key's signatures, as DER.
    pub(super) fn algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[&identifier(SHA256_WITH_RSA), NULL]),
            Self::Ecdsa(_) => sequence(&[&identifier(ECDSA_WITH_SHA256)]),
            Self::Ed25519(_) => sequence(&[&identifier(ED25519)]),
        }
    }

    /// Signs a text.
    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, FuncError> {
        let failed =
            |error: rsa::signature::Error| FuncError::new(format!("error creating certificate: {error}"));
        Ok(match self {
            Self::Rsa(key) => {
                let signer = rsa::pkcs1v15::SigningKey::<Sha256>::new(key.as_ref().clone());
                signer.try_sign(text).map_err(failed)?.to_vec()
            }
            Self::Ecdsa(key) => {
                let signer = p256::ecdsa::SigningKey::from(key.as_ref());
                let signature: p256::ecdsa::DerSignature = signer.try_sign(text).map_err(failed)?;
                signature.as_bytes().to_vec()
            }
            Self::Ed25519(key) => key.try_sign(text).map_err(failed)?.to_bytes().to_vec(),
        })
    }
}

/// `ECPrivateKey` with curve and public key, as Go writes it.
fn ec_private_key(key: &p256::SecretKey) -> Vec<u8> {
    use super::der::tagged;
    let point = key.public_key().to_sec1_bytes();
    sequence(&[
        &integer(&[1]),
        &tagged(0x04, &key.to_bytes()),
        &tagged(0xa0, &identifier(P256)),
        &tagged(0xa1, &bit_string(&point)),
    ])
}

/// A public key.
pub(super) struct Public {
    /// `SubjectPublicKeyInfo`
    pub(super) info: Vec<u8>,
    /// The encoded key, without its algorithm.
    pub(super) bits: Vec<u8>,
}

/// A new DSA key as PEM. Certificates cannot be created with it.
pub(super) fn dsa_pem(rng: &mut ChaCha20Rng, cx: &Cx) -> Result<Vec<u8>, FuncError> {
    let key = primes::dsa_key(rng, cx)?;
    let public = key.verifying_key();
    let parts = public.components();
    let der = sequence(&[
        &integer(&[0]),
        &integer(&parts.p().to_be_bytes()),
        &integer(&parts.q().to_be_bytes()),
        &integer(&parts.g().to_be_bytes()),
        &integer(&public.y().to_be_bytes()),
        &integer(&key.x().to_be_bytes()),
    ]);
    Ok(to_pem("DSA PRIVATE KEY", &der))
}
