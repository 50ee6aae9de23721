//! Charts in a real registry that the real cosign has signed with a key, in both forms: under a tag, and as a bundle.

use crate::place::sha256;
use crate::proof::{asking, refused};
use crate::registry::push;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_testkit::{Registry, oracle};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Command;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// cosign with a key pair and a separate home folder.
struct Cosign {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Cosign {
    /// Makes the keys; `None` if cosign is not installed and not required.
    fn with_keys() -> Option<Self> {
        let cosign = Self { program: oracle("cosign")?, folder: tempfile::tempdir().unwrap() };
        cosign.run(&["generate-key-pair"]);
        Some(cosign)
    }

    fn run(&self, args: &[&str]) {
        let done = Command::new(&self.program)
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("HOME", self.folder.path())
            .env("COSIGN_PASSWORD", "")
            .output()
            .unwrap();
        assert!(done.status.success(), "cosign {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn public(&self) -> PathBuf {
        self.folder.path().join("cosign.pub")
    }

    /// Signs a manifest in a registry, as a bundle or under a tag, without a transparency log.
    fn sign(&self, registry: &Registry, manifest: &str, as_bundle: bool) {
        let image = format!("{}/team/lib@{manifest}", registry.host());
        let form = format!("--new-bundle-format={as_bundle}");
        let line =
            ["sign", "--yes", "--key", "cosign.key", "--tlog-upload=false", "--use-signing-config=false"];
        self.run(&[&line[..], &["--allow-http-registry", &form, &image]].concat());
    }
}

/// A registry, and two signers; `None` if the programs are not installed.
fn set_up() -> Option<(Registry, Cosign, Cosign)> {
    Some((Registry::start(None)?, Cosign::with_keys()?, Cosign::with_keys()?))
}

fn text(value: &Value, path: &str) -> String {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path}: {value}")).to_owned()
}

/// Pushes a manifest whose only layer has another content.
fn with_layer(registry: &Registry, tag: &str, manifest: &Value, content: &[u8]) -> String {
    let digest = format!("sha256:{}", sha256(content));
    registry.push_blob("team/lib", &digest, content, None);
    let mut changed = manifest.clone();
    changed["layers"][0]["digest"] = digest.into();
    changed["layers"][0]["size"] = content.len().into();
    let changed = changed.to_string();
    registry.push_manifest("team/lib", tag, MANIFEST, &changed, None);
    changed
}

#[test]
fn a_signature_of_cosign_under_a_tag_is_accepted_and_a_changed_one_refused() {
    let Some((registry, ours, others)) = set_up() else { return };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let place = asking(&registry, &ours.public(), "");
    refused(&place, "is not signed");
    others.sign(&registry, &manifest, false);
    refused(&place, "it is signed by another key");
    ours.sign(&registry, &manifest, false);
    let rendered = place.keyfill("render app").text();
    assert!(rendered.contains("1.2.0"), "{rendered}");
    place.keyfill("lock app").text();
    assert_eq!(place.keyfill("render app --fetch locked").text(), rendered);
    // The same signature with another payload is refused.
    let tag = format!("{}.sig", manifest.replace(':', "-"));
    let signed: Value = serde_json::from_str(&registry.manifest("team/lib", &tag)).unwrap();
    let own = signed["layers"].as_array().unwrap().last().unwrap().clone();
    let alone = serde_json::json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": signed["config"], "layers": [own]});
    let payload = String::from_utf8(registry.blob("team/lib", &text(&alone, "/layers/0/digest"))).unwrap();
    let fresh = asking(&registry, &ours.public(), "");
    with_layer(&registry, &tag, &alone, payload.as_bytes());
    assert_eq!(fresh.keyfill("render app").text(), rendered);
    let elsewhere = payload.replace("team/lib", "team/bil");
    assert_ne!(elsewhere, payload);
    let other_chart = payload.replace(&manifest, &format!("sha256:{}", "0".repeat(64)));
    assert_ne!(other_chart, payload);
    for changed in [elsewhere, other_chart, format!("{payload} ")] {
        with_layer(&registry, &tag, &alone, changed.as_bytes());
        refused(&asking(&registry, &ours.public(), ""), "it is signed by another key");
    }
}

#[test]
fn a_bundle_of_cosign_is_accepted_and_a_changed_one_refused() {
    let Some((registry, ours, others)) = set_up() else { return };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let place = asking(&registry, &ours.public(), "");
    others.sign(&registry, &manifest, true);
    refused(&place, "it is signed by another key");
    ours.sign(&registry, &manifest, true);
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    // Only the bundle of this key, unchanged and changed.
    let Some(registry) = Registry::start(None) else { return };
    let manifest = push(&registry, "lib", "1.2.0", None);
    ours.sign(&registry, &manifest, true);
    let tag = manifest.replace(':', "-");
    let index: Value = serde_json::from_str(&registry.manifest("team/lib", &tag)).unwrap();
    let only = index["manifests"][0].clone();
    let holder: Value =
        serde_json::from_str(&registry.manifest("team/lib", &text(&only, "/digest"))).unwrap();
    let bundle: Value =
        serde_json::from_slice(&registry.blob("team/lib", &text(&holder, "/layers/0/digest"))).unwrap();
    let alone = |bundle: &Value| {
        let text = with_layer(&registry, "bundle", &holder, bundle.to_string().as_bytes());
        let mut entry = only.clone();
        entry["digest"] = format!("sha256:{}", sha256(text.as_bytes())).into();
        entry["size"] = text.len().into();
        let mut index = index.clone();
        index["manifests"] = vec![entry].into();
        registry.push_manifest(
            "team/lib",
            &tag,
            "application/vnd.oci.image.index.v1+json",
            &index.to_string(),
            None,
        );
        asking(&registry, &ours.public(), "")
    };
    assert!(alone(&bundle).keyfill("render app").text().contains("1.2.0"));
    let changed = |path: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let mut changed = bundle.clone();
        let bytes = STANDARD.decode(text(&bundle, path)).unwrap();
        *changed.pointer_mut(path).unwrap() = STANDARD.encode(change(bytes)).into();
        changed
    };
    let hex = manifest.trim_start_matches("sha256:");
    let other_chart =
        |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().replace(hex, &"0".repeat(64)).into_bytes();
    let flipped = |mut bytes: Vec<u8>| {
        *bytes.last_mut().unwrap() ^= 1;
        bytes
    };
    for wrong in [
        changed("/dsseEnvelope/payload", &other_chart),
        changed("/dsseEnvelope/payload", &|bytes| [&bytes[..], b" "].concat()),
        changed("/dsseEnvelope/signatures/0/sig", &flipped),
    ] {
        refused(&alone(&wrong), "it is signed by another key");
    }
}
