//! One document of a manifest stream on its way from an engine to stdout.

use crate::Node;
use bytes::Bytes;
use std::sync::Arc;

/// A document and where it comes from.
#[derive(Clone, Debug)]
pub struct Document {
    /// The text before the document in the stream: nothing, a `---` line, or a separator with its comment. Each
    /// engine sets it as the official tool prints it; a document that passes through unchanged keeps its own.
    pub before: Bytes,
    /// The content.
    pub body: Body,
    /// Where the document comes from.
    pub origin: Origin,
}

/// The content of a document, as its engine returned it.
#[derive(Clone, Debug)]
pub enum Body {
    /// YAML or JSON text of one document, without the separator before it. It is printed byte for byte unless a
    /// placeholder in it is filled.
    Raw(Bytes),
    /// A tree, which is filled and printed without being converted to text and parsed again.
    Tree(Arc<Node>),
}

/// Where a document comes from, for errors.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Path of the file in the tree, or a name such as `<stdin>`; `None` for a generated document.
    pub file: Option<Arc<str>>,
    /// The line of the file on which the document's text begins, counted from 1.
    pub line: u32,
    /// Number of the document in the stream, counted from 1; 0 if it is not known yet.
    pub index: usize,
    /// The files that the nodes of a tree were read from. The locations of the nodes hold indexes into this list.
    pub files: Arc<[Arc<str>]>,
}
