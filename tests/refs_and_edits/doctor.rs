//! `doctor` beside a real Vault.

use super::{keyfill, said};
use keyfill_testkit::{ROOT_TOKEN, Vault};
use serde_json::{Value, json};

#[test]
fn the_report_names_what_works_and_holds_no_token() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/db", &json!({"user": "hunter2"}));
    vault.policy("reader", &["secret/data/db"]);
    let made = vault.write("auth/token/create", &json!({"policies": ["reader"], "ttl": "1h"}));
    let token = made["auth"]["client_token"].as_str().expect("there is a token").to_owned();
    let run = |format: &str, token: &str| {
        keyfill(&["doctor", "--format", format])
            .file("a.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: '<path:secret/data/db#user>', b: '<path:secret/data/other#b>'}\n")
            .env("VAULT_ADDR", vault.address())
            .env("VAULT_TOKEN", token)
            .env("KEYFILL_ALLOWED_PATHS", "secret/data/*")
            .env("KEYFIL_TYPO", "x")
            .run()
    };
    let outcome = run("json", &token);
    let text = said(&outcome, 2);
    assert!(!text.contains(&token), "the token is in: {text}");
    let findings: Vec<Value> = serde_json::from_str(&outcome.text()).expect("it is JSON");
    let state = |area: &str, name: &str| {
        let hit = findings.iter().find(|finding| finding["area"] == area && finding["name"] == name);
        hit.unwrap_or_else(|| panic!("{area} {name} is missing in {text}"))["state"].clone()
    };
    assert_eq!(state("vault", "health"), "ok");
    assert_eq!(state("vault", "policies"), "ok");
    assert_eq!(state("capabilities", "secret/data/db"), "ok");
    assert_eq!(state("capabilities", "secret/data/other"), "error");
    assert_eq!(state("policy", "secret/data/*"), "ok");
    let table = said(&run("table", &token), 2);
    assert!(table.contains("(secret) (set by administrator)") && !table.contains(&token), "{table}");
    assert!(said(&run("table", ROOT_TOKEN), 1).contains("root: it may do everything"));
}

#[test]
fn a_vault_that_is_not_there_is_an_error_with_a_next_step() {
    let outcome = keyfill(&["doctor", "--deadline", "1s"])
        .file("a.yaml", "kind: X\n")
        .env("VAULT_ADDR", "http://127.0.0.1:9")
        .env("VAULT_TOKEN", "hunter2")
        .run();
    let text = said(&outcome, 2);
    assert!(text.contains("error    vault") && text.contains("127.0.0.1:9"), "{text}");
}

#[test]
fn the_chain_of_certificates_is_named_and_one_that_does_not_fit_is_an_error() {
    let Some(vault) = Vault::start() else { return };
    let run = |vars: &[(&str, &str)]| {
        let mut run = keyfill(&["doctor", "--deadline", "5s"]).file("a.yaml", "kind: X\n");
        for (name, value) in vars {
            run = run.env(name, value);
        }
        run.env("VAULT_ADDR", vault.https_address()).env("VAULT_TOKEN", ROOT_TOKEN).run()
    };
    let authority = vault.file("ca.pem").to_string_lossy().into_owned();
    let text = said(&run(&[("VAULT_CACERT", &authority)]), 1);
    assert!(text.contains("TLS, the chain is trusted by VAULT_CACERT"), "{text}");
    let text = said(&run(&[]), 2);
    assert!(text.contains("error    vault") && text.contains("certificate"), "{text}");
    let text = said(&run(&[("VAULT_SKIP_VERIFY", "true")]), 1);
    assert!(
        text.contains("any certificate is trusted") && text.contains("next: unset VAULT_SKIP_VERIFY"),
        "{text}"
    );
}

#[test]
fn without_a_login_the_address_and_the_health_are_looked_at_all_the_same() {
    let Some(vault) = Vault::start() else { return };
    let run = |address: &str| {
        let run = keyfill(&["doctor", "--deadline", "2s"]).file("a.yaml", "kind: X\n");
        run.env("VAULT_ADDR", address).run()
    };
    let text = said(&run(&vault.address()), 2);
    assert!(text.contains("no way to log in to Vault is set") && text.contains(", active"), "{text}");
    assert_eq!(text.matches("no way to log in").count(), 1, "{text}");
    assert!(text.ends_with("1 error, 1 warning\n"), "{text}");
    let text = said(&run("http://127.0.0.1:9"), 2);
    assert!(text.contains("connection") && text.contains("127.0.0.1:9"), "{text}");
    let text = said(&run("http://[::1"), 2);
    assert!(text.contains("2 errors"), "{text}");
}

#[cfg(unix)]
#[test]
fn official_programs_are_named_with_their_versions_and_sockets_with_their_rights() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().expect("a folder");
    let (bin, sockets) = (dir.path().join("bin"), dir.path().join("sockets"));
    for folder in [&bin, &sockets] {
        std::fs::create_dir(folder).expect("a folder");
    }
    for (name, script) in [("kustomize", "echo v5.8.1"), ("helm", "echo v3.1.0")] {
        let file = bin.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("its mode can be set");
    }
    let socket = sockets.join("keyfill.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).expect("its mode can be set");
    std::fs::write(
        dir.path().join("plugin.yaml"),
        "kind: ConfigManagementPlugin\nmetadata: {name: own}\nspec: {}\n",
    )
    .expect("a file");
    let config = dir.path().to_string_lossy().into_owned();
    let outcome =
        keyfill(&["doctor", "--source", "file", "--secrets-file", "none.yaml", "--config-dir-path", &config])
            .file("a.yaml", "kind: X\n")
            .file("none.yaml", "kv/a: {b: c}\n")
            .env("PATH", bin.to_string_lossy().as_ref())
            .env("ARGOCD_PLUGINSOCKFILEPATH", sockets.to_string_lossy().as_ref())
            .env("KEYFILL_TYPO", "x")
            .run();
    let text = said(&outcome, 1);
    for words in [
        "v5.8.1, ",
        "v3.1.0, ",
        "keyfill renders as v4.3.2 and v3.22.0",
        "mode 777, owner ",
        "everybody may use it",
        "somebody listens",
        "the plugin own is understood",
        "KEYFILL_TYPO",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    drop(listener);
}
