//! Placeholders in values of charts, which are filled before the chart is rendered.

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
fn template_functions_and_tpl_get_the_secret() {
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
fn errors_that_a_chart_raises_are_shown_without_the_value() {
    for template in [
        "{{ fail .Values.db.password }}",
        "{{ fail (toYaml .Values) }}",
        "{{ fail (b64enc (printf \"x%s\" .Values.db.password)) }}",
        "kind: {{ .Values.db.password }}: x\n",
        "{{ required .Values.db.password .Values.none }}",
        "{{ fail (upper .Values.db.password) }}",
        "{{ fail (swapcase .Values.db.password) }}",
        "{{ fail (splitList \"\" .Values.db.password | reverse | join \"\") }}",
        "{{ fail (splitList \"\" .Values.db.password | join \" \") }}",
        "{{ fail (splitList \"\" .Values.db.password | join \"\\n\") }}",
        "{{ fail (replace \"-\" \"_\" .Values.db.password) }}",
        "{{ fail (b32enc .Values.db.password) }}",
        "{{ fail (printf \"% x\" .Values.db.password) }}",
        "a: {{ upper .Values.db.password }}: x: y\n",
        "{{ upper .Values.db.password }}: {{ snakecase .Values.db.password }}: y\n",
        "{{ mustRegexMatch (printf \"(%s\" (upper .Values.db.password)) \"x\" }}",
        "{{ urlParse (printf \"http://[%s\" (upper .Values.db.password)) }}",
        "{{ include (upper .Values.db.password) . }}",
        "{{ tpl (printf \"{{ %s }}\" (upper .Values.db.password)) . }}",
        "{{ index (list) (int .Values.db.password) }}{{ .Values.db.password.x }}",
    ] {
        let outcome = chart(&FLAGS, template).run();
        no_trace(&said(&outcome, 3));
    }
    // Errors after rendering show no value either: in names of objects, paths of placeholders, lines of manifests.
    for template in [
        "kind: {{ upper .Values.db.password }}\nmetadata: {name: {{ snakecase .Values.db.password }}}\nx: <path:kv/data/none#x>\n",
        "kind: x\nmetadata: {name: x}\nx: \"<path:kv/data/{{ splitList \"\" .Values.db.password | reverse | join \"\" }}#x>\"\n",
    ] {
        no_trace(&said(&chart(&FLAGS, template).run(), 4));
    }
    let notes = chart(&FLAGS, "").file("app/templates/NOTES.txt", "{{ fail (upper .Values.db.password) }}");
    no_trace(&said(&notes.run(), 3));
    let verbose = chart(&[&FLAGS[..], &["-v"]].concat(), "a: {{ upper .Values.db.password }}: x: y\n");
    no_trace(&said(&verbose.run(), 3));
    let named = ["-f", "app/more.yaml", "--set", "<path:kv/data/db#password>[x=1"];
    no_trace(&said(&chart(&named, "{{ fail (upper (toJson .Values)) }}").run(), 2));
}

/// Asserts that a text holds the password `hush-of-store` in no form.
#[track_caller]
fn no_trace(shown: &str) {
    let plain = shown.to_lowercase();
    for part in ["hush", "erots", "h u s h", "h\nu\ns\nh", "ahvzac1vzi1zdg9yzq", "nb2xg2bnn5t", "68 75 73"] {
        assert!(!plain.contains(part), "{shown}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_command_leaves_no_core_dump() {
    use std::process::{Command, Stdio};
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -Sc hard; exec \"$0\" generate - --source file", env!("CARGO_BIN_EXE_keyfill")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let limits = format!("/proc/{}/limits", child.id());
    // The process waits for its input. It starts as a shell, which may have another limit.
    let start = std::time::Instant::now();
    let has_none = || {
        let text = std::fs::read_to_string(&limits).unwrap_or_default();
        text.lines().any(|line| {
            line.strip_prefix("Max core file size").is_some_and(|rest| rest.trim_start().starts_with("0 "))
        })
    };
    while !has_none() {
        assert!(
            start.elapsed() < std::time::Duration::from_secs(10),
            "{:?}",
            std::fs::read_to_string(&limits)
        );
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().ok();
    child.wait().ok();
}

#[test]
fn without_the_setting_values_are_filled_only_if_the_app_asks_for_it() {
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
fn errors_in_a_placeholder_are_reported_with_the_path_of_its_value() {
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

/// Computations that no filter could list: keyfill renders again with another secret, and hides what differs in the
/// error.
#[test]
fn no_computation_on_a_value_gets_into_an_error() {
    const P: &str = ".Values.db.password";
    let hashes =
        ["sha256sum", "sha1sum", "adler32sum", "sha512sum"].map(|f| format!("{{{{ fail ({P} | {f}) }}}}"));
    let tricks = [
        // The secret is split, mixed with words, or turned to numbers.
        format!(
            "{{{{ range $i, $c := splitList \"\" {P} }}}}{{{{ $_ := set $.Values (print \"w\" $i) (printf \"<%s>\" $c) }}}}{{{{ end }}}}{{{{ fail (toJson .Values) }}}}"
        ),
        format!("{{{{ fail (printf \"%d %d %d\" (index {P} 0) (index {P} 1) (index {P} 2)) }}}}"),
        format!("{{{{ fail (printf \"%v\" ({P} | toString | list)) }}}}"),
        format!("{{{{ fail (printf \"%q %x %U\" {P} {P} {P}) }}}}"),
        format!("{{{{ fail (printf \"a%sb\" (substr 0 3 {P})) }}}}"),
        format!("{{{{ fail (printf \"%s-%s\" (substr 5 7 {P}) (substr 0 4 {P})) }}}}"),
        format!("{{{{ fail (trunc 4 {P} | title | repeat 3) }}}}"),
        format!("{{{{ fail ({P} | b64enc | trunc 7) }}}}"),
        format!("{{{{ fail ({P} | b64enc | splitList \"\" | join \".\") }}}}"),
        format!("{{{{ fail ({P} | b32enc | lower) }}}}"),
        format!("{{{{ fail ({P} | replace \"h\" \"1\" | replace \"u\" \"2\" | replace \"s\" \"3\") }}}}"),
        format!("{{{{ fail (splitList \"\" {P} | sortAlpha | join \"\") }}}}"),
        format!("{{{{ fail (regexReplaceAll \"(.)(.)\" {P} \"${{2}}${{1}}\") }}}}"),
        format!("{{{{ fail (derivePassword 1 \"long\" {P} \"user\" \"example.com\") }}}}"),
        format!("{{{{ fail (htmlDate {P}) }}}}{{{{ fail (nospace {P} | camelcase | kebabcase) }}}}"),
        format!("{{{{ fail (list {P} \"x\" | toYaml) }}}}"),
        format!("{{{{ required (printf \"%s is missing\" (shuffle {P})) .Values.none }}}}"),
        // The secret is used as an index, a name, a type, a number that overflows, or a key of a map.
        format!("{{{{ index (dict) {P} \"x\" }}}}"),
        format!("{{{{ (dict {P} 1).x.y }}}}{{{{ get (dict) 1 }}}}"),
        format!("{{{{ template \"x\" }}}}{{{{ include (substr 0 4 {P}) . }}}}"),
        format!("{{{{ atoi (len {P} | mul 100000000000000000 | print) }}}}{{{{ mustToDate {P} \"x\" }}}}"),
        format!("{{{{ tpl (printf \"{{{{ .Values.%s.y }}}}\" (substr 0 4 {P})) . }}}}"),
        format!("{{{{ tpl (printf \"{{{{ %s\" (substr 0 4 {P} | upper)) . }}}}"),
        // The secret is part of invalid YAML: an alias, a tag, a duplicate key, a tab, a wrong indentation.
        format!("a: *{{{{ substr 0 4 {P} }}}}\n"),
        format!("a: !!{{{{ substr 0 4 {P} }}}} x\nb: !!int {{{{ substr 0 4 {P} }}}}\n"),
        format!("? {{{{ substr 0 4 {P} }}}}\n: 1\n{{{{ substr 0 4 {P} }}}}: 2\n"),
        format!("kind: {{{{ substr 0 4 {P} }}}}\napiVersion: [{{{{ substr 0 4 {P} }}}}]\n"),
        format!("\tx: {{{{ substr 0 4 {P} }}}}\n- {{{{ substr 5 7 {P} }}}}\n"),
    ];
    for template in tricks.iter().chain(&hashes) {
        let outcome = chart(&FLAGS, template).run();
        if outcome.code == Some(0) {
            continue;
        }
        let shown = said(&outcome, 3);
        no_trace(&shown);
        // Parts of `hush-of-store`, its bytes, its hashes, its base64.
        for part in [
            "hus", "us-", "104 117", "0x68", "<h>", "shtore", "uhhs", "123", "ahvz", "a.h.v.z", "nb2x",
            "huh", "of-", "store", "8f5f", "20bb", "%!d",
        ] {
            assert!(
                !shown.to_lowercase().replace("app/templates", "").contains(part),
                "{part} of {template}: {shown}"
            );
        }
    }
}

#[test]
fn what_does_not_depend_on_a_value_is_shown() {
    for (template, says) in [
        (
            "{{ fail (printf \"the password %s has no digit\" .Values.db.password) }}",
            "the password *** has no digit",
        ),
        ("{{ required \"give a host\" .Values.host }}", "give a host"),
        ("{{ .Values.db.password.x.y }}", "app/templates/a.yaml:1"),
        ("a: b: c\n# {{ .Values.db.password }}\n", "app/templates/a.yaml"),
    ] {
        let shown = said(&chart(&FLAGS, template).run(), 3);
        assert!(shown.contains(says), "{says}: {shown}");
    }
}
