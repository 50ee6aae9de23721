//! Charts that must come with a `.prov` file signed by a key of a keyring, as `helm package --sign` writes it.
//! keyfill accepts and refuses the same charts as `helm pull --verify`, with one exception that a test shows.

use crate::place::{Place, chart, repository, sha256};
use crate::registry::{self, push_with};
use keyfill_testkit::{Gpg, Registry, Server, oracle};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The text that helm signs: Chart.yaml, and the digest of the archive.
fn provenance(name: &str, version: &str, file: &str, archive: &[u8]) -> String {
    let sum = sha256(archive);
    format!("apiVersion: v2\nname: {name}\nversion: {version}\n\n...\nfiles:\n  {file}: sha256:{sum}\n")
}

/// A repository with one signed chart, and the GnuPG home whose key signed it.
struct Signed {
    gpg: Gpg,
    key: String,
    archive: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
}

impl Signed {
    fn make() -> Option<Self> {
        let gpg = Gpg::new()?;
        let key = gpg.key("owner", "rsa2048", "sign", "");
        let archive = chart("lib", "1.2.0");
        let mut files = repository(&[("lib", "1.2.0")]);
        let text = provenance("lib", "1.2.0", "lib-1.2.0.tgz", &archive);
        files.insert("/charts/lib-1.2.0.tgz.prov".to_owned(), gpg.sign(&key, &text, &[]));
        Some(Self { gpg, key, archive, files })
    }

    fn keyring(&self) -> PathBuf {
        self.gpg.write("ring.gpg", self.gpg.print(&["--export"]))
    }

    fn served(&self) -> Server {
        Server::of_files(self.files.clone())
    }

    /// Replaces the `.prov` file by this text, signed.
    fn sign(&mut self, text: &str) {
        let signed = self.gpg.sign(&self.key, text, &[]);
        self.files.insert("/charts/lib-1.2.0.tgz.prov".to_owned(), signed);
    }
}

/// A work tree with an app that depends on the chart, and a rule for the server.
fn asking(server: &Server, ring: &std::path::Path) -> Place {
    let rule = format!("{}/charts/* prov:{}", server.address(), ring.display());
    unbound(server).env("KEYFILL_FETCH_PROOF", &rule)
}

fn unbound(server: &Server) -> Place {
    let address = server.address();
    Place::new(&[&address]).file(
        "app/Chart.yaml",
        format!("apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{address}/charts'}}\n"),
    )
}

fn refused(place: &Place, says: &str) {
    let told = place.keyfill("render app").refused(6);
    for words in [says, "app/Chart.yaml:5", "KEYFILL_FETCH_PROOF"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let is_archive = |path: &PathBuf| std::fs::read(path).unwrap().starts_with(&[0x1f, 0x8b]);
    assert!(!place.kept("").iter().any(is_archive), "no archive is kept");
}

/// Whether the official helm accepts the chart; `None` if helm is not installed.
fn helm_takes(server: &Server, ring: &std::path::Path) -> Option<bool> {
    let helm = oracle("helm")?;
    let place = unbound(server);
    let line = format!(
        "pull lib --repo {}/charts --version 1.2.0 --verify --keyring {}",
        server.address(),
        ring.display()
    );
    Some(place.run(&helm, &line).code == 0)
}

#[test]
fn a_chart_with_a_signed_prov_file_is_rendered_and_locked() {
    let Some(signed) = Signed::make() else { return };
    let (server, ring) = (signed.served(), signed.keyring());
    let place = asking(&server, &ring);
    let ours = place.keyfill("render app").text();
    assert!(ours.contains("1.2.0"), "{ours}");
    place.keyfill("lock app").text();
    server.forget();
    assert_eq!(place.keyfill("render app --fetch locked").text(), ours);
    assert!(server.seen().is_empty(), "what was proven is proven");
    assert_ne!(helm_takes(&server, &ring), Some(false));
    // An armored keyring is accepted, too; helm accepts only binary ones.
    let armored = signed.gpg.write("ring.asc", signed.gpg.print(&["--armor", "--export"]));
    assert_eq!(asking(&server, &armored).keyfill("render app").text(), ours);
}

#[test]
fn a_chart_that_helm_itself_signed_is_accepted() {
    let (Some(signed), Some(helm)) = (Signed::make(), oracle("helm")) else { return };
    let secret = signed.gpg.write("secret.gpg", signed.gpg.print(&["--export-secret-keys"]));
    let place = Place::new(&[])
        .file(
            "lib/Chart.yaml",
            "apiVersion: v2\nname: lib\nversion: 1.2.0+build.7\ndescription: |-\n  two\n  - lines\n",
        )
        .file("lib/templates/a.yaml", "kind: A\nversion: {{ .Chart.Version }}\n");
    place.run(&helm, &format!("package lib --sign --key owner --keyring {}", secret.display())).text();
    let mut files = BTreeMap::new();
    for name in ["lib-1.2.0+build.7.tgz", "lib-1.2.0+build.7.tgz.prov"] {
        files.insert(format!("/charts/{name}"), std::fs::read(place.path(name)).unwrap());
    }
    let index = "apiVersion: v1\nentries:\n  lib:\n  - {apiVersion: v2, name: lib, version: 1.2.0+build.7, urls: [lib-1.2.0+build.7.tgz]}\n";
    files.insert("/charts/index.yaml".to_owned(), index.as_bytes().to_vec());
    let server = Server::of_files(files);
    let ring = signed.keyring();
    let ours = asking(&server, &ring).keyfill("render app").text();
    assert!(ours.contains("1.2.0+build.7"), "{ours}");
}

#[test]
fn a_chart_that_is_not_what_the_keyring_signed_is_refused() {
    let Some(mut signed) = Signed::make() else { return };
    let good = signed.files.clone();
    let prov = "/charts/lib-1.2.0.tgz.prov".to_owned();
    let check = |signed: &mut Signed, ring: Option<PathBuf>, says: &str, helm: bool| {
        let (server, ring) = (signed.served(), ring.unwrap_or_else(|| signed.keyring()));
        refused(&asking(&server, &ring), says);
        assert!(helm_takes(&server, &ring).is_none_or(|takes| takes == helm), "helm: {says}");
        signed.files.clone_from(&good);
    };
    // Signed by another key.
    let Some(others) = Gpg::new() else { return };
    others.key("other", "ed25519", "sign", "");
    let ring = others.write("ring.gpg", others.print(&["--export"]));
    check(&mut signed, Some(ring), "which is not in the keyring", false);
    // Another archive, whose digest is in the index.
    let changed =
        crate::place::archive("lib", &[("Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.2.0\n")]);
    let index = String::from_utf8(good["/charts/index.yaml"].clone()).unwrap();
    let index = index.replace(&sha256(&signed.archive), &sha256(&changed));
    signed.files.insert("/charts/index.yaml".to_owned(), index.into_bytes());
    signed.files.insert("/charts/lib-1.2.0.tgz".to_owned(), changed);
    check(&mut signed, None, "its .prov file says sha256:", false);
    // A text that was changed after it was signed.
    let text = String::from_utf8(good[&prov].clone()).unwrap();
    signed.files.insert(prov.clone(), text.replace("version: 1.2.0", "version: 1.2.1").into_bytes());
    check(&mut signed, None, "not the one that was signed", false);
    // No `.prov` file, an invalid one, and one that is too long.
    signed.files.remove(&prov);
    check(&mut signed, None, "without a .prov file", false);
    signed.files.insert(prov.clone(), b"<html>".to_vec());
    check(&mut signed, None, "not a text with a signature", false);
    signed.files.insert(prov.clone(), vec![b'x'; 2 << 20]);
    check(&mut signed, None, "sends more than", false);
    // The digest of another file.
    let archive = signed.archive.clone();
    signed.sign(&provenance("lib", "1.2.0", "lib-1.2.1.tgz", &archive));
    check(&mut signed, None, "no sum of lib-1.2.0.tgz", false);
    // A signed text that is not in the form of helm.
    signed.sign("hello\n");
    check(&mut signed, None, "not one of helm", false);
    // The archive of another signed chart under this name. This is the exception: helm compares only the digest of
    // the archive.
    let other = chart("other", "0.1.0");
    signed.files.insert("/charts/lib-1.2.0.tgz".to_owned(), other.clone());
    signed.sign(&provenance("other", "0.1.0", "lib-1.2.0.tgz", &other));
    check(&mut signed, None, "its .prov file is for other 0.1.0", true);
}

#[test]
fn a_rule_applies_to_each_spelling_of_a_path_and_to_the_servers_of_archives() {
    let Some(mut signed) = Signed::make() else { return };
    signed.files.remove("/charts/lib-1.2.0.tgz.prov");
    let index = signed.files["/charts/index.yaml"].clone();
    let (server, ring) = (signed.served(), signed.keyring());
    let place = asking(&server, &ring);
    for repository in ["charts/", "%63harts", "./charts"] {
        let text = format!(
            "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {{name: lib, version: ^1, repository: '{}/{repository}'}}\n",
            server.address()
        );
        place.write("app/Chart.yaml", text);
        let told = place.keyfill("render app");
        assert!(told.code != 0 && told.stdout.is_empty(), "{repository}: {}", told.stdout);
    }
    // The index of another server, which names an archive on this one.
    let text = String::from_utf8(index)
        .unwrap()
        .replace("lib-1.2.0.tgz", &format!("{}/charts/lib-1.2.0.tgz", server.address()));
    let elsewhere = Server::of_files(BTreeMap::from([("/charts/index.yaml".to_owned(), text.into_bytes())]));
    let place = unbound(&elsewhere)
        .env("KEYFILL_FETCH_HOSTS", &format!("{}/*,{}/*", elsewhere.address(), server.address()));
    assert!(place.keyfill("render app").text().contains("1.2.0"), "nothing is asked for without a rule");
    let rule = format!("{}/* prov:{}", server.address(), ring.display());
    refused_again(&place.env("KEYFILL_FETCH_PROOF", &rule));
}

/// Asserts that a chart is refused that was fetched before the rule existed.
fn refused_again(place: &Place) {
    let told = place.keyfill("render app").refused(6);
    assert!(told.contains("without a .prov file"), "{told}");
}

#[test]
fn a_chart_of_a_registry_has_its_prov_file_as_a_layer() {
    let (Some(registry), Some(gpg)) = (Registry::start(None), Gpg::new()) else { return };
    let key = gpg.key("owner", "ed25519", "sign", "");
    let archive = chart("lib", "1.2.0");
    let ring = gpg.write("ring.gpg", gpg.print(&["--export"]));
    let rule = format!("oci://{}/team/* prov:{}", registry.host(), ring.display());
    push_with(&registry, "lib", "1.2.0", None, None);
    let place = registry::place(&registry).env("KEYFILL_FETCH_PROOF", &rule);
    refused(&place, "without a .prov file");
    let text = provenance("lib", "1.2.0", "lib-1.2.0.tgz", &archive);
    push_with(&registry, "lib", "1.2.0", Some(&gpg.sign(&key, &text, &[])), None);
    assert!(place.keyfill("render app").text().contains("1.2.0"));
    if let Some(helm) = oracle("helm") {
        let line = |ring: &std::path::Path| {
            format!(
                "pull oci://{}/team/lib --version 1.2.0 --plain-http --verify --keyring {}",
                registry.host(),
                ring.display()
            )
        };
        place.run(&helm, &line(&ring)).text();
    }
    let text = provenance("lib", "1.2.0", "lib-1.2.0.tgz", b"other");
    push_with(&registry, "lib", "1.2.0", Some(&gpg.sign(&key, &text, &[])), None);
    let place = registry::place(&registry).env("KEYFILL_FETCH_PROOF", &rule);
    refused(&place, "its .prov file says sha256:");
    // If a rule for cosign also matches, it is enough to meet one of the two.
    let both = format!("{rule},oci://{}/team/* cosign:{}", registry.host(), ring.display());
    let told = place.env("KEYFILL_FETCH_PROOF", &both).keyfill("render app").refused(2);
    assert!(told.contains("it holds no public key in PEM"), "{told}");
}

#[test]
fn a_rule_whose_keyring_cannot_be_read_is_an_error() {
    let Some(signed) = Signed::make() else { return };
    let server = signed.served();
    let home = signed.gpg.home();
    for (ring, says) in [
        (home.join("nowhere.gpg"), "nowhere.gpg"),
        (home.join("pubring.kbx"), "a keybox of GnuPG"),
        (signed.gpg.write("text", "no key"), "it holds no key of OpenPGP"),
    ] {
        let told = asking(&server, &ring).keyfill("render app").refused(2);
        assert!(told.contains(says) && told.contains("KEYFILL_FETCH_PROOF"), "{told}");
    }
}
