//! Detects saved files on Linux: inotify on each folder.

use super::Change;
use anyhow::{Context as _, Result};
use ignore::WalkBuilder;
use keyfill_files::TreePath;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;
use std::collections::{BTreeSet, HashMap};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The most folders that are watched.
const MOST_FOLDERS: usize = 50_000;

/// The most changes in the queue; if there are more, everything is checked again.
const MOST_WAITING: usize = 10_000;

/// The events: a file was written and closed, moved or deleted; a folder was created.
const KINDS: WatchFlags = WatchFlags::CLOSE_WRITE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::ONLYDIR);

/// The changes below a folder.
pub struct Saves {
    folders: Arc<Folders>,
    changes: Receiver<Change>,
}

struct Folders {
    root: PathBuf,
    notes: OwnedFd,
    by_number: Mutex<HashMap<i32, PathBuf>>,
}

impl Saves {
    /// Watches all folders below `root`, except hidden ones and those that git ignores.
    pub fn below(root: &Path) -> Result<Self> {
        let notes =
            inotify::init(CreateFlags::CLOEXEC).context("this system reports no changes (inotify)")?;
        let folders = Folders { root: root.to_owned(), notes, by_number: Mutex::default() };
        folders.add_below(root, &mut |_| ())?;
        let (to, changes) = sync_channel(MOST_WAITING);
        let folders = Arc::new(folders);
        let reading = Arc::clone(&folders);
        std::thread::spawn(move || read(&reading, &to));
        Ok(Self { folders, changes })
    }

    /// Watches more folders, from which a root reads although git ignores them.
    pub fn add(&mut self, folders: BTreeSet<TreePath>) {
        for folder in folders {
            // A folder that does not exist cannot change.
            let _ = self.folders.add(&self.folders.root.join(folder.as_str()));
        }
    }

    /// The number of watched folders.
    pub fn len(&self) -> usize {
        self.folders.by_number.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Waits for the next change, at most `time`; `None` waits without limit.
    pub fn wait(&mut self, time: Option<Duration>) -> Option<Change> {
        match time {
            None => self.changes.recv().ok(),
            Some(time) => self.changes.recv_timeout(time).ok(),
        }
    }
}

impl Folders {
    fn add(&self, folder: &Path) -> Result<()> {
        let number = match inotify::add_watch(&self.notes, folder, KINDS) {
            Ok(number) => number,
            // The folder was deleted in the meantime.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => return Ok(()),
            Err(error) => {
                let more = if error == Errno::NOSPC { "; raise fs.inotify.max_user_watches" } else { "" };
                return Err(error).with_context(|| format!("cannot watch {}{more}", folder.display()));
            }
        };
        let mut all = self.by_number.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(number, folder.to_owned());
        anyhow::ensure!(all.len() <= MOST_FOLDERS, "there are more than {MOST_FOLDERS} folders to watch");
        Ok(())
    }

    /// Watches a folder and all below it; `each` is called with the files.
    fn add_below(&self, folder: &Path, each: &mut dyn FnMut(&Path)) -> Result<()> {
        for entry in WalkBuilder::new(folder).follow_links(false).build().flatten() {
            match entry.file_type() {
                Some(kind) if kind.is_dir() => self.add(entry.path())?,
                _ => each(entry.path()),
            }
        }
        Ok(())
    }

    /// The tree path of a path on disk.
    fn in_tree(&self, path: &Path) -> Option<TreePath> {
        TreePath::new(path.strip_prefix(&self.root).ok()?.to_str()?)
    }
}

/// Reads the system's events until the receiver is dropped.
fn read(folders: &Folders, to: &SyncSender<Change>) {
    let mut buffer = [MaybeUninit::uninit(); 16 << 10];
    let mut reader = Reader::new(&folders.notes, &mut buffer);
    // If the queue is full, everything counts as changed.
    let send = |change: Change| match to.try_send(change) {
        Ok(()) => true,
        Err(_) => to.send(Change::All).is_ok(),
    };
    loop {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::INTR) => continue,
            Err(_) => return,
        };
        let kind = event.events();
        if kind.contains(ReadFlags::QUEUE_OVERFLOW) {
            if !send(Change::All) {
                return;
            }
            continue;
        }
        let folder = {
            let mut all = folders.by_number.lock().unwrap_or_else(PoisonError::into_inner);
            if kind.contains(ReadFlags::IGNORED) {
                all.remove(&event.wd())
            } else {
                all.get(&event.wd()).cloned()
            }
        };
        let (Some(folder), Some(name)) = (folder, event.file_name()) else { continue };
        let path = folder.join(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let is_here = if kind.contains(ReadFlags::ISDIR) {
            // Files may have been created in a new folder before it was watched.
            let came = kind.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
            if came {
                let _ = folders.add_below(&path, &mut |_| ());
            }
            send(Change::All)
        } else if kind.contains(ReadFlags::CREATE) {
            // When the file has been written there is another event.
            true
        } else {
            folders.in_tree(&path).is_none_or(|path| send(Change::File(path)))
        };
        if !is_here {
            return;
        }
    }
}
