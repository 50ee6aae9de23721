//! Setting scalars as kustomize does: what is there keeps its way of being written.

use super::shared::{Writes, is_shared};
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

/// Whether a scalar has no type at all: it was made or set on the way without one, so that its text decides
/// anew each time it changes. One that was read has the type of what it was then.
pub fn is_untyped(scalar: &Scalar) -> bool {
    scalar.tag == Tag::None && (scalar.line == 0 || is_shared(scalar))
}

/// The tag that says what a scalar is now, for one whose text changes and whose type stays.
pub fn tag_of(scalar: &Scalar) -> Tag {
    match scalar.kind() {
        ScalarKind::Str => Tag::Str,
        ScalarKind::Int => Tag::Int,
        ScalarKind::Float => Tag::Float,
        ScalarKind::Bool => Tag::Bool,
        ScalarKind::Null => Tag::Null,
        ScalarKind::Timestamp => Tag::Timestamp,
        ScalarKind::Other => scalar.tag.clone(),
    }
}

/// Sets the text of a scalar. Without a tag, the text decides the type of a plain one.
pub fn set(node: &mut Node, text: Text, tag: Tag, writes: &mut Writes) -> Result<()> {
    let Node::Scalar(scalar) = node else { return Err(wrong_kind("a scalar", node)) };
    let line = if tag == Tag::None { 0 } else { scalar.line };
    let value = Scalar { text, style: scalar.style, tag, line };
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
