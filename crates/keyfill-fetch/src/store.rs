//! The store: a cache on disk of what was fetched, by digest. Several processes may share it.
//!
//! `sha256/AA/HEX` holds contents, `trees/AA/HEX` trees of git commits, `names/AA/HEX` records. A record says what a
//! lookup (of a chart, a git reference, a file or an index) resulted in, and the digest of its content. The name of a
//! record is a salted hash of what was looked up and of the credential that was used. So a run without that
//! credential does not find the content, and whoever lists the folder learns nothing. Files are written to a
//! temporary file and renamed, so that concurrent or killed writers leave complete files only. Contents are hashed
//! again when they are read.

use crate::Digest;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;

/// The default for the size of the store, in bytes.
pub const DEFAULT_SIZE: u64 = 1 << 30;
/// Temporary files older than this were left by a process that was killed.
const ABANDONED: Duration = Duration::from_secs(3600);

/// A cache folder for what was fetched.
pub struct Store {
    root: PathBuf,
    most: u64,
    salt: Vec<u8>,
    /// Bytes written by this process since it last computed the size of the store.
    written: AtomicU64,
    /// The folder of a temporary store, which is removed when the store is dropped.
    _temporary: Option<tempfile::TempDir>,
}

/// What a lookup resulted in.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct Record {
    /// The digest of the content, as `sha256:HEX`; empty for a commit.
    pub digest: String,
    /// The version and URL of a chart, or the commit of a git reference.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resolved: String,
    /// Every URL that was requested. The policy of a run that uses the record must allow each of them.
    #[serde(default)]
    pub urls: Vec<String>,
    /// The login with which a chart's archive was fetched, hashed with the store's salt.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub login: String,
    /// The `ETag` header of the response, for conditional requests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub etag: String,
    /// The `Last-Modified` header of the response, for conditional requests.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub modified: String,
    /// When the server sent or confirmed it, in seconds since 1970.
    pub at: u64,
}

impl Record {
    /// The age of the record. A record from the future has the largest age, so that it counts as outdated.
    pub fn age(&self) -> Duration {
        let at = UNIX_EPOCH + Duration::from_secs(self.at);
        SystemTime::now().duration_since(at).unwrap_or(Duration::MAX)
    }

    /// The digest of the content; `None` where there is none.
    pub fn digest(&self) -> Option<Digest> {
        Digest::parse(&self.digest)
    }
}

/// The current time, in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

/// The name of a record: a lookup, hashed with the store's salt.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(Digest);

impl Store {
    /// Opens the store in a folder, which is created if needed. `most` is its size in bytes.
    pub fn open(root: &Path, most: u64) -> io::Result<Self> {
        for folder in ["sha256", "trees", "names", "tmp"] {
            make_private(&root.join(folder))?;
        }
        let salt = salt(root)?;
        let store = Self { root: root.to_owned(), most, salt, written: AtomicU64::new(0), _temporary: None };
        store.remove_abandoned();
        Ok(store)
    }

    /// A store in a temporary folder, which is removed when the store is dropped.
    pub fn temporary(most: u64) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let store = Self::open(folder.path(), most)?;
        Ok(Self { _temporary: Some(folder), ..store })
    }

    /// The name of the record of a lookup: its parts, with the credential that it uses as the last one.
    pub fn name(&self, parts: &[&str]) -> Name {
        let mut hash = Sha256::new();
        hash.update(&self.salt);
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Name(Digest(hash.finalize().into()))
    }

    /// Identifies a login in a record, without revealing it.
    pub(crate) fn mark(&self, login: &str) -> String {
        self.name(&["login", login]).0.hex()
    }

    /// The record of a lookup. `None` if there is none, or if it cannot be read.
    pub fn record(&self, name: &Name) -> Option<Record> {
        let text = fs::read(self.place("names", &name.0)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes a record, in place of an older one.
    pub fn put_record(&self, name: &Name, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        let mut file = self.temp()?;
        file.write_all(&text)?;
        self.persist(file, "names", &name.0)
    }

    /// Reads a content and checks its digest. `None` if it does not exist, or has another digest: then it is removed.
    pub fn read(&self, digest: &Digest) -> io::Result<Option<Bytes>> {
        let path = self.place("sha256", digest);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut bytes = Vec::with_capacity(file.metadata().map_or(0, |m| m.len() as usize));
        file.read_to_end(&mut bytes)?;
        if Digest::of(&bytes) != *digest {
            fs::remove_file(&path)?;
            return Ok(None);
        }
        touch(&file);
        Ok(Some(bytes.into()))
    }

    /// Opens a tree. The store does not check it: its reader checks the digest of each part.
    pub(crate) fn open_tree(&self, digest: &Digest) -> io::Result<Option<File>> {
        match File::open(self.place("trees", digest)) {
            Ok(file) => {
                touch(&file);
                Ok(Some(file))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Starts to write a content.
    pub fn writer(&self) -> io::Result<Writer<'_>> {
        Ok(Writer { store: self, file: self.temp()?, hash: Sha256::new() })
    }

    /// Stores a content and returns its digest.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let mut writer = self.writer()?;
        keyfill_http::Sink::write(&mut writer, bytes)?;
        writer.finish()
    }

    fn temp(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(self.root.join("tmp"))
    }

    fn place(&self, kind: &str, digest: &Digest) -> PathBuf {
        let hex = digest.hex();
        self.root.join(kind).join(&hex[..2]).join(hex)
    }

    fn persist(&self, file: NamedTempFile, kind: &str, digest: &Digest) -> io::Result<()> {
        let place = self.place(kind, digest);
        if let Some(folder) = place.parent() {
            make_private(folder)?;
        }
        let size = file.as_file().metadata()?.len();
        file.as_file().sync_data()?;
        file.persist(&place).map_err(|e| e.error)?;
        let written = self.written.fetch_add(size, Ordering::Relaxed) + size;
        if written >= (self.most / 16).min(64 << 20) {
            self.written.store(0, Ordering::Relaxed);
            self.shrink();
        }
        Ok(())
    }

    /// Removes the least recently used files if the store exceeds its size. Errors are ignored: another process may
    /// have removed a file, and a file that cannot be removed is tried again next time.
    pub fn shrink(&self) {
        let mut files = Vec::new();
        let mut total = 0;
        for kind in ["sha256", "trees", "names"] {
            for path in files_below(&self.root.join(kind)) {
                let Ok(about) = fs::metadata(&path) else { continue };
                total += about.len();
                files.push((about.modified().unwrap_or(UNIX_EPOCH), about.len(), path));
            }
        }
        if total <= self.most {
            return;
        }
        files.sort();
        for (_, size, path) in files {
            if total <= self.most - self.most / 8 {
                break;
            }
            if fs::remove_file(path).is_ok() {
                total -= size;
            }
        }
    }

    fn remove_abandoned(&self) {
        for path in files_in(&self.root.join("tmp")) {
            let old = fs::metadata(&path)
                .and_then(|m| m.modified())
                .is_ok_and(|at| at.elapsed().is_ok_and(|age| age > ABANDONED));
            if old {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// A content that is being written. If it is dropped before it is finished, nothing remains.
pub struct Writer<'a> {
    store: &'a Store,
    file: NamedTempFile,
    hash: Sha256,
}

impl Writer<'_> {
    /// Stores the content under the digest of the bytes that were written.
    pub fn finish(self) -> io::Result<Digest> {
        let digest = Digest(self.hash.finalize().into());
        self.store.persist(self.file, "sha256", &digest)?;
        Ok(digest)
    }

    /// Stores a tree under the digest of its index, which holds the digests of its files.
    pub(crate) fn finish_tree(self, digest: Digest) -> io::Result<Digest> {
        self.store.persist(self.file, "trees", &digest)?;
        Ok(digest)
    }
}

impl keyfill_http::Sink for Writer<'_> {
    fn start(&mut self) -> io::Result<()> {
        self.file = self.store.temp()?;
        self.hash = Sha256::new();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }
}

/// Random bytes of this store, created once. If two processes create them at the same time, the first one wins and
/// both use its bytes.
fn salt(root: &Path) -> io::Result<Vec<u8>> {
    let path = root.join("salt");
    for _ in 0..2 {
        match fs::read(&path) {
            Ok(salt) if salt.len() == 32 => return Ok(salt),
            Ok(_) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
        let mut salt = [0; 32];
        getrandom::fill(&mut salt).map_err(io::Error::other)?;
        let mut file = NamedTempFile::new_in(root)?;
        file.write_all(&salt)?;
        match file.persist_noclobber(&path) {
            Ok(_) => return Ok(salt.to_vec()),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e.error),
        }
    }
    Err(io::Error::other(format!("{} does not hold 32 bytes: remove it", path.display())))
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn touch(file: &File) {
    // A file whose time cannot be set is only removed earlier.
    let _ = file.set_modified(SystemTime::now());
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map_or_else(|_| Vec::new(), |entries| entries.flatten().map(|e| e.path()).collect())
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    files_in(folder).iter().flat_map(|folder| files_in(folder)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Record, Store, files_below};
    use crate::Digest;
    use std::time::{Duration, SystemTime};

    fn store(most: u64) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Store::open(&folder.path().join("cache"), most).expect("a store");
        (folder, store)
    }

    #[test]
    fn a_content_is_read_back_and_a_changed_one_is_removed() {
        let (folder, store) = store(1 << 20);
        let digest = store.put(b"content").expect("kept");
        assert_eq!(digest, Digest::of(b"content"));
        assert_eq!(store.read(&digest).expect("read").as_deref(), Some(&b"content"[..]));
        let path = files_below(&folder.path().join("cache/sha256")).pop().expect("a file");
        std::fs::write(&path, b"changed").expect("written");
        assert_eq!(store.read(&digest).expect("read"), None);
        assert!(!path.exists(), "a content that lies is removed");
    }

    #[test]
    fn a_record_is_found_only_by_all_parts_of_its_name_and_by_other_processes() {
        let (folder, store) = store(1 << 20);
        let record = Record { digest: Digest::of(b"x").to_string(), at: super::now(), ..Record::default() };
        store.put_record(&store.name(&["chart", "url", "credential A"]), &record).expect("kept");
        let other = Store::open(&folder.path().join("cache"), 1 << 20).expect("opened again");
        assert_eq!(other.record(&other.name(&["chart", "url", "credential A"])), Some(record));
        assert_eq!(other.record(&other.name(&["chart", "url", "credential B"])), None);
        assert_eq!(other.record(&other.name(&["chart", "urlcredential A", ""])), None);
    }

    #[test]
    fn the_same_parts_have_other_names_in_another_store() {
        let ((_a, one), (_b, two)) = (store(1), store(1));
        assert_ne!(one.name(&["chart"]), two.name(&["chart"]));
    }

    #[test]
    fn the_least_recently_used_content_is_removed_first() {
        let (folder, store) = store(3000);
        let old = store.put(&[1; 1000]).expect("kept");
        let used = store.put(&[2; 1000]).expect("kept");
        for path in files_below(&folder.path().join("cache/sha256")) {
            let file = std::fs::File::open(path).expect("opened");
            file.set_modified(SystemTime::now() - Duration::from_secs(60)).expect("aged");
        }
        store.read(&used).expect("read");
        store.put(&[3; 1000]).expect("kept");
        store.put(&[4; 500]).expect("kept");
        store.shrink();
        assert!(store.read(&old).expect("read").is_none());
        assert!(store.read(&used).expect("read").is_some());
    }

    #[test]
    fn an_abandoned_temporary_file_is_no_content_and_is_removed() {
        let (folder, store) = store(1 << 20);
        let left = folder.path().join("cache/tmp/left");
        std::fs::write(&left, b"half").expect("written");
        let file = std::fs::File::open(&left).expect("opened");
        file.set_modified(SystemTime::now() - Duration::from_secs(7200)).expect("aged");
        assert_eq!(store.read(&Digest::of(b"half")).expect("read"), None);
        Store::open(&folder.path().join("cache"), 1).expect("opened again");
        assert!(!left.exists());
    }

    #[cfg(unix)]
    #[test]
    fn the_folders_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let (folder, store) = store(1 << 20);
        store.put(b"x").expect("kept");
        for name in ["cache", "cache/sha256", "cache/names"] {
            let mode = std::fs::metadata(folder.path().join(name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o77, 0, "{name}");
        }
    }
}
