//! Placeholders in values, filled before the chart sees them.

use crate::{CHART, keyfill, printed, said};
use keyfill_testkit::Run;

const SECRETS: &str =
    "kv/db: {user: alice, password: hush-of-store, port: 5432, list: [a, b], multi: \"hush\\nlines\"}\n";

const TEMPLATE: &str = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData:\n  \
                        a: {{ printf \"%s:%s@%v\" .Values.user .Values.db.password .Values.port | b64enc }}\n  \
                        b: {{ .Values.own | upper }}\n  c: {{ tpl \"{{ .Values.user }}\" . }}\n";

/// A chart whose values hold placeholders.
fn chart(more: &[&str], template: &str) -> Run {
    let args = ["generate", "app", "--source", "file", "--secrets-file", "s.yaml"];
    keyfill(&[&args, more].concat())
        .env("KEYFILL_SOPS", "")
        .env("KEYFILL_FILL_VALUES", "true")
        .file("s.yaml", SECRETS)
        .file("app/Chart.yaml", CHART)
        .file("app/values.yaml", "own: <path:kv/data/db#user>\nport: 1\n")
        .file("app/templates/a.yaml", template)
        .file(
            "app/more.yaml",
            "db: {password: <path:kv/data/db#password>}\nuser: \"<path:kv/data/db#user> \"\n",
        )
}

const FLAGS: [&str; 4] =
    ["-f", "app/more.yaml", "--set", "user=<path:kv/data/db#user>,port=<path:kv/data/db#port>"];

#[test]
fn functions_and_tpl_see_the_secret() {
    let text = printed(&chart(&FLAGS, TEMPLATE).run());
    // alice:hush-of-store@5432
    assert!(text.contains("a: YWxpY2U6aHVzaC1vZi1zdG9yZUA1NDMy"), "{text}");
    assert!(text.contains("b: ALICE") && text.contains("c: alice"), "{text}");
}

#[test]
fn a_schema_sees_the_secret_and_its_error_does_not_show_it() {
    let schema = |password: &str| {
        format!(
            r#"{{"properties": {{"port": {{"type": "integer"}}, "db": {{"properties": {{"password": {password}}}}}}}}}"#
        )
    };
    let run = |password: &str| chart(&FLAGS, TEMPLATE).file("app/values.schema.json", schema(password)).run();
    printed(&run(r#"{"pattern": "^hush"}"#));
    let wrong = said(&run(r#"{"pattern": "^other"}"#), 3);
    assert!(wrong.contains("password"), "{wrong}");
}

#[test]
fn what_a_chart_shows_in_an_error_is_shown_without_the_value() {
    for template in [
        "{{ fail .Values.db.password }}",
        "{{ fail (toYaml .Values) }}",
        "{{ fail (b64enc (printf \"x%s\" .Values.db.password)) }}",
        "kind: {{ .Values.db.password }}: x\n",
        "{{ required .Values.db.password .Values.none }}",
        "{{ index (list) (int .Values.db.password) }}{{ .Values.db.password.x }}",
    ] {
        let outcome = chart(&FLAGS, template).run();
        let shown = said(&outcome, 3);
        assert!(!shown.contains("aHVzaC1vZi1zdG9yZQ"), "{shown}");
    }
}

#[test]
fn without_the_setting_only_an_app_that_asks_is_filled() {
    let ask = "[{\"name\": \"keyfill.dev/fill-values\", \"string\": \"true\"}]";
    let unset = |parameters: &str| {
        let run = chart(
            &[],
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {a: {{ .Values.own | upper | quote }}}\n",
        );
        run.env("KEYFILL_FILL_VALUES", "").env("ARGOCD_APP_PARAMETERS", parameters)
    };
    assert!(printed(&unset(ask).run()).contains("ALICE"));
    let forbidden = unset(ask).env("KEYFILL_FILL_VALUES", "false");
    assert!(!printed(&forbidden.run()).contains("ALICE"));
}

#[test]
fn values_of_helm_charts_in_a_kustomization_are_filled() {
    let kustomization = "helmCharts:\n- {name: db, releaseName: db, valuesInline: {user: <path:kv/data/db#user>, port: 1, own: x, db: {password: <path:kv/data/db#password>}}}\n";
    let run = keyfill(&["generate", "app", "--source", "file", "--secrets-file", "s.yaml"])
        .env("KEYFILL_FILL_VALUES", "true")
        .file("s.yaml", SECRETS)
        .file("app/kustomization.yaml", kustomization)
        .file("app/charts/db/Chart.yaml", CHART.replace("name: app", "name: db"))
        .file("app/charts/db/values.yaml", "")
        .file("app/charts/db/templates/a.yaml", TEMPLATE);
    assert!(printed(&run.run()).contains("a: YWxpY2U6aHVzaC1vZi1zdG9yZUAx"));
}

#[test]
fn what_is_wrong_with_a_placeholder_is_said_at_its_value() {
    for (set, code, what) in [
        ("db.password=<path:kv/data/none#x>", 4, "kv/data/none"),
        ("db.password=<path:kv/data/db#pasword>", 4, "password"),
        ("db.password=<path:kv/data/db#password | nope>", 3, "nope"),
    ] {
        let said = said(&chart(&["-f", "app/more.yaml", "--set", set], TEMPLATE).run(), code);
        assert!(said.contains(what) && said.contains("db.password"), "{set}: {said}");
    }
    let policy = chart(&FLAGS, TEMPLATE).env("KEYFILL_ALLOWED_PATHS", "kv/data/other/*");
    said(&policy.run(), 6);
}
