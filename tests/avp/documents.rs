//! Makes streams of manifests with placeholders in all places and forms that argocd-vault-plugin supports.

use crate::secrets::{STRUCTURED, TEXTS, WHOLE};
use fastrand::Rng;
use serde_json::{Map, Value, json};

const KINDS: [&str; 8] =
    ["ConfigMap", "Secret", "Deployment", "Service", "Ingress", "CustomThing", "CronJob", "ServiceAccount"];
const NAMES: [&str; 6] = ["a", "b", "c10", "c9", "key.with.dot", "KEY"];
const PLAIN: [&str; 10] =
    ["plain", "<not a placeholder", "a > b", "<a b>", "yes", "1e3", "0x10", "", "~", "x: y"];

/// Generator of one stream.
pub struct Generator {
    rng: Rng,
    /// The path that the document's annotation names.
    path: Option<&'static str>,
}

impl Generator {
    pub fn new(seed: u64) -> Self {
        Self { rng: Rng::with_seed(seed), path: None }
    }

    /// One document as JSON, or one or two as YAML.
    pub fn stream(&mut self) -> String {
        if self.rng.u8(..10) == 0 {
            return self.document().to_string();
        }
        let documents = self.rng.usize(1..3);
        let yaml = |document| serde_yaml::to_string(&document).expect("it can be written");
        (0..documents).map(|_| yaml(self.document())).collect::<Vec<_>>().join("---\n")
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(..100) < percent
    }

    fn document(&mut self) -> Value {
        let kind = self.pick(&KINDS);
        let mut annotations = Map::new();
        self.path = None;
        if self.chance(70) {
            let path = self.pick(&["secret/data/app", "secret/data/app", "kv1/app"]);
            self.path = Some(path);
            annotations.insert("avp.kubernetes.io/path".into(), json!(path));
            if path == "kv1/app" {
                annotations.insert("avp.kubernetes.io/kv-version".into(), json!("1"));
            } else if self.chance(10) {
                annotations.insert("avp.kubernetes.io/secret-version".into(), json!(self.pick(&["1", "2"])));
            }
        }
        for (name, values) in [("ignore", ["true", "false"]), ("remove-missing", ["true", "false"])] {
            if self.chance(6) {
                annotations.insert(format!("avp.kubernetes.io/{name}"), json!(self.pick(&values)));
            }
        }
        let mut document = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "n"}});
        if !annotations.is_empty() {
            document["metadata"]["annotations"] = Value::Object(annotations);
        }
        if self.chance(20) {
            document["metadata"]["labels"] = json!({"l": self.text()});
        }
        self.body(kind, &mut document);
        document
    }

    fn body(&mut self, kind: &str, document: &mut Value) {
        match kind {
            "ConfigMap" => document["data"] = self.entries(0),
            "Secret" => {
                if self.chance(70) {
                    document["data"] = self.secret_data();
                }
                document["stringData"] = self.secret_data();
            }
            "Deployment" | "CronJob" => {
                let env: Vec<Value> =
                    (0..self.rng.u8(..3)).map(|_| json!({"name": "E", "value": self.text()})).collect();
                let container = json!({"name": "c", "image": self.text(), "env": env, "args": [self.text()]});
                document["spec"] =
                    json!({"replicas": self.value(2), "template": {"spec": {"containers": [container]}}});
            }
            _ => document["spec"] = self.entries(0),
        }
    }

    fn entries(&mut self, depth: u8) -> Value {
        let mut names = NAMES;
        self.rng.shuffle(&mut names);
        let count = self.rng.usize(..4);
        Value::Object(names[..count].iter().map(|name| ((*name).to_owned(), self.value(depth))).collect())
    }

    /// Map of texts, some of which are base64 of a text with a placeholder.
    fn secret_data(&mut self) -> Value {
        use base64::Engine as _;
        let entry = |me: &mut Self| {
            let text = me.text();
            if me.chance(40) { base64::engine::general_purpose::STANDARD.encode(text) } else { text }
        };
        let count = self.rng.usize(..4);
        Value::Object(NAMES[..count].iter().map(|name| ((*name).to_owned(), json!(entry(self)))).collect())
    }

    fn value(&mut self, depth: u8) -> Value {
        match self.rng.u8(..10) {
            0 if depth < 2 => self.entries(depth + 1),
            // Lists in lists are not generated: COMPATIBILITY.md lists them as a difference.
            1 if depth < 2 => (0..self.rng.u8(..3)).map(|_| Value::from(self.text())).collect(),
            2 => [json!(5), json!(1.5), json!(true), Value::Null][self.rng.usize(..4)].clone(),
            3 => json!(self.whole()),
            _ => json!(self.text()),
        }
    }

    fn text(&mut self) -> String {
        let placeholder = self.placeholder();
        match self.rng.u8(..8) {
            0 | 1 => self.pick(&PLAIN).to_owned(),
            2 => format!(
                "{}{placeholder}{}",
                self.pick(&["pre-", "http://", "x: "]),
                self.pick(&["-post", "/p", " # c"])
            ),
            3 => format!("{placeholder}{}{}", self.pick(&[" ", "-", ":", "\n"]), self.placeholder()),
            4 => format!("line\n{placeholder}\nend\n"),
            _ => placeholder,
        }
    }

    /// A placeholder whose value is a text, sometimes with modifiers. A few name a key that is missing.
    fn placeholder(&mut self) -> String {
        let (key, modifiers): (&str, &[&str]) = if self.chance(25) {
            let (key, _, modifiers) = self.pick(&STRUCTURED);
            (key, modifiers)
        } else {
            (self.pick(&TEXTS).0, &["base64encode", "sha256sum", "indent 2", "base64encode | sha256sum"])
        };
        let key = if self.chance(1) { "missing" } else { key };
        let modifier = if self.chance(30) {
            format!("{}{}", self.pick(&["|", " | "]), self.pick(modifiers))
        } else {
            String::new()
        };
        self.written(key, &modifier)
    }

    /// A placeholder whose value is not a text.
    fn whole(&mut self) -> String {
        let key = self.pick(&WHOLE);
        self.written(key, "")
    }

    fn written(&mut self, key: &str, modifier: &str) -> String {
        if self.path.is_some() && self.chance(60) {
            return format!("<{}{key}{modifier}{}>", self.pick(&["", " "]), self.pick(&["", " "]));
        }
        let path = self.path.unwrap_or("secret/data/app");
        let version = if path != "kv1/app" && self.chance(20) { self.pick(&["#1", "#2"]) } else { "" };
        format!("<path:{path}#{key}{version}{modifier}>")
    }
}
