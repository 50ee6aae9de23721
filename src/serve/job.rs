//! One request's work on one worker: a turn, a worker, the conversation, and what it means when the worker is lost.

use super::bounds::Bounds;
use super::crashes::{self, Crashes};
use super::metrics::{Death, Metrics};
use super::orders::{self, Failed, Generated, Matches, Order, Rendered, Report, Wanted};
use super::secrets::Reader;
use keyfill_cmp::archive::Packed;
use keyfill_cmp::queue::{Place, Queue};
use keyfill_cmp::{AppRequest, Refusal};
use keyfill_diag::{Class, Cx};
use keyfill_workers::{Lost, Pool, Scope, Why, Worker};
use std::collections::HashMap;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{timeout, timeout_at};

/// How long a worker may wait for its secrets while others wait for a worker.
const PATIENCE: Duration = Duration::from_millis(20);

/// Questions that one request may ask.
const QUESTIONS: usize = 16;

/// A frame above this takes part in the budget for answers.
const LARGE_FRAME: usize = 64 << 10;

/// Apps that are remembered to need a large worker.
const MOST_LARGE: usize = 10_000;

/// The workers, and who gets one.
pub struct Jobs {
    /// Workers in the sandbox.
    closed: Pool,
    /// Workers that may start official binaries, where there are any.
    open: Option<Pool>,
    turns: Queue,
    lanes: Queue,
    bounds: Bounds,
    /// Kibibytes of answers on their way.
    answers: Arc<Semaphore>,
    most_in_answer: usize,
    crashes: Crashes,
    large: Mutex<HashMap<(String, String), Instant>>,
}

/// How a job is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// On a worker that may start official binaries.
    pub open: bool,
    /// On a worker that may hold more.
    pub large: bool,
}

/// What came of an attempt.
pub enum Outcome {
    /// It is answered.
    Generated(Generated),
    /// Whether the folder is for the plugin.
    Matches(bool),
    /// Its secrets take their time: they are read while another request has the worker.
    Parked(Vec<Wanted>),
    /// It failed, in its worker's words.
    Failed(Failed),
    /// It needs more memory than this worker had.
    TooLarge,
}

/// One request, for all of its attempts.
pub struct Job<'a> {
    /// The request.
    pub request: &'a AppRequest,
    /// Its time.
    pub cx: &'a Cx,
    /// Whose secrets its worker may see.
    pub scope: Scope,
    /// What reads its secrets; nothing where it has none.
    pub reader: Option<&'a Reader>,
    /// What its workers have rendered.
    pub rendered: Option<Rendered>,
    /// Its part of the budget for answers.
    held: Vec<OwnedSemaphorePermit>,
    /// Whether its rendering is in the cache: then it may be parked.
    pub may_park: bool,
}

impl<'a> Job<'a> {
    /// A request that has not been tried.
    pub fn new(request: &'a AppRequest, cx: &'a Cx, scope: Scope, reader: Option<&'a Reader>) -> Self {
        Self { request, cx, scope, reader, rendered: None, held: Vec::new(), may_park: false }
    }

    fn key(&self) -> crashes::Key {
        let (project, path) = (self.request.project(), self.request.path.as_str());
        (self.request.checksum, project.to_owned(), path.to_owned())
    }
}

/// A worker and the places that its request holds.
struct Lease {
    worker: Worker,
    _turn: Place,
    _lane: Option<Place>,
}

impl Jobs {
    /// Jobs on these workers.
    pub fn new(closed: Pool, open: Option<Pool>, bounds: Bounds, most_in_answer: usize) -> Self {
        Self {
            closed,
            open,
            turns: Queue::new(bounds.workers),
            lanes: Queue::new(bounds.lanes),
            answers: Arc::new(Semaphore::new(kibibytes(bounds.answers))),
            bounds,
            most_in_answer,
            crashes: Crashes::default(),
            large: Mutex::default(),
        }
    }

    /// Whether official binaries can be started.
    pub fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// Workers that work, those that wait, and requests that wait for one.
    pub fn numbers(&self) -> (usize, usize, usize) {
        let open = self.open.as_ref().map(Pool::numbers).unwrap_or_default();
        let closed = self.closed.numbers();
        (closed.0 + open.0, closed.1 + open.1, self.turns.waiting())
    }

    /// Workers that were started, and those that were replaced since they had grown.
    pub fn started(&self) -> (u64, u64) {
        use std::sync::atomic::Ordering::Relaxed;
        let of = |pool: &Pool| (pool.counts().started.load(Relaxed), pool.counts().grown.load(Relaxed));
        let (open, closed) = (self.open.as_ref().map(of).unwrap_or_default(), of(&self.closed));
        (open.0 + closed.0, open.1 + closed.1)
    }

    /// Whether a request is known to need a large worker.
    pub fn is_large(&self, request: &AppRequest) -> bool {
        self.large.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&app_of(request))
    }

    fn note_large(&self, request: &AppRequest) {
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        if large.len() >= MOST_LARGE {
            large.clear();
        }
        large.insert(app_of(request), Instant::now());
    }

    /// Tries a request on one worker. `order` makes the order from the milliseconds and the bytes that it may take.
    pub async fn attempt(
        &self,
        job: &mut Job<'_>,
        how: How,
        order: impl FnOnce(u64, u64) -> Order,
        archive: Option<&Packed>,
        metrics: &Metrics,
    ) -> Result<Outcome, Refusal> {
        let key = job.key();
        if let Some(why) = self.crashes.refuses(&key) {
            metrics.refused_crash_loop();
            return Err(Refusal { class: Class::Forbidden, message: why });
        }
        let until = job.cx.deadline;
        let memory = if how.large { self.bounds.large } else { self.bounds.small };
        let mut lease = self.lease(job, how).await?;
        // The worker hears of an earlier end, so that its own words come in time.
        let left = job.cx.time_left();
        let own = left.saturating_sub((left / 10).min(Duration::from_millis(500)));
        let order = order(u64::try_from(own.as_millis()).unwrap_or(u64::MAX), memory);
        let file = match archive {
            Some(Packed::File(file)) => Some(reopened(file).map_err(|e| no_worker(&e))?),
            _ => None,
        };
        let talk = self.talk(&mut lease.worker, job, &order, file.as_ref().map(OwnedFd::as_fd));
        // A moment before the call itself is over, so that there is time to say why.
        let kill_at = until.checked_sub(Duration::from_millis(20)).unwrap_or(until);
        let talked = timeout_at(kill_at.into(), talk).await;
        let outcome = match talked {
            Ok(Ok(outcome)) => {
                lease.worker.keep();
                outcome
            }
            Ok(Err(Lost(Why::Memory))) if !how.large && self.bounds.large > self.bounds.small => {
                metrics.died(Death::Memory);
                Outcome::TooLarge
            }
            lost => {
                // Dropped with its worker, which is killed with it.
                drop(lease);
                let (death, message) = match lost {
                    Ok(Err(Lost(why))) => self.told(why, memory),
                    _ => (Death::Deadline, late()),
                };
                metrics.died(death);
                self.crashes.note(&key, &message);
                return Err(Refusal { class: Class::Other, message });
            }
        };
        Ok(match outcome {
            Outcome::Failed(failed)
                if failed.memory && !how.large && self.bounds.large > self.bounds.small =>
            {
                Outcome::TooLarge
            }
            outcome => outcome,
        })
        .inspect(|outcome| {
            if matches!(outcome, Outcome::TooLarge) {
                self.note_large(job.request);
            }
        })
    }

    async fn lease(&self, job: &Job<'_>, how: How) -> Result<Lease, Refusal> {
        let (project, app) = (job.request.project(), job.request.app());
        let waiting = async {
            let lane = if how.large { Some(self.lanes.place(project, app).await) } else { None };
            let turn = self.turns.place(project, app).await;
            let pool = self.open.as_ref().filter(|_| how.open).unwrap_or(&self.closed);
            pool.take(job.scope).await.map(|worker| Lease { worker, _turn: turn, _lane: lane })
        };
        match timeout_at(job.cx.deadline.into(), waiting).await {
            Ok(lease) => lease.map_err(|e| no_worker(&e)),
            Err(_) => Err(Refusal { class: Class::Other, message: "no worker was free in time".to_owned() }),
        }
    }

    async fn talk(
        &self,
        worker: &mut Worker,
        job: &mut Job<'_>,
        order: &Order,
        file: Option<BorrowedFd<'_>>,
    ) -> Result<Outcome, Lost> {
        worker.send(&frame(order)?, file).await?;
        for _ in 0..QUESTIONS {
            match self.hear(worker, job).await? {
                Report::Rendered(rendered) => job.rendered = Some(rendered),
                Report::Need(wanted) => {
                    if let Some(parked) = self.tell(worker, job, wanted).await? {
                        return Ok(parked);
                    }
                }
                Report::Generated(generated) => return Ok(Outcome::Generated(generated)),
                Report::Matches(matches) => return Ok(Outcome::Matches(matches)),
                Report::Failed(failed) => return Ok(Outcome::Failed(failed)),
                Report::Ready(_) => return Err(Lost(Why::Talk)),
            }
        }
        Err(Lost(Why::Talk))
    }

    /// The next report. A large one waits for its part of the budget.
    async fn hear(&self, worker: &mut Worker, job: &mut Job<'_>) -> Result<Report, Lost> {
        let length = worker.length().await?;
        if length > self.most_in_answer.saturating_add(LARGE_FRAME) {
            return Err(Lost(Why::Talk));
        }
        if length > LARGE_FRAME {
            let all = kibibytes(self.bounds.answers);
            // Twice: it is held once as it came and once as it goes out.
            let wanted = kibibytes(2 * length as u64).min(all) as u32;
            // Who holds a part already does not wait for another: two of them would wait for each other.
            let permit = if job.held.is_empty() {
                Arc::clone(&self.answers).acquire_many_owned(wanted).await.ok()
            } else {
                Arc::clone(&self.answers).try_acquire_many_owned(wanted).ok()
            };
            job.held.extend(permit);
        }
        let content = worker.content(length).await?;
        orders::read(&content).map_err(|_| Lost(Why::Talk))
    }

    /// Reads secrets and tells them; parks the request when that takes long and others wait.
    async fn tell(
        &self,
        worker: &mut Worker,
        job: &Job<'_>,
        wanted: Vec<Wanted>,
    ) -> Result<Option<Outcome>, Lost> {
        let Some(reader) = job.reader else { return Err(Lost(Why::Talk)) };
        let mut reading = Box::pin(reader.read(&wanted, job.cx));
        let answers = match timeout(PATIENCE, &mut reading).await {
            Ok(answers) => answers,
            Err(_) if job.may_park && self.turns.waiting() > 0 => {
                worker.send(&frame(&Order::Park)?, None).await?;
                drop(reading);
                return Ok(Some(Outcome::Parked(wanted)));
            }
            Err(_) => reading.await,
        };
        worker.send(&frame(&Order::Secrets(answers))?, None).await?;
        Ok(None)
    }

    /// What a lost worker means, and what to do.
    fn told(&self, why: Why, memory: u64) -> (Death, String) {
        let mib = memory >> 20;
        match why {
            Why::Memory => (
                Death::Memory,
                format!(
                    "the app needs more memory than its worker may have ({mib} MiB): make it smaller, or raise the \
                     container's memory limit or --worker-memory"
                ),
            ),
            Why::Exit(super::worker::PANICKED) => (
                Death::Crash,
                "the worker that rendered the app broke off: this is a fault of keyfill; please report it with the \
                 app's files"
                    .to_owned(),
            ),
            Why::Signal(9) => (
                Death::Killed,
                "the worker that rendered the app was killed from outside: by hand, or by the kernel since the \
                 container had no memory left"
                    .to_owned(),
            ),
            Why::Signal(signal) => (
                Death::Crash,
                format!(
                    "the worker that rendered the app crashed (signal {signal}): its stack may have been too small \
                     for it; look for values, templates or bases that nest without end"
                ),
            ),
            Why::Exit(code) => (Death::Crash, format!("the worker that rendered the app ended by itself (exit {code})")),
            Why::Talk => (
                Death::Crash,
                "the worker that rendered the app said what cannot be understood, or more than an answer may hold"
                    .to_owned(),
            ),
        }
    }
}

fn late() -> String {
    "the app was not rendered when its time was over, and its worker was ended: it does more than can be done in that \
     time; look for templates, patches or expressions that multiply"
        .to_owned()
}

fn kibibytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 10).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}

fn app_of(request: &AppRequest) -> (String, String) {
    (format!("{}/{}", request.project(), request.app()), request.path.as_str().to_owned())
}

fn frame(order: &Order) -> Result<keyfill_workers::Frame, Lost> {
    orders::frame(order).map_err(|_| Lost(Why::Talk))
}

fn no_worker(error: &std::io::Error) -> Refusal {
    Refusal { class: Class::Other, message: format!("no worker can be had: {error}") }
}

/// The same file, for reading alone and with a position of its own, where the system can do that.
fn reopened(file: &std::fs::File) -> std::io::Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    match std::fs::File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(file) => Ok(file.into()),
        Err(_) => file.as_fd().try_clone_to_owned(),
    }
}

/// The order to look at a folder.
pub fn matches_order(
    request: &AppRequest,
    archive: orders::Archive,
    milliseconds: u64,
    memory: u64,
) -> Order {
    let task = orders::Task { path: request.path.as_str().to_owned(), milliseconds, memory };
    Order::Matches(Box::new(Matches { task, archive }))
}
