//! A case: templates and data, and the result of keyfill-template for them.

use keyfill_diag::Cx;
use keyfill_template::funcs::GO;
use keyfill_template::function::Registry;
use keyfill_template::value::{Map, Value};
use keyfill_template::{Error, Execution, MissingKey, Templates};
use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// The program whose behavior is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Go's text/template with its own functions.
    Go,
    /// helm 3, with the data as values.
    Helm,
    /// helm 4.
    Helm4,
}

/// Templates and data.
pub struct Case {
    pub missing_key: &'static str,
    /// The template to execute.
    pub main: String,
    /// The data, as JSON.
    pub data: String,
    /// The name and text of each template, in the order of parsing.
    pub templates: Vec<(String, Vec<u8>)>,
}

/// The result of executing a case.
#[derive(PartialEq, Eq)]
pub enum Outcome {
    Output(Vec<u8>),
    Failure(String),
    Panic,
}

static GO_FUNCTIONS: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(Registry::new(&[GO])));
static HELM_FUNCTIONS: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(Registry::helm_3()));
static HELM_4_FUNCTIONS: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(Registry::helm_4()));

impl Case {
    /// One template, which sees the data as `.` in Go and `.Values` in helm.
    pub fn one(text: impl Into<Vec<u8>>, data: impl Into<String>) -> Self {
        let templates = vec![("main".to_owned(), text.into())];
        Self { missing_key: "zero", main: "main".to_owned(), data: data.into(), templates }
    }

    /// The same case for helm: the template is in a file of its own, and is called with the values as `.`.
    pub fn for_helm(mut self) -> Self {
        self.templates[0].0 = "_main".to_owned();
        self.templates.push(("main".to_owned(), b"{{template \"c/templates/_main\" .Values}}".to_vec()));
        self
    }

    /// Executes the case with keyfill-template.
    pub fn run(&self, mode: Mode) -> Outcome {
        match std::panic::catch_unwind(|| self.execute(mode)) {
            Ok(Ok(out)) => Outcome::Output(out),
            Ok(Err(error)) => Outcome::Failure(error.to_string()),
            Err(_) => Outcome::Panic,
        }
    }

    fn execute(&self, mode: Mode) -> Result<Vec<u8>, Error> {
        let missing_key = match self.missing_key {
            "zero" => MissingKey::Zero,
            "error" => MissingKey::Error,
            _ => MissingKey::Default,
        };
        let limits = keyfill_yaml::Limits::default();
        let data = keyfill_yaml::load_value(self.data.as_bytes(), &limits).expect("generated data are JSON");
        let mut data = Value::from(&data);
        let helm = mode != Mode::Go;
        let set = if helm { "gotpl" } else { "root" };
        let missing_key = if helm { MissingKey::Zero } else { missing_key };
        let registry = Arc::clone(match mode {
            Mode::Go => &GO_FUNCTIONS,
            Mode::Helm => &HELM_FUNCTIONS,
            Mode::Helm4 => &HELM_4_FUNCTIONS,
        });
        let mut templates = Templates::new(set, registry).with_missing_key(missing_key);
        let path = |name: &str| if helm { format!("c/templates/{name}") } else { name.to_owned() };
        let mut order: Vec<&(String, Vec<u8>)> = self.templates.iter().collect();
        if helm {
            // helm parses templates in descending order of their paths.
            order.sort_by(|a, b| b.0.cmp(&a.0));
            let release: Map = [("Name", "r")].into_iter().collect();
            data = [("Values", data), ("Release", Value::Map(release))].into_iter().collect::<Map>().into();
        }
        for (name, text) in order {
            templates.parse(&path(name), text.as_slice())?;
        }
        let mut execution = Execution::new(&Cx::with_time(Duration::from_secs(20)));
        let out = execution.render(&Arc::new(templates), &path(&self.main), &data)?;
        Ok(if helm { without(&out, b"<no value>") } else { out })
    }
}

fn without(text: &[u8], word: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(word) {
            rest = after;
        } else {
            out.push(rest[0]);
            rest = &rest[1..];
        }
    }
    out
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "missingkey={} data={}", self.missing_key, self.data)?;
        for (name, text) in &self.templates {
            write!(f, "\n  {name}: {}", text.escape_ascii())?;
        }
        Ok(())
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Output(text) => write!(f, "= {}", text.escape_ascii()),
            Self::Failure(message) => write!(f, "! {message}"),
            Self::Panic => f.write_str("panic"),
        }
    }
}
