//! The bytes of an archive as they came, wherever they are.

use bytes::Bytes;
use std::fs::File;
use std::io::{self, BufReader, Read};

/// Bytes of a file that are read at once.
const BUFFER: usize = 64 << 10;

/// A compressed archive, to be read from the beginning as often as needed.
#[derive(Debug)]
pub enum Packed {
    /// In memory.
    Memory(Bytes),
    /// In a file that has no other reader.
    File(File),
}

impl Packed {
    /// The same bytes once more, without a copy of them.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Memory(bytes) => Self::Memory(bytes.clone()),
            Self::File(file) => Self::File(file.try_clone()?),
        })
    }

    /// Runs `work` over the bytes from the beginning.
    pub fn read<T>(&self, work: impl FnOnce(&mut dyn Read) -> T) -> io::Result<T> {
        match self {
            Self::Memory(bytes) => Ok(work(&mut &bytes[..])),
            Self::File(file) => Ok(work(&mut BufReader::with_capacity(BUFFER, FromStart { file, at: 0 }))),
        }
    }
}

/// A file that is read at positions of its own: the position of the file is shared by all its handles.
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
