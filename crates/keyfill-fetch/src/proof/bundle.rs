//! Bundles of Sigstore, as cosign writes them since its version 3: a signed statement about a manifest.
//!
//! A statement names the digest of a manifest and nothing else, so what the manifest says about its chart is compared
//! too: else a signed chart would pass for another one.

use super::cosign::Key;
use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What a bundle is called, as a manifest and as its layer, up to its version.
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.";
/// The largest bundle that is taken in, in bytes: one with a certificate and a log entry has some thousand.
pub(crate) const MOST_BUNDLE: u64 = 256 << 10;
/// What is signed.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// What a statement says that is a signature; others are attestations.
const SIGNED: &str = "https://sigstore.dev/cosign/sign/v1";

#[derive(Deserialize)]
struct Bundle {
    #[serde(rename = "dsseEnvelope")]
    envelope: Envelope,
}

#[derive(Deserialize)]
struct Envelope {
    payload: String,
    #[serde(rename = "payloadType")]
    kind: String,
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    sig: String,
}

#[derive(Deserialize)]
struct Statement {
    #[serde(default)]
    subject: Vec<Subject>,
    #[serde(rename = "predicateType", default)]
    predicate: String,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// Whether a bundle holds a signature by a key on a manifest; why not, where it does not.
pub(super) fn check(key: &Key, bundle: &[u8], manifest: &Digest) -> Result<(), String> {
    let broken = || "its bundle is not one of cosign".to_owned();
    let Bundle { envelope } = serde_json::from_slice(bundle).map_err(|_| broken())?;
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| broken())?;
    // What is signed, as DSSE puts it together: no type and text can be read as another type and text.
    let mut signed =
        format!("DSSEv1 {} {} {} ", envelope.kind.len(), envelope.kind, payload.len()).into_bytes();
    signed.extend_from_slice(&payload);
    if !envelope.signatures.iter().take(4).any(|signature| key.signed(&signed, &signature.sig)) {
        return Err("it is signed by another key".to_owned());
    }
    // What is not signed is not looked at.
    let statement: Statement = serde_json::from_slice(&payload).map_err(|_| broken())?;
    if envelope.kind != STATEMENT || statement.predicate != SIGNED {
        return Err("its bundle is an attestation, and no signature".to_owned());
    }
    let named = statement.subject.iter().filter_map(|subject| Digest::parse(subject.digest.get("sha256")?));
    let named: Vec<Digest> = named.collect();
    if named.contains(manifest) {
        return Ok(());
    }
    let names: Vec<String> = named.iter().map(Digest::to_string).collect();
    Err(format!(
        "the signature is for {}",
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    ))
}
