//! The loaders: yaml.v3 rules for [`Node`]s, yaml.v2 rules for [`Value`]s.

mod documents;
mod v2;
mod v3;

use crate::input::Input;
use crate::parse::Parser;
use crate::resolve::Resolved;
use crate::scan::Dialect;
use crate::{Error, FileId, Limits, Location, Node, TextPlace, Value};
use std::borrow::Cow;
use v2::{Numbers, ValueBuilder};
use v3::NodeBuilder;

pub(crate) use v2::key_text;
pub(crate) use v3::scalar_value;
pub use v3::{move_into, resolve, unwritten, write_as};

/// Loads a whole stream by the rules of yaml.v3, as kustomize does: aliases and merge keys are expanded,
/// duplicate keys are refused, empty documents are left out, line numbers are kept.
///
/// As in kustomize, the stream is first split at its `---` lines, which may only contain a comment besides, and
/// the first document of each piece is loaded.
///
/// ```
/// use keyfill_yaml::{Limits, load_nodes};
///
/// let nodes = load_nodes(b"a: &x {b: 1}\nc: *x\n---\n# nothing\n", &Limits::default())?;
/// assert_eq!(nodes.len(), 1);
/// assert_eq!(nodes[0].at(&["c", "b"]).and_then(|node| node.text()), Some("1"));
/// # Ok::<(), keyfill_yaml::Error>(())
/// ```
pub fn load_nodes(text: &[u8], limits: &Limits) -> Result<Vec<Node>, Error> {
    read_nodes(text, FileId::UNKNOWN, limits)
}

/// As [`load_nodes`], with the locations that `place` gives to the nodes. Lines in errors are those of the text.
pub fn load_nodes_at(text: &[u8], place: TextPlace, limits: &Limits) -> Result<Vec<Node>, Error> {
    let mut nodes = read_nodes(text, place.location(1).file(), limits)?;
    if !place.is_file() {
        let moved = |location: Location| place.location(location.line());
        nodes.iter_mut().for_each(|node| node.relocate(&moved));
    }
    Ok(nodes)
}

fn read_nodes(text: &[u8], file: FileId, limits: &Limits) -> Result<Vec<Node>, Error> {
    let text = unix_lines(text);
    let input = Input::new(&text)?;
    let mut nodes = Vec::new();
    for piece in documents::pieces(input.text) {
        let (piece, line) = piece?;
        let piece = Input { text: piece.strip_prefix('\u{FEFF}').unwrap_or(piece), ..input };
        let builder = NodeBuilder::new(file, line);
        let document =
            Parser::new(&piece, Dialect::V3, limits, builder).document().map_err(|e| e.moved_down(line))?;
        nodes.extend(document.filter(|node| !is_null(node)));
    }
    Ok(nodes)
}

/// Loads one document as [`load_nodes`] does, without splitting the text; a null document is kept. `None` if
/// there is no document at all. The text after the document is not parsed.
pub fn load_node(text: &[u8], limits: &Limits) -> Result<Option<Node>, Error> {
    let input = Input::new(text)?;
    Parser::new(&input, Dialect::V3, limits, NodeBuilder::new(FileId::UNKNOWN, 0)).document()
}

/// Loads one document as `sigs.k8s.io/yaml` and `encoding/json` do into an `interface{}`: by the rules of yaml.v2
/// (`yes` is true), with all numbers as [`Value::Float`]. The text after the first document is not parsed; if
/// there is no document, the result is [`Value::Null`].
///
/// ```
/// use keyfill_yaml::{Limits, Value, load_value};
///
/// let value = load_value(b"on: 1\n", &Limits::default())?;
/// assert_eq!(value.get("true"), Some(&Value::Float(1.0)));
/// assert_eq!(load_value(b"a: [", &Limits::default()).unwrap_err().line(), 1);
/// # Ok::<(), keyfill_yaml::Error>(())
/// ```
pub fn load_value(text: &[u8], limits: &Limits) -> Result<Value, Error> {
    load_v2(text, limits, Numbers::Float)
}

/// As [`load_value`], with numbers as in Kubernetes' unstructured JSON decoding: [`Value::Int`] where the number
/// fits, else [`Value::Float`].
pub fn load_object(text: &[u8], limits: &Limits) -> Result<Value, Error> {
    load_v2(text, limits, Numbers::Object)
}

/// As [`load_object`], but integers up to `u64::MAX` keep their digits as [`Value::Uint`]: for a document that is
/// printed again.
pub fn load_exact(text: &[u8], limits: &Limits) -> Result<Value, Error> {
    load_v2(text, limits, Numbers::Exact)
}

/// The text of a document as Kubernetes' stream reader returns it: with a line break at its end, so that a block
/// scalar at the end of a file keeps its line break.
pub fn with_last_line_ended(text: &[u8]) -> Cow<'_, [u8]> {
    if text.is_empty() || text.ends_with(b"\n") {
        return Cow::Borrowed(text);
    }
    Cow::Owned([text, b"\n"].concat())
}

/// As [`load_value`], with numbers as the YAML library itself resolves them, without the round trip through JSON:
/// [`Value::Int`], [`Value::Uint`] or [`Value::Float`].
pub fn load_yaml(text: &[u8], limits: &Limits) -> Result<Value, Error> {
    load_v2(text, limits, Numbers::Yaml)
}

fn load_v2(text: &[u8], limits: &Limits, numbers: Numbers) -> Result<Value, Error> {
    let input = Input::new(text)?;
    let mut parser = Parser::new(&input, Dialect::V2, limits, ValueBuilder { numbers });
    let document = parser.document().map_err(|error| {
        let (line, column) = parser.place();
        error.behind_last_line(line, column)
    })?;
    Ok(document.unwrap_or_default())
}

/// kustomize replaces Windows line ends by Unix ones before it parses a text.
fn unix_lines(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memmem::find(text, b"\r\n").is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

fn is_null(node: &Node) -> bool {
    matches!(node, Node::Scalar(scalar) if matches!(v3::resolve_scalar(scalar), Ok(Resolved::Null)))
}

#[cfg(test)]
mod tests;
