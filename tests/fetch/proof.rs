//! Charts in a real registry that must be signed. openssl makes the signatures, in the form of cosign's.

use crate::place::{Place, sha256};
use crate::registry::{place, push};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_testkit::{Registry, Server, program};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A key pair.
struct Keys {
    openssl: PathBuf,
    folder: tempfile::TempDir,
}

impl Keys {
    /// Makes a key pair; `None` if openssl is not installed and not required.
    fn make() -> Option<Self> {
        let keys = Self { openssl: program("openssl")?, folder: tempfile::tempdir().unwrap() };
        keys.run(&["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key.pem"]);
        keys.run(&["ec", "-in", "key.pem", "-pubout", "-out", "key.pub"]);
        Some(keys)
    }

    fn run(&self, args: &[&str]) {
        let done = Command::new(&self.openssl).args(args).current_dir(self.folder.path()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn public(&self) -> PathBuf {
        self.folder.path().join("key.pub")
    }

    /// The signature of a payload, in base64.
    fn sign(&self, payload: &str) -> String {
        std::fs::write(self.folder.path().join("payload"), payload).unwrap();
        self.run(&["dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "payload"]);
        STANDARD.encode(std::fs::read(self.folder.path().join("signature")).unwrap())
    }
}

/// The payload that cosign signs.
fn payload(repository: &str, manifest: &str) -> String {
    format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{repository}"}},"image":{{"docker-manifest-digest":"{manifest}"}},"type":"cosign container image signature"}},"optional":null}}"#
    )
}

/// Pushes signatures of a manifest, under the tag that `cosign sign` uses.
fn attach(registry: &Registry, manifest: &str, signatures: &[(String, String)]) {
    let repository = "team/lib";
    let blob = |content: &str, kind: &str, more: &str| {
        let digest = format!("sha256:{}", sha256(content.as_bytes()));
        registry.push_blob(repository, &digest, content.as_bytes(), None);
        format!(r#"{{"mediaType":"{kind}","digest":"{digest}","size":{}{more}}}"#, content.len())
    };
    let config = blob("{}", "application/vnd.oci.image.config.v1+json", "");
    let layers: Vec<String> = signatures
        .iter()
        .map(|(payload, signature)| {
            let more = format!(r#","annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}"#);
            blob(payload, "application/vnd.dev.cosign.simplesigning.v1+json", &more)
        })
        .collect();
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let text = format!(
        r#"{{"schemaVersion":2,"mediaType":"{kind}","config":{config},"layers":[{}]}}"#,
        layers.join(",")
    );
    registry.push_manifest(repository, &format!("{}.sig", manifest.replace(':', "-")), kind, &text, None);
}

/// A work tree with an app whose chart must be signed by a key.
pub fn asking(registry: &Registry, key: &Path, more: &str) -> Place {
    let rule = format!("oci://{}/team/* cosign:{} {more}", registry.host(), key.display());
    place(registry).env("KEYFILL_FETCH_PROOF", &rule)
}

/// Asserts that the app is refused since its chart is not signed as required, and that the chart is not stored.
pub fn refused(place: &Place, says: &str) {
    let told = place.keyfill("render app").refused(6);
    for words in [says, "app/Chart.yaml:5", "KEYFILL_FETCH_PROOF"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(place.kept("lib").is_empty(), "nothing is kept");
}

#[test]
fn a_chart_that_is_signed_is_rendered_and_locked() {
    let (Some(registry), Some(keys), Some(others)) = (Registry::start(None), Keys::make(), Keys::make())
    else {
        return;
    };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let text = payload(&format!("{}/team/lib", registry.host()), &manifest);
    // Another key signed the chart, too: one valid signature is enough.
    let signatures = [(text.clone(), others.sign(&text)), (text.clone(), keys.sign(&text))];
    attach(&registry, &manifest, &signatures);
    let place = asking(&registry, &keys.public(), "");
    let ours = place.keyfill("render app").text();
    assert!(ours.contains("1.2.0"), "{ours}");
    place.keyfill("lock app").text();
    assert_eq!(place.keyfill("render app --fetch locked").text(), ours);
}

#[test]
fn a_chart_that_is_not_signed_by_the_key_for_its_place_is_refused() {
    let (Some(registry), Some(keys), Some(others)) = (Registry::start(None), Keys::make(), Keys::make())
    else {
        return;
    };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let here = format!("{}/team/lib", registry.host());
    let place = asking(&registry, &keys.public(), "");
    refused(&place, "is not signed");
    let good = payload(&here, &manifest);
    let other_manifest = payload(&here, &format!("sha256:{}", "0".repeat(64)));
    let other_place = payload("registry.example/team/lib", &manifest);
    let not_cosign = good.replace("cosign container", "other");
    for (signatures, says) in [
        (vec![], "there is no signature"),
        (vec![(good.clone(), others.sign(&good))], "it is signed by another key"),
        (vec![(good.clone(), keys.sign(&other_manifest))], "it is signed by another key"),
        (vec![(good.clone(), "bm8=".to_owned())], "it is signed by another key"),
        (vec![(other_manifest.clone(), keys.sign(&other_manifest))], "the signature is for sha256:0000"),
        (
            vec![(other_place.clone(), keys.sign(&other_place))],
            "for the repository \"registry.example/team/lib\"",
        ),
        (vec![(not_cosign.clone(), keys.sign(&not_cosign))], "the signature is a "),
    ] {
        attach(&registry, &manifest, &signatures);
        refused(&place, says);
    }
    // For mirrored charts, the administrator sets the repository that their signatures name.
    attach(&registry, &manifest, &[(other_place.clone(), keys.sign(&other_place))]);
    let mirror = asking(&registry, &keys.public(), "identity:registry.example/team/*");
    assert!(mirror.keyfill("render app").text().contains("1.2.0"));
    let mirror = asking(&registry, &keys.public(), "identity:registry.example/other/*");
    refused(&mirror, "for the repository");
}

#[test]
fn a_chart_that_was_fetched_before_a_rule_was_added_is_checked() {
    let (Some(registry), Some(keys)) = (Registry::start(None), Keys::make()) else { return };
    push(&registry, "lib", "1.2.0", None);
    let place = place(&registry);
    place.keyfill("lock app").text();
    let rule = format!("oci://{}/* cosign:{}", registry.host(), keys.public().display());
    let place = place.env("KEYFILL_FETCH_PROOF", &rule);
    for line in ["render app", "render app --fetch locked"] {
        let told = place.keyfill(line).refused(6);
        assert!(told.contains("is not signed"), "{told}");
    }
    // Charts that no rule matches need no signature.
    let elsewhere = format!("oci://other.example/* cosign:{}", keys.public().display());
    let place = place.env("KEYFILL_FETCH_PROOF", &elsewhere);
    place.keyfill("render app").text();
}

#[test]
fn a_rule_whose_key_cannot_be_read_is_an_error() {
    let Some(registry) = Registry::start(None) else { return };
    push(&registry, "lib", "1.2.0", None);
    let place = asking(&registry, Path::new("/nowhere/key.pub"), "");
    let told = place.keyfill("render app").refused(2);
    assert!(told.contains("/nowhere/key.pub") && told.contains("KEYFILL_FETCH_PROOF"), "{told}");
    std::fs::write(place.home().join("key.pub"), "no key").unwrap();
    let place = asking(&registry, &place.home().join("key.pub"), "");
    let told = place.keyfill("render app").refused(2);
    assert!(told.contains("it holds no public key"), "{told}");
    let place = place.env("KEYFILL_FETCH_PROOF", "https://charts.example/* cosign:/k");
    let told = place.keyfill("render app").refused(2);
    assert!(told.contains("only charts of registries"), "{told}");
}

/// A bundle as cosign writes it since version 3: an envelope with a statement about a manifest.
fn bundle(keys: &Keys, kind: &str, statement: &str) -> String {
    let mut signed = format!("DSSEv1 {} {kind} {} ", kind.len(), statement.len());
    signed.push_str(statement);
    let (payload, signature) = (STANDARD.encode(statement), keys.sign(&signed));
    format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"x"}}}},"dsseEnvelope":{{"payload":"{payload}","payloadType":"{kind}","signatures":[{{"sig":"{signature}"}}]}}}}"#
    )
}

const STATEMENT: &str = "application/vnd.in-toto+json";

fn statement(manifest: &str, predicate: &str) -> String {
    let hex = manifest.trim_start_matches("sha256:");
    format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{hex}"}}}}],"predicateType":"{predicate}","predicate":{{}}}}"#
    )
}

const SIGN: &str = "https://sigstore.dev/cosign/sign/v1";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// The manifest of a bundle, with a reference to the manifest that it is about.
fn holds(bundle: &str, about: &str) -> String {
    let empty = sha256(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","artifactType":"{BUNDLE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:{empty}","size":2}},"layers":[{{"mediaType":"{BUNDLE}","digest":"sha256:{}","size":{}}}],"subject":{{"mediaType":"{OCI_MANIFEST}","digest":"{about}","size":1}}}}"#,
        sha256(bundle.as_bytes()),
        bundle.len()
    )
}

/// An index of the manifests that refer to a manifest.
fn referrers(manifests: &[String]) -> String {
    let entries: Vec<String> = manifests
        .iter()
        .map(|text| {
            let digest = sha256(text.as_bytes());
            let size = text.len();
            format!(r#"{{"mediaType":"{OCI_MANIFEST}","digest":"sha256:{digest}","size":{size},"artifactType":"{BUNDLE}"}}"#)
        })
        .collect();
    format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{}]}}"#, entries.join(","))
}

/// Pushes bundles for a chart, and a tag that lists them, as for a registry without the referrers API.
fn attach_bundles(registry: &Registry, repository: &str, manifest: &str, bundles: &[String]) {
    registry.push_blob(repository, &format!("sha256:{}", sha256(b"{}")), b"{}", None);
    let manifests: Vec<String> = bundles.iter().map(|bundle| holds(bundle, manifest)).collect();
    for (number, (bundle, text)) in bundles.iter().zip(&manifests).enumerate() {
        registry.push_blob(
            repository,
            &format!("sha256:{}", sha256(bundle.as_bytes())),
            bundle.as_bytes(),
            None,
        );
        registry.push_manifest(repository, &format!("bundle-{number}"), OCI_MANIFEST, text, None);
    }
    registry.push_manifest(repository, &manifest.replace(':', "-"), OCI_INDEX, &referrers(&manifests), None);
}

#[test]
fn a_bundle_that_refers_to_a_chart_is_accepted() {
    let (Some(registry), Some(keys), Some(others)) = (Registry::start(None), Keys::make(), Keys::make())
    else {
        return;
    };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let place = asking(&registry, &keys.public(), "");
    let good = statement(&manifest, SIGN);
    for (bundles, says) in [
        (vec![], "is not signed"),
        (vec![bundle(&others, STATEMENT, &good)], "it is signed by another key"),
        (
            vec![bundle(&keys, STATEMENT, &statement(&manifest, "https://slsa.dev/provenance/v1"))],
            "an attestation",
        ),
        (vec![bundle(&keys, "text/plain", &good)], "an attestation"),
        (
            vec![bundle(&keys, STATEMENT, &statement(&format!("sha256:{}", "0".repeat(64)), SIGN))],
            "is for sha256:0000",
        ),
        (vec!["{}".to_owned()], "not one of cosign"),
    ] {
        attach_bundles(&registry, "team/lib", &manifest, &bundles);
        refused(&place, says);
    }
    // Another key signed the chart, too: one valid signature is enough.
    attach_bundles(
        &registry,
        "team/lib",
        &manifest,
        &[bundle(&others, STATEMENT, &good), bundle(&keys, STATEMENT, &good)],
    );
    assert!(place.keyfill("render app").text().contains("1.2.0"));
}

#[test]
fn a_signed_chart_under_the_tag_of_another_version_is_refused() {
    let (Some(registry), Some(keys)) = (Registry::start(None), Keys::make()) else { return };
    // The tag of another version names the same manifest, whose signature is valid.
    let manifest = push(&registry, "lib", "1.2.0", None);
    attach_bundles(
        &registry,
        "team/lib",
        &manifest,
        &[bundle(&keys, STATEMENT, &statement(&manifest, SIGN))],
    );
    let text = registry.manifest("team/lib", "1.2.0");
    registry.push_manifest("team/lib", "1.9.0", OCI_MANIFEST, &text, None);
    refused(&asking(&registry, &keys.public(), ""), "the signature is for the chart lib 1.2.0");
}

#[test]
fn bundles_are_found_with_the_referrers_api_of_a_registry() {
    let (Some(registry), Some(keys)) = (Registry::start(None), Keys::make()) else { return };
    let manifest = push(&registry, "lib", "1.2.0", None);
    let bundle = bundle(&keys, STATEMENT, &statement(&manifest, SIGN));
    let text = holds(&bundle, &manifest);
    // The registry from Debian has no referrers API: this server adds it, and forwards other requests to the
    // registry.
    let of = |path: &str| format!("/v2/team/lib/{path}");
    let mut files = std::collections::BTreeMap::from([
        (of(&format!("referrers/{manifest}")), referrers(std::slice::from_ref(&text)).into_bytes()),
        (of(&format!("manifests/sha256:{}", sha256(text.as_bytes()))), text.into_bytes()),
        (of(&format!("blobs/sha256:{}", sha256(bundle.as_bytes()))), bundle.into_bytes()),
        (of("tags/list"), br#"{"tags":["1.2.0"]}"#.to_vec()),
        (of("manifests/1.2.0"), registry.manifest("team/lib", "1.2.0").into_bytes()),
    ]);
    for digest in registry.blobs("team/lib", "1.2.0") {
        files.insert(of(&format!("blobs/{digest}")), registry.blob("team/lib", &digest));
    }
    let server = Server::of_files(files);
    let (http, oci) = (server.address(), format!("oci://{}", server.host()));
    let chart = format!(
        "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{oci}/team'}}\n"
    );
    let rule = format!("{oci}/team/* cosign:{}", keys.public().display());
    let place = Place::new(&[&http, &oci]).file("app/Chart.yaml", chart).env("KEYFILL_FETCH_PROOF", &rule);
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    assert_eq!(server.count(&of(&format!("referrers/{manifest}"))), 1);
}
