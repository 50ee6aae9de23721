//! `replicas`: replica counts.

use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::filters::replicas;
use crate::load::Replica;
use crate::resmap::ResMap;
use keyfill_diag::Cx;

/// Sets the count of each resource that has the name, or had it before, and that the field specs select.
pub fn apply(map: &mut ResMap, replica: &Replica, specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    let mut found = false;
    for spec in specs {
        for at in map.matching_name(&replica.name, |id| id.gvk.is_selected_by(&spec.gvk)) {
            found = true;
            cx.check()?;
            let resource = map.node_mut(at);
            let gvk = resource.gvk().clone();
            replicas::set(&mut resource.node, &gvk, replica.count, spec).map_err(|e| resource.blame(e))?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<&str> = specs.iter().map(|s| s.gvk.kind.as_str()).collect();
    Err(Error::new(format!("resource with name {} does not match a config with replicas", replica.name))
        .hint(format!("`replicas` changes these kinds: {}", kinds.join(", "))))
}
