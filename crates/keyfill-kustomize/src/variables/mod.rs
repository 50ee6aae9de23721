//! `vars`: `$(NAME)` in certain fields, replaced by a field of a resource.

use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::filters::refvar;
use crate::load::Variable;
use crate::replacement::path;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use crate::target::Session;
use keyfill_diag::{Class, Diagnostic};
use keyfill_yaml::{Node, Text};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Replaces all variables.
pub fn resolve(
    session: &Session,
    map: &mut ResMap,
    variables: &BTreeMap<Text, Variable>,
    specs: &[FieldSpec],
    schema: &Schema,
) -> Result<()> {
    if variables.is_empty() {
        return Ok(());
    }
    let values = values(map, variables)?;
    let mut used: HashSet<Text> = HashSet::new();
    let mut look_up = |name: &str| {
        let (name, value) = values.get_key_value(name)?;
        if !used.contains(name) {
            used.insert(name.clone());
        }
        Some(value.clone())
    };
    for at in map.places() {
        map.update(at, schema, |resource| {
            let gvk = resource.gvk().clone();
            for spec in specs {
                refvar::expand(&mut resource.node, &gvk, &mut look_up, spec)
                    .map_err(|e| resource.blame(e))?;
            }
            Ok(())
        })?;
    }
    let unused: Vec<&str> = variables.keys().filter(|n| !used.contains(*n)).map(Text::as_str).collect();
    if !unused.is_empty() {
        let message = format!("well-defined vars that were never replaced: {}", unused.join(","));
        session.warn(Diagnostic::warning(Class::Render, message));
    }
    Ok(())
}

/// The value of each variable.
fn values(map: &ResMap, variables: &BTreeMap<Text, Variable>) -> Result<HashMap<Text, Node>> {
    let mut readers: HashMap<&Text, &Resource> = HashMap::new();
    for resource in map.iter() {
        for name in &resource.variables {
            readers.entry(name).or_insert(resource);
        }
    }
    let mut values = HashMap::with_capacity(variables.len());
    for (name, variable) in variables {
        let Some(resource) = readers.get(name) else {
            return Err(Error::new(format!(
                "var '{name}' cannot be mapped to a field in the set of known resources: no {} \"{}\" is there",
                variable.gvk.kind, variable.object_name
            ))
            .hint("its objref must have the apiVersion, kind and name of a resource, as its file has them"));
        };
        let Some(value) = path::lookup(&resource.node, &steps(&variable.field_path))? else {
            return Err(resource.blame(Error::new(format!(
                "field '{}' of var '{name}' not found in the corresponding resource",
                variable.field_path
            ))));
        };
        values.insert(name.clone(), value.clone());
    }
    Ok(values)
}

/// The parts of a field path; `ports[0]` is two of them.
fn steps(field_path: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for part in path::split(field_path) {
        let index = part.strip_suffix(']').and_then(|p| p.rsplit_once('['));
        match index {
            Some((field, index)) if !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()) => {
                if !field.is_empty() {
                    steps.push(field.to_owned());
                }
                steps.push(index.to_owned());
            }
            _ => steps.push(part),
        }
    }
    steps
}
