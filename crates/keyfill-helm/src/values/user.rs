//! The values that the user gives, put together in helm's order: files first, then `--set-json`, `--set`,
//! `--set-string`, `--set-file` and `--set-literal`, whatever their order on the command line.

use super::set::{self, Reading};
use super::unreadable;
use crate::error::{Error, Result};
use crate::request::{TemplateRequest, ValuesSource};
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use keyfill_yaml::Value;

/// All values of the request, merged.
pub(crate) fn merged(files: &dyn Files, request: &TemplateRequest, cx: &Cx) -> Result<Value> {
    let mut values = Value::Map(Vec::new());
    for source in &request.values {
        match source {
            ValuesSource::File(path) => merge(&mut values, read_file(files, path, cx)?),
            ValuesSource::Text { name, text } => merge(&mut values, parse(text.as_bytes(), name, cx)?),
            ValuesSource::Value(value) => merge(&mut values, value.clone()),
            _ => {}
        }
    }
    for flag in ORDER {
        for source in request.values.iter().filter(|source| flag_of(source) == Some(flag)) {
            apply(&mut values, files, flag, source)?;
        }
    }
    Ok(values)
}

/// The flags that set single values, in the order in which helm looks at them.
const ORDER: [&str; 5] = ["--set-json", "--set", "--set-string", "--set-file", "--set-literal"];

/// The flag of helm that a source stands for; none for whole files.
fn flag_of(source: &ValuesSource) -> Option<&'static str> {
    match source {
        ValuesSource::File(_) | ValuesSource::Text { .. } | ValuesSource::Value(_) => None,
        ValuesSource::SetJson(_) => Some("--set-json"),
        ValuesSource::Set(_) => Some("--set"),
        ValuesSource::SetString(_) => Some("--set-string"),
        ValuesSource::SetFile { .. } | ValuesSource::SetFileText { .. } => Some("--set-file"),
        ValuesSource::SetLiteral(_) => Some("--set-literal"),
    }
}

fn apply(values: &mut Value, files: &dyn Files, flag: &str, source: &ValuesSource) -> Result<()> {
    match source {
        ValuesSource::File(_) | ValuesSource::Text { .. } | ValuesSource::Value(_) => Ok(()),
        ValuesSource::SetJson(line) => set(values, flag, line, Reading::Json),
        ValuesSource::Set(line) => set(values, flag, line, Reading::Typed),
        ValuesSource::SetString(line) => set(values, flag, line, Reading::Text),
        ValuesSource::SetLiteral(line) => set(values, flag, line, Reading::Literal),
        ValuesSource::SetFile { name, path } => set_text(values, flag, name, &file_text(files, path)?),
        ValuesSource::SetFileText { name, text } => set_text(values, flag, name, text),
    }
}

fn set(values: &mut Value, flag: &str, line: &str, reading: Reading<'_>) -> Result<()> {
    // The line holds a value, maybe a secret one: only its name is shown.
    let name = line.split(['=', ',']).next().unwrap_or_default();
    set::parse_into(line, reading, values)
        .map_err(|why| Error::usage(format!("failed parsing {flag} data for {name:?}: {why}")))
}

/// Sets a file's text as the value, whatever it holds.
fn set_text(values: &mut Value, flag: &str, name: &str, text: &str) -> Result<()> {
    set(values, flag, &format!("{name}=file"), Reading::File(&|_| Ok(text.to_owned())))
}

/// The path is not part of the line here: the host has made a tree path of it.
fn file_text(files: &dyn Files, path: &TreePath) -> Result<String> {
    let content = files.read(path).map_err(|e| Error::file("a file of --set-file cannot be read", e))?;
    String::from_utf8(content.to_vec())
        .map_err(|_| Error::render("a file of --set-file is not UTF-8 text").in_file(path.to_string()))
}

fn read_file(files: &dyn Files, path: &TreePath, cx: &Cx) -> Result<Value> {
    let text = files.read(path).map_err(|e| Error::file("a values file cannot be read", e))?;
    parse(&text, &path.to_string(), cx)
}

fn parse(text: &[u8], name: &str, cx: &Cx) -> Result<Value> {
    let value = keyfill_yaml::load_value(text, &(&cx.limits).into())
        .map_err(|e| unreadable("the values cannot be read", name, &e))?;
    match value {
        Value::Map(_) => Ok(value),
        Value::Null => Ok(Value::Map(Vec::new())),
        other => Err(super::not_a_map("the values", name, &other)),
    }
}

/// Puts `over` on top of `base`: mappings are merged, all else is replaced, null included.
fn merge(base: &mut Value, over: Value) {
    let Value::Map(over) = over else { return };
    let Value::Map(entries) = base else { return };
    for (key, value) in over {
        match entries.iter_mut().find(|(k, _)| *k == key) {
            Some((_, there @ Value::Map(_))) if matches!(value, Value::Map(_)) => merge(there, value),
            Some((_, there)) => *there = value,
            None => entries.push((key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge;
    use keyfill_yaml::Value;

    #[test]
    fn maps_merge_and_all_else_is_replaced() {
        let map = |entries: &[(&str, Value)]| {
            Value::Map(entries.iter().map(|(k, v)| ((*k).into(), v.clone())).collect())
        };
        let mut base =
            map(&[("a", map(&[("x", Value::Int(1)), ("y", Value::Int(2))])), ("b", Value::Int(3))]);
        merge(
            &mut base,
            map(&[("a", map(&[("y", Value::Null)])), ("b", map(&[])), ("c", Value::Bool(true))]),
        );
        let want = map(&[
            ("a", map(&[("x", Value::Int(1)), ("y", Value::Null)])),
            ("b", map(&[])),
            ("c", Value::Bool(true)),
        ]);
        assert!(base == want);
    }
}
