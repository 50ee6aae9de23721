//! A resolved value, as Go holds it after parsing YAML.

use crate::Text;
use crate::emit::{Emit, Sink};
use std::fmt;

/// A value whose type is resolved. Integers and floats are different types, as in Go.
///
/// Filled documents hold secrets in these values, so the `Debug` text shows the structure and no value.
#[derive(Clone, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true`, `false`
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A floating point number.
    Float(f64),
    /// A number by its text, which is printed without change (KV version 1 keeps `1.10` this way).
    Number(Text),
    /// A string.
    Str(Text),
    /// A sequence.
    Seq(Vec<Value>),
    /// A mapping with unique string keys, in the order in which they were parsed. The emitter sorts them.
    Map(Vec<(Text, Value)>),
}

impl Value {
    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::Str(s) = self { Some(s) } else { None }
    }

    /// The entries of a mapping.
    pub fn as_map(&self) -> Option<&[(Text, Value)]> {
        if let Self::Map(m) = self { Some(m) } else { None }
    }

    /// The items of a sequence.
    pub fn as_seq(&self) -> Option<&[Value]> {
        if let Self::Seq(s) = self { Some(s) } else { None }
    }

    /// The value of a key; `None` if this is not a mapping or does not have the key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// A mutable reference to the value of a key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        if let Self::Map(m) = self { m.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v) } else { None }
    }

    /// The value at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |value, key| value.get(key))
    }

    /// The name of the type, as it is used in errors.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Uint(_) | Self::Float(_) | Self::Number(_) => "number",
            Self::Str(_) => "string",
            Self::Seq(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl Emit for Value {
    fn emit<S: Sink>(&self, sink: &mut S) {
        match self {
            Self::Null => sink.null(),
            Self::Bool(b) => sink.bool(*b),
            Self::Int(n) => sink.int(*n),
            Self::Uint(n) => sink.uint(*n),
            Self::Float(n) => sink.float(*n),
            Self::Number(text) => sink.number(text),
            Self::Str(text) => sink.str(text),
            Self::Seq(items) => {
                sink.begin_seq();
                for item in items {
                    if !sink.goes_on() {
                        break;
                    }
                    item.emit(sink);
                }
                sink.end_seq();
            }
            Self::Map(entries) => {
                sink.begin_map();
                let mut sorted: Vec<&(Text, Self)> = entries.iter().collect();
                S::sort_keys(&mut sorted, |e| e.0.as_str());
                for (key, value) in sorted {
                    if !sink.goes_on() {
                        break;
                    }
                    sink.key(key);
                    value.emit(sink);
                }
                sink.end_map();
            }
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(items) => f.debug_list().entries(items).finish(),
            Self::Map(entries) => f.debug_map().entries(entries.iter().map(|(k, v)| (k, v))).finish(),
            scalar => f.write_str(scalar.type_name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn debug_text_shows_no_value() {
        let value =
            Value::Map(vec![("k".into(), Value::Seq(vec![Value::Str("hush".into()), Value::Int(42)]))]);
        assert_eq!(format!("{value:?}"), r#"{"k": [string, number]}"#);
    }
}
