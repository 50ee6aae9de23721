//! Prefixes and suffixes of scalars.

use super::scalar::{set, wrong_kind};
use super::shared::Writes;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, visit};
use keyfill_yaml::{Node, Tag, Text};

/// Puts a prefix before the scalars that the field spec leads to.
pub fn prefix(object: &mut Node, gvk: &Gvk, prefix: &str, spec: &FieldSpec) -> Result<()> {
    change(object, gvk, spec, |text| format!("{prefix}{text}").into())
}

/// Puts a suffix behind the scalars that the field spec leads to.
pub fn suffix(object: &mut Node, gvk: &Gvk, suffix: &str, spec: &FieldSpec) -> Result<()> {
    change(object, gvk, spec, |text| format!("{text}{suffix}").into())
}

fn change(object: &mut Node, gvk: &Gvk, spec: &FieldSpec, affixed: impl Fn(&str) -> Text) -> Result<()> {
    let mut writes = Writes::default();
    visit(object, gvk, spec, Create::Scalar, &mut |node| {
        let Some(text) = node.text() else { return Err(wrong_kind("a scalar", node)) };
        let text = affixed(text);
        set(node, text, Tag::None, &mut writes)
    })?;
    writes.spread(object);
    Ok(())
}
