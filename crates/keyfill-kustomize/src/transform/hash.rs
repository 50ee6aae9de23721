//! Appending a hash of its content to the name of a resource.

use crate::error::{Error, Result};
use crate::resmap::ResMap;
use crate::resource::Resource;
use crate::schema::Schema;
use keyfill_diag::Cx;
use keyfill_yaml::{Node, Text, TextPlace, Value, resolve, to_json};
use sha2::{Digest, Sha256};

/// Appends hashes to the names of the resources that need one.
pub fn apply(map: &mut ResMap, schema: &Schema, cx: &Cx) -> Result<()> {
    for at in map.places() {
        cx.check()?;
        if !map.get(at).memory.needs_hash {
            continue;
        }
        let hash = hash_of(map.get(at)).map_err(|e| map.get(at).blame_here(e))?;
        map.update(at, schema, |resource| {
            resource.store_previous_id();
            let name = format!("{}-{hash}", resource.id().name);
            resource.set_name(&name);
            Ok(())
        })?;
    }
    Ok(())
}

/// The hash of a resource: ten characters, chosen so that they form no word.
fn hash_of(resource: &Resource) -> Result<String> {
    let text = match resource.gvk().kind.as_str() {
        "ConfigMap" => to_json(&content(&resource.node, "ConfigMap", &["data"], "binaryData")?),
        "Secret" => to_json(&content(&resource.node, "Secret", &["type", "data"], "stringData")?),
        kind => return Err(Error::unsupported(format!("a name's hash for kind {kind}"))),
    };
    let digest = Sha256::digest(&text);
    let hex = digest.iter().take(5).flat_map(|byte| [byte >> 4, byte & 15]);
    Ok(hex.map(letter).collect())
}

/// The character for a hexadecimal digit. Vowels and digits that look like vowels are replaced.
fn letter(digit: u8) -> char {
    match digit {
        0 => 'g',
        1 => 'h',
        3 => 'k',
        10 => 'm',
        14 => 't',
        other => char::from_digit(u32::from(other), 16).unwrap_or('g'),
    }
}

/// The content that is hashed: kind, some fields, and the field `optional` if it is no scalar. The official tool
/// means to hash the name, too, but looks for a field called `metadata/name`, so the name is always empty.
fn content(object: &Node, kind: &'static str, fields: &[&str], optional: &str) -> Result<Value> {
    let mut map: Vec<(Text, Value)> =
        vec![("kind".into(), Value::Str(kind.into())), ("name".into(), Value::Str(Text::default()))];
    for field in fields {
        map.push(((*field).into(), field_value(object.get(field))?));
    }
    let extra = object.get(optional).filter(|node| !matches!(node, Node::Scalar(_)));
    if let Some(extra) = extra {
        map.push((optional.into(), field_value(Some(extra))?));
    }
    Ok(Value::Map(map))
}

/// The value of a field that is hashed: empty if it is absent, the text of a scalar, nothing for a list.
fn field_value(node: Option<&Node>) -> Result<Value> {
    match node {
        None => Ok(Value::Str(Text::default())),
        Some(Node::Scalar(scalar)) => Ok(Value::Str(scalar.text.clone())),
        Some(Node::Seq(_)) => Ok(Value::Null),
        Some(node) => resolve(node).map_err(|e| {
            let line = TextPlace::file(node.location().file()).location(e.line());
            Error::of_yaml(&e).at_location(if e.line() > 0 { line } else { node.location() })
        }),
    }
}
