//! Conversion from and to the values of keyfill-yaml.

use super::{Encoded, List, Map, Value};
use keyfill_yaml::Text;

impl From<&keyfill_yaml::Value> for Value {
    /// As `encoding/json` decodes it: `map[string]interface {}`, `[]interface {}`. A number that the loader kept
    /// as an integer becomes an `int64`.
    fn from(value: &keyfill_yaml::Value) -> Self {
        use keyfill_yaml::Value as Yaml;
        match value {
            Yaml::Null => Self::Nil,
            Yaml::Bool(b) => Self::Bool(*b),
            Yaml::Int(n) => Self::Int64(*n),
            Yaml::Uint(n) => Self::Uint64(*n),
            Yaml::Float(f) => Self::Float(*f),
            Yaml::Number(text) => text.parse().map_or_else(|_| Self::str(text.as_str()), Self::Float),
            Yaml::Str(text) => Self::str(text.as_str()),
            Yaml::Seq(items) => Self::List(List::new(items.iter().map(Self::from).collect())),
            Yaml::Map(entries) => {
                Self::Map(entries.iter().map(|(k, v)| (k.as_str(), Self::from(v))).collect::<Map>())
            }
        }
    }
}

impl From<keyfill_yaml::Value> for Value {
    fn from(value: keyfill_yaml::Value) -> Self {
        Self::from(&value)
    }
}

impl From<&Value> for keyfill_yaml::Value {
    /// As JSON would encode it: bytes that are not UTF-8 become U+FFFD, and values that JSON cannot express become
    /// null. The value must not contain itself: see [`Value::check_walk`].
    fn from(value: &Value) -> Self {
        match value {
            Value::Nil | Value::NilInterface | Value::Complex(..) | Value::Func(_) => Self::Null,
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) | Value::Int64(n) => Self::Int(*n),
            Value::Int32(n) => Self::Int(i64::from(*n)),
            Value::Uint8(n) => Self::Int(i64::from(*n)),
            Value::Uint32(n) => Self::Int(i64::from(*n)),
            Value::Uint(n) | Value::Uint64(n) => i64::try_from(*n).map_or(Self::Uint(*n), Self::Int),
            Value::Float(f) => Self::Float(*f),
            Value::Str(s) | Value::Bytes(s) => Self::Str(Text::from(s.to_text())),
            Value::List(list) if list.is_nil() => Self::Null,
            Value::List(list) => Self::Seq(list.iter().map(Self::from).collect()),
            Value::Map(map) if map.is_nil() => Self::Null,
            Value::Map(map) => Self::Map(
                map.entries().iter().map(|(k, v)| (Text::from(k.to_text()), Self::from(v))).collect(),
            ),
            Value::Object(object) => match object.encode() {
                Encoded::Value(value) => Self::from(&value),
                Encoded::Struct(fields) => {
                    Self::Map(fields.iter().map(|(k, v)| (Text::from(*k), Self::from(v))).collect())
                }
            },
        }
    }
}
