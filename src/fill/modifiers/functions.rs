//! The functions of the modifiers.

use super::super::datum::{Base64Form, Datum, decode_base64, encode_base64, encode_base64_form, scalar_text};
use super::super::encoded::percent_encoded;
use super::super::json::{self, NotJson, Numbers};
use super::{Argument, Circumstances, room};
use keyfill_yaml::{Limits, Value, load_exact, load_value, to_json_plain};
use std::borrow::Cow;

type Result<T> = std::result::Result<T, String>;

/// The most nodes that a secret's YAML may have once its aliases are expanded.
const MOST_NODES: u64 = 500_000;

fn expects(what: &str, datum: &Datum) -> String {
    format!("takes a {what}, but the value is a {}", datum.type_name())
}

/// The bytes of a string, of a binary value, or of a number or a boolean as text.
pub fn bytes_of(datum: &Datum) -> Result<Cow<'_, [u8]>> {
    match datum {
        Datum::Bytes(bytes) => Ok(Cow::Borrowed(bytes)),
        other => Ok(match text_of(other)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
            Cow::Owned(text) => Cow::Owned(text.into_bytes()),
        }),
    }
}

/// The text of a string, a number or a boolean.
fn text_of(datum: &Datum) -> Result<Cow<'_, str>> {
    match datum {
        Datum::Value(Value::Str(text)) => Ok(Cow::Borrowed(text)),
        Datum::Value(value) => {
            scalar_text(value).map(Cow::Owned).ok_or_else(|| expects("string, number or bool", datum))
        }
        other => Err(expects("string, number or bool", other)),
    }
}

pub fn base64_encode(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(encode_base64(&bytes_of(datum)?)))
}

pub fn base64_url(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(encode_base64_form(&bytes_of(datum)?, Base64Form::Url)))
}

pub fn base64_decode(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let bytes = decode_base64(&bytes_of(datum)?);
    bytes.map(Datum::bytes).ok_or_else(|| "the value is not valid base64".to_owned())
}

pub fn json_path(datum: &Datum, argument: &Argument, given: &Circumstances<'_>) -> Result<Datum> {
    let Argument::Template(template) = argument else { return Err("needs a template".to_owned()) };
    let printed = match datum {
        Datum::Value(Value::Str(text)) => {
            tree_room(text.len(), given)?;
            template.execute(&parse_json(text, Numbers::Exact)?, given.cx)
        }
        Datum::Value(value) => template.execute(value, given.cx),
        other => return Err(expects("string, list or map", other)),
    };
    match printed {
        Ok(printed) if printed.nothing && given.has_default => Ok(Datum::Missing),
        Ok(printed) => Ok(Datum::text(printed.text)),
        Err(error) if error.is_not_found() && given.has_default => Ok(Datum::Missing),
        Err(error) => Err(error.to_string()),
    }
}

pub fn json_parse(datum: &Datum, _: &Argument, given: &Circumstances<'_>) -> Result<Datum> {
    let numbers = if given.avp { Numbers::Floating } else { Numbers::Exact };
    let text = text_of(datum)?;
    tree_room(text.len(), given)?;
    parse_json(&text, numbers).map(Datum::Value)
}

pub fn yaml_parse(datum: &Datum, _: &Argument, given: &Circumstances<'_>) -> Result<Datum> {
    let load = if given.avp { load_value } else { load_exact };
    let limits = Limits { nodes: MOST_NODES, ..Limits::from(&given.cx.limits) };
    let text = text_of(datum)?;
    tree_room(text.len(), given)?;
    let value = load(text.as_bytes(), &limits);
    // The loader's message may quote the text.
    value.map(Datum::Value).map_err(|error| match error.line() {
        0 => "the value is not valid YAML".to_owned(),
        line => format!("the value is not valid YAML (its line {line})"),
    })
}

/// Trims each line as Go's `strings.TrimSpace` does, and indents all but the first; empty lines after the first
/// are removed.
pub fn indent(datum: &Datum, argument: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let Argument::Level(level) = argument else { return Err("needs a number of spaces".to_owned()) };
    let text = text_of(datum)?;
    room(text.len() + level * memchr::memchr_iter(b'\n', text.as_bytes()).count())?;
    let mut lines = text.split('\n');
    let mut out = lines.next().unwrap_or_default().trim().to_owned();
    if text.contains('\n') {
        out.push('\n');
    }
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() {
            continue;
        }
        out.extend(std::iter::repeat_n(' ', *level));
        out.push_str(line.trim());
        if lines.peek().is_some() {
            out.push('\n');
        }
    }
    Ok(Datum::text(out))
}

/// The value, or the argument if the value is missing or null.
pub fn default(datum: &Datum, argument: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    match (datum, argument) {
        (Datum::Missing | Datum::Value(Value::Null), Argument::Text(text)) => Ok(Datum::text(text)),
        (datum, _) => Ok(datum.clone()),
    }
}

pub fn url_encode(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let bytes = bytes_of(datum)?;
    room(bytes.len().saturating_mul(3) / 2)?;
    Ok(Datum::text(percent_encoded(&bytes)))
}

pub fn quote(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let text = text_of(datum)?;
    Ok(Datum::bytes(to_json_plain(&Value::Str(text.as_ref().into()))))
}

pub fn trim(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(text_of(datum)?.trim()))
}

pub fn upper(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(text_of(datum)?.to_uppercase()))
}

pub fn lower(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    Ok(Datum::text(text_of(datum)?.to_lowercase()))
}

pub fn string(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    match datum {
        Datum::Bytes(_) => Ok(datum.clone()),
        Datum::Value(Value::Seq(_) | Value::Map(_)) => {
            Err(format!("{}; toJson and toYaml make text of it", expects("string, number or bool", datum)))
        }
        other => Ok(Datum::text(text_of(other)?)),
    }
}

pub fn replace(datum: &Datum, argument: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let Argument::TwoTexts(old, new) = argument else { return Err("takes two texts".to_owned()) };
    if old.is_empty() {
        return Err("the text to replace is empty".to_owned());
    }
    let text = text_of(datum)?;
    if new.len() > old.len() {
        let times = memchr::memmem::find_iter(text.as_bytes(), old.as_bytes()).count();
        room(text.len() + times.saturating_mul(new.len() - old.len()))?;
    }
    Ok(Datum::text(text.replace(old.as_str(), new)))
}

pub fn join(datum: &Datum, argument: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let Datum::Value(Value::Seq(items)) = datum else { return Err(expects("list", datum)) };
    let between = if let Argument::Text(text) = argument { text } else { "," };
    room(items.len().saturating_mul(between.len()))?;
    let text = |item: &Value| {
        scalar_text(item).ok_or_else(|| format!("the list holds a {}, not text", item.type_name()))
    };
    Ok(Datum::text(items.iter().map(text).collect::<Result<Vec<_>>>()?.join(between)))
}

pub fn to_json(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    match datum {
        Datum::Value(value) => Ok(Datum::bytes(to_json_plain(value))),
        other => Err(expects("value that JSON can hold", other)),
    }
}

/// Encodes as YAML without the line break at the end, as Helm's `toYaml` does.
pub fn to_yaml(datum: &Datum, _: &Argument, _: &Circumstances<'_>) -> Result<Datum> {
    let Datum::Value(value) = datum else { return Err(expects("value that YAML can hold", datum)) };
    room(yaml_bytes(value, 0))?;
    let mut text = keyfill_yaml::to_yaml(value);
    if text.last() == Some(&b'\n') {
        text.pop();
    }
    Ok(Datum::bytes(text))
}

/// A lower bound of a value's size as YAML, in bytes. A deeply nested value is mostly indentation.
fn yaml_bytes(value: &Value, depth: usize) -> usize {
    let below = |value: &Value| yaml_bytes(value, depth + 1).saturating_add(2 * depth);
    match value {
        Value::Seq(items) => items.iter().map(below).fold(0, usize::saturating_add),
        Value::Map(entries) => {
            entries.iter().map(|(key, value)| key.len() + below(value)).fold(0, usize::saturating_add)
        }
        Value::Str(text) | Value::Number(text) => {
            text.len() + 2 * depth * memchr::memchr_iter(b'\n', text.as_bytes()).count()
        }
        _ => 4,
    }
}

/// Checks that there is memory for parsing a text of this length; 32 is the factor of the worst case, `[1,1,...]`.
fn tree_room(bytes: usize, given: &Circumstances<'_>) -> Result<()> {
    given.cx.room(32 * bytes as u64).map_err(|stopped| stopped.to_string())
}

fn parse_json(text: &str, numbers: Numbers) -> Result<Value> {
    json::parse(text.as_bytes(), numbers).map_err(|NotJson { line, column }| {
        format!("the value is not valid JSON (its line {line}, column {column})")
    })
}
