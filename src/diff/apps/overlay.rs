//! A side's files with some of them replaced or added, as Argo CD changes or fetches files before it renders.

use crate::render::edits::Edited;
use bytes::Bytes;
use keyfill_files::{Entry, FileError, FileKind, Files, TreePath};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A tree in which some files are replaced or added.
pub struct Overlay {
    files: Arc<dyn Files>,
    content: BTreeMap<TreePath, Bytes>,
}

impl Overlay {
    /// `files` with other content at these paths.
    pub fn new(files: Arc<dyn Files>, content: BTreeMap<TreePath, Bytes>) -> Self {
        Self { files, content }
    }

    fn edited(&self) -> Edited<'_> {
        Edited::with(&*self.files, self.content.clone())
    }
}

impl Files for Overlay {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        self.edited().read(path)
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        self.edited().list(dir)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.edited().resolve(path)
    }
}
