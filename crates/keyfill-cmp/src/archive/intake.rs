//! Taking in the bytes of an archive: counted, hashed, kept in memory while the budget lasts.

use super::Limits;
use super::budget::{Budget, Share};
use crate::Error;
use bytes::Bytes;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufWriter, Read, Seek as _, SeekFrom, Write as _};
use std::sync::{Mutex, PoisonError};

/// An archive on its way in.
pub struct Intake {
    hash: Sha256,
    limits: Limits,
    budget: Budget,
    share: Share,
    length: u64,
    store: Store,
}

enum Store {
    Memory(Vec<u8>),
    /// A file that has no name: it goes away with the process, whatever happens.
    Disk(BufWriter<File>),
}

/// Bytes of a temporary file that are written or read at once.
const BUFFER: usize = 64 << 10;

/// A whole archive whose checksum fits.
pub struct Received {
    /// Its SHA-256.
    pub checksum: [u8; 32],
    /// Bytes as sent.
    pub length: u64,
    pub(super) budget: Budget,
    pub(super) bytes: Compressed,
}

/// The archive's bytes, to be read from the beginning as often as needed.
pub(super) enum Compressed {
    Memory(Bytes, #[allow(dead_code, reason = "holds the part of the budget that the bytes take")] Share),
    Disk(Mutex<File>),
}

impl Intake {
    /// An archive of which nothing has come yet. `announced` is the size that the client says.
    pub fn new(announced: i64, limits: Limits, budget: &Budget) -> Result<Self, Error> {
        let announced = u64::try_from(announced).unwrap_or(0);
        if announced > limits.compressed {
            return Err(too_large(&limits));
        }
        // The client's word is a hint. What is set aside and never filled takes no memory; what grows is
        // copied, and takes twice as much for a moment.
        let first = Vec::with_capacity(usize::try_from(announced.min(limits.in_memory)).unwrap_or(0));
        Ok(Self {
            hash: Sha256::new(),
            limits,
            budget: budget.clone(),
            share: budget.share(),
            length: 0,
            store: Store::Memory(first),
        })
    }

    /// Takes a piece in.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.length += chunk.len() as u64;
        if self.length > self.limits.compressed {
            return Err(too_large(&self.limits));
        }
        self.hash.update(chunk);
        if let Store::Memory(bytes) = &mut self.store {
            if self.length <= self.limits.in_memory && self.share.take(chunk.len() as u64) {
                bytes.extend_from_slice(chunk);
                return Ok(());
            }
            let mut file = tempfile::tempfile()
                .map_err(|e| Error::io("cannot make a temporary file for an archive", e))?;
            file.write_all(bytes).map_err(disk_error)?;
            self.store = Store::Disk(BufWriter::with_capacity(BUFFER, file));
            self.share.clear();
        }
        match &mut self.store {
            Store::Disk(file) => file.write_all(chunk).map_err(disk_error),
            Store::Memory(_) => Ok(()),
        }
    }

    /// The archive is complete. Its checksum must be the one that the client sent, in hex.
    pub fn finish(self, checksum: &str) -> Result<Received, Error> {
        let sum: [u8; 32] = self.hash.finalize().into();
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        if !hex.eq_ignore_ascii_case(checksum) {
            return Err(Error::request(format!(
                "the archive's checksum is {hex} after {} bytes, the request says {checksum:?}: \
                 it was cut short or changed on its way",
                self.length
            )));
        }
        let bytes = match self.store {
            Store::Memory(bytes) => Compressed::Memory(bytes.into(), self.share),
            Store::Disk(file) => {
                let file = file.into_inner().map_err(|e| disk_error(e.into_error()))?;
                Compressed::Disk(Mutex::new(file))
            }
        };
        Ok(Received { checksum: sum, length: self.length, budget: self.budget, bytes })
    }
}

fn too_large(limits: &Limits) -> Error {
    Error::limit(format!(
        "the repository's archive is larger than {} MiB; narrow it with the annotation \
         argocd.argoproj.io/manifest-generate-paths",
        limits.compressed >> 20
    ))
}

fn disk_error(error: std::io::Error) -> Error {
    Error::io("cannot write an archive to a temporary file", error)
}

impl Compressed {
    /// Runs `work` over the bytes from the beginning.
    pub fn read<T>(&self, work: impl FnOnce(&mut dyn Read) -> T) -> std::io::Result<T> {
        match self {
            Self::Memory(bytes, _) => Ok(work(&mut &bytes[..])),
            Self::Disk(file) => {
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(0))?;
                Ok(work(&mut std::io::BufReader::with_capacity(BUFFER, &mut *file)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, Compressed, Intake};
    use crate::archive::Limits;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    #[test]
    fn what_does_not_fit_in_memory_goes_to_disk() {
        for (memory, in_memory, on_disk) in [(100, 5, false), (100, 4, true), (3, 5, true), (0, 5, true)] {
            let budget = Budget::new(memory);
            let limits = Limits { in_memory, ..Limits::default() };
            let mut intake = Intake::new(5, limits, &budget).unwrap();
            for chunk in [&b"he"[..], b"ll", b"o"] {
                intake.push(chunk).unwrap();
            }
            let received = intake.finish(HELLO).unwrap();
            assert_eq!(matches!(received.bytes, Compressed::Disk(_)), on_disk);
            for _ in 0..2 {
                let mut text = String::new();
                received.bytes.read(|r| r.read_to_string(&mut text)).unwrap().unwrap();
                assert_eq!(text, "hello");
            }
            drop(received);
            assert_eq!(budget.left(), memory);
        }
    }

    #[test]
    fn a_wrong_checksum_and_too_many_bytes_are_refused() {
        let limits = Limits { compressed: 4, ..Limits::default() };
        let budget = Budget::new(100);
        assert!(Intake::new(5, limits, &budget).is_err());
        let mut intake = Intake::new(1, limits, &budget).unwrap();
        assert!(intake.push(b"hel").is_ok() && intake.push(b"lo").is_err());
        let mut intake = Intake::new(-1, Limits::default(), &budget).unwrap();
        intake.push(b"hell").unwrap();
        let error = intake.finish(HELLO).err().unwrap().to_string();
        assert!(error.contains("after 4 bytes"), "{error}");
    }
}
