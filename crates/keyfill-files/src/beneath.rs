//! Opens paths below a folder with one system call each: Linux follows symbolic links itself and refuses to leave
//! the folder. Paths that it refuses, or cannot open, are resolved again link by link, which finds the reason for
//! the error.

use crate::TreePath;
use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, open, openat2};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// An open folder, below which paths are opened.
#[derive(Clone, Debug)]
pub(crate) struct Beneath(Arc<OwnedFd>);

impl Beneath {
    /// Opens a folder; `None` if the kernel is too old for [`openat2`], or does not allow it.
    pub(crate) fn new(root: &Path) -> Option<Self> {
        let folder = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let probe = OFlags::PATH | OFlags::CLOEXEC;
        openat2(CWD, "/", probe, Mode::empty(), ResolveFlags::empty()).ok()?;
        Some(Self(Arc::new(folder)))
    }

    /// Opens a path for reading. It may be any type of file, so that the caller must check the type.
    pub(crate) fn file(&self, path: &TreePath) -> Option<File> {
        // Opening a pipe does not wait for a writer.
        self.open(path, OFlags::NONBLOCK | OFlags::NOCTTY).map(File::from)
    }

    /// Opens a folder for listing.
    pub(crate) fn folder(&self, path: &TreePath) -> Option<Dir> {
        Dir::new(self.open(path, OFlags::DIRECTORY)?).ok()
    }

    fn open(&self, path: &TreePath, more: OFlags) -> Option<OwnedFd> {
        let name = if path.is_root() { "." } else { path.as_str() };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&*self.0, name, OFlags::RDONLY | OFlags::CLOEXEC | more, Mode::empty(), resolve).ok()
    }
}
