//! Values as the YAML and JSON writers take them.

use super::{Encoded, Map, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use keyfill_yaml::{Emit, Sink};
use std::borrow::Cow;

impl Emit for Value {
    /// As `encoding/json` shows it. The value must not hold itself: see [`Value::check_depth`].
    fn emit<S: Sink>(&self, sink: &mut S) {
        match self {
            Self::Nil | Self::NilInterface | Self::Complex(..) | Self::Func(_) => sink.null(),
            Self::Bool(b) => sink.bool(*b),
            Self::Int(n) | Self::Int64(n) => sink.int(*n),
            Self::Int32(n) => sink.int(i64::from(*n)),
            Self::Uint(n) | Self::Uint64(n) => match i64::try_from(*n) {
                Ok(n) => sink.int(n),
                Err(_) => sink.uint(*n),
            },
            Self::Uint8(n) => sink.int(i64::from(*n)),
            Self::Uint32(n) => sink.int(i64::from(*n)),
            Self::Float(f) => sink.float(*f),
            Self::Str(text) => sink.str(&text.to_text()),
            Self::Bytes(bytes) => sink.str(&STANDARD.encode(bytes.as_bytes())),
            Self::List(list) if list.is_nil() => sink.null(),
            Self::List(list) => {
                sink.begin_seq();
                list.iter().for_each(|item| item.emit(sink));
                sink.end_seq();
            }
            Self::Map(map) if map.is_nil() => sink.null(),
            Self::Map(map) => emit_map(map, sink),
            Self::Object(object) => match object.encode() {
                Encoded::Value(value) => value.emit(sink),
                Encoded::Struct(fields) => {
                    sink.begin_map();
                    for (name, value) in &fields {
                        sink.key(name);
                        value.emit(sink);
                    }
                    sink.end_map();
                }
            },
        }
    }
}

fn emit_map<S: Sink>(map: &Map, sink: &mut S) {
    let entries = map.entries();
    let mut sorted: Vec<(Cow<'_, str>, &Value)> =
        entries.iter().map(|(key, value)| (key.to_text(), value)).collect();
    S::sort_keys(&mut sorted, |(key, _)| key);
    sink.begin_map();
    for (key, value) in sorted {
        sink.key(&key);
        value.emit(sink);
    }
    sink.end_map();
}
