//! Setting scalars as kustomize does: the style (plain, quoted, block) of the existing scalar is kept.

use super::shared::Writes;
use crate::error::{Error, Result};
use crate::fieldspec::DEEPEST;
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Map, Node, Scalar, ScalarKind, Style, Tag, Text, Twin, Typing, Value, load_yaml};

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

/// The text of a scalar; empty for null, lists and mappings.
pub fn text_of(node: &Node) -> &str {
    match node {
        Node::Scalar(scalar) if scalar.kind() != ScalarKind::Null => &scalar.text,
        _ => "",
    }
}

/// Whether a scalar has no fixed type: a step made or set it without one, so that its type is resolved again each
/// time its text changes. A scalar that was read keeps the type that it had then.
pub fn is_untyped(scalar: &Scalar) -> bool {
    scalar.tag == Tag::None && scalar.typing == Typing::Open
}

/// Removes the type of a scalar. Its style stays.
pub fn untype(scalar: &mut Scalar) {
    (scalar.tag, scalar.typing) = (Tag::None, Typing::Open);
}

/// Whether a scalar is a string. A scalar without a fixed type counts as one.
pub fn is_string(scalar: &Scalar) -> bool {
    is_untyped(scalar) || scalar.kind() == ScalarKind::Str
}

/// The tag for the current type of a scalar, for a scalar whose text changes and whose type stays.
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

/// The style of a scalar, for the value that replaces it. A null or timestamp without quotes in a flow collection
/// has a quoted style here only so that it is printed as text: it counts as plain.
fn style_of(scalar: &Scalar) -> Style {
    match (scalar.style, &scalar.tag) {
        (Style::Single, Tag::Null | Tag::Timestamp) => Style::Plain,
        (style, _) => style,
    }
}

/// Sets the text of a scalar. If `tag` is `Tag::None`, the type is resolved from the text.
pub fn set(node: &mut Node, text: Text, tag: Tag, writes: &mut Writes) -> Result<()> {
    let Node::Scalar(scalar) = node else { return Err(wrong_kind("a scalar", node)) };
    let typing = if tag == Tag::None { Typing::Open } else { scalar.typing };
    let mut value = Scalar { text, style: style_of(scalar), tag, typing, ..Scalar::default() };
    forget_tag(&mut value, scalar);
    writes.put(scalar, value);
    Ok(())
}

/// A string as kustomize makes one: quoted where YAML 1.1 would resolve its text to another type, and as a block
/// where it has several lines. A value that replaces it later keeps that style.
pub fn made_string(text: Text, cx: &Cx) -> Scalar {
    let style = if text.contains('\n') {
        Style::Literal
    } else if is_plain_string(&text, cx) {
        Style::Plain
    } else {
        Style::Double
    };
    Scalar { style, ..Scalar::string(text) }
}

/// Quotes a string that is set in a mapping where YAML 1.1 would resolve its text to another type, as kustomize
/// does. A value that replaces it later keeps the quotes. A string with a written `!!str` tag needs none.
pub fn quote(node: &mut Node, cx: &Cx) {
    if let Node::Scalar(scalar) = node
        && scalar.style == Style::Plain
        && is_string(scalar)
        && !is_tagged(scalar)
        && !scalar.text.contains('\n')
        && !is_plain_string(&scalar.text, cx)
    {
        scalar.style = Style::Double;
    }
}

/// Makes a scalar a string. Its text and style stay.
pub fn make_string(scalar: &mut Scalar) {
    if scalar.tag != Tag::Str {
        untype(scalar);
        scalar.tag = Tag::Str;
    }
}

/// Whether `!!str` is written before a plain scalar. This counts as a part of its style.
fn is_tagged(scalar: &Scalar) -> bool {
    scalar.style == Style::Plain && scalar.tag == Tag::Str && scalar.typing == Typing::Read
}

/// Prevents that a new value is printed with the `!!str` of its source where the replaced scalar had none.
fn forget_tag(value: &mut Scalar, target: &Scalar) {
    if is_tagged(value) && !is_tagged(target) {
        value.typing = Typing::Open;
    }
}

/// Whether YAML 1.1 reads a text without quotes as a string. A text that cannot be parsed counts as a string.
/// Where the limits of the run stopped the parser, the run itself stops at its next check.
fn is_plain_string(text: &str, cx: &Cx) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'=' | b'+');
    match text.bytes().next() {
        None => true,
        // Shortcut for most texts: a word whose first letter begins no boolean, null or float.
        Some(first) if first.is_ascii_alphabetic() && !b"yYnNtTfFoO".contains(&first) => {
            text.bytes().all(is_word) || is_read_as_string(text, cx)
        }
        Some(_) => is_read_as_string(text, cx),
    }
}

fn is_read_as_string(text: &str, cx: &Cx) -> bool {
    matches!(load_yaml(text.as_bytes(), &Limits::from(cx)), Ok(Value::Str(_)) | Err(_))
}

/// Sets an entry of a mapping to a string. A new entry gets the mark of the scalars that share its value.
pub fn set_entry(map: &mut Map, key: &Text, text: &Text, mark: Twin, writes: &mut Writes, cx: &Cx) {
    match map.get_mut(key) {
        Some(Node::Scalar(scalar)) => {
            let value = Scalar { style: style_of(scalar), ..Scalar::string(text.clone()) };
            writes.put(scalar, value);
        }
        Some(other) => *other = Node::string(text.clone()),
        None => {
            map.set(key.clone(), Node::Scalar(Scalar { twin: Some(mark), ..made_string(text.clone(), cx) }));
        }
    }
}

/// Replaces a scalar by another one. The style of the replaced one stays: a number that replaces a quoted string
/// becomes a string, and a quoted string that replaces a plain number stays a string.
pub fn put_over(target: &mut Scalar, mut value: Scalar, writes: &mut Writes) {
    let style = style_of(target);
    if !is_untyped(&value) && (value.style != Style::Plain || style != Style::Plain) {
        value.tag = tag_of(&value);
    }
    value.style = style;
    forget_tag(&mut value, target);
    writes.put(target, value);
}

/// How deep collections are nested in a node; 0 for a scalar.
pub fn depth(node: &Node) -> usize {
    match node {
        Node::Scalar(_) => 0,
        Node::Seq(seq) => 1 + seq.items.iter().map(depth).max().unwrap_or(0),
        Node::Map(map) => 1 + map.entries.iter().map(|e| depth(&e.value)).max().unwrap_or(0),
    }
}

/// The number of nodes in a tree.
pub fn count(node: &Node) -> usize {
    1 + match node {
        Node::Scalar(_) => 0,
        Node::Seq(seq) => seq.items.iter().map(count).sum(),
        Node::Map(map) => map.entries.iter().map(|e| count(&e.value)).sum(),
    }
}

/// The size in bytes of a copy of so many nodes. Texts are shared, so they are not counted.
pub fn bytes_of(count: usize) -> u64 {
    (count as u64).saturating_mul(size_of::<keyfill_yaml::Entry>() as u64)
}

/// Fails if an object would be nested deeper than a parsed object may be.
pub fn refuse_deeper(depth: usize) -> Result<()> {
    if depth <= DEEPEST {
        return Ok(());
    }
    Err(Error::new(format!("the object would be nested deeper than {DEEPEST} levels")))
}

/// The error about a node that is not of the expected kind.
pub fn wrong_kind(expected: &str, node: &Node) -> Error {
    let got = match node {
        Node::Scalar(_) => "a scalar",
        Node::Seq(_) => "a list",
        Node::Map(_) => "a mapping",
    };
    Error::new(format!("expected {expected} but got {got}")).at_location(node.location())
}
