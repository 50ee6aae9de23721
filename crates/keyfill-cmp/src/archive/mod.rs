//! A request's archive: taken in under a shared budget, its checksum verified, indexed, read on demand.

mod budget;
mod index;
mod intake;

pub use budget::Budget;
pub use index::ArchiveFiles;
pub use intake::{Intake, Received};

use crate::Error;
use keyfill_files::{Files as _, Kind, TreePath};

/// A request's archive whose checksum fits. Nothing of it was expanded yet: who has the answer already need
/// not open it.
pub struct Archive {
    received: Received,
    app: TreePath,
    limits: Limits,
}

impl Archive {
    /// An archive with the app's folder in it.
    pub fn new(received: Received, app: TreePath, limits: Limits) -> Self {
        Self { received, app, limits }
    }

    /// Expands it. The app's folder is there, and is a folder, or this fails. It keeps a processor busy.
    pub fn open(self) -> Result<ArchiveFiles, Error> {
        let files = ArchiveFiles::index(self.received, &self.app, self.limits)?;
        let app = self.app.as_str();
        match files.resolve(&self.app) {
            Ok((_, Kind::Dir)) => Ok(files),
            Ok(_) => Err(Error::request(format!("the app's path {app:?} is not a folder"))),
            Err(error) => Err(Error::request(format!("the app's path {app:?} cannot be used: {error}"))),
        }
    }
}

/// Bounds of one archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes as sent.
    pub compressed: u64,
    /// Bytes as sent that are held in memory; a larger archive goes to a temporary file.
    pub in_memory: u64,
    /// Bytes of the tar stream.
    pub expanded: u64,
    /// Files, folders and links.
    pub entries: usize,
    /// Bytes of one path.
    pub path: usize,
    /// Bytes of one file that is read.
    pub file: u64,
    /// Bytes of files that are kept expanded; others are expanded again when they are read.
    pub kept: u64,
}

impl Default for Limits {
    /// 512 MiB sent, 8 MiB of them in memory, 2 GiB expanded, 500,000 entries, paths of 4,096 bytes, files of 64 MiB, 32 MiB kept.
    fn default() -> Self {
        Self {
            compressed: 512 << 20,
            in_memory: 8 << 20,
            expanded: 2 << 30,
            entries: 500_000,
            path: 4_096,
            file: 64 << 20,
            kept: 32 << 20,
        }
    }
}
