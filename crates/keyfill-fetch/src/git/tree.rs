//! The files of a commit, whose contents come folder by folder: a folder is fetched, and compared with its lock, when
//! the first of its files is read.

use super::folder::Folder;
use super::snapshot::Snapshot;
use bytes::Bytes;
use keyfill_diag::Class;
use keyfill_files::{Entry, FetchError, FileError, FileErrorKind, FileKind, Files, Submodule, TreePath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Who gives out folders of a commit.
pub(crate) trait Folders: Send + Sync {
    /// A folder, bound to its lock where there is one.
    fn folder(&self, names: &Snapshot, dir: &TreePath) -> Result<Folder, FetchError>;
}

/// The files of a commit.
pub struct Tree {
    names: Snapshot,
    folders: Mutex<BTreeMap<TreePath, Arc<Folder>>>,
    more: Box<dyn Folders>,
}

impl Tree {
    /// The names of a commit, and who gives out its folders.
    pub(crate) fn new(names: Snapshot, more: Box<dyn Folders>) -> Self {
        Self { names, folders: Mutex::default(), more }
    }

    /// The names of a commit with some of its folders, as bytes; `None` where these are none. `others` is asked for
    /// the other folders.
    pub fn of_parts(names: Snapshot, parts: Vec<(TreePath, Bytes)>, others: Others) -> Option<Self> {
        let read = |(dir, bytes): (TreePath, Bytes)| Some((dir, Arc::new(Folder::read(&bytes)?)));
        let folders = parts.into_iter().map(read).collect::<Option<_>>()?;
        Some(Self { names, folders: Mutex::new(folders), more: Box::new(others) })
    }

    fn folder(&self, dir: &TreePath) -> Result<Arc<Folder>, FetchError> {
        // Held until it is there: whoever reads the same folder waits.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(dir) {
            return Ok(Arc::clone(folder));
        }
        let folder = Arc::new(self.more.folder(&self.names, dir)?);
        folders.insert(dir.clone(), Arc::clone(&folder));
        Ok(folder)
    }
}

impl Files for Tree {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (real, kind) = self.names.resolve(path)?;
        if kind != FileKind::File {
            let kind = if kind == FileKind::Dir { FileErrorKind::IsDir } else { FileErrorKind::NotRegular };
            return Err(FileError::new(path, kind));
        }
        let dir = real.parent().unwrap_or_else(TreePath::root);
        let folder = self.folder(&dir).map_err(|error| FileError::fetch(path, error))?;
        folder.file(real.name()).ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        self.names.list(dir)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.names.resolve(path)
    }

    fn submodule(&self, path: &TreePath) -> Option<Submodule> {
        self.names.submodule(path)
    }
}

/// Asks another process for a folder, which it gives as bytes.
pub type AskFolder = dyn Fn(&TreePath) -> Result<Bytes, FetchError> + Send + Sync;

/// The folders of a commit that did not come with its names.
pub enum Others {
    /// They may not be read: the lock of this repository does not hold them.
    NotLocked(String),
    /// They are asked for.
    Asked(Box<AskFolder>),
}

impl Folders for Others {
    fn folder(&self, _: &Snapshot, dir: &TreePath) -> Result<Folder, FetchError> {
        match self {
            Self::NotLocked(what) => Err(not_locked(what, dir)),
            Self::Asked(ask) => Folder::read(&ask(dir)?).ok_or_else(|| {
                FetchError::new(Class::Other, format!("the folder {dir} came in a form that cannot be read"))
            }),
        }
    }
}

/// What is said of a folder that a lock does not hold.
pub(crate) fn not_locked(repository: &str, dir: &TreePath) -> FetchError {
    let message = format!("{} {}", of_repository(repository, dir), crate::NOT_LOCKED);
    FetchError::new(Class::Forbidden, message).hint(crate::LOCK_IT)
}

/// A folder, for people.
pub(crate) fn of_repository(repository: &str, dir: &TreePath) -> String {
    let dir = if dir.is_root() { "." } else { dir.as_str() };
    format!("the folder {dir} of {repository}")
}
