//! Parsing the operations of a patch.

use super::round::from_json;
use super::{Operation, Value};
use crate::error::{Error, Result};
use keyfill_yaml::{Limits, Location, Mark, PlaceTree, Step, TextPlace, load_object, to_json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Parses operations from JSON, which begins with `[`, or from YAML.
pub fn operations(text: &[u8], place: TextPlace, limits: &Limits) -> Result<Vec<Operation>> {
    let mut operations = if text.starts_with(b"[") {
        read(text, place)?
    } else {
        let value = load_object(text, limits).map_err(|e| Error::yaml_at(place, &e))?;
        read(&to_json(&value), TextPlace::line(place.location(1)))?
    };
    let places = PlaceTree::read(text, limits);
    for (n, operation) in operations.iter_mut().enumerate() {
        let Some(places) = &places else { break };
        operation.location = place.location(places.nearest([Step::Index(n)]).start().line);
        if let Some(value) = &mut operation.value {
            places.locate_node(&[Step::Index(n), Step::Key("value")], &mut value.node, &|mark: Mark| {
                place.location(mark.line)
            });
        }
    }
    Ok(operations)
}

/// The fields of an operation. An operation may be null, which is an error when it is applied.
type Fields<'a> = Option<BTreeMap<String, Option<&'a RawValue>>>;

fn read(json: &[u8], place: TextPlace) -> Result<Vec<Operation>> {
    let list: Option<Vec<Fields<'_>>> = serde_json::from_slice(json).map_err(|e| {
        let line = u32::try_from(e.line()).unwrap_or(0);
        Error::new(format!("not a list of JSON patch operations: {}", reason(&e)))
            .at_location(place.location(line))
            .hint("a JSON patch is a list of mappings with op, path and value")
    })?;
    list.unwrap_or_default().into_iter().map(|fields| operation(&fields.unwrap_or_default())).collect()
}

/// serde's message without line and column: those are positions in JSON that was converted from YAML.
fn reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text[..end].to_owned()
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
        location: Location::NONE,
    })
}
