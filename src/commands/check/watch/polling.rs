//! Detects saved files on other systems: the modification times of files are read twice a second.

use super::Change;
use anyhow::Result;
use ignore::WalkBuilder;
use keyfill_files::TreePath;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const INTERVAL: Duration = Duration::from_millis(500);

type Times = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// The changes below a folder.
pub struct Saves {
    root: PathBuf,
    known: Times,
    waiting: VecDeque<Change>,
}

impl Saves {
    /// Watches all files below a folder, except hidden ones and those that git ignores.
    pub fn below(root: &Path) -> Result<Self> {
        Ok(Self { root: root.to_owned(), known: times(root), waiting: VecDeque::new() })
    }

    /// Does nothing: folders that git ignores are not watched here.
    pub fn add(&mut self, _: BTreeSet<TreePath>) {}

    /// The number of watched folders.
    pub fn len(&self) -> usize {
        self.known.keys().filter_map(|path| path.parent()).collect::<BTreeSet<_>>().len()
    }

    /// The next change. Without `time` it waits for one; with `time` it returns only changes that are already known.
    pub fn wait(&mut self, time: Option<Duration>) -> Option<Change> {
        loop {
            if let Some(change) = self.waiting.pop_front() {
                return Some(change);
            }
            if time.is_some() {
                return None;
            }
            std::thread::sleep(INTERVAL);
            let now = times(&self.root);
            let gone = self.known.keys().filter(|path| !now.contains_key(*path));
            let other = now.iter().filter(|(path, time)| self.known.get(*path) != Some(time));
            let changed: BTreeSet<&PathBuf> = gone.chain(other.map(|(path, _)| path)).collect();
            let in_tree = |path: &&PathBuf| TreePath::new(path.strip_prefix(&self.root).ok()?.to_str()?);
            self.waiting.extend(changed.iter().filter_map(in_tree).map(Change::File));
            self.known = now;
        }
    }
}

fn times(root: &Path) -> Times {
    let files = WalkBuilder::new(root).follow_links(false).build().flatten();
    let files = files.filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let time = |entry: &ignore::DirEntry| {
        let meta = entry.metadata().ok();
        (meta.as_ref().and_then(|meta| meta.modified().ok()), meta.map_or(0, |meta| meta.len()))
    };
    files.map(|entry| (entry.path().to_owned(), time(&entry))).collect()
}
