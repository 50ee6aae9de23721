//! The annotations that steer how a document is filled.

use super::scan::DOMAIN;
use keyfill_diag::nearest;
use keyfill_secrets::KvVersion;
use keyfill_yaml::Value;

/// The annotation that names the secret of the key placeholders.
pub const PATH: &str = "avp.kubernetes.io/path";
/// The document is left as it is.
pub const IGNORE: &str = "avp.kubernetes.io/ignore";
/// The version of Vault's KV engine.
pub const KV_VERSION: &str = "avp.kubernetes.io/kv-version";
/// The version of the secret that key placeholders take.
pub const SECRET_VERSION: &str = "avp.kubernetes.io/secret-version";
/// Entries whose keys are missing are left out.
pub const REMOVE_MISSING: &str = "avp.kubernetes.io/remove-missing";

const KNOWN: [&str; 5] = [PATH, IGNORE, KV_VERSION, SECRET_VERSION, REMOVE_MISSING];

/// What the annotations of a document say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The secret of the key placeholders, as written: perhaps a template.
    pub path: Option<String>,
    /// Leave the document as it is.
    pub ignore: bool,
    /// How the answer of the store is unwrapped.
    pub kv: Option<KvVersion>,
    /// Which version key placeholders take.
    pub version: Option<String>,
    /// Leave entries out whose keys are missing.
    pub remove_missing: bool,
    /// What is wrong with them: the annotation's name, what is wrong, and what to do.
    pub problems: Vec<Problem>,
}

/// Something wrong with an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The annotation.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// It does not keep the document from being filled.
    pub harmless: bool,
}

/// Reads the annotations of a document.
///
/// A number or a bool among them counts by its text (`ignore: true`). AVP loses all annotations of such a
/// document and fills what was to be left alone.
pub fn read(document: &Value) -> Annotations {
    let mut annotations = Annotations::default();
    let entries = document.at(&["metadata", "annotations"]).and_then(Value::as_map).unwrap_or_default();
    for (name, value) in entries {
        if name.starts_with(DOMAIN) {
            annotations.take(name, value);
        }
    }
    annotations
}

impl Annotations {
    fn take(&mut self, name: &str, value: &Value) {
        let Some(text) = text_of(value) else {
            return self
                .problem(name, format!("the annotation {name} is a {}, not a string", value.type_name()));
        };
        match name {
            PATH => self.path = Some(text.trim().to_owned()),
            IGNORE => self.ignore = is_true(&text),
            REMOVE_MISSING => self.remove_missing = is_true(&text),
            SECRET_VERSION => self.version = Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            KV_VERSION => match text.parse() {
                Ok(kv) => self.kv = Some(kv),
                Err(()) => self.problem(
                    name,
                    format!(
                        "{text:?} is no version of Vault's KV engine: the annotation {name} takes 1 or 2"
                    ),
                ),
            },
            other => {
                let hint = nearest(other, KNOWN).map(|near| format!("did you mean {near}?"));
                let message = format!("the annotation {other} is not known");
                self.problems.push(Problem { name: other.to_owned(), message, hint, harmless: true });
            }
        }
    }

    fn problem(&mut self, name: &str, message: String) {
        self.problems.push(Problem { name: name.to_owned(), message, hint: None, harmless: false });
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Int(n) => Some(n.to_string()),
        Value::Uint(n) => Some(n.to_string()),
        Value::Float(n) => Some(n.to_string()),
        Value::Number(text) | Value::Str(text) => Some(text.to_string()),
        Value::Seq(_) | Value::Map(_) => None,
    }
}

/// What Go's `strconv.ParseBool` takes for true.
fn is_true(text: &str) -> bool {
    matches!(text, "1" | "t" | "T" | "true" | "True" | "TRUE")
}

#[cfg(test)]
mod tests {
    use super::super::scan::DOMAIN;
    use super::{Annotations, KNOWN, read};
    use keyfill_secrets::KvVersion;
    use keyfill_yaml::Value;

    fn annotated(entries: &[(&str, Value)]) -> Annotations {
        let entries = entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect();
        let metadata = Value::Map(vec![("annotations".into(), Value::Map(entries))]);
        read(&Value::Map(vec![("metadata".into(), metadata)]))
    }

    fn string(text: &str) -> Value {
        Value::Str(text.into())
    }

    #[test]
    fn every_annotation_is_of_our_domain_and_stands_once() {
        for (i, name) in KNOWN.iter().enumerate() {
            assert_eq!(name.split_once('/').map(|(domain, _)| domain), Some(DOMAIN));
            assert!(!KNOWN[..i].contains(name));
        }
    }

    #[test]
    fn they_are_read_by_their_text() {
        let read = annotated(&[
            ("avp.kubernetes.io/path", string("kv/data/a")),
            ("avp.kubernetes.io/kv-version", Value::Int(1)),
            ("avp.kubernetes.io/secret-version", Value::Int(7)),
            ("avp.kubernetes.io/ignore", Value::Bool(true)),
            ("avp.kubernetes.io/remove-missing", string("T")),
            ("example.com/priority", Value::Int(10)),
        ]);
        let expected = Annotations {
            path: Some("kv/data/a".into()),
            ignore: true,
            kv: Some(KvVersion::V1),
            version: Some("7".into()),
            remove_missing: true,
            problems: Vec::new(),
        };
        assert_eq!(read, expected);
        assert!(!annotated(&[("avp.kubernetes.io/ignore", string("yes"))]).ignore);
        assert_eq!(super::read(&Value::Null), Annotations::default());
    }

    #[test]
    fn wrong_ones_are_named() {
        let problem = |name, value| annotated(&[(name, value)]).problems.remove(0);
        assert!(problem("avp.kubernetes.io/kv-version", string("3")).message.contains("takes 1 or 2"));
        assert!(problem("avp.kubernetes.io/path", Value::Map(Vec::new())).message.contains("is a map"));
        let unknown = problem("avp.kubernetes.io/ingore", string("true"));
        assert!(unknown.harmless);
        assert_eq!(unknown.hint.as_deref(), Some("did you mean avp.kubernetes.io/ignore?"));
    }
}
