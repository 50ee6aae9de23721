//! Argo CD Applications: what each source renders, and which apps a change reaches.

use crate::{Repository, texts};
use serde_json::json;

/// The address of the repository, as sources name it.
pub const OWN: &str = "https://git.example.com/team/apps.git";

/// An Application of one or more sources, each as JSON.
fn app(name: &str, sources: &[serde_json::Value]) -> String {
    let sources: Vec<serde_json::Value> = sources
        .iter()
        .cloned()
        .map(|mut source| {
            if source.get("repoURL").is_none() {
                source["repoURL"] = OWN.into();
            }
            source
        })
        .collect();
    let app = json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"project": "team", "destination": {"namespace": format!("ns-{name}")}, "sources": sources},
    });
    app.to_string()
}

/// The files that the apps below render.
fn world() -> Vec<(String, String)> {
    let map = |name: &str, value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{v: {value}}}\n")
    };
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  template:\n    \
                      spec: {containers: [{name: web, image: 'web:1'}]}\n";
    let template = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: '{{ .Release.Name }}', namespace: '{{ .Release.Namespace \
                    }}'}\ndata:\n  a: {{ .Values.a | quote }}\n  b: {{ .Values.b | quote }}\n  list: {{ .Values.list | toJson | quote \
                    }}\n  file: {{ .Values.file | quote }}\n  kube: {{ .Capabilities.KubeVersion.Version | quote }}\n";
    let crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: xs.example.org}\n";
    [
        ("kustomize/kustomization.yaml", "resources: [web.yaml]\n".to_owned()),
        ("kustomize/web.yaml", deployment.to_owned()),
        (
            "component/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n".to_owned(),
        ),
        ("chart/Chart.yaml", "apiVersion: v2\nname: chart\nversion: 1.0.0\n".to_owned()),
        ("chart/values.yaml", "a: default\nb: default\nlist: []\nfile: none\n".to_owned()),
        ("chart/templates/m.yaml", template.to_owned()),
        ("chart/crds/x.yaml", crd.to_owned()),
        ("chart/prod.yaml", "a: prod\n".to_owned()),
        ("chart/prod-named.yaml", "b: named\n".to_owned()),
        ("shared/values.yaml", "b: shared\n".to_owned()),
        ("shared/text.txt", "text".to_owned()),
        ("plain/a.yaml", map("plain-a", "1")),
        ("plain/b.yaml", map("plain-b", "1")),
        ("plain/below/c.yaml", map("plain-c", "1")),
        ("sets/one/m.yaml", map("set-one", "1")),
        ("sets/two/m.yaml", map("set-two", "1")),
        ("sets/not/m.yaml", map("set-not", "1")),
        ("clusters/east.yaml", "cluster: {name: east, size: 3}\n".to_owned()),
        ("clusters/west.yaml", "cluster: {name: west, size: 5}\n".to_owned()),
    ]
    .map(|(path, text)| (path.to_owned(), text))
    .into()
}

/// A repository with the world, and apps by their files.
pub fn repository(apps: &[(&str, String)]) -> Option<Repository> {
    let made = Repository::new()?;
    made.git(&["remote", "add", "origin", "git@git.example.com:team/apps"]);
    for (path, text) in world() {
        made.put(&path, text);
    }
    for (name, text) in apps {
        made.put(&format!("argocd/{name}.yaml"), text);
    }
    made.commit();
    Some(made)
}

/// What one app renders: its objects as they are added when the app is.
fn rendered(name: &str, sources: &[serde_json::Value]) -> Option<serde_json::Value> {
    let made = repository(&[])?;
    made.put(&format!("argocd/{name}.yaml"), app(name, sources));
    made.commit();
    Some(made.json(&["--apps"]))
}

/// An app's name, its sources, and what is at a path of the objects that they render.
type Case = (&'static str, Vec<serde_json::Value>, &'static str, serde_json::Value);

/// Apps of every kind of source.
fn cases() -> Vec<Case> {
    vec![
        ("kustomize", vec![json!({"path": "kustomize"})], "/0/name", json!("web")),
        (
            "k-images",
            vec![json!({"path": "kustomize", "kustomize": {"images": ["web=other/web:2"]}})],
            "/0/content/spec/template/spec/containers/0/image",
            json!("other/web:2"),
        ),
        (
            "k-prefix",
            vec![json!({"path": "kustomize", "kustomize": {"namePrefix": "p-", "nameSuffix": "-s"}})],
            "/0/name",
            json!("p-web-s"),
        ),
        (
            "k-labels",
            vec![json!({"path": "kustomize", "kustomize": {"commonLabels": {"team": "a"}}})],
            "/0/content/spec/selector/matchLabels/team",
            json!("a"),
        ),
        (
            "k-label-only",
            vec![
                json!({"path": "kustomize", "kustomize": {"commonLabels": {"team": "a"}, "labelWithoutSelector": true}}),
            ],
            "/0/content/metadata/labels/team",
            json!("a"),
        ),
        (
            "k-annotations",
            vec![json!({"path": "kustomize", "kustomize": {"commonAnnotations": {"a": "b"}}})],
            "/0/content/metadata/annotations/a",
            json!("b"),
        ),
        (
            "k-namespace",
            vec![json!({"path": "kustomize", "kustomize": {"namespace": "other"}})],
            "/0/namespace",
            json!("other"),
        ),
        (
            "k-replicas",
            vec![json!({"path": "kustomize", "kustomize": {"replicas": [{"name": "web", "count": 7}]}})],
            "/0/content/spec/replicas",
            json!(7),
        ),
        (
            "k-patches",
            vec![json!({"path": "kustomize", "kustomize": {"patches": [{"target": {"kind": "Deployment"},
            "patch": "- {op: replace, path: /spec/replicas, value: 9}"}]}})],
            "/0/content/spec/replicas",
            json!(9),
        ),
        (
            "k-components",
            vec![json!({"path": "kustomize", "kustomize": {"components": ["../component"]}})],
            "/0/name",
            json!("web-c"),
        ),
        (
            "helm",
            vec![json!({"path": "chart", "helm": {"skipCrds": true}})],
            "/0/content/data/a",
            json!("default"),
        ),
        ("helm-crds", vec![json!({"path": "chart"})], "/1/kind", json!("CustomResourceDefinition")),
        (
            "helm-name",
            vec![json!({"path": "chart", "helm": {"skipCrds": true}})],
            "/0/name",
            json!("helm-name"),
        ),
        (
            "helm-ns",
            vec![json!({"path": "chart", "helm": {"skipCrds": true}})],
            "/0/namespace",
            json!("ns-helm-ns"),
        ),
        (
            "helm-release",
            vec![json!({"path": "chart", "helm": {"skipCrds": true, "releaseName": "r"}})],
            "/0/name",
            json!("r"),
        ),
        (
            "helm-files",
            vec![json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["prod.yaml"]}})],
            "/0/content/data/a",
            json!("prod"),
        ),
        (
            "named",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["prod-$ARGOCD_APP_NAME.yaml"]}}),
            ],
            "/0/content/data/b",
            json!("named"),
        ),
        (
            "helm-root",
            vec![json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["/shared/values.yaml"]}})],
            "/0/content/data/b",
            json!("shared"),
        ),
        (
            "helm-missing",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["no.yaml"], "ignoreMissingValueFiles": true}}),
            ],
            "/0/content/data/a",
            json!("default"),
        ),
        (
            "helm-values",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["prod.yaml"], "values": "a: text\n"}}),
            ],
            "/0/content/data/a",
            json!("text"),
        ),
        (
            "helm-object",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "values": "a: text\n", "valuesObject": {"a": "object"}}}),
            ],
            "/0/content/data/a",
            json!("object"),
        ),
        (
            "helm-set",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "values": "a: text\n", "parameters": [{"name": "a", "value": "x,y"}]}}),
            ],
            "/0/content/data/a",
            json!("x,y"),
        ),
        (
            "helm-string",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "parameters": [{"name": "list", "value": "1", "forceString": true}]}}),
            ],
            "/0/content/data/list",
            json!("\"1\""),
        ),
        (
            "helm-list",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "parameters": [{"name": "list", "value": "{a,b}"}]}}),
            ],
            "/0/content/data/list",
            json!("[\"a\",\"b\"]"),
        ),
        (
            "helm-file",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "fileParameters": [{"name": "file", "path": "/shared/text.txt"}]}}),
            ],
            "/0/content/data/file",
            json!("text"),
        ),
        (
            "helm-kube",
            vec![json!({"path": "chart", "helm": {"skipCrds": true, "kubeVersion": "1.30.0"}})],
            "/0/content/data/kube",
            json!("v1.30.0"),
        ),
        (
            "helm-ref",
            vec![
                json!({"path": "chart", "helm": {"skipCrds": true, "valueFiles": ["$values/shared/values.yaml"]}}),
                json!({"ref": "values"}),
            ],
            "/0/content/data/b",
            json!("shared"),
        ),
        ("two", vec![json!({"path": "kustomize"}), json!({"path": "plain"})], "/2/name", json!("web")),
        ("directory", vec![json!({"path": "plain"})], "/1/name", json!("plain-b")),
        (
            "directory-deep",
            vec![json!({"path": "plain", "directory": {"recurse": true}})],
            "/2/name",
            json!("plain-c"),
        ),
        (
            "directory-only",
            vec![json!({"path": "plain", "directory": {"include": "b*.yaml"}})],
            "/0/name",
            json!("plain-b"),
        ),
        (
            "directory-but",
            vec![json!({"path": "plain", "directory": {"exclude": "{a,x}.yaml"}})],
            "/0/name",
            json!("plain-b"),
        ),
        (
            "plugin",
            vec![
                json!({"path": "kustomize", "plugin": {"env": [{"name": "IMAGE_NAME", "value": "web"}, {"name": "IMAGE_TAG", "value": "5"}]}}),
            ],
            "/0/content/spec/template/spec/containers/0/image",
            json!("web:5"),
        ),
        (
            "plugin-helm",
            vec![
                json!({"path": "chart", "plugin": {"env": [{"name": "HELM_ARGS", "value": "--set a=args --skip-crds"}]}}),
            ],
            "/0/content/data/a",
            json!("args"),
        ),
    ]
}

#[test]
fn every_kind_of_source_renders_as_argo_cd_does() {
    let cases = cases();
    assert!(cases.len() >= 30, "{}", cases.len());
    for (name, sources, path, want) in cases {
        let Some(json) = rendered(name, &sources) else { return };
        assert_eq!(texts(&json["roots"], "/name"), [format!("app {name}")], "{json:#}");
        let objects = &json["roots"][0]["objects"];
        assert_eq!(objects.pointer(path), Some(&want), "{name}: {objects:#} {:#}", json["notes"]);
        assert_eq!(json["notes"], json!([]), "{name}");
    }
}

#[test]
fn one_repository_of_all_apps_differs_in_those_that_a_change_reaches() {
    let cases = cases();
    let apps: Vec<(&str, String)> =
        cases.iter().map(|(name, sources, ..)| (*name, app(name, sources))).collect();
    assert!(apps.len() >= 30, "{}", apps.len());
    let Some(made) = repository(&apps) else { return };
    let of = |path: &str| -> Vec<String> {
        let has = |sources: &[serde_json::Value]| sources.iter().any(|source| source["path"] == path);
        let mut names: Vec<String> = cases
            .iter()
            .filter(|(_, sources, ..)| has(sources))
            .map(|(name, ..)| format!("app {name}"))
            .collect();
        names.sort();
        names
    };
    // A field that every one of them renders: an annotation of the kustomization, of the chart, of the folder.
    let changed = |path: &str, from: &str, to: &str| {
        let text = world().into_iter().find(|(name, _)| name == path).expect("a file").1;
        assert!(text.contains(from), "{path}");
        made.put(path, text.replace(from, to));
        made.commit();
        let json = made.json(&["--apps"]);
        assert_eq!(json["notes"], json!([]), "{path}");
        let mut names = texts(&json["roots"], "/name");
        names.sort();
        names
    };
    let web = changed("kustomize/web.yaml", "metadata: {name: web}", "metadata: {name: web, labels: {x: y}}");
    assert_eq!(web, of("kustomize"));
    assert_eq!(changed("chart/templates/m.yaml", "  a: {{", "  more: x\n  a: {{"), of("chart"));
    let plain = changed("plain/b.yaml", "{v: 1}", "{v: 2}");
    assert_eq!(plain, of("plain"));
    assert_eq!(changed("plain/below/c.yaml", "{v: 1}", "{v: 3}"), ["app directory-deep"]);
}

#[test]
fn a_change_reaches_the_apps_that_read_the_file() {
    let apps: Vec<(&str, String)> = vec![
        ("k1", app("k1", &[json!({"path": "kustomize"})])),
        ("k2", app("k2", &[json!({"path": "kustomize", "kustomize": {"namePrefix": "x-"}})])),
        ("h1", app("h1", &[json!({"path": "chart", "helm": {"valueFiles": ["/shared/values.yaml"]}})])),
        ("h2", app("h2", &[json!({"path": "chart"})])),
        (
            "ref",
            app(
                "ref",
                &[
                    json!({"path": "chart", "helm": {"valueFiles": ["$v/shared/values.yaml"]}}),
                    json!({"ref": "v"}),
                ],
            ),
        ),
        ("dir", app("dir", &[json!({"path": "plain"})])),
        ("other", app("other", &[json!({"path": "plain", "repoURL": "https://git.example.com/else"})])),
    ];
    let reached = |path: &str, text: &str| -> Option<Vec<String>> {
        let made = repository(&apps)?;
        made.put(path, text);
        made.commit();
        Some(texts(&made.json(&["--apps"])["roots"], "/name"))
    };
    let web = world().into_iter().find(|(path, _)| path == "kustomize/web.yaml").expect("a file").1;
    for (path, text, want) in [
        ("kustomize/web.yaml", web.replace("web:1", "web:2"), vec!["app k1", "app k2"]),
        ("shared/values.yaml", "b: new".to_owned(), vec!["app h1", "app ref"]),
        ("chart/values.yaml", "a: new\nb: new\n".to_owned(), vec!["app h1", "app h2", "app ref"]),
        ("plain/below/c.yaml", "kind: X\n".to_owned(), vec![]),
        ("README.md", "x".to_owned(), vec![]),
        (
            "argocd/k1.yaml",
            app("k1", &[json!({"path": "kustomize", "kustomize": {"images": ["web:7"]}})]),
            vec!["app k1"],
        ),
    ] {
        let Some(found) = reached(path, &text) else { return };
        assert_eq!(found, want, "{path}");
    }
}

#[test]
fn what_cannot_be_followed_is_noted() {
    for (name, source, word) in [
        ("other", json!({"path": "plain", "repoURL": "https://git.example.com/else"}), "another repository"),
        (
            "chart",
            json!({"chart": "web", "repoURL": "https://charts.example.com", "targetRevision": "1.0.0"}),
            "chart web 1.0.0 is not rendered",
        ),
        ("gone", json!({"path": "nowhere"}), "there is no folder nowhere"),
        ("out", json!({"path": "../x"}), "outside of the repository"),
    ] {
        let Some(json) = rendered(name, &[source]) else { return };
        let notes = json["notes"].to_string();
        assert!(notes.contains(word) && notes.contains(name), "{name}: {notes}");
    }
}
