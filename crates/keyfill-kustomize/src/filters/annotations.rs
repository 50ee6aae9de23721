//! Setting annotations in the mappings that field specs lead to.

use super::labels;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::FieldSpec;
use keyfill_diag::Cx;
use keyfill_yaml::{Node, Text};

/// Sets annotations in all mappings that the field specs lead to. `annotations` must be sorted by key.
pub fn set(
    object: &mut Node,
    gvk: &Gvk,
    annotations: &[(Text, Text)],
    specs: &[FieldSpec],
    cx: &Cx,
) -> Result<()> {
    labels::set(object, gvk, annotations, specs, cx)
}
