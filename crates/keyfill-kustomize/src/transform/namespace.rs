//! `namespace`: setting the namespace of all resources.

use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::filters::namespace::{self, Namespace};
use crate::resmap::{ResMap, describe};
use crate::schema::Schema;
use keyfill_diag::Cx;

/// Sets the namespace. It is an error if two resources get the same id.
pub fn apply(
    map: &mut ResMap,
    schema: &Schema,
    change: &Namespace<'_>,
    specs: &[FieldSpec],
    cx: &Cx,
) -> Result<()> {
    if change.name.is_empty() {
        return Ok(());
    }
    for at in map.places() {
        cx.check()?;
        if map.get(at).memory.from_chart {
            map.memory_mut(at).missed_namespace = Some(change.name.into());
            continue;
        }
        map.update(at, schema, |resource| {
            resource.store_previous_id();
            let id = resource.id();
            let (gvk, is_cluster_scoped) = (id.gvk.clone(), id.is_cluster_scoped);
            namespace::set(&mut resource.node, &gvk, change, specs, is_cluster_scoped)
                .map_err(|e| resource.blame(e))
        })?;
        if !map.is_unique(at) {
            let id = describe(map.get(at).id());
            let error = Error::new(format!("namespace transformation produces ID conflict: {id}"))
                .hint("two resources differ by their namespace alone");
            return Err(map.get(at).blame(error));
        }
    }
    Ok(())
}
