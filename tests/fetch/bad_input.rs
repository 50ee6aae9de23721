//! Errors in servers, lock files and addresses: keyfill reports the line that refers to them, prints nothing on
//! stdout, stores nothing, and shows no password.

use crate::place::{LOGIN, PASSWORD, Place, archive, chart, repository, sha256};
use keyfill_testkit::{GitServer, Page, Server};
use std::collections::BTreeMap;

const NEEDS_LIB: &str = "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- name: lib\n  version: ^1\n  repository: URL/charts\n";

fn app(place: Place, url: &str) -> Place {
    place.file("app/Chart.yaml", NEEDS_LIB.replace("URL", url))
}

/// Asserts that the run fails with this exit code, and that the error has these words and the line of the dependency.
fn refused(place: &Place, code: i32, says: &[&str]) -> String {
    refused_within(place, "4s", code, says)
}

fn refused_within(place: &Place, deadline: &str, code: i32, says: &[&str]) -> String {
    let told = place.keyfill(&format!("render app --deadline {deadline}")).refused(code);
    for words in says.iter().chain(&["app/Chart.yaml:5"]) {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains(PASSWORD), "{told}");
    let cache = place.home().join(".cache/keyfill/fetch/sha256");
    let kept = std::fs::read_dir(cache).map_or(0, |entries| entries.flatten().count());
    assert!(kept <= 1, "at most the index is kept");
    told
}

/// Adds a user and a password to an address.
fn with_password(address: &str) -> String {
    address.replace("http://", &format!("http://user:{PASSWORD}@"))
}

#[test]
fn no_request_is_sent_to_a_host_that_is_not_listed() {
    let server = Server::of_files(repository(&[("lib", "1.0.0")]));
    let place = app(Place::new(&["https://charts.example"]), &server.address());
    refused(&place, 6, &["is not among the URLs that may be fetched", "KEYFILL_FETCH_HOSTS"]);
    assert!(server.seen().is_empty());
    // Without KEYFILL_FETCH_HOSTS, http is refused, and so are addresses that are not public.
    let place = app(Place::new(&[]).env("KEYFILL_FETCH_HOSTS", ""), &server.address());
    refused(&place, 6, &["only https is"]);
    let place = app(Place::new(&[]).env("KEYFILL_FETCH_HOSTS", ""), "https://127.0.0.1:9");
    refused(&place, 6, &["is not at a public address"]);
    assert!(server.seen().is_empty());
}

#[test]
fn a_redirect_to_an_address_that_is_not_allowed_is_not_followed() {
    for target in
        ["http://169.254.169.254/latest/meta-data", "https://[fd00:ec2::254]/", "http://127.0.0.1:1/x"]
    {
        let server = Server::start(move |_, _| Page::status(302).header("Location", target));
        let place = app(Place::new(&[&server.address()]), &with_password(&server.address()));
        refused(&place, 6, &["may be fetched"]);
    }
}

#[test]
fn a_response_with_an_error_status_is_reported_with_it() {
    for (status, code, says) in [
        (401, 5, "answered 401"),
        (403, 5, "answered 403"),
        (404, 3, "answered 404"),
        (429, 5, "answered 429"),
        (500, 5, "answered 500"),
        (502, 5, "answered 502"),
        (503, 5, "answered 503"),
    ] {
        let server = Server::start(move |_, _| Page::status(status).header("Retry-After", "0"));
        let place = app(Place::new(&[&server.address()]), &with_password(&server.address()));
        refused(&place, code, &[says]);
    }
}

#[test]
fn an_invalid_or_too_large_index_is_refused() {
    for (body, says) in [
        (b"<html>Too Many Requests</html>".to_vec(), "the index is not one of a chart repository"),
        (b"entries: {}".to_vec(), "the index has no apiVersion"),
        (vec![b'#'; 100 << 20], "sends more than"),
    ] {
        let server = Server::start(move |_, _| Page::ok(body.clone()));
        let place = app(Place::new(&[&server.address()]), &server.address());
        // The large index takes some time on a busy machine.
        refused_within(&place, "60s", 3, &[says]);
    }
}

#[test]
fn an_archive_that_unpacks_to_too_much_is_refused() {
    let zeros = "0".repeat(120 << 20);
    let bomb =
        archive("lib", &[("Chart.yaml", "apiVersion: v2\nname: lib\nversion: 1.0.0\n"), ("big", &zeros)]);
    let mut files = repository(&[("lib", "1.0.0")]);
    let index = String::from_utf8(files["/charts/index.yaml"].clone()).unwrap();
    let index = index.replace(&sha256(&chart("lib", "1.0.0")), &sha256(&bomb));
    files.insert("/charts/index.yaml".into(), index.into_bytes());
    files.insert("/charts/lib-1.0.0.tgz".into(), bomb);
    let server = Server::of_files(files);
    let place = app(Place::new(&[&server.address()]), &server.address());
    let told = place.keyfill("render app").refused(3);
    assert!(told.contains("app/charts/lib-1.0.0.tgz") && told.contains("too large"), "{told}");
}

#[test]
fn a_wrong_digest_in_an_index_is_a_warning_and_an_error_in_strict_mode() {
    let mut files = repository(&[("lib", "1.0.0")]);
    let index = String::from_utf8(files["/charts/index.yaml"].clone()).unwrap();
    let index = index.replace(&sha256(&chart("lib", "1.0.0")), &"0".repeat(64));
    files.insert("/charts/index.yaml".into(), index.into_bytes());
    let server = Server::of_files(files);
    let place = app(Place::new(&[&server.address()]), &server.address());
    let ended = place.keyfill("render app");
    assert!(ended.code == 0 && ended.stderr.contains("has the digest sha256:"), "{}", ended.stderr);
    let place = app(Place::new(&[&server.address()]).env("KEYFILL_FETCH_STRICT", "true"), &server.address());
    refused(&place, 6, &["has the digest sha256:"]);
}

#[test]
fn a_token_server_on_another_host_never_sees_the_login() {
    let elsewhere = Server::start(|_, _| Page::ok(r#"{"token":"t"}"#));
    let realm = format!("Bearer realm=\"{}/token\",service=\"x\"", elsewhere.address());
    let registry = Server::start(move |_, _| Page::status(401).header("WWW-Authenticate", &realm));
    let place = Place::new(&[&registry.address(), &registry.address().replace("http", "oci")]);
    let login = LOGIN.trim_start_matches("Basic ");
    let config = format!(r#"{{"auths": {{"{}": {{"auth": "{login}"}}}}}}"#, registry.host());
    std::fs::write(place.home().join("config.json"), config).unwrap();
    let file = place.home().join("config.json").display().to_string();
    let place = app(place.env("HELM_REGISTRY_CONFIG", &file), &registry.address().replace("http", "oci"));
    let told = place.keyfill("render app --deadline 4s").refused(6);
    assert!(told.contains("app/Chart.yaml:5") && !told.contains(PASSWORD) && !told.contains(login), "{told}");
    assert!(elsewhere.seen().is_empty());
}

#[test]
fn a_reference_that_does_not_exist_is_reported_with_the_line_that_names_it() {
    let Some(server) = GitServer::start(None) else { return };
    let commit = server.commit("shop", &[("base/kustomization.yaml", "resources: [cm.yaml]\n")]);
    let short = &commit[..10];
    for (reference, says) in
        [("gone", "gone"), (short, short), ("a..b", "not the name"), (&"0".repeat(40), "0000")]
    {
        let layout = format!("resources:\n- {}//base?ref={reference}\n", server.url("shop"));
        let place = Place::new(&[&server.server().address()]).file("app/kustomization.yaml", layout);
        let ended = place.keyfill("render app --deadline 4s");
        assert!(matches!(ended.code, 3 | 5) && ended.stdout.is_empty(), "{reference}: {}", ended.stderr);
        for words in ["app/kustomization.yaml:2", says] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
    }
    let layout = format!("resources:\n- {}//gone?ref=main\n", server.url("shop"));
    let place = Place::new(&[&server.server().address()]).file("app/kustomization.yaml", layout);
    let told = place.keyfill("render app").refused(3);
    assert!(told.contains("no such file or folder") && told.contains("app/kustomization.yaml:2"), "{told}");
}

#[test]
fn a_server_that_is_no_git_server_is_reported_with_the_line_that_names_it() {
    let server = Server::of_files(BTreeMap::from([
        ("/a/b/info/refs".to_owned(), b"<html>".to_vec()),
        ("/c/d/info/refs".to_owned(), b"001e# service=git-upload-pack\n0000".to_vec()),
    ]));
    for repository in ["a/b", "c/d", "e/f"] {
        let layout = format!("resources:\n- {}/{repository}//x?ref=v1\n", with_password(&server.address()));
        let place = Place::new(&[&server.address()]).file("app/kustomization.yaml", layout);
        let ended = place.keyfill("render app --deadline 4s");
        assert!(matches!(ended.code, 3 | 5) && ended.stdout.is_empty(), "{}", ended.stderr);
        assert!(ended.stderr.contains("app/kustomization.yaml:2"), "{}", ended.stderr);
        assert!(!ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    }
}

#[test]
fn a_lock_with_a_merge_conflict_is_refused_with_its_line() {
    let server = Server::of_files(repository(&[("lib", "1.0.0")]));
    let lock = "version: 1\n<<<<<<< HEAD\ncharts: []\n=======\n>>>>>>> other\n";
    let place = app(Place::new(&[&server.address()]), &server.address()).file("keyfill.lock", lock);
    let told = place.keyfill("render app").refused(2);
    assert!(told.contains("merge conflict") && told.contains("line 2 of keyfill.lock"), "{told}");
    let told = place.keyfill("lock app").refused(2);
    assert!(told.contains("merge conflict"), "{told}");
    assert_eq!(place.read("keyfill.lock"), lock, "it is left alone");
    // A run that fetches nothing ignores the lock file.
    let place =
        Place::new(&[]).file("keyfill.lock", lock).file("app/kustomization.yaml", "resources: [cm.yaml]\n");
    place.write("app/cm.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n");
    place.keyfill("render app").text();
}

#[test]
fn a_changed_file_in_the_cache_is_fetched_again() {
    let server = Server::of_files(repository(&[("lib", "1.0.0")]));
    let place = app(Place::new(&[&server.address()]), &server.address());
    let first = place.keyfill("render app").text();
    place.keyfill("lock app").text();
    let archive = chart("lib", "1.0.0");
    let mut changed = 0;
    for path in place.kept("") {
        if std::fs::read(&path).unwrap() == archive {
            std::fs::write(&path, chart("lib", "6.6.6")).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    server.forget();
    assert_eq!(place.keyfill("render app").text(), first);
    assert_eq!(server.count("/charts/lib-1.0.0.tgz"), 1, "it was fetched again");
}

#[test]
fn a_password_in_an_address_is_in_no_message_and_not_in_the_lock() {
    let mut files = repository(&[("lib", "1.0.0"), ("lib", "1.1.0")]);
    let server = Server::of_files(files.clone());
    let place = app(Place::new(&[&server.address()]), &with_password(&server.address()));
    let ended = place.keyfill("render app");
    assert!(ended.code == 0 && !ended.stderr.contains(PASSWORD), "{}", ended.stderr);
    place.keyfill("lock app").text();
    assert!(!place.read("keyfill.lock").contains(PASSWORD));
    place.keyfill("render app --fetch locked").text();
    for (from, to) in [("name: lib", "name: gone"), ("^1", "^7"), ("^1", "no range")] {
        place.write(
            "app/Chart.yaml",
            NEEDS_LIB.replace("URL", &with_password(&server.address())).replace(from, to),
        );
        let told = place.keyfill("render app").refused(3);
        assert!(told.contains("app/Chart.yaml:5") && !told.contains(PASSWORD), "{told}");
    }
    // The error for a chart that the lock file names shows no password either.
    files.insert("/charts/lib-1.1.0.tgz".into(), chart("lib", "6.6.6"));
    let other = Server::of_files(files);
    let lock = place.read("keyfill.lock").replace(&server.address(), &other.address());
    let place =
        app(Place::new(&[&other.address()]), &with_password(&other.address())).file("keyfill.lock", lock);
    let told = place.keyfill("render app").refused(6);
    assert!(told.contains("is not the locked one") && !told.contains(PASSWORD), "{told}");
}
