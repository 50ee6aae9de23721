//! The round trip of an object through JSON: every number becomes the text of a 64-bit float, strings lose their
//! quotes, and scalars no longer share their values.

use crate::error::{Error, Result};
use crate::filters::scalar::tag_of;
use crate::filters::shared::part_scalar;
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_yaml::{
    Entry, Location, Map, Node, Scalar, ScalarKind, Seq, Style, Tag, Text, Typing, Value, resolve,
    style_of_line,
};

/// Changes an object as a round trip through JSON does.
pub fn through_json(node: &mut Node) -> Result<()> {
    match node {
        Node::Map(map) => map.entries.iter_mut().try_for_each(|e| below(&mut e.value)),
        Node::Seq(seq) => seq.items.iter_mut().try_for_each(below),
        Node::Scalar(scalar) => scalar_through_json(scalar),
    }
}

/// As [`through_json`], for what is below the object: collections lose their locations.
fn below(node: &mut Node) -> Result<()> {
    match node {
        Node::Map(map) => map.location = Location::NONE,
        Node::Seq(seq) => seq.location = Location::NONE,
        Node::Scalar(_) => {}
    }
    through_json(node)
}

fn scalar_through_json(scalar: &mut Scalar) -> Result<()> {
    part_scalar(scalar);
    match scalar.kind() {
        ScalarKind::Str if scalar.style != Style::Folded => {
            scalar.style = style_of(&scalar.text);
            (scalar.tag, scalar.typing) = (Tag::Str, Typing::Open);
            Ok(())
        }
        ScalarKind::Int if is_short(scalar) => {
            scalar.tag = Tag::Int;
            Ok(())
        }
        _ => {
            let (typing, location) = (scalar.typing, scalar.location);
            let value = resolve(&Node::Scalar(scalar.clone()))
                .map_err(|e| Error::new(e.message()).at_location(location))?;
            *scalar = Scalar { typing, location, ..scalar_of(&value) };
            Ok(())
        }
    }
}

/// Whether an integer is short enough to be written the same way as a float.
fn is_short(scalar: &Scalar) -> bool {
    let digits = scalar.text.strip_prefix('-').unwrap_or(&scalar.text);
    matches!(scalar.tag, Tag::None | Tag::Int)
        && scalar.style == Style::Plain
        && (1..=6).contains(&digits.len())
        && digits.bytes().all(|b| b.is_ascii_digit())
        && (!digits.starts_with('0') || scalar.text == "0")
}

/// The style of a string after the round trip: quoted where it would have another type without quotes. A replica
/// count that replaces it later stays quoted. The merge key `<<` gets no quotes.
fn style_of(text: &Text) -> Style {
    match text.as_str() {
        "<<" => Style::Plain,
        text if text.contains('\n') => Style::Literal,
        text => style_of_line(text),
    }
}

/// The scalar for a resolved value.
fn scalar_of(value: &Value) -> Scalar {
    let typed = |text: Text| {
        let scalar = Scalar::plain(text);
        Scalar { tag: tag_of(&scalar), ..scalar }
    };
    let number = |n: f64| typed(format_float(n, Layout::General, None, Bits::B64).into());
    match value {
        Value::Null | Value::Seq(_) | Value::Map(_) => Scalar { tag: Tag::Null, ..Scalar::plain("null") },
        Value::Bool(b) => typed(Text::new_static(if *b { "true" } else { "false" })),
        Value::Int(n) => number(*n as f64),
        Value::Uint(n) => number(*n as f64),
        Value::Float(n) => number(*n),
        Value::Number(text) => typed(text.clone()),
        Value::Str(text) => Scalar { style: style_of(text), ..Scalar::string(text.clone()) },
    }
}

/// Parses JSON text into a node.
pub fn from_json(text: &str) -> Result<Node> {
    let value: serde_json::Value =
        serde_json::from_str(text).map_err(|e| Error::new(format!("the value of an operation: {e}")))?;
    Ok(node_of(&value))
}

fn node_of(value: &serde_json::Value) -> Node {
    match value {
        serde_json::Value::Object(fields) => {
            let entries = fields
                .iter()
                .map(|(key, value)| Entry { key: Scalar::string(key.as_str()), value: node_of(value) })
                .collect();
            Node::Map(Map { entries, ..Map::default() })
        }
        serde_json::Value::Array(items) => {
            Node::Seq(Seq { items: items.iter().map(node_of).collect(), ..Seq::default() })
        }
        serde_json::Value::Null => Node::null(),
        serde_json::Value::Bool(b) => Node::Scalar(scalar_of(&Value::Bool(*b))),
        serde_json::Value::Number(n) => Node::Scalar(scalar_of(&Value::Float(n.as_f64().unwrap_or(0.0)))),
        serde_json::Value::String(text) => Node::Scalar(scalar_of(&Value::Str(text.as_str().into()))),
    }
}
