//! Replica counts.

use super::scalar::set as set_scalar;
use super::shared::Writes;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, visit};
use keyfill_yaml::{Node, Tag, Text};

/// Sets the count in the field that the field spec leads to. A count in quotes stays in quotes.
pub fn set(object: &mut Node, gvk: &Gvk, count: i64, spec: &FieldSpec) -> Result<()> {
    let mut writes = Writes::default();
    let text = Text::from(count.to_string());
    visit(object, gvk, spec, Create::Scalar, &mut |node| {
        set_scalar(node, text.clone(), Tag::Int, &mut writes)
    })?;
    writes.spread(object);
    Ok(())
}
