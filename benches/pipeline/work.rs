//! The work that both sides do: the folders to render, and the secrets in Vault that their placeholders name.

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// The secrets that both sides find in Vault, with their paths below `secret/data/`.
pub fn secrets() -> Vec<(String, Value)> {
    let mut all = vec![
        (
            "small".to_owned(),
            json!({"user": "alice", "password": "p", "host": "db", "port": "5432", "key": "k"}),
        ),
        ("shared".to_owned(), json!({"password": "p"})),
    ];
    all.extend((0..50).map(|n| (format!("many/{n}"), json!({"a": format!("a{n}"), "b": format!("b{n}")}))));
    all
}

/// A kustomization of a Deployment, a Service, a ConfigMap and a Secret with five placeholders.
pub fn small_app(dir: &Path) {
    write(
        dir,
        "kustomization.yaml",
        "namespace: shop\nresources: [deployment.yaml, service.yaml, config.yaml, secret.yaml]\n",
    );
    write(dir, "deployment.yaml", &deployment("shop", ""));
    write(
        dir,
        "service.yaml",
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: shop\nspec:\n  ports:\n  - port: 80\n  selector:\n    app: shop\n",
    );
    write(
        dir,
        "config.yaml",
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: shop\ndata:\n  mode: fast\n",
    );
    let mut secret = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: shop\n  annotations:\n    avp.kubernetes.io/path: secret/data/small\nstringData:\n".to_owned();
    for key in ["user", "password", "host", "port", "key"] {
        let _ = writeln!(secret, "  {key}: <{key}>");
    }
    write(dir, "secret.yaml", &secret);
}

/// A kustomization that annotates 100 resources with one path, as `kustomize edit set annotation` does. One
/// of them holds a placeholder.
pub fn one_path(dir: &Path) {
    write(
        dir,
        "kustomization.yaml",
        "commonAnnotations:\n  avp.kubernetes.io/path: secret/data/shared\nresources: [all.yaml]\n",
    );
    let mut all: String = (0..99).map(|n| deployment(&format!("app{n}"), "") + "---\n").collect();
    all.push_str("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: <password>\n");
    write(dir, "all.yaml", &all);
}

/// Plain YAML: 50 Secrets, each with two placeholders and a path of its own.
pub fn many_secrets(dir: &Path) {
    for n in 0..50 {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s{n}\nstringData:\n  a: <path:secret/data/many/{n}#a>\n  b: <path:secret/data/many/{n}#b>\n"
        );
        write(dir, &format!("s{n:02}.yaml"), &text);
    }
}

/// A kustomization of one ConfigMap.
pub fn one_config_map(dir: &Path) {
    write(dir, "kustomization.yaml", "resources: [c.yaml]\nnamePrefix: x-\n");
    write(dir, "c.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n");
}

/// A YAML stream of Deployments with at least `size` bytes, and one Secret to fill at its end.
pub fn large_stream(file: &Path, size: usize) {
    let mut text = String::with_capacity(size + 4096);
    for n in 0.. {
        if text.len() >= size {
            break;
        }
        text.push_str(&deployment(
            &format!("app{n}"),
            "a longer description, as generated manifests carry it: ",
        ));
        text.push_str("---\n");
    }
    text.push_str("apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\nstringData:\n  password: <path:secret/data/shared#password>\n");
    fs::write(file, text).expect("the stream can be written");
}

fn deployment(name: &str, description: &str) -> String {
    let mut text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {name}\n  labels:\n    app: {name}\nspec:\n  \
         replicas: 2\n  selector:\n    matchLabels:\n      app: {name}\n  template:\n    metadata:\n      labels:\n        \
         app: {name}\n    spec:\n      containers:\n      - name: main\n        image: example/{name}:1.0\n        env:\n"
    );
    for n in 0..8 {
        let _ = write!(text, "        - name: VARIABLE_{n}\n          value: \"{description}{n}\"\n");
    }
    text
}

fn write(dir: &Path, name: &str, text: &str) {
    fs::create_dir_all(dir).expect("the folder can be made");
    fs::write(dir.join(name), text).expect("the file can be written");
}
