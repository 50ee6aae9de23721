//! Versions of the KV engine, versions of secrets, and paths with and without `data/`.

use crate::{block_on, cx, read, read_ref, shared, text, version, with_kv, with_token};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::vault::{VaultSettings, VaultSource};
use keyfill_secrets::{KvVersion, SecretRef, Source};
use keyfill_testkit::{Proxy, ROOT_TOKEN, Vault};
use serde_json::{Value, json};

fn root(vault: &Vault) -> VaultSettings {
    with_token(&vault.address(), ROOT_TOKEN)
}

fn mount(vault: &Vault, path: &str, version: &str) {
    vault.write(&format!("sys/mounts/{path}"), &json!({ "type": "kv", "options": { "version": version } }));
    // An engine of KV version 2 needs some time after it is mounted.
    if version == "2" {
        for _ in 0..200 {
            if vault.api(ROOT_TOKEN, "POST", &format!("{path}/config"), &json!({ "max_versions": 10 })).status
                < 300
            {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

#[test]
fn the_kv_version_is_recognized_by_the_answer() {
    let Some(vault) = shared() else { return };
    mount(vault, "kv-one", "1");
    mount(vault, "deep/kv-two", "2");
    vault.api(ROOT_TOKEN, "POST", "kv-one/app", &json!({ "user": "one" }));
    vault.put("deep/kv-two/data/app/prod", &json!({ "user": "two" }));
    assert_eq!(text(&read(root(vault), "kv-one/app").unwrap(), "user"), "one");
    assert_eq!(text(&read(root(vault), "/deep/kv-two/data/app/prod/").unwrap(), "user"), "two");
    // A path to metadata is requested as it is written.
    let metadata = read(root(vault), "deep/kv-two/metadata/app/prod").unwrap();
    assert_eq!(text(&metadata, "current_version"), "1");
}

#[test]
fn kv_version_1_keeps_the_spelling_of_numbers_and_version_2_does_not() {
    let Some(vault) = shared() else { return };
    mount(vault, "kv-numbers", "1");
    let numbers: Value =
        serde_json::from_str(r#"{"n": 1.10, "big": 12345678901234567890, "b": true, "z": null}"#).unwrap();
    let body = r#"{"n": 1.10, "big": 12345678901234567890, "b": true, "z": null}"#;
    let headers = [("X-Vault-Token", ROOT_TOKEN)];
    keyfill_testkit::request(vault.host(), "POST", "/v1/kv-numbers/app", &headers, body);
    vault.put("secret/data/kv-numbers", &numbers);
    let one = read(root(vault), "kv-numbers/app").unwrap();
    assert_eq!((text(&one, "n").as_str(), text(&one, "big").as_str()), ("1.10", "12345678901234567890"));
    assert_eq!(text(&read(root(vault), "secret/data/kv-numbers").unwrap(), "n"), "1.1");
    assert_eq!(format!("{one:?}"), r#"{"b": bool, "big": number, "n": number, "z": null}"#);
}

#[test]
fn the_kv_version_of_the_reference_wins_then_that_of_the_settings() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/kv-forced", &json!({ "user": "alice" }));
    let as_one = read_ref(root(vault), &with_kv("secret/data/kv-forced", KvVersion::V1)).unwrap();
    assert_eq!(as_one.keys().collect::<Vec<_>>(), ["data", "metadata"]);
    let settings = VaultSettings { kv: Some(KvVersion::V1), ..root(vault) };
    assert_eq!(read(settings.clone(), "secret/data/kv-forced").unwrap().len(), 2);
    let as_two = read_ref(settings, &with_kv("secret/data/kv-forced", KvVersion::V2)).unwrap();
    assert_eq!(text(&as_two, "user"), "alice");
    mount(vault, "kv-old", "1");
    vault.api(ROOT_TOKEN, "POST", "kv-old/app", &json!({ "user": "one" }));
    let error = read_ref(root(vault), &with_kv("kv-old/app", KvVersion::V2)).unwrap_err();
    assert_eq!(error.class(), Class::Missing);
    assert!(error.to_string().contains("kv version 2"), "{error}");
}

#[test]
fn deleted_destroyed_and_absent_versions_have_errors_of_their_own() {
    let Some(vault) = shared() else { return };
    for user in ["one", "two", "three"] {
        vault.put("secret/data/kv-versions", &json!({ "user": user }));
    }
    vault.write("secret/delete/kv-versions", &json!({ "versions": [3] }));
    vault.write("secret/destroy/kv-versions", &json!({ "versions": [2] }));
    assert_eq!(
        text(&read_ref(root(vault), &version("secret/data/kv-versions", "1")).unwrap(), "user"),
        "one"
    );
    let told = |wanted: &SecretRef| {
        let error = read_ref(root(vault), wanted).unwrap_err();
        assert_eq!(error.class(), Class::Missing, "{error}");
        error.to_string()
    };
    let deleted = told(&SecretRef::latest("secret/data/kv-versions"));
    assert!(deleted.starts_with("version 3 of secret/data/kv-versions was deleted at 20"), "{deleted}");
    let destroyed = told(&version("secret/data/kv-versions", "2"));
    assert!(destroyed.starts_with("version 2 of secret/data/kv-versions was destroyed"), "{destroyed}");
    let absent = told(&version("secret/data/kv-versions", "9"));
    assert!(
        absent.starts_with("secret/data/kv-versions (version 9) is not in Vault at http://127"),
        "{absent}"
    );
    assert!(told(&version("secret/data/kv-versions", "v2")).contains("versions are numbers"));
}

#[test]
fn a_path_that_is_not_in_vault_is_missing() {
    let Some(vault) = shared() else { return };
    for path in ["secret/data/kv-absent", "nowhere/data/app", "secret/kv-absent"] {
        let error = read(root(vault), path).unwrap_err();
        assert_eq!(error.class(), Class::Missing, "{error}");
        assert!(error.to_string().starts_with(path), "{error}");
    }
    let forbidden = read(root(vault), "secret/data/../sys/raw").unwrap_err();
    assert_eq!(forbidden.class(), Class::Forbidden);
}

#[test]
fn a_path_without_data_is_found_by_root_and_by_a_token_that_may_read_nothing_else() {
    let Some(vault) = shared() else { return };
    mount(vault, "team/kv-found", "2");
    vault.put("team/kv-found/data/app/db", &json!({ "user": "alice" }));
    vault.policy("kv-found", &["team/kv-found/data/app/*"]);
    for token in [ROOT_TOKEN.to_owned(), vault.token("kv-found")] {
        let data = read(with_token(&vault.address(), &token), "team/kv-found/app/db").unwrap();
        assert_eq!(text(&data, "user"), "alice");
    }
    // The setting for AVP's behavior: such a path is an error.
    let strict = VaultSettings { find_data_paths: false, ..root(vault) };
    let error = read(strict, "team/kv-found/app/db").unwrap_err();
    assert!(error.to_string().contains("/data/"), "{error}");
}

#[test]
fn vault_is_asked_once_for_the_kv_version_of_a_mount_3_reads_5_requests() {
    let Some(vault) = shared() else { return };
    mount(vault, "kv-once", "2");
    let proxy = Proxy::start(vault.host());
    for name in ["a", "b", "c"] {
        vault.put(&format!("kv-once/data/{name}"), &json!({ "user": name }));
    }
    let source = VaultSource::new(with_token(&proxy.address(), ROOT_TOKEN)).unwrap();
    block_on(async {
        for name in ["a", "b", "c"] {
            let data = source.read(&SecretRef::latest(format!("kv-once/{name}")), &cx()).await.unwrap();
            assert_eq!(text(&data, "user"), name);
        }
    });
    assert_eq!(proxy.count("sys/internal/ui/mounts/"), 1);
    assert_eq!(proxy.count("kv-once/data/"), 3);
    assert_eq!(proxy.seen().len(), 5);
}

#[test]
fn the_error_for_a_denied_path_contains_the_message_of_vault() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/kv-denied", &json!({ "user": "alice" }));
    vault.policy("kv-nothing", &["secret/data/elsewhere"]);
    let error =
        read(with_token(&vault.address(), &vault.token("kv-nothing")), "secret/data/kv-denied").unwrap_err();
    assert_eq!(error.class(), Class::Store);
    assert!(error.to_string().contains("cannot read secret/data/kv-denied"), "{error}");
    assert!(error.to_string().contains("answered 403: permission denied"), "{error}");
}

#[test]
fn every_request_has_the_namespace() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/kv-namespace", &json!({ "user": "alice" }));
    vault.enable_auth("userpass", "ns-people");
    vault.policy("kv-namespace", &["secret/data/kv-namespace"]);
    vault.write("auth/ns-people/users/ci", &json!({ "password": "pw", "token_policies": ["kv-namespace"] }));
    let proxy = Proxy::start(vault.host());
    let auth = keyfill_secrets::vault::Auth::Userpass {
        mount: "ns-people".into(),
        username: "ci".into(),
        password: "pw".into(),
    };
    let settings =
        VaultSettings { namespace: Some("team/a".into()), ..VaultSettings::new(proxy.address(), auth) };
    read(settings, "secret/data/kv-namespace").unwrap();
    let seen = proxy.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|s| s.headers.get("x-vault-namespace").map(String::as_str) == Some("team/a")));
    assert!(seen.iter().all(|s| s.headers.get("x-vault-request").map(String::as_str) == Some("true")));
}

#[test]
fn a_reference_is_read_in_the_namespace_that_it_names() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/kv-other", &json!({ "user": "alice" }));
    let proxy = Proxy::start(vault.host());
    let settings =
        VaultSettings { namespace: Some("team".into()), ..with_token(&proxy.address(), ROOT_TOKEN) };
    let source = VaultSource::new(settings).unwrap();
    let named = SecretRef { namespace: Some("team/b".into()), ..SecretRef::latest("secret/data/kv-other") };
    block_on(async {
        let cx = cx();
        source.read(&named, &cx).await.unwrap();
        source.read(&SecretRef::latest("secret/data/kv-other"), &cx).await.unwrap();
    });
    let seen = proxy.seen();
    let namespaces: Vec<Option<&str>> =
        seen.iter().map(|s| s.headers.get("x-vault-namespace").map(String::as_str)).collect();
    assert_eq!(namespaces, [Some("team/b"), Some("team")]);
}
