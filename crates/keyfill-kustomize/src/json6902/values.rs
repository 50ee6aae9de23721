//! Values between YAML and JSON as the official tool's way has them.

use crate::error::{Error, Result};
use keyfill_go::json_decode::{Json, decode};
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_yaml::{Entry, Map, Node, Scalar, Seq, Style, Tag, Text, Value};

/// Nesting of JSON that Go reads.
const DEEPEST: u32 = 1_000;

/// JSON and nothing else.
pub fn from_json(text: &[u8]) -> Result<Value> {
    let json = decode(text, DEEPEST).map_err(|e| Error::new(format!("the text is not JSON: {e}")))?;
    Ok(value_of(json))
}

fn value_of(json: Json) -> Value {
    let text = |bytes: Vec<u8>| Text::from(String::from_utf8_lossy(&bytes));
    match json {
        Json::Null => Value::Null,
        Json::Bool(b) => Value::Bool(b),
        Json::Number(n) => Value::Float(n),
        Json::Str(bytes) => Value::Str(text(bytes)),
        Json::Array(items) => Value::Seq(items.into_iter().map(value_of).collect()),
        Json::Object(entries) => {
            Value::Map(entries.into_iter().map(|(key, value)| (text(key), value_of(value))).collect())
        }
    }
}

/// A tree as it comes back from JSON: every number is a float, every string keeps being one.
pub fn node_of(value: Value) -> Node {
    match value {
        Value::Null => Node::null(),
        Value::Bool(b) => tagged(if b { "true" } else { "false" }, Tag::Bool),
        #[allow(clippy::cast_precision_loss)]
        Value::Int(n) => number(n as f64),
        #[allow(clippy::cast_precision_loss)]
        Value::Uint(n) => number(n as f64),
        Value::Float(f) => number(f),
        Value::Number(text) => text.parse().map_or_else(|_| Node::string(text.clone()), number),
        Value::Str(text) => string(text),
        Value::Seq(items) => Node::Seq(Seq { items: items.into_iter().map(node_of).collect(), line: 0 }),
        Value::Map(entries) => {
            let entries = entries
                .into_iter()
                .map(|(key, value)| Entry { key: Scalar::string(key), value: node_of(value) })
                .collect();
            Node::Map(Map { entries, line: 0 })
        }
    }
}

fn tagged(text: impl Into<Text>, tag: Tag) -> Node {
    Node::Scalar(Scalar { text: text.into(), tag, ..Scalar::default() })
}

fn number(f: f64) -> Node {
    let text = format_float(f, Layout::General, None, Bits::B64);
    let is_whole = text.bytes().all(|b| b.is_ascii_digit() || b == b'-');
    tagged(text, if is_whole { Tag::Int } else { Tag::Float })
}

/// A string, in quotes where its text alone would be something else: who changes the text later keeps them.
fn string(text: Text) -> Node {
    let is_plain = Scalar::plain(text.clone()).kind() == keyfill_yaml::ScalarKind::Str;
    let style = if is_plain { Style::Plain } else { Style::Double };
    Node::Scalar(Scalar { text, tag: Tag::Str, style, ..Scalar::default() })
}

/// Whether two values are the same JSON.
pub fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Seq(a), Value::Seq(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b)),
        (Value::Map(a), Value::Map(b)) => {
            let holds = |(key, value): &(Text, Value)| {
                b.iter().find(|(k, _)| k == key).is_some_and(|(_, other)| is_equal(value, other))
            };
            a.len() == b.len() && a.iter().all(holds)
        }
        (a, b) => match (as_number(a), as_number(b)) {
            (Some(a), Some(b)) => a == b,
            (None, None) => a == b,
            _ => false,
        },
    }
}

#[allow(clippy::cast_precision_loss)]
fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(n) => Some(*n as f64),
        Value::Uint(n) => Some(*n as f64),
        Value::Float(f) => Some(*f),
        Value::Number(text) => text.parse().ok(),
        _ => None,
    }
}
