//! The apps of the scenarios. Functions make their files, so that the benchmark needs no test data on disk.

use crate::archive::{App, Tree, pack};
use std::fmt::Write as _;

/// How many secrets [`secrets`] holds.
const SECRETS: usize = 500;

/// The secrets that Vault must hold: each path with its values of the keys `user` and `password`.
pub fn secrets() -> impl Iterator<Item = (String, String, String)> {
    (0..SECRETS).map(|i| (format!("secret/data/team/app-{i}"), format!("user-{i}"), password(i)))
}

fn password(i: usize) -> String {
    format!("password-of-{i}")
}

fn file(path: &str, content: impl Into<Vec<u8>>) -> (String, Vec<u8>) {
    (path.to_owned(), content.into())
}

/// A Deployment, a Service and a Secret with five placeholders.
fn small_tree(i: usize) -> Tree {
    let path = format!("secret/data/team/app-{}", i % SECRETS);
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: <path:{path}#user>\n  \
         password: <path:{path}#password>\n  url: postgres://<path:{path}#user>:<path:{path}#password>@db:5432/app\n  \
         encoded: <path:{path}#password | base64encode>\n"
    );
    let deployment = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n  selector:\n    \
         matchLabels: {{app: web}}\n  template:\n    metadata:\n      labels: {{app: web}}\n    spec:\n      \
         containers:\n      - name: web\n        image: registry.example.com/web:1.{i}\n        ports:\n        \
         - containerPort: 8080\n        envFrom:\n        - secretRef: {{name: db}}\n"
    );
    let service = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\nspec:\n  selector: {app: web}\n  ports:\n  - port: 80\n    targetPort: 8080\n";
    vec![
        file(
            "app/kustomization.yaml",
            format!("namePrefix: a{i}-\nresources: [deployment.yaml, service.yaml, secret.yaml]\n"),
        ),
        file("app/deployment.yaml", deployment),
        file("app/service.yaml", service),
        file("app/secret.yaml", secret),
    ]
}

/// A small app of five placeholders.
pub fn small(i: usize) -> App {
    App::new(&format!("small-{i}"), "app", &pack(&small_tree(i)), &password(i % SECRETS))
}

/// An app of `count` ConfigMaps that are all annotated with one path.
pub fn annotated(count: usize) -> App {
    let mut text = String::new();
    for i in 0..count {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{i}\n  annotations:\n    \
             avp.kubernetes.io/path: secret/data/team/app-7\ndata:\n  user: <user>\n  password: <password>\n"
        );
    }
    let tree = vec![file("app/kustomization.yaml", "resources: [all.yaml]\n"), file("app/all.yaml", text)];
    App::new("annotated", "app", &pack(&tree), &password(7))
}

/// Apps of different kinds: kustomizations with overlays, charts, plain YAML; of different sizes.
pub fn mixed(count: usize) -> Vec<App> {
    (0..count)
        .map(|i| match i % 4 {
            0 => small(i),
            1 => overlay(i),
            2 => chart(i),
            _ => plain(i),
        })
        .collect()
}

fn overlay(i: usize) -> App {
    let mut tree: Tree = small_tree(i)
        .into_iter()
        .map(|(path, content)| (path.replacen("app/", "base/", 1), content))
        .collect();
    tree.push(file(
        "overlays/prod/kustomization.yaml",
        "resources: [../../base]\nnamespace: prod\ncommonAnnotations: {team: web}\npatches:\n- path: patch.yaml\n  target: {kind: Deployment}\nconfigMapGenerator:\n- name: settings\n  literals: [LEVEL=info, REGION=eu]\n",
    ));
    tree.push(file(
        "overlays/prod/patch.yaml",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: any\nspec:\n  replicas: 5\n",
    ));
    App::new(&format!("overlay-{i}"), "overlays/prod", &pack(&tree), &password(i % SECRETS))
}

fn chart(i: usize) -> App {
    let path = format!("secret/data/team/app-{}", i % SECRETS);
    let tree = vec![
        file("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        file("chart/values.yaml", format!("replicas: {}\nname: web\nports: [80, 443, 8080]\n", i % 7)),
        file(
            "chart/templates/_helpers.tpl",
            "{{- define \"labels\" -}}\napp: {{ .Values.name }}\nrelease: {{ .Release.Name }}\n{{- end }}\n",
        ),
        file(
            "chart/templates/service.yaml",
            "{{- range .Values.ports }}\n---\napiVersion: v1\nkind: Service\nmetadata:\n  name: {{ $.Values.name }}-{{ . }}\n  labels:\n    {{- include \"labels\" $ | nindent 4 }}\nspec:\n  ports:\n  - port: {{ . }}\n{{- end }}\n",
        ),
        file(
            "chart/templates/secret.yaml",
            format!(
                "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  annotations:\n    avp.kubernetes.io/path: {path}\nstringData:\n  password: <password>\n"
            ),
        ),
    ];
    App::new(&format!("chart-{i}"), "chart", &pack(&tree), &password(i % SECRETS))
}

fn plain(i: usize) -> App {
    let mut tree = small_tree(i);
    tree.remove(0);
    tree.push(file("app/settings.yaml", config_map("settings", 200)));
    App::new(&format!("plain-{i}"), "app", &pack(&tree), &password(i % SECRETS))
}

fn config_map(name: &str, keys: usize) -> String {
    let mut text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n");
    for key in 0..keys {
        let _ = writeln!(text, "  key-{key}: \"a value of some length, number {key}\"");
    }
    text
}

/// A small app in a repository whose archive has about `bytes` bytes.
pub fn large_repository(bytes: usize) -> App {
    let mut tree = small_tree(0);
    let mut random = fastrand::Rng::with_seed(7);
    let mut left = bytes;
    while left > 0 {
        // Random bytes, because compression does not make them smaller.
        let mut content = vec![0; left.min(256 << 10)];
        random.fill(&mut content);
        left -= content.len();
        tree.push(file(&format!("assets/{left}.bin"), content));
    }
    App::new("large-repository", "app", &pack(&tree), &password(0))
}

/// An app whose manifests have about `bytes` bytes: CustomResourceDefinitions with deep schemas, and one Secret.
pub fn large_output(bytes: usize) -> App {
    let mut tree = small_tree(0);
    let mut resources = vec!["secret.yaml".to_owned()];
    let mut made = 0;
    while made < bytes {
        let i = resources.len();
        let text = definition(i);
        made += text.len();
        resources.push(format!("crd-{i}.yaml"));
        tree.push(file(&format!("app/crd-{i}.yaml"), text));
    }
    tree[0] = file("app/kustomization.yaml", format!("resources: [{}]\n", resources.join(", ")));
    App::new("large-output", "app", &pack(&tree), &password(0))
}

fn definition(i: usize) -> String {
    let mut text = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things{i}.example.com\n\
         spec:\n  group: example.com\n  names: {{kind: Thing{i}, plural: things{i}}}\n  scope: Namespaced\n  versions:\n  \
         - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        \
         properties:\n"
    );
    for field in 0..300 {
        let _ = write!(
            text,
            "          field{field}:\n            description: |-\n              What field {field} of thing {i} means, told at some length as it is\n              \
             usual in such schemas, and on more than one line.\n            type: object\n            properties:\n              \
             name:\n                description: The name of the thing that is referred to.\n                type: string\n                \
             maxLength: 253\n              items:\n                type: array\n                items:\n                  type: string\n            \
             required:\n            - name\n"
        );
    }
    text
}
