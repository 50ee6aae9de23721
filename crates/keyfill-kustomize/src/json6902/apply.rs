//! Applying one operation.

use super::equal::equal;
use super::pointer::{container, is_null, place, split};
use super::{Operation, Value};
use crate::error::{Error, Result};
use crate::filters::scalar::{bytes_of, count, depth, refuse_deeper};
use keyfill_diag::Cx;
use keyfill_yaml::{Entry, Map, Node, Scalar};

/// The most nodes that the `copy` operations of one patch may create. A few operations that copy an object into
/// itself would fill the memory.
const MOST_COPIED: usize = 1_000_000;

/// Counts the nodes that `copy` operations create.
pub struct Copies<'a> {
    count: usize,
    cx: &'a Cx,
}

impl<'a> Copies<'a> {
    /// A count of 0.
    pub fn new(cx: &'a Cx) -> Self {
        Self { count: 0, cx }
    }

    fn of(&mut self, node: &Node) -> Result<Node> {
        let more = count(node);
        self.cx.room(bytes_of(more))?;
        self.count += more;
        if self.count > MOST_COPIED {
            return Err(Error::new(format!("the patch copies more than {MOST_COPIED} values")));
        }
        Ok(node.clone())
    }
}

/// Applies one operation to an object.
pub fn operation(root: &mut Node, operation: &Operation, copies: &mut Copies<'_>) -> Result<()> {
    match operation.kind.as_str() {
        "add" => add(root, path(operation)?, value_of(operation)),
        "remove" => remove(root, path(operation)?).map(|_| ()),
        "replace" => replace(root, path(operation)?, operation),
        "move" => {
            let moved = remove(root, from(operation)?)?;
            add(root, path(operation)?, moved)
        }
        "copy" => {
            let copied = match get(root, from(operation)?)? {
                Some(node) => copies.of(node)?,
                None => Node::null(),
            };
            add(root, path(operation)?, copied)
        }
        "test" => test(root, path(operation)?, operation.value.as_ref()),
        other => Err(Error::new(format!("unexpected kind of operation: {other}"))
            .hint("op is add, remove, replace, move, copy or test")),
    }
}

fn path(operation: &Operation) -> Result<&str> {
    operation.path.as_deref().ok_or_else(|| Error::new("operation has no path"))
}

fn from(operation: &Operation) -> Result<&str> {
    operation.from.as_deref().ok_or_else(|| Error::new("operation has no from"))
}

/// The value of an operation; null if it has none.
fn value_of(operation: &Operation) -> Node {
    operation.value.as_ref().map_or_else(Node::null, |v| v.node.clone())
}

fn missing(path: &str) -> Error {
    Error::new(format!("the path {path} does not exist in the object"))
}

/// As [`holder`], for a place that gets a value: fails if the result would be nested too deep.
fn holder_for<'a>(root: &'a mut Node, path: &str, value: &Node) -> Result<(&'a mut Node, String)> {
    refuse_deeper(memchr::memchr_iter(b'/', path.as_bytes()).count() + depth(value))?;
    holder(root, path)
}

fn holder<'a>(root: &'a mut Node, path: &str) -> Result<(&'a mut Node, String)> {
    let (steps, last) = split(path).ok_or_else(|| missing(path))?;
    let holder = container(root, &steps).ok_or_else(|| missing(path))?;
    Ok((holder, last))
}

fn add(root: &mut Node, path: &str, value: Node) -> Result<()> {
    let (holder, last) = holder_for(root, path, &value)?;
    match holder {
        Node::Map(map) => set_key(map, last, value),
        Node::Seq(seq) if last == "-" => seq.items.push(value),
        Node::Seq(seq) => {
            // The index behind the last item is allowed, and -1 means it.
            let at = place(&last, seq.items.len() + 1).map_err(|e| e.at_path(path))?;
            seq.items.insert(at, value);
        }
        Node::Scalar(_) => return Err(missing(path)),
    }
    Ok(())
}

/// Sets a key, which is always a string, whatever its text is.
fn set_key(map: &mut Map, key: String, value: Node) {
    match map.get_mut(&key) {
        Some(old) => *old = value,
        None => map.entries.push(Entry { key: Scalar::string(key), value }),
    }
}

fn remove(root: &mut Node, path: &str) -> Result<Node> {
    let (holder, last) = holder(root, path)?;
    match holder {
        Node::Map(map) => {
            map.remove(&last).ok_or_else(|| Error::new(format!("unable to remove nonexistent key {path}")))
        }
        Node::Seq(seq) => {
            let at = place(&last, seq.items.len()).map_err(|e| e.at_path(path))?;
            Ok(seq.items.remove(at))
        }
        Node::Scalar(_) => Err(missing(path)),
    }
}

/// Replaces a value. A key of a mapping need not exist.
fn replace(root: &mut Node, path: &str, operation: &Operation) -> Result<()> {
    if path.is_empty() {
        return match operation.value.as_ref().map(|v| &v.node) {
            Some(node @ Node::Map(_)) => {
                *root = node.clone();
                Ok(())
            }
            _ => Err(Error::new("the whole object can only be replaced with a mapping")),
        };
    }
    let value = value_of(operation);
    let (holder, last) = holder_for(root, path, &value)?;
    match holder {
        Node::Map(map) => set_key(map, last, value),
        Node::Seq(seq) => {
            let at = place(&last, seq.items.len()).map_err(|e| e.at_path(path))?;
            seq.items[at] = value;
        }
        Node::Scalar(_) => return Err(missing(path)),
    }
    Ok(())
}

/// The node at a path. A missing key is `None`, a missing index an error.
fn get<'a>(root: &'a mut Node, path: &str) -> Result<Option<&'a Node>> {
    let (holder, last) = holder(root, path)?;
    match holder {
        Node::Map(map) => Ok(map.get(&last)),
        Node::Seq(seq) => {
            let at = place(&last, seq.items.len()).map_err(|e| e.at_path(path))?;
            Ok(seq.items.get(at))
        }
        Node::Scalar(_) => Err(missing(path)),
    }
}

fn test(root: &mut Node, path: &str, value: Option<&Value>) -> Result<()> {
    let have = if path.is_empty() { Some(&*root) } else { get(root, path)? };
    let same = match (have.filter(|node| !is_null(node)), value) {
        (None, None) => true,
        (None, Some(value)) => is_null(&value.node),
        (Some(_), None) => false,
        (Some(have), Some(value)) => equal(have, &value.json)?,
    };
    if same { Ok(()) } else { Err(Error::new(format!("testing the value at {path} failed"))) }
}
