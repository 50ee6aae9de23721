//! Fills placeholders in values, before templates are executed.

use crate::error::{Error, Result};
use crate::request::FillValues;
use keyfill_diag::Cx;
use keyfill_template::value::{List, Map, Str, Value};

/// The byte that every placeholder contains.
const MARK: u8 = b'<';

/// Fills the strings of values that may contain placeholders, in a single call of `fill` that has the path of
/// each. A string that is only a placeholder may become a value of any type.
pub(crate) fn filled(values: Map, fill: &dyn FillValues, cx: &Cx) -> Result<Map> {
    let mut wanted = Vec::new();
    for (key, value) in values.entries().iter() {
        collect(&key.to_text(), value, &mut wanted, cx)?;
    }
    if wanted.is_empty() {
        return Ok(values);
    }
    let count = wanted.len();
    let given = fill.fill(wanted, cx).map_err(Error::of_diagnostics)?;
    if given.len() != count {
        return Err(Error::render("the values were not filled"));
    }
    let mut given = given.into_iter().map(Value::from);
    Ok(replaced_map(&values, &mut given))
}

fn collect(path: &str, value: &Value, wanted: &mut Vec<(String, String)>, cx: &Cx) -> Result<()> {
    cx.check().map_err(Error::stopped)?;
    match value {
        Value::Str(text) => {
            if let Some(text) = candidate(text) {
                wanted.push((path.to_owned(), text.to_owned()));
            }
        }
        Value::List(list) => {
            for (at, item) in list.iter().enumerate() {
                collect(&format!("{path}[{at}]"), item, wanted, cx)?;
            }
        }
        Value::Map(map) => {
            for (key, value) in map.entries().iter() {
                collect(&format!("{path}.{}", key.to_text()), value, wanted, cx)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// The text of a string that may contain a placeholder; none for other strings.
fn candidate(text: &Str) -> Option<&str> {
    let text = std::str::from_utf8(text.as_bytes()).ok()?;
    text.as_bytes().contains(&MARK).then_some(text)
}

/// A copy in which the candidates are replaced, in the order in which they were collected.
fn replaced(value: &Value, given: &mut impl Iterator<Item = Value>) -> Value {
    match value {
        Value::Str(text) if candidate(text).is_some() => given.next().unwrap_or_default(),
        Value::List(list) => {
            Value::List(List::typed(list.iter().map(|item| replaced(item, given)).collect(), list.ty()))
        }
        Value::Map(map) => Value::Map(replaced_map(map, given)),
        other => other.clone(),
    }
}

fn replaced_map(map: &Map, given: &mut impl Iterator<Item = Value>) -> Map {
    let entries = map.entries().iter().map(|(key, value)| (key.clone(), replaced(value, given))).collect();
    Map::typed(entries, map.ty())
}
