//! The files of a commit, whose contents are fetched folder by folder: a folder is fetched, and checked against the
//! lock file, when the first of its files is read.

use super::folder::Folder;
use super::snapshot::Snapshot;
use bytes::Bytes;
use keyfill_diag::Class;
use keyfill_files::{Entry, FetchError, FileError, FileErrorKind, FileKind, Files, Submodule, TreePath};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A source of the folders of a commit.
pub(crate) trait Folders: Send + Sync {
    /// A folder, checked against the lock file if that names it.
    fn folder(&self, names: &Snapshot, dir: &TreePath) -> Result<Folder, FetchError>;
}

/// The files of a commit: all names, and the folders that were read so far.
pub struct Tree {
    names: Snapshot,
    folders: Mutex<BTreeMap<TreePath, Arc<Folder>>>,
    more: Box<dyn Folders>,
}

impl Tree {
    /// A tree with the names of a commit's files, and a source of its folders.
    pub(crate) fn new(names: Snapshot, more: Box<dyn Folders>) -> Self {
        Self { names, folders: Mutex::default(), more }
    }

    /// A tree with the names of a commit's files and the bytes of some of its folders; `None` if these bytes are not
    /// valid. `others` is the source of the other folders.
    pub fn of_parts(names: Snapshot, parts: Vec<(TreePath, Bytes)>, others: Others) -> Option<Self> {
        let read = |(dir, bytes): (TreePath, Bytes)| Some((dir, Arc::new(Folder::read(&bytes)?)));
        let folders = parts.into_iter().map(read).collect::<Option<_>>()?;
        Some(Self { names, folders: Mutex::new(folders), more: Box::new(others) })
    }

    fn folder(&self, dir: &TreePath) -> Result<Arc<Folder>, FetchError> {
        // The lock is held during the fetch, so that no folder is fetched twice.
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

/// A function that gets a folder, as bytes, from another process.
pub type AskFolder = dyn Fn(&TreePath) -> Result<Bytes, FetchError> + Send + Sync;

/// The source of folders in a process that got a commit from [`crate::Fetcher::hand`].
pub enum Others {
    /// Other folders must not be read, since the lock file does not name them. The text names the repository, for the
    /// error.
    NotLocked(String),
    /// Other folders are requested from the process that handed over the commit.
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

/// The error for a folder that the lock file does not name.
pub(crate) fn not_locked(repository: &str, dir: &TreePath) -> FetchError {
    let message = format!("{} {}", of_repository(repository, dir), crate::NOT_LOCKED);
    FetchError::new(Class::Forbidden, message).hint(crate::LOCK_IT)
}

/// A folder of a repository as messages name it.
pub(crate) fn of_repository(repository: &str, dir: &TreePath) -> String {
    let dir = if dir.is_root() { "." } else { dir.as_str() };
    format!("the folder {dir} of {repository}")
}
