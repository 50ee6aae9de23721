//! Labels and annotations.

use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::{annotations, labels};
use crate::resmap::ResMap;
use keyfill_diag::Cx;
use keyfill_yaml::Text;

/// Sets labels in the fields of the field specs.
pub fn labels(map: &mut ResMap, pairs: &[(Text, Text)], specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in map.nodes_mut() {
        cx.check()?;
        let gvk = resource.gvk().clone();
        labels::set(&mut resource.node, &gvk, pairs, specs, cx).map_err(|e| resource.blame(e))?;
    }
    Ok(())
}

/// Sets annotations in the fields of the field specs.
pub fn annotations(map: &mut ResMap, pairs: &[(Text, Text)], specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    for resource in map.nodes_mut() {
        cx.check()?;
        let gvk = resource.gvk().clone();
        annotations::set(&mut resource.node, &gvk, pairs, specs, cx).map_err(|e| resource.blame(e))?;
    }
    Ok(())
}
