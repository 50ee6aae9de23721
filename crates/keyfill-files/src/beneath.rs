//! Opens paths below a folder with one call each: Linux follows the links itself and refuses every way out
//! of the folder. What it refuses, or cannot do, is left to the walk by hand, which says why.

use crate::TreePath;
use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, open, openat2};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// A folder that is kept open.
#[derive(Clone, Debug)]
pub(crate) struct Beneath(Arc<OwnedFd>);

impl Beneath {
    /// Keeps a folder open; `None` where the kernel is too old for [`openat2`], or does not allow it.
    pub(crate) fn new(root: &Path) -> Option<Self> {
        let folder = open(root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty()).ok()?;
        let probe = OFlags::PATH | OFlags::CLOEXEC;
        openat2(CWD, "/", probe, Mode::empty(), ResolveFlags::empty()).ok()?;
        Some(Self(Arc::new(folder)))
    }

    /// A path opened for reading. It may be anything but a terminal that takes control: look at its type.
    pub(crate) fn file(&self, path: &TreePath) -> Option<File> {
        // Opening a pipe does not wait for a writer.
        self.open(path, OFlags::NONBLOCK | OFlags::NOCTTY).map(File::from)
    }

    /// A folder opened for listing.
    pub(crate) fn folder(&self, path: &TreePath) -> Option<Dir> {
        Dir::new(self.open(path, OFlags::DIRECTORY)?).ok()
    }

    fn open(&self, path: &TreePath, more: OFlags) -> Option<OwnedFd> {
        let name = if path.is_root() { "." } else { path.as_str() };
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        openat2(&*self.0, name, OFlags::RDONLY | OFlags::CLOEXEC | more, Mode::empty(), resolve).ok()
    }
}
