//! The names of the files of a build. Nodes refer to a file by a number.

use keyfill_yaml::FileId;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The names of all files that nodes of a build were read from.
#[derive(Debug, Default)]
pub struct FileNames {
    inner: RefCell<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    names: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, FileId>,
}

impl FileNames {
    /// The number of a file; `name` is its path in the tree.
    pub fn id(&self, name: &str) -> FileId {
        let mut inner = self.inner.borrow_mut();
        if let Some(id) = inner.ids.get(name) {
            return *id;
        }
        let id = FileId::of_index(inner.names.len());
        let name: Arc<str> = name.into();
        inner.names.push(name.clone());
        inner.ids.insert(name, id);
        id
    }

    /// The name of a file; `None` if the number is unknown.
    pub fn name(&self, id: FileId) -> Option<Arc<str>> {
        self.inner.borrow().names.get(id.index()?).cloned()
    }

    /// All names, in the order of their numbers.
    pub fn list(&self) -> Arc<[Arc<str>]> {
        self.inner.borrow().names.as_slice().into()
    }
}
