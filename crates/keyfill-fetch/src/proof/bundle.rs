//! Sigstore bundles, as cosign writes them since version 3: a signed in-toto statement about a manifest.
//!
//! A statement holds the digest of a manifest and not its repository. So the caller also compares the chart's name
//! and version in the manifest: else a registry could pass off one signed chart as another.

use super::cosign::Key;
use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The type of a bundle, both as a manifest's artifact type and as a layer's media type, up to its version.
pub(crate) const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.";
/// The largest bundle that is fetched, in bytes. One with a certificate and a log entry has some thousand bytes.
pub(crate) const MOST_BUNDLE: u64 = 256 << 10;
/// The payload type of an in-toto statement.
const STATEMENT: &str = "application/vnd.in-toto+json";
/// The predicate type of a signature by cosign; other types are attestations.
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

/// Checks that a bundle holds a signature of a manifest by a key. The error says why it does not.
pub(super) fn check(key: &Key, bundle: &[u8], manifest: &Digest) -> Result<(), String> {
    let broken = || "its bundle is not one of cosign".to_owned();
    let Bundle { envelope } = serde_json::from_slice(bundle).map_err(|_| broken())?;
    let payload = STANDARD.decode(&envelope.payload).map_err(|_| broken())?;
    // The signed bytes as DSSE defines them: type and payload with their lengths, so that no other pair has the same
    // bytes.
    let mut signed =
        format!("DSSEv1 {} {} {} ", envelope.kind.len(), envelope.kind, payload.len()).into_bytes();
    signed.extend_from_slice(&payload);
    if !envelope.signatures.iter().take(4).any(|signature| key.signed(&signed, &signature.sig)) {
        return Err("it is signed by another key".to_owned());
    }
    // The payload is parsed only after its signature was checked.
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
