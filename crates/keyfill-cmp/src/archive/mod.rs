//! A request's archive: taken in under a shared budget, its checksum verified, indexed, read on demand.

mod budget;
mod index;
mod intake;

pub use budget::Budget;
pub use index::ArchiveFiles;
pub use intake::{Intake, Received};

/// Bounds of one archive.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes as sent.
    pub compressed: u64,
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
    /// 512 MiB sent, 2 GiB expanded, 500,000 entries, paths of 4,096 bytes, files of 64 MiB, 32 MiB kept.
    fn default() -> Self {
        Self {
            compressed: 512 << 20,
            expanded: 2 << 30,
            entries: 500_000,
            path: 4_096,
            file: 64 << 20,
            kept: 32 << 20,
        }
    }
}
