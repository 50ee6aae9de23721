//! Annotations along field specs.

use super::labels;
use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::FieldSpec;
use keyfill_diag::Cx;
use keyfill_yaml::{Node, Text};

/// Sets annotations, which come sorted by key, in all mappings that the specs lead to.
pub fn set(
    object: &mut Node,
    gvk: &Gvk,
    annotations: &[(Text, Text)],
    specs: &[FieldSpec],
    cx: &Cx,
) -> Result<()> {
    labels::set(object, gvk, annotations, specs, cx)
}
