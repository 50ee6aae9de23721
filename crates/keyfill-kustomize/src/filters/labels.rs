//! Setting labels in the mappings that field specs lead to.

use super::scalar::{is_null, set_entry, wrong_kind};
use super::shared::{Writes, new_mark};
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::{Create, FieldSpec, visit_all};
use keyfill_diag::Cx;
use keyfill_yaml::{Node, Text};

/// Sets labels in all mappings that the field specs lead to. `labels` must be sorted by key.
pub fn set(
    object: &mut Node,
    gvk: &Gvk,
    labels: &[(Text, Text)],
    specs: &[FieldSpec],
    cx: &Cx,
) -> Result<()> {
    let mut writes = Writes::default();
    for (key, value) in labels {
        cx.check()?;
        let mark = new_mark();
        visit_all(object, gvk, specs, Create::Map, &mut |node| match node {
            Node::Map(map) => {
                set_entry(map, key, value, mark, &mut writes, cx);
                Ok(())
            }
            // A null stays null where the field spec does not allow to create a mapping.
            node if is_null(node) => Ok(()),
            node => Err(wrong_kind("a mapping", node)),
        })?;
    }
    writes.spread(object);
    Ok(())
}
