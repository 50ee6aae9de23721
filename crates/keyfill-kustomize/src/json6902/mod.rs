//! JSON patches (RFC 6902) as kustomize applies them.
//!
//! It turns the object into JSON, lets `evanphx/json-patch` v4 work on that, and reads the result back. Here
//! the operations work on the nodes, and `round` does to the scalars what the round trip through JSON does.

mod apply;
mod equal;
mod parse;
mod pointer;
mod round;

use crate::error::{Error, Result};
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Location, Node, TextPlace};
use std::sync::Arc;

/// A list of operations.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    operations: Arc<[Operation]>,
}

/// One operation as written. Whether it is complete shows when it is applied.
#[derive(Debug, Default)]
struct Operation {
    kind: String,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
    /// Where it stands.
    location: Location,
}

/// A value as JSON text, which `test` compares, and as a node, which the others put in.
#[derive(Debug)]
struct Value {
    json: String,
    node: Node,
}

impl Patch {
    /// Reads operations from JSON or YAML text that stands at a place.
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
