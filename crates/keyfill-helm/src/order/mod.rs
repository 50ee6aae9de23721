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
    /// Its path as helm names it: `chart/templates/x.yaml`.
    pub(crate) name: String,
    /// Where its template lies in the tree.
    pub(crate) file: std::sync::Arc<str>,
    /// What it became.
    pub(crate) content: bytes::Bytes,
}
