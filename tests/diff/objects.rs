//! What is shown of objects, images, hooks and secrets.

use crate::{Repository, texts};

/// A root of one manifest in two states.
fn states(before: &str, after: &str) -> Option<Repository> {
    Repository::of(&[&[("app/m.yaml", Some(before))], &[("app/m.yaml", Some(after))]])
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: registry.example/web:1.0
        env: [{name: A, value: a}, {name: B, value: b}]
      - {name: side, image: 'side:1'}
";

#[test]
fn fields_images_and_replacements_are_shown() {
    let after = DEPLOYMENT
        .replace("web:1.0", "web:1.1")
        .replace("{name: A, value: a}, ", "")
        .replace("matchLabels: {app: web}", "matchLabels: {app: web2}");
    let Some(made) = states(DEPLOYMENT, &after) else { return };
    let json = made.json(&[]);
    let root = &json["roots"][0];
    let object = &root["objects"][0];
    assert_eq!(
        texts(&object["fields"], "/path"),
        [
            "spec.selector.matchLabels.app",
            "spec.template.spec.containers[name=web].env[name=A]",
            "spec.template.spec.containers[name=web].image",
        ]
    );
    assert_eq!(object["replacedBy"], serde_json::json!(["spec.selector"]));
    assert_eq!(object["fields"][1]["after"], serde_json::Value::Null);
    assert!(object["fields"][1].get("after").is_none(), "a field that is gone is not null");
    assert_eq!(
        root["images"],
        serde_json::json!([{
            "before": "registry.example/web:1.0", "after": "registry.example/web:1.1",
            "usedBy": ["Deployment.apps prod/web: web"],
        }])
    );
    assert_eq!(json["objects"]["replaced"], 1);
}

#[test]
fn secrets_are_shown_by_reference_and_never_by_value() {
    let secret =
        |lines: &str| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData:\n{lines}");
    let before = secret(
        "  path: <path:secret/data/a#k>\n  version: <path:secret/data/b#k#1>\n  gone: <path:secret/data/c#k>\n  plain: \
         hunter2-before\n",
    );
    let after = secret(
        "  path: <path:secret/data/x#k>\n  version: <path:secret/data/b#k#2>\n  new: <path:secret/data/d#k>\n  plain: \
         hunter2-afterwards\n",
    );
    let Some(made) = states(&before, &after) else { return };
    let json = made.json(&[]);
    let secrets = &json["roots"][0]["secrets"];
    assert_eq!(texts(secrets, "/change"), ["added", "removed", "other path", "other version"]);
    assert_eq!(texts(secrets, "/before/path"), ["secret/data/c", "secret/data/a", "secret/data/b"]);
    assert_eq!(texts(secrets, "/after/version"), ["null", "null", "2"]);
    for format in ["human", "json", "markdown", "html"] {
        let outcome = made.diff(&["HEAD~1", "HEAD", "--format", format]);
        let text = outcome.text();
        assert!(!text.contains("hunter2"), "{format}: {text}");
        // On the page the word is set apart.
        let plain = text.replace("<ins>", "").replace("</ins>", "");
        assert!(plain.contains("not shown, changed"), "{format}: {text}");
        assert!(text.contains("secret/data/x"), "{format}: {text}");
        assert_eq!(outcome.code, Some(1));
    }
    // One that comes or goes as a whole is covered, too.
    let encoded = "apiVersion: v1\nkind: Secret\nmetadata: {name: t}\ndata: {a: aHVudGVyMg==}\n";
    made.put("app/t.yaml", encoded);
    made.commit();
    for format in ["human", "json", "markdown", "html"] {
        let text = made.diff(&["HEAD~1", "HEAD", "--format", format]).text();
        assert!(text.contains("7 bytes") && !text.contains("aHVudGVyMg"), "{format}: {text}");
    }
}

#[test]
fn hooks_are_named() {
    let job = |annotation: &str, image: &str| {
        format!(
            "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: migrate\n  annotations: {{{annotation}}}\nspec:\n  \
             template: {{spec: {{containers: [{{name: m, image: '{image}'}}]}}}}\n"
        )
    };
    for (annotation, hooks) in [
        ("argocd.argoproj.io/hook: 'PreSync,PostSync'", vec!["PreSync", "PostSync"]),
        ("helm.sh/hook: pre-install", vec!["pre-install"]),
    ] {
        let Some(made) = states(&job(annotation, "m:1"), &job(annotation, "m:2")) else { return };
        let json = made.json(&[]);
        let object = &json["roots"][0]["objects"][0];
        assert_eq!(object["hooks"], serde_json::json!(hooks));
        assert_eq!(object["replacedBy"], serde_json::json!(["spec.template"]));
    }
}

#[test]
fn a_name_with_a_hash_belongs_to_the_one_before() {
    let kustomization = |value: &str| {
        format!("configMapGenerator:\n- name: settings\n  literals: [level={value}]\nresources: [d.yaml]\n")
    };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  template:\n    spec:\n      \
                      containers:\n      - name: c\n        envFrom: [{configMapRef: {name: settings}}]\n";
    let (one, two) = (kustomization("info"), kustomization("debug"));
    let Some(made) = Repository::of(&[
        &[("app/kustomization.yaml", Some(one.as_str())), ("app/d.yaml", Some(deployment))],
        &[("app/kustomization.yaml", Some(two.as_str()))],
    ]) else {
        return;
    };
    let json = made.json(&[]);
    let objects = &json["roots"][0]["objects"];
    assert_eq!(texts(objects, "/change"), ["changed", "changed"], "{objects:#}");
    assert!(
        objects[0]["renamedFrom"].as_str().is_some_and(|name| name.starts_with("settings-")),
        "{objects:#}"
    );
    assert_eq!(texts(&objects[0]["fields"], "/path"), ["data.level"]);
}

#[test]
fn charts_are_rendered_as_argo_cd_does() {
    let Some(made) = Repository::of(&[
        &[
            ("chart/Chart.yaml", Some("apiVersion: v2\nname: chart\nversion: 1.0.0\n")),
            ("chart/values.yaml", Some("level: info\n")),
            (
                "chart/templates/m.yaml",
                Some(
                    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}'}\ndata: {level: {{ .Values.level }}}\n",
                ),
            ),
        ],
        &[("chart/values.yaml", Some("level: debug\n"))],
    ]) else {
        return;
    };
    let json = made.json(&[]);
    assert_eq!(texts(&json["roots"][0]["objects"][0]["fields"], "/after"), ["debug"]);
    // Values of the command line count on both sides.
    assert_eq!(made.diff(&["HEAD~1", "HEAD", "--set", "level=warn"]).code, Some(0));
}

#[test]
fn colours_follow_the_usual_variables() {
    let Some(made) = states(DEPLOYMENT, &DEPLOYMENT.replace("replicas: 2", "replicas: 3")) else { return };
    let root = made.path().to_str().expect("UTF-8").to_owned();
    let run = |variables: &[(&str, &str)]| {
        let run = keyfill_testkit::Run::of(crate::KEYFILL).args(["diff", "--root", &root, "HEAD~1", "HEAD"]);
        let run = variables.iter().fold(run, |run, (name, value)| run.env(name, value));
        run.run().text().contains('\u{1b}')
    };
    assert!(!run(&[]), "no colours in a pipe");
    assert!(run(&[("CLICOLOR_FORCE", "1")]));
    assert!(!run(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn authors_text_acts_on_nothing() {
    let hostile = "</code></details>\\n```<script>alert(1)</script>\\e[31m";
    let map = |value: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{\"{hostile}\": \"{hostile}{value}\"}}\n"
        )
    };
    let Some(made) = states(&map("1"), &map("2")) else { return };
    let page = made.diff(&["HEAD~1", "HEAD", "--format", "html"]).text();
    assert!(!page.contains("<script") && page.contains("&lt;script"), "{page}");
    for format in ["human", "json", "markdown", "html"] {
        let text = made.diff(&["HEAD~1", "HEAD", "--format", format]).text();
        assert!(!text.contains('\u{1b}'), "{format}");
    }
}
