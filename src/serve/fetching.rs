//! Fetches charts, bases and files for workers, which have no network.
//!
//! A worker asks with what a kustomization or a chart names, and with the content of keyfill.lock. The
//! administrator decides from where apps may fetch (`KEYFILL_FETCH_HOSTS`). All requests share one cache. Logins
//! are shared too, and each project may use only some of them.

use super::fetch_orders::{Found, Locked, NotFetched, Question, Want};
use crate::fetch::{Logins, Plan};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_fetch::{Fetcher, Handed, Lock, Network, Stats};
use keyfill_files::{ChartRef, Fetch as _, FetchError, GitRef, TreePath};
use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The most questions for one request. The limit of what may be fetched is far lower.
pub const MOST: usize = 20_000;

/// The most bytes of the strings in a question, since the supervisor remembers questions that failed. No real
/// address is longer.
const MOST_IN_QUESTION: usize = 8 << 10;

/// The HTTP client, cache and logins that all requests share. The client is made when the first request fetches
/// something.
#[derive(Default)]
pub struct SharedNetwork {
    network: OnceLock<Arc<Network>>,
    logins: Logins,
}

impl SharedNetwork {
    /// Numbers about fetches so far, for metrics.
    pub fn stats(&self) -> Stats {
        self.network.get().map(|network| network.stats()).unwrap_or_default()
    }

    fn of(&self, plan: &Plan) -> Result<Arc<Network>, FetchError> {
        if let Some(network) = self.network.get() {
            return Ok(Arc::clone(network));
        }
        let made = Arc::new(plan.network()?);
        Ok(Arc::clone(self.network.get_or_init(|| made)))
    }
}

/// The fetches of one request.
pub struct Fetches {
    plan: Plan,
    network: Arc<SharedNetwork>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fetcher: Option<Arc<Fetcher>>,
    /// Errors, by their question: when the request is sent again, the same question gets the same answer.
    failed: HashMap<Want, NotFetched>,
    warnings: Vec<Diagnostic>,
    may_move: bool,
}

/// An answer, and the bytes or the file that belong to it.
pub struct Fetched {
    /// What was found.
    pub answer: Result<Found, NotFetched>,
    /// The bytes of a chart's archive, of a file, or of folders of a git tree.
    pub tail: Bytes,
    /// A git tree, as a file that `Snapshot::of_file` reads.
    pub file: Option<File>,
}

impl Fetched {
    fn bare(answer: Result<Found, NotFetched>) -> Self {
        Self { answer, tail: Bytes::new(), file: None }
    }

    /// Tells the worker to give up the request, which is sent again later.
    pub fn later() -> Self {
        Self::bare(Ok(Found::Later))
    }
}

impl Fetches {
    /// For a request with this plan of what it may fetch, and from where.
    pub fn new(plan: Plan, network: Arc<SharedNetwork>) -> Self {
        Self { plan, network, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a question; it may wait for the network.
    pub fn answer(&self, question: Question, cx: &Cx) -> Fetched {
        let Question { want, lock } = question;
        if want.bytes() > MOST_IN_QUESTION {
            let why = format!("an address of {} bytes is longer than {MOST_IN_QUESTION}", want.bytes());
            return Fetched::bare(Err(NotFetched::of(&FetchError::new(Class::Render, why))));
        }
        if let Some(known) = self.state().failed.get(&want).cloned() {
            return Fetched::bare(Err(known));
        }
        let found = self.fetcher(lock).and_then(|fetcher| fetched(&fetcher, &want, cx));
        found.unwrap_or_else(|error| {
            let failed = NotFetched::of(&error);
            self.state().failed.insert(want, failed.clone());
            Fetched::bare(Err(failed))
        })
    }

    /// The fetcher of the worker that asks. The first question of each worker carries keyfill.lock, from which a
    /// new fetcher is made.
    fn fetcher(&self, lock: Option<Locked>) -> Result<Arc<Fetcher>, FetchError> {
        let known = self.state().fetcher.clone();
        if let (Some(fetcher), None) = (&known, &lock) {
            return Ok(Arc::clone(fetcher));
        }
        let lock = lock.map_or_else(Lock::default, Locked::read);
        let fetcher =
            Arc::new(self.plan.fetcher_over(self.network.of(&self.plan)?, &self.network.logins, lock)?);
        let mut state = self.state();
        if let Some(before) = state.fetcher.replace(Arc::clone(&fetcher)) {
            state.may_move |= before.may_move();
            state.warnings.extend(before.take_warnings());
        }
        Ok(fetcher)
    }

    /// Whether the same questions may have other answers later, as for a branch: then the rendering is not cached.
    pub fn may_move(&self) -> bool {
        let state = self.state();
        state.may_move || state.fetcher.as_ref().is_some_and(|fetcher| fetcher.may_move())
    }

    /// Takes the warnings about what was fetched.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut state = self.state();
        let mut warnings = std::mem::take(&mut state.warnings);
        warnings.extend(state.fetcher.iter().flat_map(|fetcher| fetcher.take_warnings()));
        warnings
    }
}

fn fetched(fetcher: &Fetcher, want: &Want, cx: &Cx) -> Result<Fetched, FetchError> {
    match want.clone() {
        Want::Chart([repository, name, version]) => {
            let chart = fetcher.chart(&ChartRef { repository, name, version }, cx)?;
            let answer = Ok(Found::Chart { version: chart.version, file_name: chart.file_name });
            Ok(Fetched { answer, tail: chart.archive, file: None })
        }
        Want::Tree([url, reference]) => {
            let Handed { commit, digest, file, folders, more } =
                fetcher.hand(&GitRef { url, reference }, cx)?;
            let (mut sizes, mut tail) = (folders.is_some().then(Vec::new), Vec::new());
            for (dir, bytes) in folders.into_iter().flatten() {
                sizes.iter_mut().for_each(|sizes| sizes.push((dir.to_string(), bytes.len() as u64)));
                tail.extend_from_slice(&bytes);
            }
            let answer = Ok(Found::Tree { commit, digest: digest.0, folders: sizes, more });
            Ok(Fetched { answer, tail: tail.into(), file: Some(file) })
        }
        Want::Folder([url, reference, dir]) => {
            let unreadable = || FetchError::new(Class::Render, "no folder has such a path");
            let dir = TreePath::new(&dir).ok_or_else(unreadable)?;
            let tail = fetcher.hand_folder(&GitRef { url, reference }, &dir, cx)?;
            Ok(Fetched { answer: Ok(Found::Folder), tail, file: None })
        }
        Want::File(url) => {
            let tail = fetcher.file(&url, cx)?;
            Ok(Fetched { answer: Ok(Found::File), tail, file: None })
        }
        Want::Repository(name) => Ok(Fetched::bare(Ok(Found::Repository(fetcher.repository(&name))))),
    }
}

/// The answer if the thread that fetches has panicked.
pub fn lost() -> Fetched {
    Fetched::bare(Err(NotFetched::of(&FetchError::new(Class::Other, "it could not be fetched"))))
}
