//! Signatures of cosign: ECDSA with P-256 and SHA-256, of a payload that names a manifest and its repository.

use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_http::HostPolicy;
use p256::ecdsa::signature::Verifier as _;
use p256::ecdsa::{Signature, VerifyingKey};
use p256::pkcs8::DecodePublicKey as _;
use serde::Deserialize;
use url::Url;

/// The media type of a layer with a payload.
pub(crate) const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The annotation of that layer that holds the signature.
pub(crate) const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The largest payload that is fetched, in bytes.
pub(crate) const MOST_PAYLOAD: u64 = 64 << 10;
/// The value of `critical.type` in a payload of cosign.
const TYPE: &str = "cosign container image signature";

/// A public key of cosign.
#[derive(Clone)]
pub(super) struct Key(VerifyingKey);

impl Key {
    /// Parses a key in PEM, as `cosign generate-key-pair` and openssl write it.
    pub(super) fn of_pem(pem: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(pem).ok();
        let base64 = text.and_then(|text| {
            let (_, rest) = text.split_once("-----BEGIN PUBLIC KEY-----")?;
            let (base64, _) = rest.split_once("-----END PUBLIC KEY-----")?;
            Some(base64.split_whitespace().collect::<String>())
        });
        let base64 = base64.ok_or("it holds no public key in PEM")?;
        let der = STANDARD.decode(base64).map_err(|_| "its PEM is broken")?;
        let key = VerifyingKey::from_public_key_der(&der);
        key.map(Self).map_err(|_| "its key is not one of ECDSA over P-256, which cosign makes".to_owned())
    }

    /// Whether a signature, in base64, of the payload is by this key.
    pub(super) fn signed(&self, payload: &[u8], signature: &str) -> bool {
        let der = STANDARD.decode(signature.trim()).ok();
        let signature = der.and_then(|der| Signature::from_der(&der).ok());
        signature.is_some_and(|signature| self.0.verify(payload, &signature).is_ok())
    }
}

/// What a payload claims.
pub(super) struct Claims {
    /// The manifest that is signed.
    pub(super) manifest: Digest,
    /// The repository that the manifest was signed for: `HOST/PATH`, perhaps with a tag or a digest.
    pub(super) repository: String,
}

impl Claims {
    /// Whether the repository is the one at `reference`. With `identity`, whether it matches that instead.
    pub(super) fn names(&self, reference: &Url, identity: Option<&HostPolicy>) -> bool {
        let named = self.repository.split('@').next().unwrap_or_default();
        // A colon after the last slash begins a tag; others begin a port.
        let name = named.rfind('/').map_or(0, |slash| slash + 1);
        let end = named[name..].find(':').map_or(named.len(), |colon| name + colon);
        let Ok(named) = Url::parse(&format!("oci://{}", &named[..end])) else { return false };
        match identity {
            Some(identity) => identity.names(&named),
            None => keyfill_http::shown(&named) == keyfill_http::shown(reference),
        }
    }
}

#[derive(Deserialize)]
struct Payload {
    critical: Critical,
}

#[derive(Deserialize)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Identity {
    #[serde(rename = "docker-reference", default)]
    reference: String,
}

#[derive(Deserialize)]
struct Image {
    #[serde(rename = "docker-manifest-digest")]
    digest: String,
}

/// Parses a payload.
pub(super) fn claims(payload: &[u8]) -> Result<Claims, String> {
    let read: Payload =
        serde_json::from_slice(payload).map_err(|_| "the signature is not one of cosign".to_owned())?;
    let Critical { identity, image, kind } = read.critical;
    if kind != TYPE {
        return Err(format!("the signature is a {kind:?}"));
    }
    let manifest = image.digest.starts_with("sha256:").then(|| Digest::parse(&image.digest)).flatten();
    let manifest = manifest.ok_or("the signature names no sha256 of a manifest")?;
    Ok(Claims { manifest, repository: identity.reference })
}

/// The manifest that a payload names, and whether it is for a fixed repository. For fuzzing.
#[doc(hidden)]
pub fn claims_of(payload: &[u8]) -> Option<(Digest, bool)> {
    let claims = claims(payload).ok()?;
    let reference = Url::parse("oci://host.example/team/chart").ok()?;
    Some((claims.manifest, claims.names(&reference, None)))
}

#[cfg(test)]
mod tests {
    use super::{Claims, Key, claims, claims_of};
    use crate::Digest;
    use keyfill_http::HostPolicy;
    use url::Url;

    fn payload(reference: &str, digest: &str, kind: &str) -> String {
        format!(
            r#"{{"critical":{{"identity":{{"docker-reference":"{reference}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"{kind}"}},"optional":null}}"#
        )
    }

    #[test]
    fn a_payload_names_a_manifest_and_a_repository() {
        let digest = Digest::of(b"m");
        let text = payload("host.example/team/chart", &digest.to_string(), super::TYPE);
        assert_eq!(claims_of(text.as_bytes()), Some((digest, true)));
        for wrong in [
            payload("host.example/x", &digest.to_string(), "atomic"),
            payload("host.example/x", &digest.hex(), super::TYPE),
            payload("host.example/x", "sha512:00", super::TYPE),
            "{}".to_owned(),
            "<html>".to_owned(),
        ] {
            assert!(claims(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_payload_may_name_the_repository_with_or_without_a_tag() {
        let at = Url::parse("oci://host.example:5000/team/chart").expect("a URL");
        let named = |repository: &str, identity: Option<&str>| {
            let identity = identity.map(|glob| HostPolicy::of([glob]).expect("a glob"));
            let claims = Claims { manifest: Digest::of(b""), repository: repository.to_owned() };
            claims.names(&at, identity.as_ref())
        };
        for same in [
            "host.example:5000/team/chart",
            "host.example:5000/team/chart:1.0",
            "host.example:5000/team/chart@sha256:0",
        ] {
            assert!(named(same, None), "{same}");
        }
        for other in [
            "",
            "host.example/team/chart",
            "host.example:5000/team/chart2",
            "host.example:5000/team",
            "x@host.example:5000/team/chart",
        ] {
            assert!(!named(other, None), "{other}");
        }
        assert!(named("ghcr.io/team/chart:1", Some("oci://ghcr.io/team/*")));
        assert!(!named("host.example:5000/team/chart", Some("oci://ghcr.io/team/*")));
    }

    #[test]
    fn texts_that_hold_no_valid_key_are_refused() {
        // The header of a P-256 key, with an invalid point after it.
        let pem = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEKEYKEYKEYKEY\n-----END PUBLIC KEY-----\n";
        for wrong in
            [pem.as_bytes(), b"", b"-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----\n", b"\xff"]
        {
            assert!(Key::of_pem(wrong).is_err());
        }
    }
}
