//! Reading and writing the common fields of an object.

use crate::error::{Error, Result};
use crate::filters::scalar::untype;
use crate::filters::shared::part;
use keyfill_diag::ObjectRef;
use keyfill_yaml::{Map, Node, Scalar, ScalarKind, Style, Tag, Text};

/// The `metadata` mapping; `None` if it is absent or empty.
pub fn metadata(object: &Node) -> Option<&Map> {
    object.get("metadata")?.as_map().filter(|m| !m.is_empty())
}

/// The text of a field of `metadata`; empty if it is absent or null.
pub fn metadata_text<'a>(object: &'a Node, field: &str) -> &'a str {
    metadata(object)
        .and_then(|m| m.get(field))
        .map_or("", |node| if is_null(node) { "" } else { text_of_scalar(node) })
}

/// The text of a scalar, whatever its type; empty for lists and mappings.
pub fn text_of_scalar(node: &Node) -> &str {
    node.text().unwrap_or("")
}

/// The object as it is named in errors.
pub fn object_ref(object: &Node) -> Option<ObjectRef> {
    let kind = object.get("kind").map_or("", text_of_scalar);
    ObjectRef::new(kind, metadata_text(object, "namespace"), metadata_text(object, "name"))
}

/// Whether a node is `null`, by its text or its tag.
pub fn is_null(node: &Node) -> bool {
    node.as_scalar().is_some_and(|scalar| scalar.kind() == ScalarKind::Null)
}

/// Sets the text of a scalar and keeps its style: a quoted scalar stays quoted.
pub fn set_scalar(node: &mut Node, text: impl Into<Text>) {
    match node {
        Node::Scalar(scalar) => {
            scalar.text = text.into();
            untype(scalar);
        }
        other => *other = Node::Scalar(Scalar::string(text)),
    }
}

/// Sets a text field of a mapping. An existing field keeps its style; a new one is a string.
pub fn set_text(map: &mut Map, field: &str, text: &str) {
    match map.get_mut(field) {
        Some(node) => set_scalar(node, text),
        None => map.set(field, Node::string(text)),
    }
}

/// Sets a text field of `metadata`, which is created if it is absent.
pub fn set_metadata_text(object: &mut Node, field: &str, text: &str) {
    if let Some(map) = metadata_mut(object) {
        set_text(map, field, text);
    }
}

/// The `metadata` mapping, created if it is absent; `None` if the object is not a mapping.
pub fn metadata_mut(object: &mut Node) -> Option<&mut Map> {
    let node = object.as_map_mut()?.get_or_insert_with("metadata", Node::map);
    if is_null(node) {
        *node = Node::map();
    }
    node.as_map_mut()
}

/// Sets an annotation to a string. The other annotations are not changed.
pub fn add_annotation(object: &mut Node, key: &str, value: &str) {
    if let Some(map) = annotations_mut(object) {
        map.set(key, Node::string(value));
    }
}

/// Removes an annotation.
pub fn drop_annotation(object: &mut Node, key: &str) {
    let annotations = object.get_mut("metadata").and_then(|m| m.get_mut("annotations"));
    if let Some(map) = annotations.and_then(Node::as_map_mut) {
        map.remove(key);
    }
}

/// Sets an annotation to a string, and makes all others strings, too. None of them shares its value with another
/// field any more.
pub fn set_annotation(object: &mut Node, key: &str, value: &str) {
    let Some(map) = annotations_mut(object) else { return };
    for entry in &mut map.entries {
        to_string_node(&mut entry.value);
        part(&mut entry.value);
    }
    map.set(key, Node::string(value));
}

/// The annotations, created if they are absent.
fn annotations_mut(object: &mut Node) -> Option<&mut Map> {
    let annotations = metadata_mut(object)?.get_or_insert_with("annotations", Node::map);
    if is_null(annotations) {
        *annotations = Node::map();
    }
    annotations.as_map_mut()
}

/// Makes all values of `metadata.labels` or `metadata.annotations` strings, and removes the field if it is empty.
pub fn strings_in_metadata(object: &mut Node, field: &str) {
    let Some(Node::Map(metadata)) = object.as_map_mut().and_then(|m| m.get_mut("metadata")) else { return };
    let Some(node) = metadata.get_mut(field) else { return };
    match node {
        Node::Map(map) if !map.is_empty() => {
            for entry in &mut map.entries {
                to_string_node(&mut entry.value);
            }
        }
        _ => {
            metadata.remove(field);
        }
    }
}

/// Fails if the annotations are a list. The official tool would treat it as a mapping.
pub fn check_annotations(object: &Node) -> Result<()> {
    match metadata(object).and_then(|m| m.get("annotations")) {
        Some(Node::Seq(seq)) if !seq.items.is_empty() => {
            Err(Error::new("metadata.annotations is a list, not a mapping").at_location(seq.location))
        }
        _ => Ok(()),
    }
}

/// Makes a node a string with the same text. A list or mapping becomes the empty string.
fn to_string_node(node: &mut Node) {
    match node {
        Node::Scalar(scalar) => {
            scalar.tag = Tag::Str;
            // A folded scalar would be folded again when it is printed; a plain string keeps its text.
            scalar.style = Style::Plain;
        }
        other => *other = Node::string(""),
    }
}
