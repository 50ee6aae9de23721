//! Reading operations.

use super::round::from_json;
use super::{Operation, Value};
use crate::error::{Error, Result};
use keyfill_yaml::{Limits, load_object, to_json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Reads the operations of JSON text, which begins with a bracket, or of YAML text.
pub fn operations(text: &[u8]) -> Result<Vec<Operation>> {
    if text.starts_with(b"[") {
        return read(text);
    }
    let value = load_object(text, &Limits::default()).map_err(|e| Error::yaml("", &e))?;
    read(&to_json(&value))
}

/// An operation may be null, which fails when it is applied.
type Fields<'a> = Option<BTreeMap<String, Option<&'a RawValue>>>;

fn read(json: &[u8]) -> Result<Vec<Operation>> {
    let list: Option<Vec<Fields<'_>>> = serde_json::from_slice(json).map_err(|e| {
        Error::new(format!("not a list of JSON patch operations: {e}"))
            .hint("a JSON patch is a list of mappings with op, path and value")
    })?;
    list.unwrap_or_default().into_iter().map(|fields| operation(&fields.unwrap_or_default())).collect()
}

fn operation(fields: &BTreeMap<String, Option<&RawValue>>) -> Result<Operation> {
    let text = |name: &str| -> Option<String> {
        fields.get(name).copied().flatten().and_then(|raw| serde_json::from_str(raw.get()).ok())
    };
    let value = match fields.get("value") {
        None => None,
        Some(None) => Some(Value { json: "null".into(), node: keyfill_yaml::Node::null() }),
        Some(Some(raw)) => Some(Value { json: raw.get().to_owned(), node: from_json(raw.get())? }),
    };
    Ok(Operation {
        kind: text("op").unwrap_or_else(|| "unknown".to_owned()),
        path: text("path"),
        from: text("from"),
        value,
    })
}
