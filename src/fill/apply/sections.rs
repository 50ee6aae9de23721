//! Adds whole secrets to the data of a Secret or ConfigMap.

use super::super::datum::{Datum, encode_base64, scalar_text, settled};
use super::super::locate;
use super::super::plan::{AllKeys, of_object};
use super::evaluate::Filler;
use keyfill_diag::{Class, Diagnostic};
use keyfill_secrets::{SecretData, SecretValue};
use keyfill_yaml::{Text, Value, to_json_plain};
use std::collections::HashSet;

/// The fields of a Secret or ConfigMap that hold keys.
const SECTIONS: [&str; 3] = ["data", "stringData", "binaryData"];

/// The longest name, in bytes, that Kubernetes accepts as a key of a Secret or ConfigMap.
const MOST_NAME: usize = 253;

/// The keys of a secret with their values.
pub fn of_secret(data: &SecretData) -> impl Iterator<Item = (Text, Datum)> {
    data.iter().map(|(key, value)| (Text::from(key), datum(value)))
}

/// The value of a secret's key; null counts as missing.
pub fn datum(value: &SecretValue) -> Datum {
    match value {
        SecretValue::Null => Datum::Missing,
        SecretValue::Bytes(bytes) => Datum::Bytes(bytes.expose().to_vec()),
        value => Datum::Value(Value::from(value)),
    }
}

/// Makes the data of an object from a secret's entries: text, or base64 of it. Lists and maps become JSON, null is
/// left out. The error names a key, never a value.
pub fn entries(entries: Vec<(Text, Datum)>, base64: bool) -> Result<Vec<(Text, Value)>, String> {
    let mut made = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let valid = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if key.is_empty() || key.len() > MOST_NAME || !key.chars().all(valid) {
            return Err(format!(
                "the key {key:?} of the secret cannot be a key of a Secret or ConfigMap: letters, digits, - _ . are"
            ));
        }
        let bytes = match value {
            Datum::Missing => continue,
            Datum::Bytes(bytes) => bytes,
            Datum::Value(value) => match settled(value) {
                Value::Null => continue,
                value @ (Value::Seq(_) | Value::Map(_)) => to_json_plain(&value),
                value => scalar_text(&value).unwrap_or_default().into_bytes(),
            },
        };
        let text = if base64 {
            encode_base64(&bytes)
        } else {
            String::from_utf8(bytes).map_err(|_| {
                format!(
                    "the value of the key {key} is binary: it fits the data of a Secret, and no ConfigMap"
                )
            })?
        };
        made.push((key, Value::Str(text.into())));
    }
    Ok(made)
}

impl Filler<'_> {
    /// Adds every key of a secret to the data of an object. Keys that the manifest already has are not replaced.
    pub fn add_all_keys(&mut self, document: &mut Value, addition: &AllKeys) {
        let answers = self.answers;
        // A secret that could not be read was reported; one that may be absent adds nothing.
        let Ok(data) = &answers[addition.secret] else { return };
        let except: HashSet<&str> = addition.except.iter().map(String::as_str).collect();
        let wanted = of_secret(data)
            .filter(|(key, _)| !except.contains(key.as_str()))
            .map(|(key, value)| (Text::from(format!("{}{key}", addition.prefix)), value))
            .collect();
        let made = match entries(wanted, addition.is_secret) {
            Ok(made) => made,
            Err(message) => return self.wrong_addition(addition, message),
        };
        let Some(Value::Map(resource)) = at(document, &addition.root) else { return };
        let sections = resource.iter().filter(|(name, _)| SECTIONS.contains(&name.as_str()));
        let entries = sections.filter_map(|(_, section)| section.as_map()).flatten();
        let there: HashSet<Text> = entries.map(|(key, _)| key.clone()).collect();
        let made: Vec<(Text, Value)> = made.into_iter().filter(|(key, _)| !there.contains(key)).collect();
        match resource.iter_mut().find(|(name, _)| name == "data") {
            Some((_, Value::Map(data))) => data.extend(made),
            Some((_, data @ Value::Null)) => *data = Value::Map(made),
            Some(_) => {
                self.wrong_addition(
                    addition,
                    "data is not a mapping, so that no key can be added".to_owned(),
                );
            }
            None => resource.push(("data".into(), Value::Map(made))),
        }
    }

    fn wrong_addition(&mut self, addition: &AllKeys, message: String) {
        let mut path = addition.root.clone();
        let steps = ["metadata", "annotations", super::super::annotations::ALL_KEYS];
        path.extend(steps.map(|key| locate::Key::Name(key.into())));
        let document = self.document;
        self.sink.problems.add(addition.order, Class::Render, |exact| {
            let place = locate::place(document, &path, false, None, exact);
            of_object(Diagnostic::error(Class::Render, message).at(place), &addition.object)
        });
    }
}

fn at<'v>(document: &'v mut Value, root: &[locate::Key]) -> Option<&'v mut Value> {
    root.iter().try_fold(document, |value, key| match (key, value) {
        (locate::Key::Name(name), value) => value.get_mut(name),
        (locate::Key::Index(index), Value::Seq(items)) => items.get_mut(*index),
        _ => None,
    })
}
