//! Loading by the rules of yaml.v2, followed by the round trip through JSON that `sigs.k8s.io/yaml` makes.

use crate::directives::CORE;
use crate::parse::{Builder, ScalarEvent};
use crate::resolve::{CoreTag, Resolved, resolve_plain, resolve_tagged};
use crate::scan::{Dialect, Mark};
use crate::{Error, Style, Text, Value, binary};
use keyfill_go::strconv::{Bits, Layout, format_float};
use std::collections::HashMap;

/// The types that numbers get.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// All numbers are floats, as with `encoding/json` and an `interface{}`.
    Float,
    /// Numbers that are 64-bit integers, however they are written (`1.0`, `1e3`), are integers, all others
    /// floats, as in Kubernetes' unstructured objects.
    Object,
    /// As `Object`, but integers up to `u64::MAX` keep their digits, which Kubernetes' decoder rounds.
    Exact,
    /// The types that the YAML library itself gives them.
    Yaml,
}

/// Builds [`Value`]s.
pub(super) struct ValueBuilder {
    pub numbers: Numbers,
}

/// A key: its text, or a merge key.
pub(super) enum Key {
    Text(Text),
    Merge(Mark),
}

/// A mapping that is being built. Later entries override earlier ones.
#[derive(Default)]
pub(super) struct OpenMap {
    entries: Vec<(Text, Value)>,
}

/// A scalar as the library resolves it, or the decoded text of `!!binary`.
enum Given {
    Resolved(Resolved),
    Text(Text),
}

fn read(event: &ScalarEvent<'_>) -> Result<Given, Error> {
    let refuse = |m: &str| Error::at(event.mark.line + 1, event.mark.column + 1, m).about_value();
    let core = match event.tag.as_deref().map(|tag| tag.strip_prefix(CORE)) {
        None if event.style == Style::Plain && !event.bare_tag => {
            return Ok(Given::Resolved(resolve_plain(Dialect::V2, &event.text)));
        }
        None => return Ok(Given::Resolved(Resolved::Str)),
        Some(Some("str")) => CoreTag::Str,
        Some(Some("int")) => CoreTag::Int,
        Some(Some("float")) => CoreTag::Float,
        Some(Some("bool")) => CoreTag::Bool,
        Some(Some("null")) => CoreTag::Null,
        Some(Some("timestamp")) => CoreTag::Timestamp,
        Some(Some("binary")) => {
            let text = binary::decode(&event.text);
            return text
                .map(Given::Text)
                .ok_or_else(|| refuse("!!binary value contains invalid base64 data"));
        }
        Some(_) => return Ok(Given::Resolved(Resolved::Str)),
    };
    resolve_tagged(Dialect::V2, core, &event.text).map(Given::Resolved).map_err(|m| refuse(&m))
}

fn is_merge(event: &ScalarEvent<'_>) -> bool {
    event.text == "<<"
        && match event.tag.as_deref() {
            None => event.style == Style::Plain || event.bare_tag,
            Some(tag) => tag.strip_prefix(CORE) == Some("merge"),
        }
}

/// The text of a scalar as a key, since JSON has string keys only.
pub(crate) fn key_text(event: &ScalarEvent<'_>) -> Result<Text, Error> {
    let resolved = match read(event)? {
        Given::Text(text) => return Ok(text),
        Given::Resolved(resolved) => resolved,
    };
    match resolved {
        Resolved::Timestamp(_) | Resolved::Merge | Resolved::Str => Ok(Text::new(&event.text)),
        Resolved::Bool(b) => Ok(Text::new_static(if b { "true" } else { "false" })),
        Resolved::Int(n) => Ok(Text::from(n.to_string())),
        Resolved::Float(n) => Ok(float_key(n)),
        Resolved::Null | Resolved::Uint(_) => Err(unfit_key(event.mark)),
    }
}

impl ValueBuilder {
    fn number(&self, resolved: &Resolved) -> Value {
        match (self.numbers, resolved) {
            (Numbers::Float, Resolved::Int(n)) => Value::Float(*n as f64),
            (_, Resolved::Int(n)) => Value::Int(*n),
            (Numbers::Yaml | Numbers::Exact, Resolved::Uint(n)) => Value::Uint(*n),
            (_, Resolved::Uint(n)) => Value::Float(*n as f64),
            (Numbers::Object | Numbers::Exact, Resolved::Float(n)) => {
                whole(*n).map_or(Value::Float(*n), Value::Int)
            }
            (_, Resolved::Float(n)) => Value::Float(*n),
            _ => Value::Null,
        }
    }
}

/// The integer value of a float, if it is one. JSON writes floats below 1e21 without an exponent.
fn whole(n: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (n.fract() == 0.0 && (-LIMIT..LIMIT).contains(&n)).then(|| {
        let text = format_float(n, Layout::Fixed, None, Bits::B64);
        text.parse().ok()
    })?
}

impl Builder for ValueBuilder {
    type Node = Value;
    type Key = Key;
    type Map = OpenMap;

    fn scalar(&mut self, event: ScalarEvent<'_>) -> Result<Value, Error> {
        let resolved = match read(&event)? {
            Given::Text(text) => return Ok(Value::Str(text)),
            Given::Resolved(resolved) => resolved,
        };
        Ok(match resolved {
            Resolved::Null => Value::Null,
            Resolved::Bool(b) => Value::Bool(b),
            Resolved::Float(n) if !n.is_finite() => {
                let place = Error::at(
                    event.mark.line + 1,
                    event.mark.column + 1,
                    "JSON has no number for infinity and NaN",
                );
                return Err(place.hint("put the text into quotes"));
            }
            Resolved::Int(_) | Resolved::Uint(_) | Resolved::Float(_) => self.number(&resolved),
            Resolved::Timestamp(_) | Resolved::Merge | Resolved::Str => Value::Str(Text::new(&event.text)),
        })
    }

    fn seq(&mut self, items: Vec<Value>, _mark: Mark, _flow: bool) -> Result<Value, Error> {
        Ok(Value::Seq(items))
    }

    fn key(&mut self, event: ScalarEvent<'_>) -> Result<Key, Error> {
        if is_merge(&event) {
            return Ok(Key::Merge(event.mark));
        }
        key_text(&event).map(Key::Text)
    }

    fn node_key(&mut self, node: Value, mark: Mark) -> Result<Key, Error> {
        match node {
            Value::Str(text) => Ok(Key::Text(text)),
            Value::Bool(b) => Ok(Key::Text(Text::new_static(if b { "true" } else { "false" }))),
            Value::Int(n) => Ok(Key::Text(Text::from(n.to_string()))),
            Value::Float(n) => Ok(Key::Text(float_key(n))),
            _ => Err(unfit_key(mark)),
        }
    }

    fn map(&mut self, _mark: Mark, _flow: bool) -> OpenMap {
        OpenMap::default()
    }

    fn entry(&mut self, open: &mut OpenMap, key: Key, value: Value) -> Result<(), Error> {
        let mark = match key {
            Key::Text(text) => {
                open.entries.push((text, value));
                return Ok(());
            }
            Key::Merge(mark) => mark,
        };
        // yaml.v2 merges at the position of the merge key: the merged entries override earlier ones.
        let refuse = || {
            Error::at(
                mark.line + 1,
                mark.column + 1,
                "map merge requires map or sequence of maps as the value",
            )
            .about_value()
        };
        match value {
            Value::Map(entries) => open.entries.extend(entries),
            Value::Seq(items) => {
                for item in items.into_iter().rev() {
                    let Value::Map(entries) = item else { return Err(refuse()) };
                    open.entries.extend(entries);
                }
            }
            _ => return Err(refuse()),
        }
        Ok(())
    }

    fn end_map(&mut self, open: OpenMap) -> Result<Value, Error> {
        let mut entries = open.entries;
        keep_last(&mut entries);
        Ok(Value::Map(entries))
    }
}

/// Mappings up to this size are searched key by key, which is faster than hashing.
const SMALL: usize = 12;

/// Of several entries with the same key keeps the last value, at the position of the first.
fn keep_last(entries: &mut Vec<(Text, Value)>) {
    let repeats = if entries.len() <= SMALL {
        (1..entries.len()).any(|i| entries[..i].iter().any(|e| e.0 == entries[i].0))
    } else {
        let mut seen = std::collections::HashSet::with_capacity(entries.len());
        !entries.iter().all(|e| seen.insert(e.0.as_str()))
    };
    if !repeats {
        return;
    }
    let mut places: HashMap<Text, usize> = HashMap::new();
    let mut kept: Vec<(Text, Value)> = Vec::with_capacity(entries.len());
    for (key, value) in entries.drain(..) {
        match places.get(&key) {
            Some(place) => kept[*place].1 = value,
            None => {
                places.insert(key.clone(), kept.len());
                kept.push((key, value));
            }
        }
    }
    *entries = kept;
}

/// The text of a float as a key. `sigs.k8s.io/yaml` prints it with the precision of a float32.
fn float_key(n: f64) -> Text {
    let text = format_float(n, Layout::General, None, Bits::B32);
    Text::from(match text.as_str() {
        "+Inf" => ".inf".to_owned(),
        "-Inf" => "-.inf".to_owned(),
        "NaN" => ".nan".to_owned(),
        _ => text,
    })
}

fn unfit_key(mark: Mark) -> Error {
    Error::at(mark.line + 1, mark.column + 1, "a key of a mapping must be a string, number or bool")
        .hint("text that begins with { or [ is put into quotes; an unrendered {{ }} is read as a mapping")
}
