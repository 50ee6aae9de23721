//! `namePrefix` and `nameSuffix`.

use crate::Gvk;
use crate::error::Result;
use crate::fieldspec::FieldSpec;
use crate::filters::affix;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use keyfill_diag::Cx;
use keyfill_yaml::Text;

/// Adds a prefix to names and to the fields of the field specs.
pub fn prefix(map: &mut ResMap, schema: &Schema, prefix: &Text, specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    each(map, schema, specs, cx, |resource, spec, is_name| {
        if is_name && !prefix.is_empty() {
            resource.memory.prefixes.push(prefix.clone());
            resource.store_previous_id();
        }
        let gvk = resource.gvk().clone();
        affix::prefix(&mut resource.node, &gvk, prefix, spec).map_err(|e| resource.blame(e))
    })
}

/// Appends a suffix to names and to the fields of the field specs.
pub fn suffix(map: &mut ResMap, schema: &Schema, suffix: &Text, specs: &[FieldSpec], cx: &Cx) -> Result<()> {
    each(map, schema, specs, cx, |resource, spec, is_name| {
        if is_name && !suffix.is_empty() {
            resource.memory.suffixes.push(suffix.clone());
            resource.store_previous_id();
        }
        let gvk = resource.gvk().clone();
        affix::suffix(&mut resource.node, &gvk, suffix, spec).map_err(|e| resource.blame(e))
    })
}

fn each(
    map: &mut ResMap,
    schema: &Schema,
    specs: &[FieldSpec],
    cx: &Cx,
    mut change: impl FnMut(&mut Resource, &FieldSpec, bool) -> Result<()>,
) -> Result<()> {
    for at in map.places() {
        cx.check()?;
        let original = map.get(at).original_id().gvk;
        if keeps_its_name(&original) {
            continue;
        }
        for spec in specs.iter().filter(|s| original.is_selected_by(&s.gvk)) {
            map.update(at, schema, |resource| change(resource, spec, spec.path == "metadata/name"))?;
        }
    }
    Ok(())
}

/// Whether objects of a type keep their name, because it has a meaning to the cluster.
fn keeps_its_name(gvk: &Gvk) -> bool {
    match gvk.kind.as_str() {
        "CustomResourceDefinition" | "Namespace" => true,
        "APIService" => gvk.group == "apiregistration.k8s.io",
        _ => false,
    }
}
