//! Whether a node equals a JSON text, as the test operation sees it: scalars are compared as they are
//! written, so `1.0` is not `1`.

use crate::error::{Error, Result};
use keyfill_yaml::{Node, to_json};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Whether `node` equals the JSON text.
pub fn equal(node: &Node, json: &str) -> Result<bool> {
    match node {
        Node::Scalar(_) => Ok(to_json(node) == json.trim().as_bytes()),
        Node::Map(map) => {
            let Ok(fields) = serde_json::from_str::<BTreeMap<String, &RawValue>>(json) else {
                return Ok(false);
            };
            if fields.len() != map.len() {
                return Ok(false);
            }
            for (key, value) in map.iter() {
                let Some(other) = fields.get(key) else { return Ok(false) };
                if !equal(value, other.get())? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Node::Seq(seq) => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else { return Ok(false) };
            if items.len() != seq.items.len() {
                return Ok(false);
            }
            for (item, other) in seq.items.iter().zip(items) {
                if super::pointer::is_null(item) {
                    return Err(Error::new("a list with null in it cannot be tested"));
                }
                if !equal(item, other.get())? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }
}
