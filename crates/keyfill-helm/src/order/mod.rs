//! From rendered files to the documents that helm prints: split, read, sorted, framed.

mod frame;
mod head;
mod rendered;
mod sort;
mod split;

pub(crate) use frame::{Printed, documents, text};
pub(crate) use sort::{Manifest, Sorted, sort};

/// One rendered template.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// The template's path as helm names it: `chart/templates/x.yaml`.
    pub(crate) name: String,
    /// The template's path in the tree.
    pub(crate) file: std::sync::Arc<str>,
    /// The output of the template.
    pub(crate) content: bytes::Bytes,
}
