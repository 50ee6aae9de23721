//! A request's archive. It is received within shared budgets, and its checksum is verified; later it is indexed and
//! read, usually by another process.

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

/// A request's archive whose checksum was verified. It is still compressed: a request whose rendering is cached
/// need not open it, and the process that opens it should be one that can be killed.
pub struct Archive {
    checksum: [u8; 32],
    packed: Packed,
    app: TreePath,
    limits: Limits,
    /// The archive's share of a budget, which is released on drop.
    _share: Share,
}

impl Archive {
    /// SHA-256 of the compressed bytes.
    pub fn checksum(&self) -> [u8; 32] {
        self.checksum
    }

    /// The compressed bytes.
    pub fn packed(&self) -> &Packed {
        &self.packed
    }

    /// The limits of the archive.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Opens the archive in this process.
    pub fn open(self, cx: &Cx) -> Result<ArchiveFiles, Error> {
        ArchiveFiles::open(self.packed, &self.app, self.limits, cx)
    }
}

/// The limits of one archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of the compressed archive.
    pub compressed: u64,
    /// The most bytes of a compressed archive that is held in memory; a larger one goes to a temporary file.
    pub in_memory: u64,
    /// The most bytes of the expanded tar stream.
    pub expanded: u64,
    /// The most files, folders and links, including folders that the archive does not name.
    pub entries: usize,
    /// The most bytes of a path.
    pub path: usize,
    /// The most parts of a path.
    pub depth: usize,
    /// The most bytes of a file that is read.
    pub file: u64,
    /// The most bytes of files that are kept expanded. Other files are expanded again when they are read.
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
