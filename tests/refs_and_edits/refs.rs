//! `refs`, offline and beside a real Vault.

use super::{keyfill, said};
use keyfill_testkit::{ROOT_TOKEN, Run, Vault};
use serde_json::{Value, json};

/// Two roots on one base, and a manifest that stands alone.
fn tree(args: &[&str]) -> Run {
    keyfill(args)
        .file("base/kustomization.yaml", "resources: [secret.yaml]\n")
        .file(
            "base/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: <path:kv/data/db#user>\n  password: <path:kv/data/db#password#1 | base64encode>\n",
        )
        .file("dev/kustomization.yaml", "namespace: dev\nresources: [../base]\n")
        .file("prod/kustomization.yaml", "namespace: prod\nresources: [../base]\n")
        .file(
            "alone.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations:\n    avp.kubernetes.io/path: kv/data/web\ndata:\n  url: https://<host>/\n",
        )
}

fn references(text: &str) -> Vec<Value> {
    let table: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    table["references"].as_array().expect("it is a list").clone()
}

#[test]
fn each_reference_has_its_place_object_and_root() {
    let outcome = tree(&["refs", "--format", "json"]).run();
    said(&outcome, 0);
    let rows = references(&outcome.text());
    assert_eq!(rows.len(), 5, "{rows:?}");
    let password =
        rows.iter().find(|row| row["key"] == "password" && row["root"] == "prod").expect("it is there");
    assert_eq!(password["path"], "kv/data/db");
    assert_eq!(password["version"], "1");
    assert_eq!(password["modifiers"], json!(["base64encode"]));
    assert_eq!((&password["file"], &password["line"]), (&json!("base/secret.yaml"), &json!(7)));
    assert_eq!(password["object"], json!({"kind": "Secret", "namespace": "prod", "name": "db"}));
    let host = rows.iter().find(|row| row["key"] == "host").expect("it is there");
    assert_eq!((&host["path"], &host["root"]), (&json!("kv/data/web"), &json!("alone.yaml")));
}

#[test]
fn a_path_is_turned_round_to_its_roots() {
    let outcome = tree(&["refs", "--path", "kv/data/d*", "--format", "csv"]).run();
    let text = said(&outcome, 0);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert!(text.starts_with("path,key,version,"), "{text}");
    let outcome = tree(&["refs", "dev"]).run();
    assert!(said(&outcome, 0).contains("2 references to 1 secret"), "{}", outcome.text());
}

#[test]
fn graphs_lead_from_roots_to_paths() {
    let dot = said(&tree(&["refs", "--format", "dot"]).run(), 0);
    assert!(
        dot.starts_with("digraph secrets {") && dot.contains("-> p0 [label=\"password, user\"];"),
        "{dot}"
    );
    let mermaid = said(&tree(&["refs", "--format", "mermaid"]).run(), 0);
    assert!(mermaid.starts_with("flowchart LR\n") && mermaid.contains("[\"alone.yaml\"]"), "{mermaid}");
}

#[test]
fn hostile_names_are_text_in_the_page() {
    let hostile = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '</section><script>alert(1)</script>'}\ndata: {a: '<path:kv/data/\"onload=x#k>'}\n";
    let outcome = keyfill(&["refs", "--format", "html"]).file("x.yaml", hostile).run();
    let page = said(&outcome, 0);
    assert_eq!(page.matches("<script").count(), 1, "{page}");
    assert!(page.contains("&lt;script&gt;") && page.contains("default-src 'none'"), "{page}");
    assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
}

#[test]
fn a_root_that_cannot_be_rendered_fails_the_command_and_the_others_are_listed() {
    let outcome = tree(&["refs"]).file("bad/kustomization.yaml", "resources: [gone.yaml]\n").run();
    let text = said(&outcome, 3);
    assert!(text.contains("gone.yaml") && text.contains("kv/data/db"), "{text}");
}

#[test]
fn the_store_says_what_is_current_old_deleted_and_unused() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/db", &json!({"user": "u", "password": "hunter2"}));
    vault.put("secret/data/db", &json!({"user": "u", "password": "hunter2"}));
    vault.put("secret/data/nobody/uses", &json!({"a": "hunter2"}));
    vault.put("secret/data/gone", &json!({"a": "hunter2"}));
    vault.api(ROOT_TOKEN, "DELETE", "secret/data/gone", &Value::Null);
    vault.put("secret/data/lost", &json!({"a": "hunter2"}));
    vault.write("secret/destroy/lost", &json!({"versions": [1]}));
    let manifest = |name: &str, text: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}}}\nstringData: {{a: '{text}'}}\n")
    };
    let run = |args: &[&str]| {
        let mut run = keyfill(args).env("VAULT_ADDR", vault.address()).env("VAULT_TOKEN", ROOT_TOKEN);
        for (name, text) in [
            ("current", "<path:secret/data/db#user>"),
            ("pinned", "<path:secret/data/db#user#2>"),
            ("old", "<path:secret/data/db#user#1>"),
            ("deleted", "<path:secret/data/gone#a>"),
            ("destroyed", "<path:secret/data/lost#a#1>"),
            ("absent", "<path:secret/data/never#a>"),
        ] {
            run = run.file(&format!("{name}.yaml"), manifest(name, text));
        }
        run.run()
    };
    let outcome = run(&["refs", "--with-store", "--unused", "secret", "--format", "json"]);
    said(&outcome, 0);
    let rows = references(&outcome.text());
    assert_eq!(rows.len(), 6, "{rows:?}");
    for row in &rows {
        assert_eq!(row["state"]["state"], row["object"]["name"], "{row}");
    }
    let current = rows.iter().find(|row| row["object"]["name"] == "current").expect("it is there");
    assert_eq!(current["state"]["current_version"], 2);
    assert!(current["state"]["written"].as_str().is_some_and(|when| when.ends_with('Z')), "{current}");
    let table: Value = serde_json::from_str(&outcome.text()).expect("it is JSON");
    let unused: Vec<&str> = table["unused"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(unused.contains(&"secret/data/nobody/uses") && !unused.contains(&"secret/data/db"), "{unused:?}");
    let text = said(&run(&["refs", "--with-store"]), 0);
    assert!(text.contains("pinned to an old version, newest is 2"), "{text}");
}

#[test]
fn an_empty_glob_is_refused() {
    let outcome = keyfill(&["refs", "--path", ""]).file("a.yaml", "kind: X\n").run();
    assert!(said(&outcome, 2).contains("--path needs a glob"));
}
