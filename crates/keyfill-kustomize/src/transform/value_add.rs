//! The builtin plugin that adds a value at a path.

use crate::error::Result;
use crate::filters::namespace::{self, Namespace, SetSubjects};
use crate::filters::value_add;
use crate::load::Spot;
use crate::resmap::ResMap;
use crate::schema::Schema;
use crate::selector::Matcher;
use keyfill_diag::Cx;
use keyfill_yaml::Text;

/// A value and where it goes.
#[derive(Debug)]
pub struct ValueAdd {
    /// The value.
    pub value: Text,
    /// Where it goes.
    pub targets: Vec<ValueTarget>,
}

/// One place of the value.
#[derive(Debug)]
pub struct ValueTarget {
    /// Which resources; none is all.
    pub selector: Option<Matcher>,
    /// The field.
    pub field_path: Text,
    /// Which part of a file path is meant, counted from 1; 0 is the whole field.
    pub file_path_position: i64,
    /// Where it is configured.
    pub spot: Spot,
}

impl ValueAdd {
    /// Puts the value in.
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
