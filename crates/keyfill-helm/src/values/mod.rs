//! Values: how those of a chart, its subcharts and the user are loaded and merged.
//!
//! The maps here are those that templates get later. Go's maps are references, and helm lets a parent and a
//! subchart share some of them. The same maps are shared here, because templates can observe it (`set`).

mod coalesce;
mod dependencies;
mod documents;
mod fill;
mod schema;
mod set;
mod tree;
mod user;

pub(crate) use coalesce::{Coalesce, Nulls};
pub(crate) use dependencies::process as process_dependencies;
pub(crate) use documents::{File, load as load_documents};
pub(crate) use fill::filled;
pub(crate) use schema::validate as validate_schema;
pub(crate) use user::{merged as user_values, of_chart, where_given};

use crate::error::Error;

use keyfill_template::value::{ANY_MAP, List, Map, Value};

/// A YAML text, with what errors say of it.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a [u8],
    /// The number of lines before the text in its file.
    pub(crate) line: u32,
    /// The beginning of the message, as in `cannot load values.yaml`.
    pub(crate) what: &'a str,
    /// The path of the file.
    pub(crate) place: &'a str,
}

/// The error for text that is not YAML.
pub(crate) fn unreadable(text: Text<'_>, error: &keyfill_yaml::Error) -> Error {
    let Text { text, line: lines_before, what, place } = text;
    let column = (error.column() > 0).then_some(error.column());
    let unreadable = Error::render(format!("{what}: {}", error.message()));
    let unreadable = match error.help() {
        Some(help) => unreadable.hint(help),
        None => unreadable,
    };
    let line = if error.line() > 0 { error.line() + lines_before } else { 0 };
    let source = usize::try_from(error.line()).ok().and_then(|line| line.checked_sub(1));
    let lines: Vec<&[u8]> = text.strip_suffix(b"\n").unwrap_or(text).split(|b| *b == b'\n').collect();
    let shown = |line: &[u8]| String::from_utf8_lossy(line).trim_end_matches('\r').to_owned();
    match source {
        // An error at the end of the text is reported after the end of the last line.
        Some(at) if at == lines.len() => {
            let last = shown(lines[at - 1]);
            let end = u32::try_from(last.chars().count() + 1).ok();
            unreadable.at(line - 1, end).in_file(place).source_line(Some(last))
        }
        at => {
            let source = at.and_then(|at| lines.get(at)).map(|line| shown(line));
            unreadable.at(line, column).in_file(place).source_line(source)
        }
    }
}

/// The error for values that are no mapping.
pub(crate) fn not_a_map(what: &str, place: &str, value: &keyfill_yaml::Value) -> Error {
    Error::render(format!("{what} must be a map of names to values, but it is a {}", value.type_name()))
        .in_file(place)
        .at(1, Some(1))
        .hint("write `name: value` lines; a list cannot stand at the top")
}

/// A copy that shares no map with the original.
pub(crate) fn deep_copy(value: &Value) -> Value {
    match value {
        Value::Map(map) => Value::Map(copy_map(map)),
        // Lists never change; only the maps in them do.
        Value::List(list) if list.iter().any(|v| matches!(v, Value::Map(_) | Value::List(_))) => {
            Value::List(List::typed(list.iter().map(deep_copy).collect(), list.ty()))
        }
        other => other.clone(),
    }
}

/// As [`deep_copy`], for a map.
pub(crate) fn copy_map(map: &Map) -> Map {
    // The keys are in order already: a copy of the tree is cheaper than building one.
    let mut entries = map.entries().clone();
    for value in entries.values_mut().filter(|value| matches!(value, Value::Map(_) | Value::List(_))) {
        *value = deep_copy(value);
    }
    Map::typed(entries, &ANY_MAP)
}

/// The table at a path of keys, as `a.b.c`.
pub(crate) fn table_at(values: &Map, path: &str) -> Option<Map> {
    path.split('.').try_fold(values.clone(), |table, key| match table.get(key.as_bytes()) {
        Some(Value::Map(inner)) => Some(inner),
        _ => None,
    })
}

/// The value at a path that is not a table; helm's `PathValue`.
pub(crate) fn scalar_at(values: &Map, path: &str) -> Option<Value> {
    let (table, key) = match path.rsplit_once('.') {
        Some((tables, key)) => (table_at(values, tables)?, key),
        None => (values.clone(), path),
    };
    table.get(key.as_bytes()).filter(|value| !matches!(value, Value::Map(_)))
}
