//! JSON files: an object with its keys in their order. JSON has no comments.

use crate::{Branch, Error, Hidden, Item, Value};
use keyfill_go::json::{Html, append_string, float};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

pub(super) fn read(text: &[u8]) -> Result<Branch, Error> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    // What follows the object is ignored, as in SOPS.
    match Json::deserialize(&mut reader) {
        Ok(Json(Value::Map(branch))) => Ok(branch),
        Ok(_) => Err(Error::file("the file is JSON and not an object")
            .hint("SOPS encrypts objects; a list or a single value has to stand under a key")),
        // The parser's message may quote a value, so only the position is reported.
        Err(error) => Err(Error::file(format!("it is not valid JSON (column {})", error.column()))
            .at_line(u32::try_from(error.line()).unwrap_or(u32::MAX))),
    }
}

pub(super) fn write(document: &Branch) -> Result<Hidden, Error> {
    let mut out = Vec::new();
    branch(&mut out, document, 0)?;
    out.push(b'\n');
    Ok(Hidden::new(out))
}

fn branch(out: &mut Vec<u8>, branch: &Branch, depth: usize) -> Result<(), Error> {
    out.push(b'{');
    for (number, (key, entry)) in branch.entries().enumerate() {
        new_line(out, number > 0, depth + 1);
        append_string(out, key, Html::Escaped);
        out.extend_from_slice(b": ");
        value(out, entry, depth + 1)?;
    }
    end(out, b'}', branch.entries().next().is_none(), depth);
    Ok(())
}

fn value(out: &mut Vec<u8>, item: &Value, depth: usize) -> Result<(), Error> {
    match item {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(flag) => out.extend_from_slice(flag.to_string().as_bytes()),
        Value::Int(n) => out.extend_from_slice(n.to_string().as_bytes()),
        Value::Float(n) => {
            let text = float(*n).ok_or_else(|| Error::file("JSON has no infinite numbers and no NaN"))?;
            out.extend_from_slice(text.as_bytes());
        }
        Value::Time(text) => append_string(out, text, Html::Escaped),
        Value::Str(text) => append_string(out, &lossy(text.bytes()), Html::Escaped),
        Value::Map(inner) => branch(out, inner, depth)?,
        Value::List(items) => {
            out.push(b'[');
            let items = || items.iter().filter(|item| !matches!(item, Value::Comment(_)));
            for (number, item) in items().enumerate() {
                new_line(out, number > 0, depth + 1);
                value(out, item, depth + 1)?;
            }
            end(out, b']', items().next().is_none(), depth);
        }
        Value::Comment(_) => return Err(Error::file("a comment stands in the place of a value")),
    }
    Ok(())
}

fn new_line(out: &mut Vec<u8>, comma: bool, depth: usize) {
    if comma {
        out.push(b',');
    }
    out.push(b'\n');
    out.resize(out.len() + depth, b'\t');
}

fn end(out: &mut Vec<u8>, sign: u8, is_empty: bool, depth: usize) {
    if !is_empty {
        new_line(out, false, depth);
    }
    out.push(sign);
}

/// Replaces each byte that is not valid UTF-8, as Go does.
fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.push_str(chunk.valid());
        out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    out
}

/// A JSON value. The parser limits its depth.
struct Json(Value);

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor).map(Self)
    }
}

struct ValueVisitor;

impl<'de> DeserializeSeed<'de> for ValueVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(Value::Int(n))
    }

    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        // SOPS treats larger integers as floating point numbers.
        Ok(i64::try_from(n).map_or(Value::Float(n as f64), Value::Int))
    }

    fn visit_f64<E: serde::de::Error>(self, n: f64) -> Result<Value, E> {
        if n.is_finite() { Ok(Value::Float(n)) } else { Err(E::custom("the number is too large")) }
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut branch = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            branch.push(Item::Entry(key, entries.next_value_seed(Self)?));
        }
        Ok(Value::Map(Branch(branch)))
    }
}
