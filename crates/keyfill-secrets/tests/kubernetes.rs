//! Requests for Kubernetes Secrets to a fake API server.

#![allow(clippy::unwrap_used)]

use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::kubernetes::{InCluster, list_secrets, read_secret};
use keyfill_secrets::{Error, Secret};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server that answers each request with the next of `answers`. It records the heads of the requests.
fn api(answers: Vec<(u16, &'static str)>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (stream, (status, body)) in listener.incoming().flatten().zip(answers) {
            let lines = BufReader::new(&stream).lines();
            let head: Vec<String> = lines.map_while(Result::ok).take_while(|l| !l.is_empty()).collect();
            notes.lock().unwrap().push(head.join("\n"));
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            (&stream).write_all((head + body).as_bytes()).unwrap();
        }
    });
    (address, asked)
}

fn read(
    address: &str,
    folder: &Path,
    namespace: &str,
    name: &str,
) -> Result<BTreeMap<String, Secret>, Error> {
    let cluster = InCluster { address: address.into(), folder: folder.into() };
    let cx = Cx::with_time(Duration::from_secs(5));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { read_secret(&cluster, namespace, name, &cx).await })
}

fn service_account() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "sa-token\n").unwrap();
    folder
}

#[test]
fn values_are_decoded_and_a_503_is_retried() {
    let secret = r#"{"kind": "Secret", "data": {"VAULT_ADDR": "aHR0cHM6Ly92", "AVP_TYPE": "dmF1bHQ="}}"#;
    let (address, asked) = api(vec![(503, ""), (200, secret)]);
    let keys = read(&address, service_account().path(), "argocd", "avp.settings").unwrap();
    let shown: Vec<(&str, &str)> = keys.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
    assert_eq!(shown, [("AVP_TYPE", "vault"), ("VAULT_ADDR", "https://v")]);
    let asked = asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].starts_with("GET /api/v1/namespaces/argocd/secrets/avp.settings HTTP/1.1"), "{asked:?}");
    assert!(asked[1].contains("authorization: Bearer sa-token"), "{asked:?}");
}

#[test]
fn refusals_and_unusable_answers_are_errors_without_their_text() {
    let cases = [
        (404, "{}", Class::Usage, "there is none"),
        (403, "{}", Class::Store, "the API answered 403"),
        (200, "hush", Class::Store, "the answer is not a Secret"),
        (200, r#"{"data": {"k": "aHVzaA==!"}}"#, Class::Usage, "its key k holds no text"),
    ];
    for (status, body, class, words) in cases {
        let (address, _) = api(vec![(status, body)]);
        let error = read(&address, service_account().path(), "argocd", "avp").unwrap_err();
        assert_eq!(error.class(), class);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("the Secret argocd:avp"), "{error}");
        assert!(!error.to_string().contains("hush") && !error.to_string().contains("aHVzaA"), "{error}");
    }
}

#[test]
fn invalid_names_are_refused() {
    for (namespace, name) in [("argocd", "../../x"), ("", "x"), ("argocd", "a/b"), ("a?b", "x"), ("..", "x")]
    {
        let error = read("http://127.0.0.1:9", service_account().path(), namespace, name).unwrap_err();
        assert_eq!(error.class(), Class::Usage, "{error}");
    }
}

#[test]
fn the_error_for_a_missing_file_of_the_service_account_names_it() {
    let empty = tempfile::tempdir().unwrap();
    let error = read("http://127.0.0.1:9", empty.path(), "argocd", "avp").unwrap_err();
    assert!(error.to_string().contains("the service account's token cannot be read from"), "{error}");
    let error = read("https://127.0.0.1:9", empty.path(), "argocd", "avp").unwrap_err();
    assert!(error.to_string().contains("ca.crt"), "{error}");
}

#[test]
fn https_trusts_only_the_ca_certificate_of_the_service_account() {
    let Some(vault) = keyfill_testkit::Vault::start() else { return };
    let folder = service_account();
    std::fs::copy(vault.file("ca.pem"), folder.path().join("ca.crt")).unwrap();
    // A Vault with its own CA stands for the API server: it has no Secret at the path and answers 404 too.
    let error = read(&vault.https_address(), folder.path(), "argocd", "avp").unwrap_err();
    assert!(error.to_string().contains("there is none"), "{error}");
    let other = keyfill_testkit::Vault::start().unwrap();
    std::fs::copy(other.file("ca.pem"), folder.path().join("ca.crt")).unwrap();
    let error = read(&vault.https_address(), folder.path(), "argocd", "avp").unwrap_err();
    assert!(error.to_string().contains("certificate of CN=vault.test"), "{error}");
}

#[test]
fn secrets_with_a_label_are_listed_page_by_page() {
    let first = r#"{"metadata": {"continue": "a+b"}, "items": [{"metadata": {"name": "one",
        "labels": {"argocd.argoproj.io/secret-type": "repository"}}, "data": {"url": "aHR0cHM6Ly92", "blob": "/w=="}}]}"#;
    let (address, asked) = api(vec![(200, first), (200, r#"{"items": [{"metadata": {"name": "two"}}]}"#)]);
    let folder = service_account();
    let cluster = InCluster { address, folder: folder.path().into() };
    let cx = Cx::with_time(Duration::from_secs(5));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listed = runtime.block_on(list_secrets(&cluster, "argocd", "kind in (a, b)", &cx)).unwrap();
    let names: Vec<&str> = listed.iter().map(|secret| secret.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(listed[0].labels["argocd.argoproj.io/secret-type"], "repository");
    let keys: Vec<(&str, &str)> = listed[0].keys.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
    assert_eq!(keys, [("url", "https://v")], "a value that is not text is left out");
    let asked = asked.lock().unwrap();
    assert!(asked[0].contains("labelSelector=kind+in+%28a%2C+b%29"), "{asked:?}");
    assert!(asked[1].contains("continue=a%2Bb"), "{asked:?}");
}

#[test]
fn the_hint_for_a_refused_list_names_the_missing_verb() {
    let (address, _) = api(vec![(403, "{}")]);
    let folder = service_account();
    let cluster = InCluster { address, folder: folder.path().into() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(list_secrets(&cluster, "argocd", "x", &Cx::default())).unwrap_err();
    assert!(error.advice().is_some_and(|hint| hint.contains("verb list")), "{error}");
}
