//! What a kustomization and its bases have yielded so far: resources, transformer configuration, variables.

use crate::config::TransformerConfig;
use crate::error::{Error, Result};
use crate::load::Variable;
use crate::resmap::{ResMap, describe};
use crate::resource::Id;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a kustomization and its bases have yielded so far.
#[derive(Debug, Default)]
pub struct Accumulator {
    /// The resources, in order.
    pub map: ResMap,
    /// The fields that the transformers of this kustomization change.
    pub config: Arc<TransformerConfig>,
    /// The variables of `vars`, by name.
    pub variables: BTreeMap<keyfill_yaml::Text, Variable>,
}

impl Accumulator {
    /// Merges another transformer configuration into the own one.
    pub fn merge_config(&mut self, other: &Arc<TransformerConfig>) -> Result<()> {
        TransformerConfig::merge(&mut self.config, other)
    }

    /// Merges what a base has yielded. Two resources with the same id are an error, and so are two variables with
    /// the same name.
    pub fn merge(&mut self, other: Self) -> Result<()> {
        self.map.append_all(other.map)?;
        self.merge_config(&other.config)?;
        other.variables.into_values().try_for_each(|v| self.add_variable(v))
    }

    fn add_variable(&mut self, variable: Variable) -> Result<()> {
        if self.variables.contains_key(&variable.name) {
            return Err(Error::new(format!("var '{}' already encountered", variable.name))
                .at_spot(&variable.spot)
                .hint("two kustomizations define it: give one of them another name"));
        }
        self.variables.insert(variable.name.clone(), variable);
        Ok(())
    }

    /// Adds the variables of a kustomization, and notes each at the resource that its value is read from.
    pub fn add_variables(&mut self, variables: Vec<Variable>) -> Result<()> {
        for variable in variables {
            let wanted = Id {
                gvk: variable.gvk.clone(),
                name: variable.object_name.clone(),
                namespace: variable.object_namespace.clone(),
                is_cluster_scoped: false,
            };
            let any_namespace = wanted.namespace.is_empty();
            let places = self.map.matching_name(&wanted.name, |id| {
                id.gvk == wanted.gvk && (any_namespace || wanted.is_namespace_of(id))
            });
            match places[..] {
                [] => {}
                [at] => self.map.node_mut(at).variables.push(variable.name.clone()),
                _ => {
                    let error =
                        format!("var '{}' matches several resources: {}", variable.name, describe(&wanted));
                    return Err(Error::new(error)
                        .at_spot(&variable.spot.field("objref"))
                        .hint("name the namespace in its objref"));
                }
            }
            self.add_variable(variable)?;
        }
        Ok(())
    }
}
