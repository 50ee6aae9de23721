//! The file tree that engines read from.
//!
//! Engines do no IO of their own: they ask a [`Files`] for paths relative to the tree's root. No path and
//! no symbolic link leaves that root. [`DiskFiles`] is a folder, [`MemoryFiles`] a map for tests and for
//! files made in memory; archives implement the same trait elsewhere. What no tree holds comes through [`Fetch`],
//! and what a tree holds encrypted through [`Decrypt`].

#![warn(clippy::disallowed_methods)]

#[cfg(target_os = "linux")]
mod beneath;
mod decrypt;
mod disk;
mod error;
mod fetch;
mod later;
mod links;
mod memory;
mod path;

pub use decrypt::{Decrypt, DecryptError, NoDecrypt};
pub use disk::DiskFiles;
pub use error::{FileError, FileErrorKind};
pub use fetch::{ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, GitRef, NoFetch};
pub use later::Later;
pub use links::{Found, follow};
pub use memory::MemoryFiles;
pub use path::TreePath;

use bytes::Bytes;

/// What a path is, once links are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Dir,
    /// A socket, a device or a pipe: never read.
    Other,
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's own name, without its folder. One that is not UTF-8 is shown as far as it can be, and its
    /// entry is of the kind `Other`.
    pub name: String,
    /// What the entry is; for a link, what it points to, or `Other` when it is broken or leaves the tree.
    pub kind: Kind,
    /// Whether the entry itself is a symbolic link.
    pub is_link: bool,
}

/// A place in a tree of a git repository at which another repository is to lie: the tree names its commit and holds
/// nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// Where it lies.
    pub path: TreePath,
    /// The commit's 40 digits.
    pub commit: String,
    /// What was asked for, as a path in it.
    pub below: TreePath,
}

/// A tree of files. Paths are relative to its root.
pub trait Files: Send + Sync {
    /// The bytes of a file, links followed inside the tree.
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError>;

    /// A file that may never be looked at: a tree that would have to fetch it does so when it is asked for.
    /// That it is there and may be read is known now.
    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        self.read(path).map(Later::from)
    }

    /// A file opened for copying, where the tree lies on disk: it keeps its mode, and the kernel may share its
    /// blocks. `None` where there are only bytes to read.
    fn open(&self, _path: &TreePath) -> Result<Option<std::fs::File>, FileError> {
        Ok(None)
    }

    /// Whether somebody chose where the tree ends. A whole file system has no such boundary.
    fn is_bounded(&self) -> bool {
        true
    }

    /// The entries of a folder, sorted by name in byte order.
    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError>;

    /// Where a path leads once links are followed, and what is there.
    fn resolve(&self, path: &TreePath) -> Result<(TreePath, Kind), FileError>;

    /// The submodule that a path leads into; `None` where it leads into none.
    fn submodule(&self, _path: &TreePath) -> Option<Submodule> {
        None
    }

    /// Every file below a folder, by its path in byte order. Links to files count, links to folders are not
    /// entered: they may lead in circles. `.git` is passed over, and so is what cannot be read.
    fn walk(&self, dir: &TreePath) -> Vec<TreePath> {
        let mut found = Vec::new();
        let mut todo = vec![dir.clone()];
        while let Some(dir) = todo.pop() {
            for entry in self.list(&dir).unwrap_or_default() {
                let Some(path) = dir.join(&entry.name) else { continue };
                match entry.kind {
                    Kind::File => found.push(path),
                    Kind::Dir if !entry.is_link && entry.name != ".git" => todo.push(path),
                    _ => {}
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Whether `look` finds something in one of these files; it is shown each that can be read, in no order, until it
    /// does. A tree that has to fetch files fetches them together.
    fn any(&self, paths: &[TreePath], look: &mut dyn FnMut(&TreePath, &[u8]) -> bool) -> bool {
        paths.iter().any(|path| self.read(path).is_ok_and(|content| look(path, &content)))
    }

    /// Whether a file is there; a path that cannot be looked at counts as absent.
    fn is_file(&self, path: &TreePath) -> bool {
        matches!(self.resolve(path), Ok((_, Kind::File)))
    }

    /// Whether a folder is there.
    fn is_dir(&self, path: &TreePath) -> bool {
        matches!(self.resolve(path), Ok((_, Kind::Dir)))
    }
}
