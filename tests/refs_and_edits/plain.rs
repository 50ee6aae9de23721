//! `check --plain-secrets`.

use super::{keyfill, said};
use keyfill_testkit::Run;
use serde_json::Value;

/// A tree with a Secret in plain, a generator with a literal and a file, and a chart.
fn tree(args: &[&str]) -> Run {
    keyfill(args)
        .file("web/kustomization.yaml", "resources: [secret.yaml]\nsecretGenerator:\n- name: made\n  literals: [pass=hunter2-b]\n  files: [key.txt]\n")
        .file(
            "web/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: <path:kv/data/db#user>\n  password: hunter2-a\n  empty: ''\n",
        )
        .file("web/key.txt", "hunter2-file")
        .file("chart/Chart.yaml", "apiVersion: v2\nname: c\nversion: 0.1.0\n")
        .file("chart/values.yaml", "password: hunter2-chart\n")
        .file(
            "chart/templates/secret.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: c\nstringData:\n  made: {{ randAlphaNum 20 }}\n  password: {{ .Values.password }}\n",
        )
        .file(
            "chart/templates/test.yaml",
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: t\n  annotations:\n    helm.sh/hook: test\nstringData:\n  token: hunter2-test\n",
        )
}

#[test]
fn values_in_plain_are_named_by_place_and_length_alone() {
    let outcome = tree(&["check", "--plain-secrets", "--format", "json"]).run();
    let text = said(&outcome, 6);
    let found: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let at = |key: &str| {
        let wanted = format!("the value of {key} is committed in plain text");
        let hit = found.iter().find(|d| d["message"].as_str().unwrap().starts_with(&wanted));
        let hit = hit.unwrap_or_else(|| panic!("{key} is missing in {text}"));
        assert_eq!(hit["rule"], "plain-secret");
        (
            hit["file"].as_str().unwrap().to_owned(),
            hit["message"].as_str().unwrap().to_owned(),
            hit["severity"].clone(),
        )
    };
    let (file, message, severity) = at("password");
    assert!(file.ends_with("secret.yaml") || file == "chart/values.yaml", "{file}");
    assert!(message.contains("bytes)"), "{message}");
    assert_eq!(severity, "error");
    assert!(at("pass").1.contains("(9 bytes)"), "{text}");
    assert!(at("key.txt").1.contains("(12 bytes)"), "{text}");
    assert_eq!(at("token").2, "warning", "a chart's test is installed by nobody");
    for fine in ["user", "empty", "made"] {
        assert!(!text.contains(&format!("the value of {fine} ")), "{fine}: {text}");
    }
    let places: Vec<_> = found.iter().map(|d| (d["file"].as_str(), d["line"].as_u64())).collect();
    assert!(places.contains(&(Some("web/secret.yaml"), Some(7))), "{text}");
}

#[test]
fn sarif_has_a_rule_for_values_in_plain() {
    let text = said(&tree(&["check", "--plain-secrets", "--format", "sarif", "web"]).run(), 6);
    let log: Value = serde_json::from_str(&text).expect("SARIF is JSON");
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "plain-secret");
    assert!(run["results"].as_array().unwrap().iter().all(|result| result["ruleId"] == "plain-secret"));
    for format in ["human", "github"] {
        let text = said(&tree(&["check", "--plain-secrets", "--format", format, "web"]).run(), 6);
        assert!(text.contains("is committed in plain text"), "{text}");
    }
}

#[test]
fn without_the_flag_nothing_is_said_of_values() {
    said(&tree(&["check"]).run(), 0);
}

#[test]
fn exceptions_have_reasons_and_are_used() {
    let file = "exceptions:\n- path: web/\n  reason: the database of a demo\n- object: c\n  key: password\n  reason: replaced at the first login\n- path: chart/templates/test.yaml\n  reason: made up\n";
    let text = said(&tree(&["check", "--plain-secrets"]).file(".keyfill-secrets.yaml", file).run(), 0);
    assert!(!text.contains("is committed in plain text"), "{text}");
    let unused = format!("{file}- path: gone.yaml\n  reason: none\n");
    let text = said(&tree(&["check", "--plain-secrets"]).file(".keyfill-secrets.yaml", unused).run(), 0);
    assert!(
        text.contains("this exception matches no plain value") && text.contains(".keyfill-secrets.yaml:9"),
        "{text}"
    );
    let wrong =
        tree(&["check", "--plain-secrets"]).file(".keyfill-secrets.yaml", "exceptions:\n- path: web\n").run();
    assert!(said(&wrong, 2).contains("has no reason"), "{}", wrong.stderr);
}

#[test]
fn what_others_encrypt_is_recognised() {
    let outcome = keyfill(&["check", "--plain-secrets"])
        .file("a.yaml", "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\nspec: {encryptedData: {a: AgBy}}\n")
        .file("b.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {a: 'ENC[AES256_GCM,data:aa,iv:aa,tag:aa,type:str]'}\nsops: {mac: 'ENC[AES256_GCM,data:aa]', version: 3.9.0}\n")
        .file("c.yaml", "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: c}\nspec: {data: [{secretKey: a, remoteRef: {key: b}}]}\n")
        .file("d.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: d, annotations: {kubernetes.io/service-account.name: x}}\ntype: kubernetes.io/service-account-token\n")
        .run();
    assert!(!said(&outcome, 0).contains("in plain"));
}
