//! `toYamlPretty`: a value as yaml.v3 writes it with an indentation of two spaces, which differs from `toYaml`.
//!
//! There is no round trip through JSON, so Go's types are visible: bytes are a list of numbers, times have no
//! quotes, and strings that are not UTF-8 are `!!binary`.

use super::dates::is_time;
use crate::function::{FuncError, Function, any};
use crate::run::Run;
use crate::value::{Encoded, Object, Str, Type, Value};
use keyfill_yaml::{Emit, Sink, to_yaml_pretty};
use std::borrow::Cow;
use std::cell::Cell;

/// The function of this family.
pub const FUNCTIONS: &[Function] = &[Function::fixed("toYamlPretty", &[Type::Any], pretty)];

fn pretty(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    value.check_written(run.cx())?;
    let refused = Cell::new(false);
    let text = run.write(&Pretty { value, refused: &refused }, |value| to_yaml_pretty(value))?;
    if refused.get() {
        // As in helm, a value that cannot be encoded gives an empty text.
        return Ok("".into());
    }
    run.spend(text.len() as u64)?;
    Ok(Value::str(text.strip_suffix(b"\n").unwrap_or(&text)))
}

/// A value as yaml.v3 encodes it.
struct Pretty<'a> {
    value: &'a Value,
    /// Whether yaml.v3 refuses a part of the value.
    refused: &'a Cell<bool>,
}

impl Emit for Pretty<'_> {
    fn emit<S: Sink>(&self, sink: &mut S) {
        match self.value {
            Value::Nil | Value::NilInterface => sink.null(),
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
            Value::Str(text) => match text.to_str() {
                Some(text) => sink.str(text),
                None => sink.bytes(text.as_bytes()),
            },
            Value::Bytes(bytes) => {
                sink.begin_seq();
                bytes.as_bytes().iter().for_each(|byte| sink.int(i64::from(*byte)));
                sink.end_seq();
            }
            Value::List(list) => {
                sink.begin_seq();
                for item in list.iter() {
                    if !sink.goes_on() {
                        break;
                    }
                    self.of(item).emit(sink);
                }
                sink.end_seq();
            }
            Value::Map(map) => self.map(&map.snapshot(), sink),
            Value::Object(object) => self.object(&**object, sink),
            Value::Func(_) | Value::Complex(..) => {
                self.refused.set(true);
                sink.null();
            }
        }
    }
}

impl Pretty<'_> {
    fn of<'v>(&'v self, value: &'v Value) -> Pretty<'v> {
        Pretty { value, refused: self.refused }
    }

    fn map<S: Sink>(&self, entries: &[(Str, Value)], sink: &mut S) {
        let mut entries: Vec<(Cow<'_, str>, &Str, &Value)> =
            entries.iter().map(|(key, value)| (key.to_text(), key, value)).collect();
        S::sort_keys(&mut entries, |(text, ..)| text);
        sink.begin_map();
        for (text, key, value) in entries {
            if !sink.goes_on() {
                break;
            }
            match key.to_str() {
                Some(_) => sink.key(&text),
                None => sink.key_bytes(key.as_bytes()),
            }
            self.of(value).emit(sink);
        }
        sink.end_map();
    }

    fn object<S: Sink>(&self, object: &dyn Object, sink: &mut S) {
        match object.encode() {
            Encoded::Value(Value::Str(text)) if is_time(self.value) => sink.time(&text.to_text()),
            Encoded::Value(inner) => {
                // A named number that has a `String` method is written as what that returns.
                let text = object.text().filter(|_| object.as_int().is_some());
                self.of(&text.map_or(inner, Value::Str)).emit(sink);
            }
            Encoded::Struct(_) => {
                sink.begin_map();
                for (name, value) in object.fields() {
                    sink.key(&name.to_lowercase());
                    self.of(&value).emit(sink);
                }
                sink.end_map();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::pretty;
    use crate::run::Run;
    use crate::value::{List, Map, Value};
    use keyfill_diag::Cx;

    fn text(value: Value) -> String {
        let printed = pretty(&mut Run::new(&Cx::default()), &[value]).expect("it can be written");
        printed.as_str().map(|text| text.to_text().into_owned()).expect("a string")
    }

    fn map(entries: &[(&str, Value)]) -> Value {
        entries.iter().map(|(key, value)| (*key, value.clone())).collect::<Map>().into()
    }

    #[test]
    fn sequences_are_indented_and_strings_keep_their_type() {
        let list =
            |items: &[&str]| Value::List(List::new(items.iter().map(|text| Value::from(*text)).collect()));
        let inner = map(&[("b", Value::Float(1e21)), ("a", list(&["<<", "yes", "it's: so", "x"]))]);
        let value = map(&[("k10", Value::Nil), ("k9", Value::List(List::new(vec![inner, list(&[])])))]);
        assert_eq!(
            text(value),
            "k9:\n  - a:\n      - \"<<\"\n      - \"yes\"\n      - 'it''s: so'\n      - x\n    b: 1e+21\n  - []\nk10: null"
        );
    }

    #[test]
    fn strings_of_several_lines_are_blocks() {
        assert_eq!(text("a\nb\n".into()), "|\n  a\n  b");
        assert_eq!(text(map(&[("k", " a\tb\n".into())])), "k: |2\n   a\tb");
        assert_eq!(text(map(&[("k", "a\nb".into())])), "k: |-\n  a\n  b");
        assert_eq!(text(map(&[("k", "a \nb".into())])), "k: \"a \\nb\"");
        assert_eq!(
            text(map(&[("a\nb", map(&[("c", "\u{FEFF}".into())]))])),
            "? |-\n  a\n  b\n: c: \"\\uFEFF\""
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_are_binary() {
        let value: Map =
            [(&b"\xff"[..], Value::str(&b"\xfe"[..])), (&b"b"[..], Value::Bytes((&b"\x01"[..]).into()))]
                .into_iter()
                .collect();
        assert_eq!(text(value.into()), "!!binary /w==: !!binary /g==\nb:\n  - 1");
    }

    #[test]
    fn a_value_that_yaml_cannot_express_gives_an_empty_text() {
        assert_eq!(text(map(&[("a", Value::Complex(1.0, 2.0))])), "");
    }
}
