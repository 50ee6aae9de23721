//! Values for the YAML and JSON writers.

use super::{Encoded, Value};
use keyfill_go::{base, utf8};
use keyfill_yaml::{Emit, Sink};
use std::borrow::Cow;

/// Replaces a byte that is not UTF-8 until JSON text is written: a character that does not occur in texts.
pub(crate) const STAND_IN: char = '\u{10FFFE}';

/// A value as `encoding/json` writes it: the fields of structs in their order, and [`STAND_IN`] for bytes
/// that are not UTF-8.
pub(crate) struct AsJson<'a>(pub(crate) &'a Value);

impl Emit for AsJson<'_> {
    fn emit<S: Sink>(&self, sink: &mut S) {
        emit(self.0, sink, Order::AsDeclared);
    }
}

impl Emit for Value {
    /// As Go converts it to YAML through JSON: all keys sorted. The value must not contain itself: see
    /// [`Value::check_walk`].
    fn emit<S: Sink>(&self, sink: &mut S) {
        emit(self, sink, Order::Sorted);
    }
}

/// How the fields of structs are ordered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    AsDeclared,
    Sorted,
}

fn emit<S: Sink>(value: &Value, sink: &mut S, order: Order) {
    match value {
        Value::Nil | Value::NilInterface | Value::Complex(..) | Value::Func(_) => sink.null(),
        Value::Bool(b) => sink.bool(*b),
        Value::Int(n) | Value::Int64(n) => sink.int(*n),
        Value::Int32(n) => sink.int(i64::from(*n)),
        Value::Uint8(n) => sink.int(i64::from(*n)),
        Value::Uint32(n) => sink.int(i64::from(*n)),
        Value::Uint(n) | Value::Uint64(n) => match i64::try_from(*n) {
            Ok(n) => sink.int(n),
            Err(_) => sink.uint(*n),
        },
        Value::Float(f) => sink.float(*f),
        Value::Str(s) => sink.str(&valid_text(s.as_bytes(), order)),
        Value::Bytes(bytes) => sink.str(&String::from_utf8_lossy(&base::encode64(bytes.as_bytes()))),
        Value::List(list) if list.is_nil() => sink.null(),
        Value::List(list) => {
            sink.begin_seq();
            for item in list.iter() {
                if !sink.goes_on() {
                    break;
                }
                emit(item, sink, order);
            }
            sink.end_seq();
        }
        Value::Map(map) if map.is_nil() => sink.null(),
        Value::Map(map) => {
            let entries = map.entries();
            let entries = entries.iter().map(|(key, value)| (valid_text(key.as_bytes(), order), value));
            emit_map(entries.collect(), sink, order, Order::Sorted);
        }
        Value::Object(object) => match object.encode() {
            Encoded::Value(inner) => emit(&inner, sink, order),
            Encoded::Struct(fields) => {
                let entries = fields.iter().map(|(key, value)| (Cow::Borrowed(*key), value));
                emit_map(entries.collect(), sink, order, order);
            }
        },
    }
}

fn emit_map<S: Sink>(mut entries: Vec<(Cow<'_, str>, &Value)>, sink: &mut S, order: Order, keys: Order) {
    if keys == Order::Sorted {
        S::sort_keys(&mut entries, |(key, _)| key);
    }
    sink.begin_map();
    for (key, value) in entries {
        if !sink.goes_on() {
            break;
        }
        sink.key(&key);
        emit(value, sink, order);
    }
    sink.end_map();
}

/// The text with another character for each byte that is not part of valid UTF-8.
fn valid_text(bytes: &[u8], order: Order) -> Cow<'_, str> {
    let broken = match order {
        Order::AsDeclared => STAND_IN,
        Order::Sorted => char::REPLACEMENT_CHARACTER,
    };
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(utf8::runes(bytes).map(|r| if r.valid { r.char } else { broken }).collect()),
    }
}
