//! The pool of workers. A worker is handed out for one request, and is then taken back or replaced.
//!
//! A worker serves only one [`Scope`] in its life, so the secrets of one scope are never in the memory of a worker
//! that serves another. Some unused workers are started in advance, so that a new scope or a lost worker causes no
//! delay.

use crate::frame::{Frame, Lengths};
use crate::process::{Lost, Process, Why};
use crate::start::{Program, Threads};
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use zeroize::Zeroizing;

/// Identifies whose secrets a worker may have seen: a digest of everything that decides which secrets may be read.
pub type Scope = [u8; 32];

/// The options of a pool.
#[derive(Clone, Debug)]
pub struct PoolOptions {
    /// The program of the workers.
    pub program: Program,
    /// The first frame that is sent to each worker. The worker must answer it.
    pub hello: Frame,
    /// The most workers that are busy or idle.
    pub most: usize,
    /// How many unused workers are started in advance, besides those.
    pub spares: usize,
    /// A worker that holds more bytes of memory than this after its request is replaced.
    pub grown: u64,
    /// A worker that was idle for this long is ended.
    pub idle: Duration,
    /// The longest that a worker may take to start.
    pub start: Duration,
}

/// Counts of workers since the start, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    /// Workers that were started.
    pub started: AtomicU64,
    /// Workers that were replaced because they held too much memory after a request.
    pub grown: AtomicU64,
    /// Workers that ended in the middle of a request, for whatever reason.
    pub lost: AtomicU64,
}

/// A pool of workers that run the same program. Clones share the pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    options: PoolOptions,
    threads: Threads,
    state: Mutex<State>,
    counts: Counts,
    wanted: Notify,
}

#[derive(Default)]
struct State {
    fresh: Vec<Process>,
    idle: Vec<Idle>,
    busy: usize,
}

struct Idle {
    process: Process,
    scope: Scope,
    since: Instant,
}

/// A worker for one request. It is killed if it is dropped before [`Worker::keep`].
pub struct Worker {
    process: Option<Process>,
    scope: Scope,
    pool: Arc<Inner>,
}

impl Pool {
    /// Starts a pool and its spare workers. Returns the pool, and what the first worker answered to the first
    /// frame. It must run inside a tokio runtime; the pool ends with the runtime.
    pub async fn new(options: PoolOptions) -> io::Result<(Self, Zeroizing<Vec<u8>>)> {
        let inner = Arc::new(Inner {
            threads: Threads::new()?,
            options,
            state: Mutex::default(),
            counts: Counts::default(),
            wanted: Notify::new(),
        });
        let (first, greeting) = inner.start().await?;
        inner.lock().fresh.push(first);
        let pool = Self(inner);
        tokio::spawn(stand_by(Arc::downgrade(&pool.0)));
        tokio::spawn(sweep(Arc::downgrade(&pool.0)));
        Ok((pool, greeting))
    }

    /// A worker for a request of a scope: one that has served the scope before, else an unused one. The caller must
    /// bound how many workers it holds at once.
    pub async fn take(&self, scope: Scope) -> io::Result<Worker> {
        loop {
            let (process, is_fresh) = self.0.ready(scope);
            let mut process = match process {
                Some(process) => process,
                None => self.0.start().await?.0,
            };
            if is_fresh {
                self.0.wanted.notify_one();
            }
            // A worker that ended while it was idle is skipped, and not reported as an error.
            if process.has_ended() {
                continue;
            }
            self.0.lock().busy += 1;
            return Ok(Worker { process: Some(process), scope, pool: Arc::clone(&self.0) });
        }
    }

    /// Counts of workers since the start.
    pub fn counts(&self) -> &Counts {
        &self.0.counts
    }

    /// The number of busy workers, and of idle or unused ones.
    pub fn numbers(&self) -> (usize, usize) {
        let state = self.0.lock();
        (state.busy, state.idle.len() + state.fresh.len())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts a worker and waits for its answer to the first frame.
    async fn start(&self) -> io::Result<(Process, Zeroizing<Vec<u8>>)> {
        /// The most bytes of that answer.
        const MOST: usize = 4 << 10;
        self.counts.started.fetch_add(1, Ordering::Relaxed);
        let ready = async {
            let mut process = Process::start(&self.options.program, &self.threads).await?;
            process.send(self.options.hello.clone(), &[], None).await?;
            let lengths = process.lengths().await?;
            if lengths.content > MOST || lengths.tail > 0 {
                return Err(io::Error::other("its greeting is too long"));
            }
            let greeting = process.bytes(lengths.content).await?;
            Ok((process, greeting))
        };
        let in_time = tokio::time::timeout(self.options.start, ready).await;
        in_time.map_err(|_| io::Error::other("a worker did not start in time"))?
    }

    /// An idle worker of the scope, else an unused one, and whether it is unused. Idle workers of other scopes are
    /// ended if there would be too many.
    fn ready(&self, scope: Scope) -> (Option<Process>, bool) {
        let mut state = self.lock();
        if let Some(at) = state.idle.iter().rposition(|idle| idle.scope == scope) {
            return (Some(state.idle.remove(at).process), false);
        }
        let fresh = state.fresh.pop();
        // The worker that becomes busy takes the place of the one that was idle longest.
        while state.idle.len() + state.busy + 1 > self.options.most && !state.idle.is_empty() {
            state.idle.remove(0);
        }
        (fresh, true)
    }

    /// Takes a worker back, unless it holds too much memory.
    fn back(&self, process: Process, scope: Scope) {
        let grown = process.resident().is_some_and(|bytes| bytes > self.options.grown);
        let mut state = self.lock();
        state.busy -= 1;
        if grown {
            self.counts.grown.fetch_add(1, Ordering::Relaxed);
        } else {
            state.idle.push(Idle { process, scope, since: Instant::now() });
        }
    }
}

/// Starts unused workers until there are enough spares, and again when they are taken.
async fn stand_by(pool: std::sync::Weak<Inner>) {
    let mut pause = Duration::from_millis(10);
    while let Some(inner) = pool.upgrade() {
        if inner.lock().fresh.len() >= inner.options.spares {
            inner.wanted.notified().await;
            continue;
        }
        match inner.start().await {
            Ok((process, _)) => {
                inner.lock().fresh.push(process);
                pause = Duration::from_millis(10);
            }
            // No process can be started now. That may pass, so it is tried again.
            Err(_) => {
                drop(inner);
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

/// Removes workers that were idle for too long, and those that have ended by themselves.
async fn sweep(pool: std::sync::Weak<Inner>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Some(inner) = pool.upgrade() else { return };
        let mut state = inner.lock();
        let idle = inner.options.idle;
        state.idle.retain_mut(|worker| worker.since.elapsed() < idle && !worker.process.has_ended());
        state.fresh.retain_mut(|process| !process.has_ended());
        drop(state);
        inner.wanted.notify_one();
    }
}

impl Worker {
    /// Sends a frame, with a tail, which may be empty, and a file descriptor, if there is one.
    pub async fn send(
        &mut self,
        frame: Frame,
        tail: &[u8],
        file: Option<BorrowedFd<'_>>,
    ) -> Result<(), Lost> {
        let sent = match &mut self.process {
            Some(process) => process.send(frame, tail, file).await.is_ok(),
            None => false,
        };
        if sent { Ok(()) } else { Err(self.lose().await) }
    }

    /// Receives the lengths of the next message, so that the caller can reserve memory for it.
    pub async fn lengths(&mut self) -> Result<Lengths, Lost> {
        let lengths = match &mut self.process {
            Some(process) => process.lengths().await.ok(),
            None => None,
        };
        match lengths {
            Some(lengths) => Ok(lengths),
            None => Err(self.lose().await),
        }
    }

    /// Receives the next bytes: a message's content, and then its tail. [`Self::lengths`] returned their lengths.
    pub async fn bytes(&mut self, length: usize) -> Result<Zeroizing<Vec<u8>>, Lost> {
        let bytes = match &mut self.process {
            Some(process) => process.bytes(length).await.ok(),
            None => None,
        };
        match bytes {
            Some(bytes) => Ok(bytes),
            None => Err(self.lose().await),
        }
    }

    async fn lose(&mut self) -> Lost {
        self.pool.counts.lost.fetch_add(1, Ordering::Relaxed);
        let Some(process) = self.process.take() else { return Lost(Why::Protocol) };
        self.pool.lock().busy -= 1;
        self.pool.wanted.notify_one();
        Lost(process.end().await)
    }

    /// The process ID of the worker.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// Gives the worker back after its request: it may serve the next request of its scope.
    pub fn keep(mut self) {
        if let Some(process) = self.process.take() {
            self.pool.back(process, self.scope);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // Dropping the process kills it: its request was given up, or the worker must not be used again.
        if self.process.take().is_some() {
            self.pool.counts.lost.fetch_add(1, Ordering::Relaxed);
            self.pool.lock().busy -= 1;
            self.pool.wanted.notify_one();
        }
    }
}
