//! The builtin plugin `ValueAddTransformer`, which adds a value at a path.

use crate::error::Result;
use crate::filters::namespace::{self, Namespace, SetSubjects};
use crate::filters::value_add;
use crate::load::Spot;
use crate::resmap::ResMap;
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_diag::Cx;
use keyfill_yaml::Text;

/// The configuration of the plugin.
#[derive(Debug)]
pub struct ValueAdd {
    /// The value.
    pub value: Text,
    /// The fields that get the value.
    pub targets: Vec<ValueTarget>,
}

/// One field that gets the value, in the selected resources.
#[derive(Debug)]
pub struct ValueTarget {
    /// The resources; `None` selects all.
    pub selector: Option<Matcher>,
    /// Path of the field.
    pub field_path: Text,
    /// If the field holds a file path, the part of it that the value becomes, counted from 1; 0 is the whole
    /// field.
    pub file_path_position: i64,
    /// The place of its configuration.
    pub spot: Spot,
}

impl ValueAdd {
    /// Sets the value in all targets.
    pub fn apply(&self, map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
        for target in &self.targets {
            let places = match &target.selector {
                Some(matcher) => map.select(matcher),
                None => map.places(),
            };
            for at in places {
                cx.check()?;
                map.update(at, schema, |resource| {
                    let (gvk, is_cluster_scoped) = (resource.gvk().clone(), resource.id().is_cluster_scoped);
                    let result = if target.field_path == "metadata/namespace" {
                        let subjects = SetSubjects::DefaultOnly;
                        let change = Namespace { name: &self.value, unset_only: false, subjects };
                        namespace::set(&mut resource.node, &gvk, &change, &[], is_cluster_scoped)
                    } else {
                        value_add::set(
                            &mut resource.node,
                            &target.field_path,
                            &self.value,
                            target.file_path_position,
                        )
                    };
                    result.map_err(|e| resource.blame(e).at_spot(&target.spot))
                })?;
            }
        }
        Ok(())
    }
}
