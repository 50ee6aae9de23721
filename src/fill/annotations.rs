//! The annotations that steer how a document is filled.

use super::scan::{DOMAIN, OWN_DOMAIN};
use crate::values;
use keyfill_diag::nearest;
use keyfill_secrets::KvVersion;
use keyfill_yaml::Value;

/// The annotation with the path of the secret from which key placeholders (`<key>`) get their values.
pub const PATH: &str = "avp.kubernetes.io/path";
/// `true`: placeholders in the document are not filled.
pub const IGNORE: &str = "avp.kubernetes.io/ignore";
/// The version of Vault's KV engine that serves the path: 1 or 2.
pub const KV_VERSION: &str = "avp.kubernetes.io/kv-version";
/// The version of the secret that key placeholders take.
pub const SECRET_VERSION: &str = "avp.kubernetes.io/secret-version";
/// `true`: entries of a Secret or ConfigMap whose keys are missing in the store are removed.
pub const REMOVE_MISSING: &str = "avp.kubernetes.io/remove-missing";

/// `any`: entries whose keys are missing in the store are removed from objects of every kind.
pub const REMOVE_MISSING_ANY: &str = "keyfill.dev/remove-missing";
/// `true`: every key of the secret at the path is added to the data of a Secret or ConfigMap.
pub const ALL_KEYS: &str = "keyfill.dev/all-keys";
/// The prefix of the names under which [`ALL_KEYS`] adds keys.
pub const ALL_KEYS_PREFIX: &str = "keyfill.dev/all-keys-prefix";
/// The keys that [`ALL_KEYS`] does not add, separated by commas.
pub const ALL_KEYS_EXCEPT: &str = "keyfill.dev/all-keys-except";
/// The Vault namespace in which the paths of the object are read.
pub const VAULT_NAMESPACE: &str = "keyfill.dev/vault-namespace";
/// Keys of the object whose values are not searched for placeholders, separated by commas.
pub const IGNORE_KEYS: &str = "keyfill.dev/ignore-keys";

/// The name of the store for paths in this manifest that name no store.
pub const STORE: &str = "keyfill.dev/store";

const KNOWN: [&str; 12] = [
    PATH,
    IGNORE,
    KV_VERSION,
    SECRET_VERSION,
    REMOVE_MISSING,
    REMOVE_MISSING_ANY,
    ALL_KEYS,
    ALL_KEYS_PREFIX,
    ALL_KEYS_EXCEPT,
    IGNORE_KEYS,
    STORE,
    VAULT_NAMESPACE,
];

/// The settings that a document's annotations give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The path of the secret for key placeholders, as written: it may contain a template.
    pub path: Option<String>,
    /// Do not fill the document.
    pub ignore: bool,
    /// The version of the KV engine, which decides how Vault's response is unwrapped.
    pub kv: Option<KvVersion>,
    /// The version of the secret that key placeholders use.
    pub version: Option<String>,
    /// Remove entries whose keys are missing, in Secrets and ConfigMaps.
    pub remove_missing: bool,
    /// Remove entries whose keys are missing, in objects of every kind.
    pub remove_missing_any: bool,
    /// Add every key of the secret at `path` to the object's data.
    pub all_keys: bool,
    /// The prefix of the names that `all_keys` adds.
    pub all_keys_prefix: String,
    /// The keys that `all_keys` does not add.
    pub all_keys_except: Vec<String>,
    /// Keys whose values are not searched for placeholders.
    pub ignore_keys: Vec<String>,
    /// The name of the store for paths that name no store.
    pub store: Option<String>,
    /// The Vault namespace of all paths, as written: it may contain a template.
    pub namespace: Option<String>,
    /// Problems of the annotations.
    pub problems: Vec<Problem>,
}

/// A problem of one annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The annotation's name.
    pub name: String,
    /// The error message: what is wrong with the annotation.
    pub message: String,
    /// The hint: what to do about it.
    pub hint: Option<String>,
    /// The problem is only a warning: the document is filled all the same.
    pub harmless: bool,
    /// The problem is reported only if the document reads a secret, since AVP too finds it only then.
    pub only_when_read: bool,
}

/// Reads the annotations of a document.
///
/// A number or a boolean as an annotation's value is used as its text (`ignore: true`). AVP ignores all
/// annotations of such a document, and fills what the author excluded.
pub fn read(document: &Value) -> Annotations {
    let mut annotations = Annotations::default();
    let entries = document.at(&["metadata", "annotations"]).and_then(Value::as_map).unwrap_or_default();
    for (name, value) in entries {
        if name.starts_with(DOMAIN) || name.starts_with(OWN_DOMAIN) {
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
            IGNORE => self.ignore = values::is_true(Some(&text)),
            REMOVE_MISSING => self.remove_missing = values::is_true(Some(&text)),
            SECRET_VERSION => self.version = Some(text.trim().to_owned()).filter(|t| !t.is_empty()),
            KV_VERSION => match text.parse() {
                Ok(kv) => self.kv = Some(kv),
                Err(()) => {
                    self.problem(
                        name,
                        format!(
                            "{text:?} is no version of Vault's KV engine: the annotation {name} takes 1 or 2"
                        ),
                    );
                    self.problems.last_mut().expect("it was just added").only_when_read = true;
                }
            },
            REMOVE_MISSING_ANY if text.trim() == "any" => self.remove_missing_any = true,
            REMOVE_MISSING_ANY => {
                self.problem(name, format!("the annotation {name} takes any, not {text:?}"));
            }
            ALL_KEYS => self.all_keys = values::is_true(Some(text.trim())),
            ALL_KEYS_PREFIX => self.all_keys_prefix = text.trim().to_owned(),
            ALL_KEYS_EXCEPT => self.all_keys_except = list(&text),
            IGNORE_KEYS => self.ignore_keys = list(&text),
            STORE => self.store = Some(text.trim().to_owned()).filter(|name| !name.is_empty()),
            VAULT_NAMESPACE => {
                self.namespace = Some(text.trim().to_owned()).filter(|name| !name.is_empty());
            }
            other => {
                let hint = nearest(other, KNOWN).map(|near| format!("did you mean {near}?"));
                let message = format!("the annotation {other} is not known");
                self.problems.push(Problem {
                    name: other.to_owned(),
                    message,
                    hint,
                    harmless: true,
                    only_when_read: false,
                });
            }
        }
    }

    fn problem(&mut self, name: &str, message: String) {
        self.problems.push(Problem {
            name: name.to_owned(),
            message,
            hint: None,
            harmless: false,
            only_when_read: false,
        });
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

/// Splits names that are separated by commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::super::scan::{DOMAIN, OWN_DOMAIN};
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
    fn every_annotation_is_of_our_domains_and_stands_once() {
        for (i, name) in KNOWN.iter().enumerate() {
            assert!(name.split_once('/').is_some_and(|(domain, _)| [DOMAIN, OWN_DOMAIN].contains(&domain)));
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
            ("keyfill.dev/remove-missing", string("any")),
            ("keyfill.dev/all-keys", string("true")),
            ("keyfill.dev/all-keys-prefix", string("DB_")),
            ("keyfill.dev/all-keys-except", string("a, b c,")),
            ("keyfill.dev/ignore-keys", string("x.conf")),
            ("keyfill.dev/store", string(" prod ")),
            ("keyfill.dev/vault-namespace", string(" team/a ")),
            ("example.com/priority", Value::Int(10)),
        ]);
        let expected = Annotations {
            path: Some("kv/data/a".into()),
            ignore: true,
            kv: Some(KvVersion::V1),
            version: Some("7".into()),
            remove_missing: true,
            remove_missing_any: true,
            all_keys: true,
            all_keys_prefix: "DB_".into(),
            all_keys_except: vec!["a".into(), "b c".into()],
            ignore_keys: vec!["x.conf".into()],
            store: Some("prod".into()),
            namespace: Some("team/a".into()),
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
        assert!(problem("keyfill.dev/remove-missing", string("true")).message.contains("takes any"));
        assert!(problem("keyfill.dev/all-key", string("true")).harmless);
        assert!(problem("avp.kubernetes.io/path", Value::Map(Vec::new())).message.contains("is a map"));
        let unknown = problem("avp.kubernetes.io/ingore", string("true"));
        assert!(unknown.harmless);
        assert_eq!(unknown.hint.as_deref(), Some("did you mean avp.kubernetes.io/ignore?"));
    }
}
