//! JSON patches (RFC 6902) as kustomize applies them.
//!
//! kustomize converts the object to JSON, applies the patch with `evanphx/json-patch` v4 and converts the result
//! back. Here the operations work on the nodes, and `round` changes the scalars as the round trip through JSON
//! does.

mod apply;
mod equal;
mod parse;
mod pointer;
mod round;

use crate::error::{Error, Result};
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Location, Node, TextPlace};
use std::sync::Arc;

/// A JSON patch: a list of operations.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    operations: Arc<[Operation]>,
}

/// One operation as written. Whether its fields are complete is checked when it is applied.
#[derive(Debug, Default)]
struct Operation {
    kind: String,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
    /// Where the operation is written.
    location: Location,
}

/// A value as JSON text, which `test` compares, and as a node, which the other operations insert.
#[derive(Debug)]
struct Value {
    json: String,
    node: Node,
}

impl Patch {
    /// Parses operations from JSON or YAML text. `place` is the file or field that the text comes from.
    pub fn parse_at(text: &[u8], place: TextPlace, limits: &Limits) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new("empty json patch operations").at_location(place.location(0)));
        }
        parse::operations(text, place, limits).map(|operations| Self { operations: operations.into() })
    }

    /// Whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Applies the operations to an object.
    pub fn apply(&self, object: &mut Node, cx: &Cx) -> Result<()> {
        round::through_json(object)?;
        let mut copies = apply::Copies::new(cx);
        for (n, operation) in self.operations.iter().enumerate() {
            cx.check()?;
            apply::operation(object, operation, &mut copies)
                .map_err(|e| e.context(format!("operation {} ({})", n + 1, operation.kind)))
                .map_err(|e| e.at_location(operation.location))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
