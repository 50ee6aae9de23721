//! Receives an archive: its bytes are counted, hashed, and stored in memory or on disk within the budgets.

use super::budget::{Budget, Share};
use super::packed::Packed;
use super::{Archive, Limits};
use crate::Error;
use keyfill_files::TreePath;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write as _};

/// The bytes of a temporary file that are written at once.
const BUFFER: usize = 64 << 10;

/// Disk is reserved in steps of this many bytes if the client announced too small a size.
const STEP: u64 = 1 << 20;

/// The budgets of memory and disk for all archives together.
#[derive(Clone, Debug)]
pub struct Budgets {
    /// The budget of memory.
    pub memory: Budget,
    /// The budget of temporary disk.
    pub disk: Budget,
}

/// An archive that is being received.
pub struct Intake {
    hash: Sha256,
    limits: Limits,
    announced: u64,
    memory: Share,
    disk: Share,
    length: u64,
    store: Store,
}

enum Store {
    Memory(Vec<u8>),
    /// A file without a name, which the system removes when the process ends.
    Disk(BufWriter<File>),
}

impl Intake {
    /// An archive before its first bytes. `announced` is the size in bytes that the client sent. It is an error if
    /// that exceeds the limit.
    pub fn new(announced: i64, limits: Limits, budgets: &Budgets, project: &str) -> Result<Self, Error> {
        let announced = u64::try_from(announced).unwrap_or(0);
        if announced > limits.compressed {
            return Err(too_large(&limits));
        }
        // The announced size is a hint for the capacity. Capacity that is never written takes no memory, while a
        // buffer that grows is copied, and takes twice its size for a moment.
        let first = Vec::with_capacity(usize::try_from(announced.min(limits.in_memory)).unwrap_or(0));
        Ok(Self {
            hash: Sha256::new(),
            limits,
            announced,
            memory: budgets.memory.share(project),
            disk: budgets.disk.share(project),
            length: 0,
            store: Store::Memory(first),
        })
    }

    /// Adds a piece of the archive. If the archive goes to disk, it waits until the budget has room.
    pub async fn push(&mut self, chunk: &[u8]) -> Result<(), Error> {
        self.length += chunk.len() as u64;
        if self.length > self.limits.compressed {
            return Err(too_large(&self.limits));
        }
        self.hash.update(chunk);
        if let Store::Memory(bytes) = &mut self.store {
            if self.length <= self.limits.in_memory && self.memory.take(chunk.len() as u64) {
                bytes.extend_from_slice(chunk);
                return Ok(());
            }
            let kept = std::mem::take(bytes);
            self.spool(&kept).await?;
        }
        if self.length > self.disk.bytes() && !self.disk.take(STEP.max(self.length - self.disk.bytes())) {
            return Err(no_disk(&self.disk, self.length));
        }
        match &mut self.store {
            Store::Disk(file) => file.write_all(chunk).map_err(disk_error),
            Store::Memory(_) => Ok(()),
        }
    }

    /// Moves the archive to a temporary file, as soon as the budget has room for the announced size.
    async fn spool(&mut self, kept: &[u8]) -> Result<(), Error> {
        let whole = self.announced.max(self.length);
        if !self.disk.wait_for(whole).await {
            return Err(no_disk(&self.disk, whole));
        }
        let file =
            tempfile::tempfile().map_err(|e| Error::io("cannot make a temporary file for an archive", e))?;
        let mut file = BufWriter::with_capacity(BUFFER, file);
        file.write_all(kept).map_err(disk_error)?;
        self.store = Store::Disk(file);
        self.memory.clear();
        Ok(())
    }

    /// Ends the archive. Its checksum must be the hexadecimal one that the client sent.
    pub fn finish(self, checksum: &str, app: TreePath) -> Result<Archive, Error> {
        let sum: [u8; 32] = self.hash.finalize().into();
        let hex: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        if !hex.eq_ignore_ascii_case(checksum) {
            // The client may have sent any text of any length.
            let said: String = checksum.chars().take(64).collect();
            return Err(Error::request(format!(
                "the archive's checksum is {hex} after {} bytes, the request says {said:?}: \
                 it was cut short or changed on its way",
                self.length
            )));
        }
        let (packed, share) = match self.store {
            Store::Memory(bytes) => (Packed::Memory(bytes.into()), self.memory),
            Store::Disk(file) => {
                (Packed::File(file.into_inner().map_err(|e| disk_error(e.into_error()))?), self.disk)
            }
        };
        Ok(Archive { checksum: sum, packed, app, limits: self.limits, _share: share })
    }
}

fn too_large(limits: &Limits) -> Error {
    Error::limit(format!(
        "the repository's archive is larger than {} MiB; narrow it with the annotation \
         argocd.argoproj.io/manifest-generate-paths",
        limits.compressed >> 20
    ))
}

fn no_disk(share: &Share, wanted: u64) -> Error {
    Error::limit(format!(
        "the repository's archive needs {} MiB of temporary disk, and the archives of one project may take {} MiB; \
         narrow it with the annotation argocd.argoproj.io/manifest-generate-paths, or raise --archive-disk",
        wanted.div_ceil(1 << 20),
        share.most() >> 20
    ))
}

fn disk_error(error: std::io::Error) -> Error {
    Error::io("cannot write an archive to a temporary file", error)
}

#[cfg(test)]
mod tests {
    use super::{Budget, Budgets, Intake, Packed};
    use crate::archive::Limits;
    use keyfill_files::TreePath;

    const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn budgets(memory: u64, disk: u64) -> Budgets {
        Budgets { memory: Budget::new(memory), disk: Budget::new(disk) }
    }

    #[tokio::test]
    async fn archives_that_do_not_fit_in_memory_go_to_disk() {
        for (memory, in_memory, on_disk) in [(100, 5, false), (100, 4, true), (6, 5, true), (0, 5, true)] {
            let budgets = budgets(memory, 4 << 20);
            let limits = Limits { in_memory, ..Limits::default() };
            let mut intake = Intake::new(5, limits, &budgets, "a").unwrap();
            for chunk in [&b"he"[..], b"ll", b"o"] {
                intake.push(chunk).await.unwrap();
            }
            let archive = intake.finish(HELLO, TreePath::root()).unwrap();
            assert_eq!(matches!(archive.packed, Packed::File(_)), on_disk);
            for _ in 0..2 {
                let mut text = String::new();
                archive.packed.read(|r| r.read_to_string(&mut text)).unwrap().unwrap();
                assert_eq!(text, "hello");
            }
            drop(archive);
            assert_eq!((budgets.memory.held(), budgets.disk.held()), (0, 0));
        }
    }

    #[tokio::test]
    async fn disk_is_bounded_for_all_and_for_each_project() {
        let budgets = budgets(0, 4 << 20);
        let mut honest = Intake::new(2 << 20, Limits::default(), &budgets, "a").unwrap();
        honest.push(&[0; 100]).await.unwrap();
        assert_eq!(budgets.disk.held(), 2 << 20, "what was announced is set aside");
        let mut other = Intake::new(0, Limits::default(), &budgets, "b").unwrap();
        let chunk = vec![0; 1 << 20];
        other.push(&chunk).await.unwrap();
        other.push(&chunk).await.unwrap();
        let error = other.push(&chunk).await.unwrap_err().to_string();
        assert!(error.contains("--archive-disk"), "{error}");
        let mut large = Intake::new(3 << 20, Limits::default(), &budgets, "c").unwrap();
        assert!(large.push(&chunk).await.is_err(), "it would never fit");
    }

    #[tokio::test]
    async fn a_wrong_checksum_and_too_many_bytes_are_refused() {
        let limits = Limits { compressed: 4, ..Limits::default() };
        let budgets = budgets(100, 100);
        assert!(Intake::new(5, limits, &budgets, "a").is_err());
        let mut intake = Intake::new(1, limits, &budgets, "a").unwrap();
        assert!(intake.push(b"hel").await.is_ok() && intake.push(b"lo").await.is_err());
        let mut intake = Intake::new(-1, Limits::default(), &budgets, "a").unwrap();
        intake.push(b"hell").await.unwrap();
        let error = intake.finish(HELLO, TreePath::root()).err().unwrap().to_string();
        assert!(error.contains("after 4 bytes"), "{error}");
    }
}
