//! The error of reading a path.

use crate::{FetchError, TreePath};
use keyfill_diag::{Class, Report};
use std::sync::Arc;
use std::{fmt, io};

/// A path that could not be read, and the reason. Pointer-sized.
#[derive(Clone, Debug)]
pub struct FileError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: TreePath,
    kind: FileErrorKind,
    cause: Option<io::Error>,
}

/// The reason of a [`FileError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileErrorKind {
    /// The path does not exist.
    NotFound,
    /// The path, or a link on its way, leaves the tree.
    Escapes,
    /// The path is a folder, but a file was expected.
    IsDir,
    /// The path is a file, but a folder was expected.
    NotDir,
    /// The path is neither a file nor a folder: a device, a socket, a pipe.
    NotRegular,
    /// The path's symbolic links form a loop, or there are too many of them.
    LinkLoop,
    /// The file is larger than the tree's limit.
    TooLarge,
    /// The operating system returned another error.
    Io,
}

impl FileError {
    /// An error at a path.
    pub fn new(path: &TreePath, kind: FileErrorKind) -> Self {
        Self(Arc::new(Inner { path: path.clone(), kind, cause: None }))
    }

    /// The error that the operating system returned for a path.
    pub fn io(path: &TreePath, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => FileErrorKind::NotFound,
            io::ErrorKind::IsADirectory => FileErrorKind::IsDir,
            io::ErrorKind::NotADirectory => FileErrorKind::NotDir,
            _ => FileErrorKind::Io,
        };
        Self(Arc::new(Inner { path: path.clone(), kind, cause: Some(error) }))
    }

    /// The error of a path in a tree whose files are fetched on demand, if fetching failed.
    pub fn fetch(path: &TreePath, error: FetchError) -> Self {
        Self::io(path, io::Error::other(error))
    }

    /// The fetch error, if the reason is that a part of the tree could not be fetched.
    pub fn refused(&self) -> Option<&FetchError> {
        self.0.cause.as_ref()?.get_ref()?.downcast_ref()
    }

    /// The same error with another path, for a tree that contains this one at a path.
    #[must_use]
    pub fn at(self, path: &TreePath) -> Self {
        let kind = self.0.kind;
        let cause = Arc::try_unwrap(self.0).ok().and_then(|inner| inner.cause);
        Self(Arc::new(Inner { path: path.clone(), kind, cause }))
    }

    /// The reason.
    pub fn kind(&self) -> FileErrorKind {
        self.0.kind
    }

    /// The path that was asked for.
    pub fn path(&self) -> &TreePath {
        &self.0.path
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = &self.0.path;
        match self.0.kind {
            FileErrorKind::NotFound => write!(f, "{path}: no such file or folder"),
            FileErrorKind::Escapes => write!(f, "{path}: leaves the tree"),
            FileErrorKind::IsDir => write!(f, "{path}: is a folder, not a file"),
            FileErrorKind::NotDir => write!(f, "{path}: is not a folder"),
            FileErrorKind::NotRegular => write!(f, "{path}: is neither a file nor a folder"),
            FileErrorKind::LinkLoop => write!(f, "{path}: its symbolic links lead in a circle"),
            FileErrorKind::TooLarge => write!(f, "{path}: is larger than allowed"),
            // The cause is the error's source, so that printing the chain of errors shows it once.
            FileErrorKind::Io => write!(f, "{path}: cannot be read"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|e| e as _)
    }
}

impl Report for FileError {
    /// Leaving the tree is forbidden; a fetch error has its own class; every other error is a problem of the
    /// author's input.
    fn class(&self) -> Class {
        match (self.0.kind, self.refused()) {
            (FileErrorKind::Escapes, _) => Class::Forbidden,
            (_, Some(refused)) => refused.class(),
            _ => Class::Render,
        }
    }
}
