//! Setting fields of a JSON or YAML document that is the text of a field.

use super::fields::{Ends, NodeKind, visit};
use super::path;
use crate::error::Result;
use crate::filters::scalar::make_string;
use keyfill_yaml::{
    EditDocument, EditNode, Html, Limits, Node, ScalarKind, Tag, Text, load_node, resolve, to_json,
    to_json_indent,
};

/// Sets a value in the document that a field on the path holds. Returns false if no field on the path holds a
/// document, or if the rest of the path is not found in it.
pub fn set(
    target: &mut Node,
    steps: &[String],
    create: Option<NodeKind>,
    value: &Node,
    limits: &Limits,
) -> Result<bool> {
    let Some((depth, mut document)) = find(target, steps, limits) else { return Ok(false) };
    let ends = Ends { create, scalars_only: false, limits };
    let found = visit(&mut document.root, &steps[depth..], ends, &mut |field| {
        match field.text() {
            Some(_) => field.set_text(value.text().unwrap_or("")),
            None => *field = EditNode::from(value),
        }
        Ok(())
    });
    // On failure the caller follows the path without looking into texts, which yields the better error.
    if !matches!(found, Ok(1..)) {
        return Ok(false);
    }
    let Some(Node::Scalar(scalar)) = lookup_mut(target, &steps[..depth]) else { return Ok(false) };
    let Some(text) = written(&document, &scalar.text, limits) else { return Ok(false) };
    if scalar.tag == Tag::None && scalar.kind() == ScalarKind::Str {
        make_string(scalar);
    }
    scalar.text = text;
    Ok(true)
}

/// The number of steps to the first scalar before the end of the path, and its text parsed as YAML.
fn find(target: &Node, steps: &[String], limits: &Limits) -> Option<(usize, EditDocument)> {
    for depth in 1..steps.len() {
        let Ok(Some(Node::Scalar(scalar))) = path::lookup(target, &steps[..depth]) else { continue };
        let Ok(document) = EditDocument::read(scalar.text.as_bytes(), limits) else { continue };
        // Only a mapping or list has fields below it.
        return Some((depth, document?)).filter(|(_, d)| d.root.text().is_none());
    }
    None
}

fn lookup_mut<'a>(node: &'a mut Node, steps: &[String]) -> Option<&'a mut Node> {
    steps.iter().map(|s| s.trim()).filter(|s| !s.is_empty()).try_fold(node, |at, text| {
        match (path::step(text).ok()?, at) {
            (path::Step::Field(name), Node::Map(map)) => map.get_mut(name),
            (path::Step::Index(n), Node::Seq(seq)) => seq.items.get_mut(n),
            (path::Step::Last, Node::Seq(seq)) => seq.items.last_mut(),
            (path::Step::Items(field, value), Node::Seq(seq)) => {
                seq.items.iter_mut().find(|item| match field {
                    "" => item.text().unwrap_or("") == value,
                    field => item.get(field).is_some_and(|n| n.text().unwrap_or("") == value),
                })
            }
            _ => None,
        }
    })
}

/// The changed document as text in the format it had before: JSON on one line or on several, or YAML. `None` if
/// that is not possible any more.
fn written(document: &EditDocument, before: &str, limits: &Limits) -> Option<Text> {
    let text = document.write();
    if !before.trim_start().starts_with(['{', '[']) {
        return Some(text.trim().into());
    }
    let value = resolve(&load_node(text.as_bytes(), limits).ok()??).ok()?;
    let is_pretty = before.contains('\n') && before.contains("  ");
    let bytes = if is_pretty { to_json_indent(&value, "  ", Html::Escaped) } else { to_json(&value) };
    String::from_utf8(bytes).ok().map(Text::from)
}
