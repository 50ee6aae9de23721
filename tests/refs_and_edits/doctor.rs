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
