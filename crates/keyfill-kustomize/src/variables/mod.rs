//! `vars`: `$(NAME)` in certain fields, replaced by a field of a resource.

use crate::assemble::Session;
use crate::error::{Error, Result};
use crate::fieldspec::FieldSpec;
use crate::filters::refvar;
use crate::filters::scalar::is_string;
use crate::load::Variable;
use crate::replacement::path;
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_go::strconv::parse_float;
use keyfill_yaml::{Node, Scalar, ScalarKind, Text};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Replaces all variables in the resources.
pub fn resolve(
    session: &Session,
    map: &mut ResMap,
    variables: &BTreeMap<Text, Variable>,
    specs: &[FieldSpec],
    schema: &Schema,
    cx: &Cx,
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
        cx.check()?;
        map.update(at, schema, |resource| {
            let gvk = resource.gvk().clone();
            for spec in specs {
                refvar::expand(&mut resource.node, &gvk, &mut look_up, spec)
                    .map_err(|e| resource.blame_here(e))?;
            }
            Ok(())
        })?;
    }
    let unused: Vec<&str> = variables.keys().filter(|n| !used.contains(*n)).map(Text::as_str).collect();
    if !unused.is_empty() {
        let message = format!("well-defined vars that were never replaced: {}", unused.join(","));
        let first = variables.get(unused[0]).and_then(|variable| variable.spot.place());
        session.warn(Diagnostic::warning(Class::Render, message).at(first.unwrap_or_default()));
    }
    Ok(())
}

/// The value of each variable, by name.
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
            .at_spot(&variable.spot.field("objref"))
            .hint("its objref must have the apiVersion, kind and name of a resource, as its file has them"));
        };
        let field = variable.spot.field("fieldref");
        let found = path::lookup(&resource.node, &steps(&variable.field_path));
        let Some(value) = found.map_err(|e| resource.blame(e.at_spot(&field)))? else {
            let error = Error::new(format!(
                "field '{}' of var '{name}' not found in the corresponding resource",
                variable.field_path
            ));
            return Err(resource.blame(error.at_spot(&field)));
        };
        let location = value.location();
        let Some(value) = as_read(value) else {
            return Err(resource.blame(
                Error::new(format!(
                    "field '{}' of var '{name}' is a number in a form that variables do not take",
                    variable.field_path
                ))
                .at_location(location)
                .hint("write it in decimal digits"),
            ));
        };
        values.insert(name.clone(), value);
    }
    Ok(values)
}

/// The value as the official tool's variables read it: an integer must be decimal, so that `0777` is 777 and
/// `0x1F` is an error; a boolean is in lower case.
fn as_read(value: &Node) -> Option<Node> {
    let Node::Scalar(scalar) = value else { return Some(value.clone()) };
    let text = match scalar.kind() {
        _ if is_string(scalar) => return Some(value.clone()),
        ScalarKind::Int => scalar.text.parse::<i64>().ok()?.to_string(),
        ScalarKind::Float => parse_float(&scalar.text).ok().map(|_| scalar.text.to_string())?,
        ScalarKind::Bool => scalar.text.to_lowercase(),
        _ => return Some(value.clone()),
    };
    Some(Node::Scalar(Scalar { text: text.into(), ..scalar.clone() }))
}

/// The steps of a field path. `ports[0]` is two steps.
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
