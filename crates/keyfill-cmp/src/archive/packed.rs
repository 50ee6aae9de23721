//! The compressed bytes of an archive, in memory or in a file.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, BufReader, Read};

/// The bytes of a file that are read at once.
const BUFFER: usize = 64 << 10;

/// A compressed archive, which can be read from the beginning any number of times.
#[derive(Debug)]
pub enum Packed {
    /// The archive is in memory.
    Memory(Bytes),
    /// The archive is in a file.
    File(File),
}

impl Packed {
    /// Another handle of the same bytes.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
            Self::File(file) => Self::File(file.try_clone()?),
        })
    }

    /// Calls `work` with a reader that starts at the beginning.
    pub fn read<T>(&self, work: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        match self {
            Self::Memory(bytes) => Ok(work(&mut &bytes[..])),
            Self::File(file) => Ok(work(&mut BufReader::with_capacity(BUFFER, FromStart { file, at: 0 }))),
        }
    }
}

/// Reads a file with its own position, since all handles of a file share the file's position.
struct FromStart<'a> {
    file: &'a File,
    at: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt as _;
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}
