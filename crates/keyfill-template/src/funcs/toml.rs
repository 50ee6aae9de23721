//! TOML: helm's `toToml` and `fromToml`. The text is that of `github.com/BurntSushi/toml` (1.6.0).

use super::cast::print;
use super::dates::{is_time, time_value};
use super::json::error_map;
use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{Kind, List, ListType, Map, Object, Type, Value, no_methods};
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_go::time::{Time, Zone};
use std::borrow::Cow;
use toml_edit::{DocumentMut, Item, TableLike};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("toToml", &[Type::Any], to_toml),
    Function::fixed("fromToml", &[Type::String], from_toml),
];

/// The functions that helm 4 has besides.
pub const ADDED_BY_HELM_4: &[Function] = &[Function::fixed("mustToToml", &[Type::Any], write)];

/// `[]map[string]interface {}`
static TABLES: ListType =
    ListType { name: "[]map[string]interface {}", elem: Type::Map, methods: no_methods };

const NIL_IN_ARRAY: &str = "toml: cannot encode array with nil element";
const NO_KEY: &str = "toml: top-level values must be Go maps or structs";

/// The value as TOML, or the text of the error if it cannot be encoded.
fn to_toml(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    match write(run, args) {
        // Go's library panics for nil.
        Err(error) if !error.is_limit() && !any(args, 0).is_nil() => Ok(error.to_string().into()),
        other => other,
    }
}

fn write(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    value.check_written(run.cx())?;
    let mut writer = Writer { out: Vec::new() };
    writer.value(&[], value)?;
    run.spend(writer.out.len() as u64)?;
    Ok(Value::str(writer.out))
}

/// The form that a value has in TOML.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A nil: nothing is written.
    Nil,
    /// A scalar, or an array whose items are not all tables.
    Plain,
    Table,
    Tables,
}

fn shape(value: &Value) -> Result<Shape, FuncError> {
    if value.is_nil_of_any_type() {
        return Ok(Shape::Nil);
    }
    Ok(match value {
        Value::Map(_) => Shape::Table,
        Value::Object(object) if is_struct(object.as_ref()) => Shape::Table,
        Value::Func(_) | Value::Complex(..) => {
            return Err(format!("unsupported type: {}", value.kind().name()).into());
        }
        Value::List(list) => {
            let mut all_tables = !list.is_empty();
            for item in list.iter() {
                match shape(item)? {
                    Shape::Nil => return Err(NIL_IN_ARRAY.into()),
                    Shape::Table => {}
                    Shape::Plain | Shape::Tables => all_tables = false,
                }
            }
            if all_tables { Shape::Tables } else { Shape::Plain }
        }
        _ => Shape::Plain,
    })
}

/// Whether the object is a struct or a pointer to one, without a text of its own.
fn is_struct(object: &dyn Object) -> bool {
    matches!(object.kind(), Kind::Struct | Kind::Ptr) && object.text().is_none()
}

struct Writer {
    out: Vec<u8>,
}

/// A key, after the keys of the tables that contain it.
type Path<'a> = [Cow<'a, [u8]>];

impl Writer {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn newline(&mut self) {
        if !self.out.is_empty() {
            self.out.push(b'\n');
        }
    }

    fn indent(&mut self, path: &Path<'_>) {
        for _ in 1..path.len() {
            self.text("  ");
        }
    }

    fn value(&mut self, path: &Path<'_>, value: &Value) -> Result<(), FuncError> {
        match shape(value)? {
            Shape::Nil if path.is_empty() && value.kind() == Kind::Slice => self.pair(path, value),
            Shape::Nil => Ok(()),
            Shape::Plain => self.pair(path, value),
            Shape::Table => {
                if path.len() == 1 {
                    self.newline();
                }
                if !path.is_empty() {
                    self.header(path, "[", "]");
                }
                self.table(path, value)
            }
            Shape::Tables if path.is_empty() => Err(NO_KEY.into()),
            Shape::Tables => {
                for item in value.as_list().into_iter().flat_map(|list| list.iter()) {
                    self.newline();
                    self.header(path, "[[", "]]");
                    self.table(path, item)?;
                }
                Ok(())
            }
        }
    }

    fn header(&mut self, path: &Path<'_>, open: &str, close: &str) {
        self.indent(path);
        self.text(open);
        for (index, part) in path.iter().enumerate() {
            if index > 0 {
                self.text(".");
            }
            self.key(part);
        }
        self.text(close);
        self.newline();
    }

    fn key(&mut self, key: &[u8]) {
        let bare = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        if !key.is_empty() && key.iter().all(bare) {
            self.out.extend_from_slice(key);
        } else {
            self.quoted(key);
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for &b in text {
            match b {
                b'"' => self.text("\\\""),
                b'\\' => self.text("\\\\"),
                0x08 => self.text("\\b"),
                b'\t' => self.text("\\t"),
                b'\n' => self.text("\\n"),
                0x0c => self.text("\\f"),
                b'\r' => self.text("\\r"),
                0..=0x1f | 0x7f => self.text(&format!("\\u{b:04x}")),
                b => self.out.push(b),
            }
        }
        self.out.push(b'"');
    }

    /// Writes the entries of a table: first those that are not tables themselves.
    fn table(&mut self, path: &Path<'_>, value: &Value) -> Result<(), FuncError> {
        let (direct, sub) = entries(value)?;
        for (key, value) in direct.into_iter().chain(sub) {
            if value.is_nil_of_any_type() {
                continue;
            }
            let path: Vec<_> = path.iter().cloned().chain([Cow::Owned(key)]).collect();
            self.value(&path, &value)?;
        }
        Ok(())
    }

    fn pair(&mut self, path: &Path<'_>, value: &Value) -> Result<(), FuncError> {
        let Some(key) = path.last() else { return self.element(value) };
        self.indent(path);
        self.key(key);
        self.text(" = ");
        self.element(value)?;
        self.newline();
        Ok(())
    }

    fn element(&mut self, value: &Value) -> Result<(), FuncError> {
        match value {
            Value::Str(text) => self.quoted(text.as_bytes()),
            Value::Float(f) => self.float(*f),
            Value::Bytes(bytes) => {
                let items: Vec<String> = bytes.as_bytes().iter().map(ToString::to_string).collect();
                self.text(&format!("[{}]", items.join(", ")));
            }
            Value::List(list) => {
                self.text("[");
                for (index, item) in list.iter().enumerate() {
                    if index > 0 {
                        self.text(", ");
                    }
                    self.element(item)?;
                }
                self.text("]");
            }
            Value::Map(_) => self.inline(value)?,
            Value::Object(object) if is_struct(object.as_ref()) => self.inline(value)?,
            Value::Object(object) => match super::json::encoded_text(object.as_ref()) {
                Some(time) if is_time(value) => self.out.extend_from_slice(time.as_bytes()),
                _ => {
                    let text = object.text().unwrap_or_default();
                    self.quoted(text.as_bytes());
                }
            },
            other => {
                let text = print(other)?;
                self.out.extend_from_slice(&text);
            }
        }
        Ok(())
    }

    fn float(&mut self, f: f64) {
        if f.is_nan() {
            self.text("nan");
        } else if f.is_infinite() {
            self.text(if f < 0.0 { "-inf" } else { "inf" });
        } else {
            let text = format_float(f, Layout::General, None, Bits::B64);
            self.text(&text);
            if !text.contains(['e', '.']) {
                self.text(".0");
            }
        }
    }

    fn inline(&mut self, value: &Value) -> Result<(), FuncError> {
        let (direct, sub) = entries(value)?;
        let (directs, total) = (direct.len(), direct.len() + sub.len());
        self.text("{");
        for (index, (key, value)) in direct.into_iter().chain(sub).enumerate() {
            // A nil entry is left out, with its comma.
            if value.is_nil_of_any_type() {
                continue;
            }
            self.key(&key);
            self.text(" = ");
            self.element(&value)?;
            let last_of_part = index + 1 == total || index + 1 == directs && directs == total;
            if !last_of_part {
                self.text(", ");
            }
        }
        self.text("}");
        Ok(())
    }
}

type Pairs = Vec<(Vec<u8>, Value)>;

/// The entries of a map or struct: those that are not tables, and those that are.
fn entries(value: &Value) -> Result<(Pairs, Pairs), FuncError> {
    let all: Pairs = match value {
        Value::Map(map) => {
            map.snapshot().into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value)).collect()
        }
        Value::Object(object) => {
            object.fields().into_iter().map(|(key, value)| (key.as_bytes().to_vec(), value)).collect()
        }
        _ => Vec::new(),
    };
    let (mut direct, mut sub) = (Vec::new(), Vec::new());
    for (key, value) in all {
        let is_table = matches!(shape(&value)?, Shape::Table | Shape::Tables);
        if is_table { sub.push((key, value)) } else { direct.push((key, value)) }
    }
    Ok((direct, sub))
}

/// The parsed document, or a map with the error. The error's text is that of our parser, not of Go's.
fn from_toml(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let text = text(args, 0);
    run.spend(text.len() as u64 * 8)?;
    let Ok(text) = std::str::from_utf8(text) else {
        return Ok(error_map("toml: invalid UTF-8".into()));
    };
    Ok(match text.parse::<DocumentMut>() {
        Ok(document) => table(document.as_table()).into(),
        Err(error) => {
            let place = error.span().map_or(0, |span| span.start).min(text.len());
            let line = memchr::memchr_iter(b'\n', &text.as_bytes()[..place]).count() + 1;
            error_map(format!("toml: line {line}: {}", error.message()))
        }
    })
}

fn table(table: &dyn TableLike) -> Map {
    table.iter().map(|(key, item)| (key, item_value(item))).collect()
}

fn item_value(item: &Item) -> Value {
    match item {
        Item::None => Value::Nil,
        Item::Table(inner) => table(inner).into(),
        Item::ArrayOfTables(tables) => {
            let tables = tables.iter().map(|inner| Value::from(table(inner))).collect();
            Value::List(List::typed(tables, &TABLES))
        }
        Item::Value(value) => plain_value(value),
    }
}

fn plain_value(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => text.value().as_str().into(),
        toml_edit::Value::Integer(n) => Value::Int64(*n.value()),
        toml_edit::Value::Float(f) => Value::Float(*f.value()),
        toml_edit::Value::Boolean(b) => Value::Bool(*b.value()),
        toml_edit::Value::Datetime(moment) => moment_value(moment.value()),
        toml_edit::Value::Array(items) => Value::list(items.iter().map(plain_value).collect()),
        toml_edit::Value::InlineTable(inner) => table(inner).into(),
    }
}

/// A date, a time or both. Without an offset its zone has a name that says so, as in the Go library.
fn moment_value(moment: &toml_edit::Datetime) -> Value {
    let local = |name: &str| Zone::Fixed(name.into(), 0);
    let (layout, zone): (&[u8], Zone) = match (moment.date, moment.time, moment.offset) {
        (Some(_), Some(_), Some(_)) => (b"2006-01-02T15:04:05.999999999Z07:00", Zone::Utc),
        (Some(_), Some(_), None) => (b"2006-01-02T15:04:05.999999999", local("datetime-local")),
        (Some(_), None, _) => (b"2006-01-02", local("date-local")),
        _ => (b"15:04:05.999999999", local("time-local")),
    };
    let time = Time::parse(layout, moment.to_string().as_bytes(), &zone);
    time_value(time.unwrap_or_else(|_| Time::zero()))
}
