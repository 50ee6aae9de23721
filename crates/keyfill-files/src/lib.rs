//! The file tree that engines read from.
//!
//! Engines do no IO of their own: they read through [`Files`], with paths relative to the tree's root. No path and
//! no symbolic link leaves that root. [`DiskFiles`] is a folder, [`MemoryFiles`] a map for tests and for generated
//! files; archives implement the same trait in other crates. What the tree does not contain is fetched with
//! [`Fetch`], and encrypted files are decrypted with [`Decrypt`].

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

/// The type of file at a path after links were followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
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
    /// The entry's own name, without its folder. Bytes of a name that are not UTF-8 are replaced, and the entry's
    /// kind is `Other`.
    pub name: String,
    /// The entry's type; for a link the type of its target, or `Other` if the link is broken or leaves the tree.
    pub kind: FileKind,
    /// Whether the entry itself is a symbolic link.
    pub is_link: bool,
}

/// A submodule of a git repository: a folder of the tree for which git stores only a commit of another repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// The submodule's folder in the tree.
    pub path: TreePath,
    /// The commit's hash, 40 hexadecimal digits.
    pub commit: String,
    /// The requested path, relative to the submodule.
    pub below: TreePath,
}

/// A tree of files. Paths are relative to its root.
pub trait Files: Send + Sync {
    /// The bytes of a file. Links inside the tree are followed.
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError>;

    /// A file whose content is read on demand, so that a tree fetches it only if it is used. Whether the file
    /// exists and may be read is checked now.
    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        self.read(path).map(Later::from)
    }

    /// Opens a file for copying, if the tree is on disk: a copy can keep the mode, and the kernel can share the
    /// blocks. `None` if the tree is not on disk.
    fn open(&self, _path: &TreePath) -> Result<Option<std::fs::File>, FileError> {
        Ok(None)
    }

    /// Whether the tree's root is a real boundary, unlike the root of the whole file system.
    fn is_bounded(&self) -> bool {
        true
    }

    /// The entries of a folder, sorted by name in byte order.
    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError>;

    /// The path after links were followed, and the type of file there.
    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError>;

    /// The submodule that contains a path; `None` if no submodule does.
    fn submodule(&self, _path: &TreePath) -> Option<Submodule> {
        None
    }

    /// Every file below a folder, sorted by path in byte order. Links to files are included. Links to folders are
    /// not followed, since they may form loops. `.git` and folders that cannot be read are skipped.
    fn walk(&self, dir: &TreePath) -> Vec<TreePath> {
        let mut found = Vec::new();
        let mut todo = vec![dir.clone()];
        while let Some(dir) = todo.pop() {
            for entry in self.list(&dir).unwrap_or_default() {
                let Some(path) = dir.join(&entry.name) else { continue };
                match entry.kind {
                    FileKind::File => found.push(path),
                    FileKind::Dir if !entry.is_link && entry.name != ".git" => todo.push(path),
                    _ => {}
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Whether `look` returns `true` for any of these files. It is called for each file that can be read, in any
    /// order, until it returns `true`. A tree that has to fetch files fetches them together.
    fn any(&self, paths: &[TreePath], look: &mut dyn FnMut(&TreePath, &[u8]) -> bool) -> bool {
        paths.iter().any(|path| self.read(path).is_ok_and(|content| look(path, &content)))
    }

    /// Whether the path is a file; `false` also if that cannot be found out.
    fn is_file(&self, path: &TreePath) -> bool {
        matches!(self.resolve(path), Ok((_, FileKind::File)))
    }

    /// Whether the path is a folder; `false` also if that cannot be found out.
    fn is_dir(&self, path: &TreePath) -> bool {
        matches!(self.resolve(path), Ok((_, FileKind::Dir)))
    }
}
