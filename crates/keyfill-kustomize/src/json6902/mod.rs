//! JSON patches (RFC 6902) as kustomize applies them.
//!
//! It turns the object into JSON, lets `evanphx/json-patch` v4 work on that, and reads the result back. Here
//! the operations work on the nodes, and [`round`] does to the scalars what the way through JSON does.

mod apply;
mod equal;
mod parse;
mod pointer;
mod round;

use crate::error::{Error, Result};
use keyfill_yaml::Node;
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
}

/// A value as JSON text, which `test` compares, and as a node, which the others put in.
#[derive(Debug)]
struct Value {
    json: String,
    node: Node,
}

impl Patch {
    /// Reads operations from JSON or YAML text.
    pub fn parse(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new("empty json patch operations"));
        }
        parse::operations(text).map(|operations| Self { operations: operations.into() })
    }

    /// Whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Applies the operations to an object.
    pub fn apply(&self, object: &mut Node) -> Result<()> {
        round::through_json(object)?;
        let mut copies = apply::Copies::default();
        for (n, operation) in self.operations.iter().enumerate() {
            apply::operation(object, operation, &mut copies)
                .map_err(|e| e.context(format!("operation {} ({})", n + 1, operation.kind)))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
