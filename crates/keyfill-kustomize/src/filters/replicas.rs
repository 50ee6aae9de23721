//! Replica counts.

use super::scalar::set as set_scalar;
use super::shared::Writes;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, visit};
use keyfill_yaml::{Node, Style, Tag, Text};

/// Sets the count in the field that the spec leads to. A quoted one stays quoted.
pub fn set(object: &mut Node, gvk: &Gvk, count: i64, spec: &FieldSpec) -> Result<()> {
    let mut writes = Writes::default();
    let text = Text::from(count.to_string());
    visit(object, gvk, spec, Create::Scalar, &mut |node| {
        let is_quoted = node.as_scalar().is_some_and(|s| s.style != Style::Plain);
        let tag = if is_quoted { Tag::Str } else { Tag::Int };
        set_scalar(node, text.clone(), tag, &mut writes)
    })?;
    writes.spread(object);
    Ok(())
}
