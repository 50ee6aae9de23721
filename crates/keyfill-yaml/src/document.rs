//! One document of a manifest stream on its way from an engine to stdout.

use crate::Node;
use bytes::Bytes;
use std::sync::Arc;

/// A document and where it came from.
#[derive(Clone, Debug)]
pub struct Document {
    /// What precedes it in the stream: nothing, a `---` line, a separator with its comment. Each engine
    /// sets it as the official tool prints it; documents that pass through keep theirs.
    pub before: Bytes,
    /// Its content.
    pub body: Body,
    /// Where it came from.
    pub origin: Origin,
}

/// The content of a document, as its engine returned it.
#[derive(Clone, Debug)]
pub enum Body {
    /// YAML or JSON text of one document, without the separator before it. It leaves byte for byte unless it is filled.
    Raw(Bytes),
    /// A tree, which goes to fill and emit without being written and read again.
    Tree(Arc<Node>),
}

/// Where a document came from, for errors.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// File relative to the tree's root, or a name such as `<stdin>`; none for what was generated.
    pub file: Option<Arc<str>>,
    /// The line of the file on which the document's text begins, counted from 1.
    pub line: u32,
    /// Which document of the stream, counted from 1; 0 where it is not known yet.
    pub index: usize,
    /// The files that nodes of a tree may have been read from, by the numbers in their locations.
    pub files: Arc<[Arc<str>]>,
}
