//! The keys and values of a secret. Values keep the types and the spelling of numbers that the store's JSON has.

use crate::{Error, Secret, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_yaml::Value;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// The deepest nesting of lists and maps in an answer. It is limited since the parser scans the text once per level.
const DEPTH: u32 = 128;

/// A value of a secret. Its Debug output is its type.
#[derive(Clone, PartialEq)]
pub enum SecretValue {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number as the store wrote it. Version 1 of Vault's KV engine keeps the spelling of numbers such as `1.10`.
    Number(Secret),
    /// A string.
    Str(Secret),
    /// Bytes, where a store distinguishes them from text.
    Bytes(SecretBytes),
    /// A list.
    List(Vec<SecretValue>),
    /// A map, in the store's order.
    Map(Vec<(String, SecretValue)>),
}

/// The keys and values of a secret, sorted by key.
#[derive(Clone, Default, PartialEq)]
pub struct SecretData {
    keys: BTreeMap<String, SecretValue>,
    version: Option<u64>,
}

impl SecretData {
    /// The version of the secret, if the store numbers versions.
    pub fn version(&self) -> Option<u64> {
        self.version
    }

    /// The same data with the version `version`.
    pub(crate) fn of_version(self, version: Option<u64>) -> Self {
        Self { version, ..self }
    }

    /// The value of a key; `None` if there is no such key.
    pub fn get(&self, key: &str) -> Option<&SecretValue> {
        self.keys.get(key)
    }

    /// The names of the keys, sorted. Names are not secret: errors suggest similar ones.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The keys with their values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SecretValue)> {
        self.keys.iter().map(|(k, v)| (k.as_str(), v))
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The memory that the data takes, in bytes, roughly.
    pub(crate) fn bytes(&self) -> usize {
        self.keys.iter().map(|(key, value)| key.len() + value.bytes()).sum::<usize>() + size_of::<Self>()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Parses a JSON object. `what` names it in an error, which contains nothing of the text.
    pub fn from_json(json: &str, what: &str) -> Result<Self, Error> {
        let raw: &RawValue =
            serde_json::from_str(json).map_err(|_| Error::store(format!("{what} is not valid JSON")))?;
        match SecretValue::read(raw, DEPTH) {
            Some(SecretValue::Map(entries)) => Ok(entries.into_iter().collect()),
            Some(_) => Err(Error::store(format!("{what} holds no keys: it is not a JSON object"))),
            None => Err(Error::store(format!("{what} is nested too deep"))),
        }
    }
}

impl FromIterator<(String, SecretValue)> for SecretData {
    /// Of equal keys the last value wins, as in Go's maps.
    fn from_iter<I: IntoIterator<Item = (String, SecretValue)>>(entries: I) -> Self {
        Self { keys: entries.into_iter().collect(), version: None }
    }
}

/// The entries in their order. Of equal keys the last value wins.
fn unique(entries: impl IntoIterator<Item = (String, SecretValue)>) -> Vec<(String, SecretValue)> {
    let mut kept: Vec<(String, SecretValue)> = Vec::new();
    let mut places = HashMap::new();
    for (key, value) in entries {
        if let Some(&place) = places.get(&key) {
            let old: &mut (String, SecretValue) = &mut kept[place];
            old.1 = value;
        } else {
            places.insert(key.clone(), kept.len());
            kept.push((key, value));
        }
    }
    kept
}

impl SecretValue {
    /// A string if the bytes are UTF-8; else bytes.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Str(Secret::new(text)),
            Err(_) => Self::Bytes(SecretBytes::new(bytes)),
        }
    }

    /// The type in one word, for errors.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Str(_) => "string",
            Self::Bytes(_) => "binary",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    fn bytes(&self) -> usize {
        let inside = match self {
            Self::Null | Self::Bool(_) => 0,
            Self::Number(text) | Self::Str(text) => text.expose().len(),
            Self::Bytes(bytes) => bytes.expose().len(),
            Self::List(items) => items.iter().map(Self::bytes).sum(),
            Self::Map(entries) => entries.iter().map(|(key, value)| key.len() + value.bytes()).sum(),
        };
        inside + size_of::<Self>()
    }

    /// Parses JSON. `None` if it is nested deeper than `depth`.
    fn read(raw: &RawValue, depth: u32) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        let text = raw.get();
        // The text is valid JSON, so that its first byte decides the type.
        Some(match text.as_bytes().first()? {
            b'n' => Self::Null,
            b't' => Self::Bool(true),
            b'f' => Self::Bool(false),
            b'"' => Self::Str(Secret::new(serde_json::from_str::<String>(text).ok()?)),
            b'[' => {
                let items: Vec<&RawValue> = serde_json::from_str(text).ok()?;
                Self::List(items.into_iter().map(|item| Self::read(item, depth)).collect::<Option<_>>()?)
            }
            b'{' => {
                let Entries(entries) = serde_json::from_str(text).ok()?;
                let read = entries.into_iter().map(|(k, v)| Some((k, Self::read(v, depth)?)));
                Self::Map(unique(read.collect::<Option<Vec<_>>>()?))
            }
            _ => Self::Number(Secret::new(text)),
        })
    }
}

/// The entries of a JSON object in their order.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl From<&SecretValue> for Value {
    /// The value as the fill stage writes it into a document. A document cannot contain bytes, so they become base64.
    /// The fill stage treats bytes that are the value of a key itself, before they come here.
    fn from(value: &SecretValue) -> Self {
        match value {
            SecretValue::Null => Self::Null,
            SecretValue::Bool(b) => Self::Bool(*b),
            SecretValue::Number(n) => Self::Number(n.expose().into()),
            SecretValue::Str(s) => Self::Str(s.expose().into()),
            SecretValue::Bytes(bytes) => Self::Str(STANDARD.encode(bytes.expose()).into()),
            SecretValue::List(items) => Self::Seq(items.iter().map(Self::from).collect()),
            SecretValue::Map(entries) => {
                Self::Map(entries.iter().map(|(k, v)| (k.as_str().into(), Self::from(v))).collect())
            }
        }
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

impl fmt::Debug for SecretData {
    /// The names of the keys and the types of the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{SecretData, SecretValue};
    use keyfill_yaml::Value;

    #[test]
    fn numbers_keep_their_spelling_and_the_last_of_equal_keys_counts() {
        let json = r#"{"z": 1.10, "a": "81111e1", "n": null, "l": [1e3, true, {"x": "y"}], "z": 12345678901234567890}"#;
        let data = SecretData::from_json(json, "the answer").expect("it is JSON");
        assert_eq!(data.keys().collect::<Vec<_>>(), ["a", "l", "n", "z"]);
        let value = |key| Value::from(data.get(key).expect("the key is there"));
        assert_eq!(value("z"), Value::Number("12345678901234567890".into()));
        assert_eq!(value("a"), Value::Str("81111e1".into()));
        assert_eq!(value("n"), Value::Null);
        let map = Value::Map(vec![("x".into(), Value::Str("y".into()))]);
        assert_eq!(value("l"), Value::Seq(vec![Value::Number("1e3".into()), Value::Bool(true), map]));
    }

    #[test]
    fn an_error_for_json_that_is_not_an_object_does_not_contain_the_text() {
        for json in ["\"hush\"", "[\"hush\"]", "{\"hush\"", "hush", ""] {
            let error = SecretData::from_json(json, "the answer").expect_err("no object");
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200));
        assert!(SecretData::from_json(&deep, "the answer").is_err());
    }

    #[test]
    fn debug_output_contains_types_and_no_values() {
        let data =
            SecretData::from_json(r#"{"k": "hush", "n": 42, "m": {"hidden": 1}}"#, "it").expect("JSON");
        assert_eq!(format!("{data:?}"), r#"{"k": string, "m": map, "n": number}"#);
        assert_eq!(format!("{:?}", SecretValue::Bool(true)), "bool");
    }
}
