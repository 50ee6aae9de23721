//! The manifests equal those of argocd-cmp-server.

use crate::{Server, TEAM, over_file};
use keyfill_testkit::{oracle, workspace};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn serve_gives_the_manifests_of_generate() {
    let Some((server, secrets)) = over_file() else { return };
    let app = workspace().join("testdata/quickstart");
    let file = secrets.path().join("quick.yaml");
    std::fs::copy(app.join("secrets.yaml"), &file).expect("a file");
    drop(server);
    let name = file.to_string_lossy().into_owned();
    let vars =
        [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", name.as_str()), ("KEYFILL_ALLOWED_PATHS", "*")];
    let Some(server) = Server::start(&vars, &[]) else { return };
    let answer = server.call(&app, &["-path", "app"], TEAM);
    let output = Command::new(env!("CARGO_BIN_EXE_keyfill"))
        .args(["generate", ".", "--source", "file", "--secrets-file", &name])
        .current_dir(app.join("app"))
        .env_clear()
        .output()
        .expect("keyfill runs");
    let mut want = Vec::new();
    for document in String::from_utf8(output.stdout).expect("text").split("---\n") {
        let value =
            keyfill_yaml::load_object(document.as_bytes(), &keyfill_yaml::Limits::default()).expect("YAML");
        want.push(Value::from(String::from_utf8(keyfill_yaml::to_json(&value)).expect("text")));
    }
    assert_eq!(answer["one"], Value::from(want));
}

/// Apps on which a server may differ from the official one: in JSON, in documents, in order.
const APPS: [(&str, &[(&str, &str)]); 5] = [
    (
        "values",
        &[(
            "app/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: z, annotations: {b: '1', a: <&>}}\ndata:\n  \
             html: <b>&amp;</b>\n  line: \"a\\u2028b\\u00e9\\t\\u0001\"\n  text: |\n    one\n    two\n  empty: ''\n\
             numbers: [1, -0, 1.5, 1e3, 1e21, 0.000001, 1e-7, 9007199254740993, 0x1f, 0o17, 017, 1_000, .5, +1]\n\
             words: [true, yes, 'on', ~, null, 2024-01-02, 12:30:45, '1', !!str 2]\nnested: {2: two, true: yes}\n",
        )],
    ),
    (
        "documents",
        &[
            (
                "app/b.yaml",
                "# first\n---\n---\n# nothing\n---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: <path:secret/data/team/app#user>}\n---\n{\"kind\": \"ConfigMap\",  \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"json\"}}\n---\n",
            ),
            (
                "app/a.json",
                "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}}",
            ),
            ("app/sub/c.yaml", "apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: crlf\r\n"),
            (
                "app/list.yaml",
                "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l1}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: l2}}\n",
            ),
        ],
    ),
    (
        "anchors",
        &[(
            "app/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: &m {name: a, labels: {x: y}}\nspec:\n  copy: *m\n  merged: {<<: *m, more: 1}\n",
        )],
    ),
    (
        "kustomization",
        &[
            (
                "base/kustomization.yaml",
                "resources: [all.yaml]\nconfigMapGenerator:\n- name: made\n  literals: ['a=<b>', c=1]\n",
            ),
            (
                "base/all.yaml",
                "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {replicas: 1, template: {spec: {containers: [{name: c, image: 'i:1', envFrom: [{configMapRef: {name: made}}]}]}}}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n",
            ),
            (
                "app/kustomization.yaml",
                "resources: [../base]\nnamePrefix: p-\nnamespace: web\nreplicas: [{name: d, count: 3}]\n",
            ),
        ],
    ),
    (
        "chart",
        &[
            ("app/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
            ("app/values.yaml", "n: 3\nlarge: 12345678901\nf: 0.10\n"),
            (
                "app/templates/a.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\ndata:\n  n: {{ .Values.n | quote }}\n  large: {{ .Values.large | int64 | quote }}\n  f: \"{{ .Values.f }}\"\n  user: <path:secret/data/team/app#user>\n---\n{{- if false }}\nnothing: here\n{{- end }}\n",
            ),
            (
                "app/crds/crd.yaml",
                "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: things.example.com}\n",
            ),
        ],
    ),
];

/// plugin.yaml that runs `keyfill generate .`, with a discovery.
fn plugin(discover: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: ConfigManagementPlugin\nmetadata: {{name: keyfill}}\n\
         spec: {{generate: {{command: [{}, generate, .]}}, discover: {discover}}}\n",
        env!("CARGO_BIN_EXE_keyfill")
    )
}

/// An argocd-cmp-server that runs `keyfill generate .`, over the same secrets.
fn official(discover: &str, secrets: &Path) -> Option<Server> {
    let (client, program) = (oracle("cmp-client")?, oracle("cmp-server")?);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("plugin.yaml"), plugin(discover)).expect("a file");
    let child = Command::new(program)
        .arg("--config-dir-path")
        .arg(folder.path())
        .env_clear()
        .env("ARGOCD_PLUGINSOCKFILEPATH", folder.path())
        .env("TMPDIR", folder.path())
        .env("HOME", folder.path())
        .env("KEYFILL_SOURCE", "file")
        .env("KEYFILL_SECRETS_FILE", secrets)
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.path().join("log")).expect("a file"))
        .spawn()
        .expect("argocd-cmp-server starts");
    let server = Server { child, dir: folder, client };
    server.wait_for_socket();
    Some(server)
}

/// A folder with these files.
fn repository(files: &[(&str, &str)]) -> tempfile::TempDir {
    let repository = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = repository.path().join(path);
        std::fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    repository
}

#[test]
fn the_manifests_equal_those_of_argocd_cmp_server() {
    let Some((ours, secrets)) = over_file() else { return };
    let Some(theirs) = official("{}", &secrets.path().join("secrets.yaml")) else { return };
    for (name, files) in APPS {
        let repository = repository(files);
        let vars = [TEAM, &["ARGOCD_APP_SOURCE_PATH=app", "ARGOCD_APP_NAMESPACE=apps"]].concat();
        let want = theirs.call(repository.path(), &["-path", "app"], &vars);
        let got = ours.call(repository.path(), &["-path", "app"], &vars);
        assert!(want["one"].as_array().is_some_and(|all| !all.is_empty()), "{name}: {want}");
        assert_eq!(got["one"], want["one"], "{name}");
    }
}

#[test]
fn discovery_by_patterns_equals_that_of_argocd_cmp_server() {
    let Some((_, secrets)) = over_file() else { return };
    let (file, mut wrong) = (secrets.path().join("secrets.yaml"), Vec::new());
    let repository = repository(&[
        ("app/a.yaml", "a: 1\n"),
        ("app/sub/b.yaml", "b: 1\n"),
        ("app/sub/deep/c.txt", "c\n"),
        ("app/.hidden.yaml", "d: 1\n"),
        ("empty/readme.md", "\n"),
    ]);
    for pattern in [
        "a.yaml",
        "*.yaml",
        "./*.yaml",
        "b.yaml",
        "sub/*.yaml",
        "*/b.yaml",
        "**/c.txt",
        "**/*.txt",
        "s?b/[ab].yaml",
        "sub",
        "*",
        "**",
        ".*.yaml",
        "sub/deep/*",
        "*.md",
        "{a,b}.yaml",
        "**/b.yaml",
        "sub/**",
    ] {
        for discover in [format!("{{fileName: '{pattern}'}}"), format!("{{find: {{glob: '{pattern}'}}}}")] {
            let Some(theirs) = official(&discover, &file) else { return };
            let ours = Server::with_plugin(&plugin(&discover), &file);
            for path in ["app", "empty"] {
                let args = ["-path", path, "-call", "MatchRepository"];
                let [want, got] = [&theirs, &ours].map(|server| {
                    // If no file matches a glob, the official server answers with an error, which has the same
                    // effect.
                    server.call(repository.path(), &args, &[])["one"] == json!(["1"])
                });
                if want != got {
                    wrong.push(format!("{discover} in {path}: {want}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
