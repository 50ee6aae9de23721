//! Fetching for a build: each repository and file once. Repositories are mounted beside the tree.

use super::remote::Repository;
use super::world::World;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, without_users};
use keyfill_files::{Fetch, FetchError, FetchedTree, GitRef, TreePath};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The most repositories and files that one build may fetch. Real ones fetch a few.
const MOST: usize = 1_000;
/// The most repositories that are fetched at the same time.
const AT_ONCE: usize = 8;

type Answer<T> = Result<T, FetchError>;

/// The results of all fetches so far, errors included: nothing is fetched twice.
pub struct Remotes<'a> {
    fetch: &'a dyn Fetch,
    /// Folders of the mounted repositories, by what is cloned and by whether submodules are read.
    folders: RefCell<HashMap<(GitRef, bool), Answer<TreePath>>>,
    files: RefCell<HashMap<String, Answer<Bytes>>>,
}

impl<'a> Remotes<'a> {
    /// A cache without results.
    pub fn new(fetch: &'a dyn Fetch) -> Self {
        Self { fetch, folders: RefCell::default(), files: RefCell::default() }
    }

    /// Fetches a repository, unless it is mounted already, and returns the folder of its mount.
    pub fn folder(&self, wanted: &Repository, world: &World<'_>, cx: &Cx) -> Answer<TreePath> {
        let key = (wanted.git.clone(), wanted.submodules);
        if let Some(known) = self.folders.borrow().get(&key) {
            return known.clone();
        }
        let answer = self.count().and_then(|()| self.fetch.git(&wanted.git, cx));
        self.keep(key, answer, world)
    }

    /// Fetches a file, unless that was done before, and returns its content.
    pub fn file(&self, url: &str, cx: &Cx) -> Answer<Bytes> {
        if let Some(known) = self.files.borrow().get(url) {
            return known.clone();
        }
        let answer = self.count().and_then(|()| self.fetch.file(url, cx));
        self.files.borrow_mut().insert(url.to_owned(), answer.clone());
        answer
    }

    /// Fetches repositories in parallel that the build will need.
    pub fn gather(&self, wanted: impl Iterator<Item = Repository>, world: &World<'_>, cx: &Cx) {
        let mut missing: Vec<(GitRef, bool)> = Vec::new();
        for Repository { git, submodules, .. } in wanted {
            let key = (git, submodules);
            if !self.folders.borrow().contains_key(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        }
        // A single repository is fetched when the build needs it.
        if missing.len() < 2 {
            return;
        }
        missing.truncate(MOST);
        let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(missing.len())));
        let fetch = self.fetch;
        std::thread::scope(|scope| {
            for _ in 0..missing.len().min(AT_ONCE) {
                scope.spawn(|| {
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some((want, _)) = missing.get(at) else { return };
                        let answer = fetch.git(want, cx);
                        answers.lock().unwrap_or_else(PoisonError::into_inner).push((at, answer));
                    }
                });
            }
        });
        let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
        answers.sort_by_key(|(at, _)| *at);
        for (key, (_, answer)) in missing.into_iter().zip(answers) {
            // Its error is reported when the build needs it.
            let _ = self.keep(key, self.count().and(answer), world);
        }
    }

    fn keep(&self, key: (GitRef, bool), answer: Answer<FetchedTree>, world: &World<'_>) -> Answer<TreePath> {
        let (want, submodules) = &key;
        let cloned = submodules.then_some(&*want.url);
        let answer = answer.map(|tree| world.mount_apart(&name(want), tree.files, cloned));
        self.folders.borrow_mut().insert(key, answer.clone());
        answer
    }

    fn count(&self) -> Answer<()> {
        if self.folders.borrow().len() + self.files.borrow().len() < MOST {
            return Ok(());
        }
        let message = format!("one build names more than {MOST} repositories and files that are fetched");
        Err(FetchError::new(Class::Render, message).hint("bases that name each other may never end"))
    }
}

/// The name of a repository in paths: its address and reference.
fn name(want: &GitRef) -> String {
    let reference = if want.reference.is_empty() { "HEAD" } else { &want.reference };
    format!("{}@{reference}", without_users(&want.url))
}

/// The name of a fetched file in paths: its address without user and query.
pub fn file_name(url: &str) -> Option<TreePath> {
    let address = without_users(url);
    TreePath::new(address.split(['?', '#']).next().unwrap_or(&address))
}
