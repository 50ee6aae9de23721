//! A request's archive: taken in under shared budgets, its checksum verified; elsewhere indexed and read.

mod budget;
mod index;
mod intake;
mod packed;
mod tree;

pub use budget::{Budget, Share};
pub use index::ArchiveFiles;
pub use intake::{Budgets, Intake};
pub use packed::Packed;

use crate::Error;
use keyfill_diag::Cx;
use keyfill_files::TreePath;

/// A request's archive whose checksum fits. Nothing of it was expanded yet: a request whose answer is cached need
/// not open it, and a process that opens it should be one that can be killed.
pub struct Archive {
    checksum: [u8; 32],
    packed: Packed,
    app: TreePath,
    limits: Limits,
    /// Its share of a budget, for as long as it lives.
    _share: Share,
}

impl Archive {
    /// SHA-256 of the bytes as they came.
    pub fn checksum(&self) -> [u8; 32] {
        self.checksum
    }

    /// The bytes as they came.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// The bounds that it was taken in under, and is to be opened under.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Expands it here.
    pub fn open(self, cx: &Cx) -> Result<ArchiveFiles, Error> {
        ArchiveFiles::open(self.packed, &self.app, self.limits, cx)
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
    /// Files, folders and links, with the folders that the archive does not name.
    pub entries: usize,
    /// Bytes of one path.
    pub path: usize,
    /// Folders on the way to one file.
    pub depth: usize,
    /// Bytes of one file that is read.
    pub file: u64,
    /// Bytes of files that are kept expanded; others are expanded again when they are read.
    pub kept: u64,
}

impl Default for Limits {
    /// 512 MiB sent, 8 MiB of them in memory, 2 GiB expanded, 500,000 entries, paths of 4,096 bytes and 256 folders,
    /// files of 64 MiB, 32 MiB kept.
    fn default() -> Self {
        Self {
            compressed: 512 << 20,
            in_memory: 8 << 20,
            expanded: 2 << 30,
            entries: 500_000,
            path: 4_096,
            depth: 256,
            file: 64 << 20,
            kept: 32 << 20,
        }
    }
}
