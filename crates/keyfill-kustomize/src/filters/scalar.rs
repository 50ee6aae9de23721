//! Setting scalars as kustomize does: what is there keeps its way of being written.

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
    scalar.tag == Tag::None && scalar.typing == Typing::Open
}

/// Takes the type away from a scalar, which keeps its way of being written.
pub fn untype(scalar: &mut Scalar) {
    (scalar.tag, scalar.typing) = (Tag::None, Typing::Open);
}

/// Whether a scalar is a string. One without a type counts as one.
pub fn is_string(scalar: &Scalar) -> bool {
    is_untyped(scalar) || scalar.kind() == ScalarKind::Str
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

/// How a scalar was written, for what is put in its place. A null or a point in time that stood in a flow
/// collection without quotes has them only to remember that it comes out as text.
fn style_of(scalar: &Scalar) -> Style {
    match (scalar.style, &scalar.tag) {
        (Style::Single, Tag::Null | Tag::Timestamp) => Style::Plain,
        (style, _) => style,
    }
}

/// Sets the text of a scalar. Without a tag, the text decides the type of a plain one.
pub fn set(node: &mut Node, text: Text, tag: Tag, writes: &mut Writes) -> Result<()> {
    let Node::Scalar(scalar) = node else { return Err(wrong_kind("a scalar", node)) };
    let typing = if tag == Tag::None { Typing::Open } else { scalar.typing };
    let mut value = Scalar { text, style: style_of(scalar), tag, typing, ..Scalar::default() };
    forget_tag(&mut value, scalar);
    writes.put(scalar, value);
    Ok(())
}

/// A string as kustomize makes one: in quotes where YAML 1.1 would take its text for something else, and as a
/// block where it has several lines. What is put over it later keeps that style.
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

/// What kustomize does to a value that it sets in a mapping: a string that YAML 1.1 would take for something
/// else gets quotes, which what is put over it later keeps. One whose tag was written has no need of them.
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

/// Makes a scalar a string, which keeps its text and its way of being written.
pub fn make_string(scalar: &mut Scalar) {
    if scalar.tag != Tag::Str {
        untype(scalar);
        scalar.tag = Tag::Str;
    }
}

/// Whether `!!str` was written at a plain scalar, which is a part of how it was written.
fn is_tagged(scalar: &Scalar) -> bool {
    scalar.style == Style::Plain && scalar.tag == Tag::Str && scalar.typing == Typing::Read
}

/// Sees to it that a value that takes the place of another does not pass for one whose tag was written there.
fn forget_tag(value: &mut Scalar, target: &Scalar) {
    if is_tagged(value) && !is_tagged(target) {
        value.typing = Typing::Open;
    }
}

/// Whether YAML 1.1 reads a text without quotes as a string. One that cannot be read counts as a string; where the
/// run's bounds stopped that, the run itself is stopped soon.
fn is_plain_string(text: &str, cx: &Cx) -> bool {
    let is_word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/' | b'=' | b'+');
    match text.bytes().next() {
        None => true,
        // Most texts are words that begin with a letter with which no other type's text begins.
        Some(first) if first.is_ascii_alphabetic() && !b"yYnNtTfFoO".contains(&first) => {
            text.bytes().all(is_word) || is_read_as_string(text, cx)
        }
        Some(_) => is_read_as_string(text, cx),
    }
}

fn is_read_as_string(text: &str, cx: &Cx) -> bool {
    matches!(load_yaml(text.as_bytes(), &Limits::from(cx)), Ok(Value::Str(_)) | Err(_))
}

/// Sets an entry of a mapping to a string. A new one gets a mark of those that share it.
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

/// Puts a scalar over another one, whose way of being written stays: a number put over a quoted text is
/// written as text, a quoted text put over a plain number stays text.
pub fn put_over(target: &mut Scalar, mut value: Scalar, writes: &mut Writes) {
    let style = style_of(target);
    if !is_untyped(&value) && (value.style != Style::Plain || style != Style::Plain) {
        value.tag = tag_of(&value);
    }
    value.style = style;
    forget_tag(&mut value, target);
    writes.put(target, value);
}

/// How many collections lie inside each other in a node; 0 for a scalar.
pub fn depth(node: &Node) -> usize {
    match node {
        Node::Scalar(_) => 0,
        Node::Seq(seq) => 1 + seq.items.iter().map(depth).max().unwrap_or(0),
        Node::Map(map) => 1 + map.entries.iter().map(|e| depth(&e.value)).max().unwrap_or(0),
    }
}

/// How many nodes a tree has.
pub fn count(node: &Node) -> usize {
    1 + match node {
        Node::Scalar(_) => 0,
        Node::Seq(seq) => seq.items.iter().map(count).sum(),
        Node::Map(map) => map.entries.iter().map(|e| count(&e.value)).sum(),
    }
}

/// What a copy of so many nodes takes: texts are shared.
pub fn bytes_of(count: usize) -> u64 {
    (count as u64).saturating_mul(size_of::<keyfill_yaml::Entry>() as u64)
}

/// Fails where an object would be nested deeper than one that is read may be.
pub fn refuse_deeper(depth: usize) -> Result<()> {
    if depth <= DEEPEST {
        return Ok(());
    }
    Err(Error::new(format!("the object would be nested deeper than {DEEPEST} levels")))
}

/// What is said of a node of another sort than expected.
pub fn wrong_kind(expected: &str, node: &Node) -> Error {
    let got = match node {
        Node::Scalar(_) => "a scalar",
        Node::Seq(_) => "a list",
        Node::Map(_) => "a mapping",
    };
    Error::new(format!("expected {expected} but got {got}")).at_location(node.location())
}
