//! What all runs of a process share: connections, the store, and the locks that keep two runs from fetching the same
//! thing.

use crate::Digest;
use crate::charts::Index;
use crate::store::Store;
use keyfill_http::{Client, Matcher, Names, TlsSettings};
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// How many parsed indexes are kept in memory.
const KEPT_INDEXES: usize = 16;

/// The connections and the store of a process, which has one.
pub struct Network {
    pub(crate) client: Client,
    pub(crate) store: Store,
    pub(crate) counters: Counters,
    pub(crate) indexes: Mutex<Vec<(Digest, Arc<Index>)>>,
    flights: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    runtime: OnceLock<Runtime>,
}

/// Counters of what a process fetched since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent.
    pub requests: u64,
    /// Bytes received.
    pub bytes: u64,
    /// Lookups that the store answered without a request.
    pub hits: u64,
    /// Outdated results that were used since their server was down.
    pub stale: u64,
    /// The age in seconds of the stored result that was used last where it may change: of an index, or of a lookup
    /// that no lock binds.
    pub age: u64,
}

#[derive(Default)]
pub(crate) struct Counters {
    requests: AtomicU64,
    bytes: AtomicU64,
    hits: AtomicU64,
    stale: AtomicU64,
    age: AtomicU64,
}

impl Counters {
    pub(crate) fn requests(&self, more: u64) {
        self.requests.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self, more: u64) {
        self.bytes.fetch_add(more, Ordering::Relaxed);
    }

    /// Notes that a stored result was used that may change.
    pub(crate) fn used(&self, age: Duration) {
        self.age.store(age.as_secs(), Ordering::Relaxed);
    }

    /// Notes that such a result was used since its server was down.
    pub(crate) fn used_stale(&self, age: Duration) {
        self.used(age);
        self.stale.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }
}

impl Network {
    /// A network with a store. No connection is made before the first request.
    pub fn new(store: Store, proxies: Option<Arc<Matcher>>, names: Option<Arc<dyn Names>>) -> Self {
        let mut client = Client::new(TlsSettings::default(), proxies);
        if let Some(names) = names {
            client = client.with_names(names);
        }
        Self {
            client,
            store,
            counters: Counters::default(),
            indexes: Mutex::default(),
            flights: Mutex::default(),
            runtime: OnceLock::new(),
        }
    }

    /// The counters.
    pub fn stats(&self) -> Stats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counters { requests, bytes, hits, stale, age } = &self.counters;
        Stats {
            requests: read(requests),
            bytes: read(bytes),
            hits: read(hits),
            stale: read(stale),
            age: read(age),
        }
    }

    /// The runtime of the connections: one thread, started with the first request.
    pub(crate) fn runtime(&self) -> io::Result<&Runtime> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let made = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("keyfill-fetch")
            .enable_all()
            .build()?;
        Ok(self.runtime.get_or_init(|| made))
    }

    /// The lock of a lookup: its holder sends the request; others wait, and then find the result in the store.
    pub(crate) fn flight(&self, question: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
        flights.retain(|_, lock| Arc::strong_count(lock) > 1);
        Arc::clone(flights.entry(question.to_owned()).or_default())
    }

    pub(crate) fn kept_index(&self, digest: &Digest) -> Option<Arc<Index>> {
        let indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.iter().find(|(kept, _)| kept == digest).map(|(_, index)| Arc::clone(index))
    }

    pub(crate) fn keep_index(&self, digest: Digest, index: &Arc<Index>) {
        let mut indexes = self.indexes.lock().unwrap_or_else(PoisonError::into_inner);
        indexes.retain(|(kept, _)| *kept != digest);
        indexes.insert(0, (digest, Arc::clone(index)));
        indexes.truncate(KEPT_INDEXES);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Dropping a tokio runtime waits for its threads, which panics if another runtime's thread drops it.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
