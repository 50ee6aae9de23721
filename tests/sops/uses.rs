//! Which encrypted files are decrypted: values of charts, and manifests of a folder.

use crate::{CHART, TEMPLATE, encrypted, keyfill, printed, said};

#[test]
fn values_files_of_a_chart_are_decrypted() {
    let chart =
        |args: &[&str]| keyfill(args).file("app/Chart.yaml", CHART).file("app/templates/a.yaml", TEMPLATE);
    let line = "url: \"pg://alice:hush-of-values@db:5432\"";
    assert!(printed(&chart(&["render", "app", "-f", "app/values.enc.yaml"]).run()).contains(line));
    let generate = chart(&["generate", "app", "--source", "file", "--secrets-file", "s.yaml"])
        .file("s.yaml", "{}")
        .env("ARGOCD_ENV_HELM_ARGS", "--values values.enc.yaml");
    assert!(printed(&generate.run()).contains(line));
    let off = chart(&["render", "app", "-f", "app/values.enc.yaml"]).env("KEYFILL_SOPS", "false").run();
    assert!(printed(&off).contains("pg://ENC[AES256_GCM,"), "as helm prints it");
}

#[test]
fn values_of_helm_charts_in_a_kustomization_are_decrypted() {
    let kustomization = "helmCharts:\n- {name: db, releaseName: db, valuesFile: values.enc.yaml, valuesInline: {port: 6543}}\n";
    let run = keyfill(&["render", "app", "--enable-helm"])
        .file("app/kustomization.yaml", kustomization)
        .file("app/charts/db/Chart.yaml", CHART.replace("name: app", "name: db"))
        .file("app/charts/db/templates/a.yaml", TEMPLATE);
    assert!(printed(&run.run()).contains("pg://alice:hush-of-values@db:6543"));
}

#[test]
fn encrypted_manifests_of_a_plain_folder_are_decrypted() {
    let args = ["generate", "app", "--source", "file", "--secrets-file", "s.yaml"];
    let text = printed(&keyfill(&args).file("s.yaml", "{}").run());
    assert!(text.contains("password: hush-of-manifest") && text.contains("greeting: hush-of-map"), "{text}");
    assert!(!text.contains("sops:") && !text.contains("ENC["), "{text}");
    // Values files are not manifests, so that they are skipped, as they are without encryption.
    assert!(!text.contains("alice"), "{text}");
    let one = ["generate", "app/secret.enc.yaml", "--source", "file", "--secrets-file", "s.yaml"];
    assert!(printed(&keyfill(&one).file("s.yaml", "{}").run()).contains("hush-of-manifest"));
}

#[test]
fn placeholders_beside_decrypted_values_are_filled() {
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {a: <path:kv/data/x#k>}\n";
    let args = ["generate", "app", "--source", "file", "--secrets-file", "s.yaml"];
    let run = keyfill(&args).file("app/x.yaml", manifest).file("s.yaml", "kv/x: {k: found}\n");
    let text = printed(&run.run());
    assert!(text.contains("a: found") && text.contains("hush-of-manifest"), "{text}");
}

#[test]
fn decrypted_values_are_hidden_in_the_errors_of_a_chart() {
    for (template, shown) in [
        ("{{ fail (printf \"bad password %s\" .Values.db.password) }}", "bad password ***"),
        ("{{ fail (.Values.db.password | b64enc) }}", "***"),
        ("{{ fail (toJson .Values) }}", "***"),
        ("{{ .Values.db.password.missing }}", "password"),
        ("kind: [{{ .Values.db.password }}\n", "YAML"),
        ("{{ include .Values.db.password . }}", "***"),
        ("{{ tpl (printf \"{{ %s }}\" .Values.db.password) . }}", "***"),
    ] {
        let run = keyfill(&["render", "app", "-f", "app/values.enc.yaml"])
            .file("app/Chart.yaml", CHART)
            .file("app/templates/a.yaml", template);
        let said = said(&run.run(), 3);
        assert!(said.contains(shown), "{template}: {said}");
    }
    let schema = r#"{"properties": {"db": {"properties": {"password": {"enum": ["other"]}}}}}"#;
    let run = keyfill(&["render", "app", "-f", "app/values.enc.yaml"])
        .file("app/Chart.yaml", CHART)
        .file("app/values.schema.json", schema)
        .file("app/templates/a.yaml", TEMPLATE);
    said(&run.run(), 3);
}

#[test]
fn a_file_that_is_not_encrypted_is_read_as_it_is() {
    let run =
        keyfill(&["render", "app", "-f", "app/plain.yaml", "-f", "app/values.enc.yaml", "--set", "port=1"])
            .file("app/plain.yaml", "port: 7\n")
            .file("app/Chart.yaml", CHART)
            .file("app/templates/a.yaml", TEMPLATE);
    assert!(printed(&run.run()).contains("@db:1"));
    assert!(!encrypted("values.enc.yaml").windows(4).any(|part| part == b"hush"));
}
