//! Setting scalars as kustomize does: what is there keeps its way of being written.

use super::shared::Writes;
use crate::error::{Error, Result};
use keyfill_yaml::{Map, Node, Scalar, ScalarKind, Style, Tag, Text};

/// Whether a node is null, by its text or by its tag.
pub fn is_null(node: &Node) -> bool {
    node.as_scalar().is_some_and(|s| s.kind() == ScalarKind::Null)
}

/// Whether a node is null or an empty list or mapping.
pub fn is_null_or_empty(node: &Node) -> bool {
    match node {
        Node::Scalar(scalar) => scalar.kind() == ScalarKind::Null,
        Node::Seq(seq) => seq.items.is_empty(),
        Node::Map(map) => map.is_empty(),
    }
}

/// The text of a scalar; that of null is empty.
pub fn text_of(node: &Node) -> &str {
    match node {
        Node::Scalar(scalar) if scalar.kind() != ScalarKind::Null => &scalar.text,
        _ => "",
    }
}

/// Sets the text of a scalar. Without a tag, the text decides the type of a plain one.
pub fn set(node: &mut Node, text: Text, tag: Tag, writes: &mut Writes) -> Result<()> {
    let Node::Scalar(scalar) = node else { return Err(wrong_kind("a scalar", node)) };
    let value = Scalar { text, style: scalar.style, tag, line: scalar.line };
    writes.put(scalar, value);
    Ok(())
}

/// Sets an entry of a mapping to a string. A new one gets a mark of those that share it.
pub fn set_entry(map: &mut Map, key: &Text, text: &Text, mark: u32, writes: &mut Writes) {
    match map.get_mut(key) {
        Some(Node::Scalar(scalar)) => {
            let value = Scalar { text: text.clone(), style: scalar.style, tag: Tag::Str, line: 0 };
            writes.put(scalar, value);
        }
        Some(other) => *other = Node::string(text.clone()),
        None => map.set(key.clone(), Node::Scalar(Scalar { line: mark, ..Scalar::string(text.clone()) })),
    }
}

/// Puts a scalar over another one, whose way of being written stays: a number put over a quoted text
/// becomes text, a quoted text put over a plain number stays text.
pub fn put_over(target: &mut Scalar, mut value: Scalar, writes: &mut Writes) {
    if value.tag == Tag::None && value.style != Style::Plain {
        value.tag = Tag::Str;
    }
    value.style = target.style;
    if value.style != Style::Plain && matches!(value.tag, Tag::Int | Tag::Float | Tag::Bool) {
        value.tag = Tag::None;
    }
    writes.put(target, value);
}

/// What is said of a node of another sort than expected.
pub fn wrong_kind(expected: &str, node: &Node) -> Error {
    let got = match node {
        Node::Scalar(_) => "a scalar",
        Node::Seq(_) => "a list",
        Node::Map(_) => "a mapping",
    };
    Error::new(format!("expected {expected} but got {got}")).at_line(node.line())
}
