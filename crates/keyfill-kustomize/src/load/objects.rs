//! The objects of a manifest file: splits documents, takes the items out of lists, refuses what is no object.

use crate::error::{Error, Result};
use crate::resource::{is_null, object_ref, text_of_scalar};
use keyfill_yaml::{Entry, Limits, Node, TextPlace, load_nodes_at, to_json, unwritten};
use std::collections::{HashMap, VecDeque};

/// The objects of a text, in the order of the official tool: items of lists come after all documents, unless the
/// list is the only document. `place` is the file or field that the text comes from.
pub fn objects_of(place: TextPlace, text: &[u8], limits: &Limits) -> Result<Vec<Node>> {
    if let Some(line) = bad_separator(text) {
        let error = Error::new("a document separator `---` may only be followed by a comment");
        return Err(error.at_location(place.location(line)));
    }
    let documents = load_nodes_at(text, place, limits).map_err(|e| Error::yaml_at(place, &e))?;
    let mut queue = VecDeque::with_capacity(documents.len());
    if let [only] = &documents[..]
        && let Some(items) = wrapped_items(only)
        && is_single(text)
    {
        queue.extend(items.iter().cloned());
    } else {
        queue.extend(documents);
    }
    let mut checked: VecDeque<Node> = VecDeque::with_capacity(queue.len());
    for node in queue {
        push_object(node, &mut checked)?;
    }
    flatten(checked, limits)
}

/// Replaces each list by its items, which are appended to the queue.
fn flatten(mut waiting: VecDeque<Node>, limits: &Limits) -> Result<Vec<Node>> {
    let mut objects = Vec::with_capacity(waiting.len());
    while let Some(node) = waiting.pop_front() {
        let kind = field_text(&node, "kind");
        let items = if kind.ends_with("List") { node.get("items") } else { None };
        match items {
            None => objects.push(node),
            Some(items) if is_null(items) => {}
            Some(Node::Seq(items)) => {
                for item in &items.items {
                    // As in the official tool, the items make a round trip through JSON: their values are kept,
                    // their styles are not.
                    let text = to_json(&unwritten(item.clone()));
                    let nodes = load_nodes_at(&text, TextPlace::line(item.location()), limits)
                        .map_err(|e| Error::of_yaml(&e).at_location(item.location()))?;
                    for mut node in nodes {
                        take_locations(&mut node, item);
                        push_object(node, &mut waiting)?;
                    }
                }
            }
            Some(other) => {
                let error = Error::new(format!("the field items of a {kind} must be a list"));
                return Err(error.at_location(other.location()).at_path("items").about(object_ref(&node)));
            }
        }
    }
    Ok(objects)
}

/// Checks an object and appends it to the queue. Empty documents are left out.
fn push_object(node: Node, into: &mut VecDeque<Node>) -> Result<()> {
    if is_nothing(&node) {
        return Ok(());
    }
    check(&node).map_err(|e| e.at_location(node.location()).about(object_ref(&node)))?;
    into.push_back(node);
    Ok(())
}

/// Copies the locations of the nodes of `from` to the same nodes of `copy`.
pub fn take_locations(copy: &mut Node, from: &Node) {
    match (copy, from) {
        (Node::Map(copy), Node::Map(from)) => {
            copy.location = from.location;
            let own: HashMap<&str, &Entry> = from.entries.iter().map(|e| (e.key.text.as_str(), e)).collect();
            for entry in &mut copy.entries {
                if let Some(own) = own.get(entry.key.text.as_str()) {
                    entry.key.location = own.key.location;
                    take_locations(&mut entry.value, &own.value);
                }
            }
        }
        (Node::Seq(copy), Node::Seq(from)) => {
            copy.location = from.location;
            copy.items.iter_mut().zip(&from.items).for_each(|(copy, from)| take_locations(copy, from));
        }
        (Node::Scalar(copy), Node::Scalar(from)) => copy.location = from.location,
        _ => {}
    }
}

/// Whether a document is null, an empty mapping or an empty list.
fn is_nothing(node: &Node) -> bool {
    match node {
        Node::Scalar(_) => is_null(node),
        Node::Seq(seq) => seq.items.is_empty(),
        Node::Map(map) => map.is_empty(),
    }
}

/// Fails unless a node is an object: it needs a kind, and a name unless it is a list.
fn check(node: &Node) -> Result<()> {
    if node.as_map().is_none() {
        return Err(Error::new("a Kubernetes object is a mapping with apiVersion, kind and metadata"));
    }
    let kind = field_text(node, "kind");
    let name = crate::resource::metadata_text(node, "name");
    if kind.is_empty() {
        let of = if name.is_empty() { String::new() } else { format!(" \"{name}\"") };
        return Err(Error::new(format!("missing kind in object{of}")));
    }
    if name.is_empty() && !kind.ends_with("List") {
        return Err(Error::new(format!("missing metadata.name in object of kind {kind}")));
    }
    Ok(())
}

fn field_text<'a>(node: &'a Node, field: &str) -> &'a str {
    node.get(field).filter(|n| !is_null(n)).map_or("", text_of_scalar)
}

/// The items of a `List` or `ResourceList`, which only wraps other objects.
fn wrapped_items(node: &Node) -> Option<&[Node]> {
    let kind = field_text(node, "kind");
    if kind != "List" && kind != "ResourceList" {
        return None;
    }
    match node.get("items") {
        Some(Node::Seq(items)) => Some(&items.items),
        Some(_) => Some(&[]),
        None => node.get("functionConfig").map(|_| &[][..]),
    }
}

/// Whether the text has no document separator.
fn is_single(text: &[u8]) -> bool {
    separators(text).next().is_none()
}

/// The positions of lines that begin with `---`, except for the first line, and for a last line without a newline.
fn separators(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    memchr::memmem::find_iter(text, b"\n---").filter_map(move |at| {
        let rest = &text[at + 4..];
        let end = memchr::memchr(b'\n', rest)?;
        Some((at + 1, &rest[..end]))
    })
}

/// The line number of a separator that is followed by anything but a comment.
fn bad_separator(text: &[u8]) -> Option<u32> {
    let (at, _) = separators(text).find(|(_, rest)| {
        let rest = rest.trim_ascii();
        !rest.is_empty() && !rest.starts_with(b"#")
    })?;
    let line = memchr::memchr_iter(b'\n', &text[..at]).count() + 1;
    Some(u32::try_from(line).unwrap_or(u32::MAX))
}
