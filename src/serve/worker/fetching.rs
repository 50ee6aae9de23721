//! Asks the supervisor for charts, bases and files that the archive does not hold: a worker has no network.

use super::shared_channel::SharedChannel;
use crate::fetch::read_lock;
use crate::serve::fetch_orders::{Found, Locked, Question, Want};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, without_users};
use keyfill_fetch::{Digest, LOCK_FILE, Others, Snapshot, Tree};
use keyfill_files::{ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, Files, GitRef, TreePath};
use keyfill_workers::Received;
use std::fs::File;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Fetches through the supervisor.
pub struct Remote(Arc<Questions>);

/// The conversation with the supervisor, shared with the trees whose folders it gives out.
struct Questions {
    channel: SharedChannel,
    files: Arc<dyn Files>,
    /// Whether keyfill.lock was sent to the supervisor.
    lock_sent: Mutex<bool>,
    /// Whether the supervisor has told the worker to give up this request: then no error is reported.
    given_up: Arc<AtomicBool>,
}

impl Remote {
    /// For a tree whose root holds `keyfill.lock`.
    pub fn new(channel: SharedChannel, files: Arc<dyn Files>, given_up: &Arc<AtomicBool>) -> Self {
        let given_up = Arc::clone(given_up);
        Self(Arc::new(Questions { channel, files, lock_sent: Mutex::new(false), given_up }))
    }
}

impl Questions {
    fn ask(&self, want: Want) -> Result<(Found, Received), FetchError> {
        let gone = || FetchError::new(Class::Other, "the supervisor does not answer");
        if self.given_up.load(Ordering::Relaxed) {
            return Err(gone());
        }
        // The mutex is held until the answer is there, so that keyfill.lock is sent with the first question.
        let mut lock_sent = self.lock_sent.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = if *lock_sent { None } else { Some(self.lock()?) };
        let (answer, received) = self.channel.fetch(Question { want, lock }).map_err(|_| gone())?;
        *lock_sent = true;
        match answer {
            Ok(Found::Later) => {
                self.given_up.store(true, Ordering::Relaxed);
                Err(gone())
            }
            Ok(found) => Ok((found, received)),
            Err(not) => Err(not.read()),
        }
    }

    fn lock(&self) -> Result<Locked, FetchError> {
        let path = TreePath::new(LOCK_FILE).unwrap_or_else(TreePath::root);
        read_lock(&*self.files, &path).map(Locked::of)
    }
}

/// The error when the supervisor's answer does not fit the question.
fn misunderstood() -> FetchError {
    FetchError::new(Class::Other, "the supervisor's answer cannot be decoded")
}

/// The folders of a tree, cut out of an answer's tail; `None` if the tail is too short or a path is not valid.
fn parts(folders: Vec<(String, u64)>, tail: &Bytes) -> Option<Vec<(TreePath, Bytes)>> {
    let mut at = 0_usize;
    let mut part = |(dir, size): (String, u64)| {
        let end = at.checked_add(usize::try_from(size).ok()?).filter(|end| *end <= tail.len())?;
        let bytes = tail.slice(at..end);
        at = end;
        Some((TreePath::new(&dir)?, bytes))
    };
    folders.into_iter().map(&mut part).collect()
}

/// A repository, for people.
fn repository(want: &GitRef) -> String {
    let at = if want.reference.is_empty() { String::new() } else { format!(" at {}", want.reference) };
    format!("the repository {}{at}", without_users(&want.url))
}

impl Remote {
    /// Folders of a repository that the supervisor is asked for when the first of their files is read.
    fn asked(&self, want: &GitRef) -> Others {
        let (questions, want) = (Arc::clone(&self.0), want.clone());
        Others::Asked(Box::new(move |dir| {
            let GitRef { url, reference } = want.clone();
            match questions.ask(Want::Folder([url, reference, dir.to_string()]))? {
                (Found::Folder, received) => Ok(Bytes::from_owner(received.tail)),
                _ => Err(misunderstood()),
            }
        }))
    }
}

impl Fetch for Remote {
    fn chart(&self, want: &ChartRef, _: &Cx) -> Result<FetchedChart, FetchError> {
        match self.0.ask(Want::chart(want))? {
            (Found::Chart { version, file_name }, received) => {
                let archive = Bytes::from_owner(received.tail);
                Ok(FetchedChart { version, file_name, archive })
            }
            _ => Err(misunderstood()),
        }
    }

    fn git(&self, want: &GitRef, _: &Cx) -> Result<FetchedTree, FetchError> {
        let (found, received) = self.0.ask(Want::tree(want))?;
        let (Found::Tree { commit, digest, folders, more }, Some(file)) = (found, received.file) else {
            return Err(misunderstood());
        };
        let tree = Snapshot::of_file(File::from(file), &Digest(digest)).ok_or_else(misunderstood)?;
        let Some(folders) = folders else { return Ok(FetchedTree { commit, files: Arc::new(tree) }) };
        let parts = parts(folders, &Bytes::from_owner(received.tail)).ok_or_else(misunderstood)?;
        let others = if more { self.asked(want) } else { Others::NotLocked(repository(want)) };
        let tree = Tree::of_parts(tree, parts, others).ok_or_else(misunderstood)?;
        Ok(FetchedTree { commit, files: Arc::new(tree) })
    }

    fn file(&self, url: &str, _: &Cx) -> Result<Bytes, FetchError> {
        match self.0.ask(Want::File(url.to_owned()))? {
            (Found::File, received) => Ok(Bytes::from_owner(received.tail)),
            _ => Err(misunderstood()),
        }
    }

    fn is_bound(&self) -> bool {
        true
    }

    fn repository(&self, name: &str) -> Option<String> {
        if !name.starts_with('@') && !name.starts_with("alias:") {
            return None;
        }
        match self.0.ask(Want::Repository(name.to_owned())).ok()? {
            (Found::Repository(address), _) => address,
            _ => None,
        }
    }
}
