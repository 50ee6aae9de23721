//! One operation on a resolved object.

use super::values::is_equal;
use super::{Kind, Operation};
use crate::error::{Error, Result};
use keyfill_yaml::{Text, Value};

/// Does one operation.
pub fn apply(object: &mut Value, operation: &Operation) -> Result<()> {
    let path = operation.path.as_str();
    match operation.kind {
        Kind::Add => add(object, path, operation.value.clone().unwrap_or_default()),
        Kind::Remove => remove(object, path),
        Kind::Replace => replace(object, path, operation.value.as_ref()),
        Kind::Move => {
            let value = get(object, &operation.from)?.unwrap_or_default();
            remove(object, &operation.from)?;
            add(object, path, value)
        }
        Kind::Copy => {
            let value = get(object, &operation.from)?.unwrap_or_default();
            add(object, path, value)
        }
        Kind::Test => test(object, path, operation.value.as_ref()),
    }
}

/// The mapping or list that holds what a path names, with the last part of the path.
fn holder<'v>(object: &'v mut Value, path: &str) -> Result<(&'v mut Value, String)> {
    let missing = |part: &str| Error::new(format!("the object has no {part}"));
    let mut parts = path.split('/').skip(1).peekable();
    let mut here = object;
    let mut walked = String::new();
    loop {
        let Some(part) = parts.next() else {
            return Err(
                missing(&format!("path \"{path}\"")).hint("a path begins with a slash: `/spec/replicas`")
            );
        };
        let key = unescape(part);
        if parts.peek().is_none() {
            return match here {
                Value::Map(_) | Value::Seq(_) => Ok((here, key)),
                _ => Err(missing(&format!("mapping or list at \"{walked}\""))),
            };
        }
        walked.push('/');
        walked.push_str(part);
        here = match here {
            Value::Map(map) => map.iter_mut().find(|(k, _)| *k == key).map(|(_, v)| v),
            Value::Seq(items) => match index(&key, items.len()) {
                Ok(at) => items.get_mut(at),
                Err(_) => None,
            },
            _ => None,
        }
        .filter(|v| !matches!(v, Value::Null))
        .ok_or_else(|| missing(&format!("path \"{walked}\"")))?;
    }
}

fn unescape(part: &str) -> String {
    if part.contains('~') { part.replace("~1", "/").replace("~0", "~") } else { part.to_owned() }
}

/// A list's index; below zero it counts from the end.
fn index(key: &str, len: usize) -> Result<usize> {
    let invalid = || Error::new(format!("\"{key}\" is not an index of a list of {len}"));
    let digits = key.strip_prefix(['+', '-']).unwrap_or(key);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(invalid());
    }
    let at: i64 = key.parse().map_err(|_| invalid())?;
    let len = i64::try_from(len).map_err(|_| invalid())?;
    let at = if at < 0 { at + len } else { at };
    usize::try_from(at).map_err(|_| invalid())
}

/// The value at a path; a key that is not there is `None`.
fn get(object: &mut Value, path: &str) -> Result<Option<Value>> {
    let (holder, key) = holder(object, path)?;
    match holder {
        Value::Seq(items) => {
            let at = index(&key, items.len())?;
            items.get(at).cloned().map(Some).ok_or_else(|| out_of_bounds(&key, items.len()))
        }
        map => Ok(map.get(&key).cloned()),
    }
}

fn out_of_bounds(key: &str, len: usize) -> Error {
    Error::new(format!("index {key} is out of bounds of a list of {len}"))
}

fn add(object: &mut Value, path: &str, value: Value) -> Result<()> {
    let (holder, key) = holder(object, path)?;
    match holder {
        Value::Seq(items) if key == "-" => items.push(value),
        Value::Seq(items) => {
            // Counted in the list as it will be: -1 is behind the last item.
            let at = index(&key, items.len() + 1)?;
            if at > items.len() {
                return Err(out_of_bounds(&key, items.len()));
            }
            items.insert(at, value);
        }
        Value::Map(map) => set(map, &key, value),
        _ => {}
    }
    Ok(())
}

fn set(map: &mut Vec<(Text, Value)>, key: &str, value: Value) {
    match map.iter_mut().find(|(k, _)| k == key) {
        Some((_, there)) => *there = value,
        None => map.push((key.into(), value)),
    }
}

fn remove(object: &mut Value, path: &str) -> Result<()> {
    let (holder, key) = holder(object, path)?;
    match holder {
        Value::Seq(items) => {
            let at = index(&key, items.len())?;
            if at >= items.len() {
                return Err(out_of_bounds(&key, items.len()));
            }
            items.remove(at);
        }
        Value::Map(map) => {
            let at = map.iter().position(|(k, _)| *k == key);
            let at = at.ok_or_else(|| Error::new(format!("there is no key \"{key}\" to remove")))?;
            map.remove(at);
        }
        _ => {}
    }
    Ok(())
}

fn replace(object: &mut Value, path: &str, value: Option<&Value>) -> Result<()> {
    let value = value.cloned().unwrap_or_default();
    if path.is_empty() {
        *object = value;
        return Ok(());
    }
    let (holder, key) = holder(object, path)?;
    match holder {
        Value::Seq(items) => {
            let (at, len) = (index(&key, items.len())?, items.len());
            *items.get_mut(at).ok_or_else(|| out_of_bounds(&key, len))? = value;
        }
        Value::Map(map) => set(map, &key, value),
        _ => {}
    }
    Ok(())
}

fn test(object: &mut Value, path: &str, value: Option<&Value>) -> Result<()> {
    let wanted = value.cloned().unwrap_or_default();
    let found = if path.is_empty() { object.clone() } else { get(object, path)?.unwrap_or_default() };
    if is_equal(&found, &wanted) {
        Ok(())
    } else {
        Err(Error::new("the test failed: the value there is another one"))
    }
}
