//! Why a path could not be read.

use crate::{FetchError, TreePath};
use keyfill_diag::{Class, Report};
use std::sync::Arc;
use std::{fmt, io};

/// A path that could not be read, and why. Pointer-sized.
#[derive(Clone, Debug)]
pub struct FileError(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: TreePath,
    kind: FileErrorKind,
    cause: Option<io::Error>,
}

/// The reason in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileErrorKind {
    /// Nothing is there.
    NotFound,
    /// The path, or a link on its way, leaves the tree.
    Escapes,
    /// A folder where a file was asked for.
    IsDir,
    /// A file where a folder was asked for.
    NotDir,
    /// Neither a file nor a folder: a device, a socket, a pipe.
    NotRegular,
    /// Links that lead in a circle, or too many of them.
    LinkLoop,
    /// Larger than the tree allows.
    TooLarge,
    /// The operating system said no.
    Io,
}

impl FileError {
    /// An error at a path.
    pub fn new(path: &TreePath, kind: FileErrorKind) -> Self {
        Self(Arc::new(Inner { path: path.clone(), kind, cause: None }))
    }

    /// What the operating system answered at a path.
    pub fn io(path: &TreePath, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => FileErrorKind::NotFound,
            io::ErrorKind::IsADirectory => FileErrorKind::IsDir,
            io::ErrorKind::NotADirectory => FileErrorKind::NotDir,
            _ => FileErrorKind::Io,
        };
        Self(Arc::new(Inner { path: path.clone(), kind, cause: Some(error) }))
    }

    /// What could not be fetched at a path of a tree that is fetched part by part.
    pub fn fetch(path: &TreePath, error: FetchError) -> Self {
        Self::io(path, io::Error::other(error))
    }

    /// Why a part of the tree could not be fetched, where that is the reason.
    pub fn refused(&self) -> Option<&FetchError> {
        self.0.cause.as_ref()?.get_ref()?.downcast_ref()
    }

    /// The same error at another path: that of a tree which holds the first one.
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
            // The cause is the error's source: said once, by whoever prints the chain.
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
    /// Leaving the tree is forbidden; what could not be fetched says itself what it is; all else is the author's input.
    fn class(&self) -> Class {
        match (self.0.kind, self.refused()) {
            (FileErrorKind::Escapes, _) => Class::Forbidden,
            (_, Some(refused)) => refused.class(),
            _ => Class::Render,
        }
    }
}
