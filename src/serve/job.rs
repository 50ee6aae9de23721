//! Works on a request with one worker: waits for a free worker, sends the order, answers the worker's questions,
//! and says what it means when the worker is lost.

use super::bounds::Bounds;
use super::crashes::{self, Crashes};
use super::environment;
use super::fetch_orders::Question;
use super::fetching::{self, Fetched, Fetches};
use super::lost;
use super::metrics::{Death, Metrics};
use super::orders::{self, Failed, Generated, Matches, Numbered, Order, Report, Wanted};
use super::render_cache::Kept;
use super::secrets::{self, Reader};
use super::sizes::{Size, Sizes};
use super::unlock::{self, Unlocker};
use crate::fill::too_many_secrets;
use bytes::Bytes;
use keyfill_cmp::archive::Packed;
use keyfill_cmp::queue::{Place, Queue};
use keyfill_cmp::{AppRequest, Refusal};
use keyfill_diag::{Class, Cx};
use keyfill_sops::MasterKey;
use keyfill_workers::{Lengths, Lost, Pool, Scope, Why, Worker};
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{timeout, timeout_at};

/// How long a worker may wait for secrets or fetched files while other requests wait for a worker.
const PATIENCE: Duration = Duration::from_millis(20);

/// How long a request keeps all lanes while another project waits for all of them. A lane is the right to use one
/// of the large workers.
const SLICE: Duration = Duration::from_secs(10);

/// The most reports that a worker may send for one order, apart from requests for data keys and fetches.
const QUESTIONS: usize = 16;

/// The most bytes of a report without its tail. They suffice to ask for more secrets than are allowed, so that the
/// request fails with a message that says so.
const MOST_IN_REPORT: usize = 32 << 20;

/// A tail of more bytes than this reserves a share of the budget for answers.
const LARGE_TAIL: usize = 64 << 10;

/// The workers, and the queues of requests that wait for one.
pub struct Jobs {
    /// Workers in the sandbox, which start no programs.
    closed: Pool,
    /// Workers that may start the official binaries; `None` if there are no such binaries.
    open: Option<Pool>,
    turns: Queue,
    lanes: Queue,
    /// The queue for all lanes. Only one request at a time takes them one by one: two would each hold some and wait
    /// for the others.
    whole: Queue,
    bounds: Bounds,
    /// The budget for answers on their way to clients. A permit is one kibibyte.
    answers: Arc<Semaphore>,
    most_in_answer: usize,
    crashes: Crashes,
    /// How much memory apps are known to need.
    pub sizes: Sizes,
}

/// Which kind of worker a request gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Whether the worker may start the official binaries.
    pub open: bool,
    /// How much memory the worker may have.
    pub size: Size,
}

/// The result of an attempt to answer a request.
pub enum Outcome {
    /// The request was rendered and filled; these are the filled manifests.
    Generated(Generated, Numbered),
    /// Whether the folder is for this plugin.
    Matches(bool),
    /// Reading these secrets takes long: they are read while another request has the worker.
    Parked(Vec<Wanted>),
    /// The request failed, with the worker's message.
    Failed(Failed),
    /// The request needs more memory than this worker had: it is tried again with this size.
    TooLarge(Size),
    /// The request held all lanes, and another project waited for a lane: it is tried again.
    Displaced,
    /// Fetching a chart, base or file takes long: the fetch goes on while another request has the worker.
    Fetching(JoinHandle<Fetched>),
}

/// What is sent with an order.
pub enum Beside<'a> {
    /// Bytes that follow the order as its tail.
    Tail(Bytes),
    /// An archive in a file, whose descriptor is sent.
    File(&'a File),
}

impl<'a> Beside<'a> {
    /// How an order names this archive, and what is sent with the order.
    pub fn of(packed: &'a Packed) -> (orders::Archive, Self) {
        match packed {
            Packed::Memory(bytes) => (orders::Archive::Tail, Self::Tail(bytes.clone())),
            Packed::File(file) => (orders::Archive::File, Self::File(file)),
        }
    }
}

/// Why an exchange with a worker ended without an outcome.
enum ExchangeError {
    /// The worker has ended, or does not follow the protocol.
    Lost(Lost),
    /// The worker sent this many bytes, more than one answer may have.
    TooLong(usize),
}

impl From<Lost> for ExchangeError {
    fn from(lost: Lost) -> Self {
        Self::Lost(lost)
    }
}

/// One request, for all of its attempts.
pub struct Job<'a> {
    /// The request as the protocol sent it.
    pub request: &'a AppRequest,
    /// The request's deadline.
    pub cx: &'a Cx,
    /// Identifies whose secrets the request's worker may see.
    pub scope: Scope,
    /// Reads the request's secrets; `None` if it may ask for none.
    pub reader: Option<&'a Reader>,
    /// The rendering of the last attempt, and how many microseconds it took.
    pub rendered: Option<(Kept, u64)>,
    /// The request's share of the budget for answers.
    held: Vec<OwnedSemaphorePermit>,
    /// Whether the request may be parked: its rendering is kept and small, so filling is repeated without
    /// rendering.
    pub may_park: bool,
    /// Gives out data keys of encrypted files; `None` if none are decrypted.
    pub unlocker: Option<&'a Unlocker>,
    /// How many data keys were asked for.
    unlocked: usize,
    /// Fetches charts, bases and files that the archive does not hold; `None` if nothing is fetched.
    pub fetches: Option<Arc<Fetches>>,
    /// How many fetches were asked for.
    fetched: usize,
    /// Whether the next order includes rendering.
    pub renders: bool,
    /// Whether a rendering of this request has seen a secret: then the rendering is not cached, and its worker is
    /// not used again.
    pub marked: bool,
}

impl<'a> Job<'a> {
    /// A request before its first attempt.
    pub fn new(request: &'a AppRequest, cx: &'a Cx, scope: Scope, reader: Option<&'a Reader>) -> Self {
        Self {
            request,
            cx,
            scope,
            reader,
            rendered: None,
            held: Vec::new(),
            may_park: false,
            unlocker: None,
            unlocked: 0,
            fetches: None,
            fetched: 0,
            renders: false,
            marked: false,
        }
    }

    /// Takes the request's share of the budget for answers. Drop it when the client has its answer.
    pub fn take_held(&mut self) -> Vec<OwnedSemaphorePermit> {
        std::mem::take(&mut self.held)
    }

    fn key(&self) -> crashes::Key {
        let (project, path) = (self.request.project(), self.request.path.as_str());
        (self.request.checksum, project.to_owned(), path.to_owned())
    }
}

/// A worker, and the places in the queues that its request holds.
struct Lease {
    worker: Worker,
    _turn: Place,
    _lanes: Vec<Place>,
}

impl Lease {
    /// Gives the worker back to the pool, unless it has rendered with secrets: then it is ended.
    fn end(self, job: &Job<'_>) {
        if !job.marked {
            self.worker.keep();
        }
    }
}

impl Jobs {
    /// No request has been tried yet. An answer has at most `most_in_answer` bytes.
    pub fn new(closed: Pool, open: Option<Pool>, bounds: Bounds, most_in_answer: usize) -> Self {
        Self {
            closed,
            open,
            turns: Queue::new(bounds.workers),
            lanes: Queue::new(bounds.lanes),
            whole: Queue::new(1),
            answers: Arc::new(Semaphore::new(kibibytes(bounds.answers))),
            bounds,
            most_in_answer,
            crashes: Crashes::default(),
            sizes: Sizes::new(bounds),
        }
    }

    /// Whether the official binaries can be started.
    pub fn has_open(&self) -> bool {
        self.open.is_some()
    }

    /// The number of busy workers, of idle workers, and of requests that wait for a worker.
    pub fn numbers(&self) -> (usize, usize, usize) {
        let open = self.open.as_ref().map(Pool::numbers).unwrap_or_default();
        let closed = self.closed.numbers();
        (closed.0 + open.0, closed.1 + open.1, self.turns.waiting())
    }

    /// The number of workers that were started, and of those that were replaced because they held too much memory
    /// after a request.
    pub fn started(&self) -> (u64, u64) {
        use std::sync::atomic::Ordering::Relaxed;
        let of = |pool: &Pool| (pool.counts().started.load(Relaxed), pool.counts().grown.load(Relaxed));
        let (open, closed) = (self.open.as_ref().map(of).unwrap_or_default(), of(&self.closed));
        (open.0 + closed.0, open.1 + closed.1)
    }

    /// Tries a request on one worker. `order` makes the order from the milliseconds and the bytes of memory that
    /// the worker may take.
    pub async fn attempt(
        &self,
        job: &mut Job<'_>,
        how: How,
        order: impl FnOnce(u64, u64) -> Order,
        beside: Beside<'_>,
        metrics: &Metrics,
    ) -> Result<Outcome, Refusal> {
        let key = job.key();
        if let Some(why) = self.crashes.refuses(&key) {
            metrics.refused_crash_loop();
            return Err(Refusal { class: Class::Forbidden, message: why });
        }
        let (request, until, memory) = (job.request, job.cx.deadline, self.sizes.bytes(how.size));
        let mut lease = self.lease(job, how).await?;
        // The worker gets an earlier deadline, so that its own error message arrives in time.
        let left = job.cx.time_left();
        let own = left.saturating_sub((left / 10).min(Duration::from_millis(500)));
        let order = order(u64::try_from(own.as_millis()).unwrap_or(u64::MAX), memory);
        // The worker is killed a moment before the deadline of the call, so that there is time to report why.
        let kill_at = until.checked_sub(Duration::from_millis(20)).unwrap_or(until);
        let talk = timeout_at(kill_at.into(), self.exchange(&mut lease.worker, job, &order, beside));
        let talked = tokio::select! {
            talked = talk => talked,
            () = self.displaced(how, request.project()) => return Ok(Outcome::Displaced),
        };
        let (death, message) = match talked {
            Ok(Ok(Outcome::Failed(failed))) if failed.memory => {
                lease.end(job);
                let larger = self.sizes.larger(how.size).inspect(|size| self.sizes.note(request, *size));
                return Ok(larger.map_or(Outcome::Failed(failed), Outcome::TooLarge));
            }
            Ok(Ok(outcome)) => {
                lease.end(job);
                return Ok(outcome);
            }
            Ok(Err(ExchangeError::TooLong(bytes))) => return Err(lost::too_long(bytes, self.most_in_answer)),
            Ok(Err(ExchangeError::Lost(Lost(Why::Memory))))
                if let Some(size) = self.sizes.larger(how.size) =>
            {
                metrics.died(Death::Memory);
                self.sizes.note(request, size);
                return Ok(Outcome::TooLarge(size));
            }
            Ok(Err(ExchangeError::Lost(Lost(why)))) => lost::of(why, memory),
            Err(_) => lost::late(),
        };
        // Dropping the lease kills the worker.
        drop(lease);
        metrics.died(death);
        self.crashes.note(&key, &message);
        Err(Refusal { class: Class::Other, message })
    }

    /// Returns when a request that holds all lanes has to release them.
    async fn displaced(&self, how: How, project: &str) {
        if how.size != Size::Whole {
            return std::future::pending().await;
        }
        let since = Instant::now();
        let one_lane = || self.lanes.others_wait(project);
        let all_lanes = || since.elapsed() >= SLICE && self.whole.others_wait(project);
        while !one_lane() && !all_lanes() {
            tokio::time::sleep(PATIENCE).await;
        }
    }

    async fn lease(&self, job: &Job<'_>, how: How) -> Result<Lease, Refusal> {
        let (project, app) = (job.request.project(), job.request.app());
        let waiting = async {
            let lanes = self.lanes_for(how.size, project, app).await;
            let turn = self.turns.place(project, app).await;
            let pool = self.open.as_ref().filter(|_| how.open).unwrap_or(&self.closed);
            pool.take(job.scope).await.map(|worker| Lease { worker, _turn: turn, _lanes: lanes })
        };
        match timeout_at(job.cx.deadline.into(), waiting).await {
            Ok(lease) => lease.map_err(|e| lost::none(&e)),
            Err(_) => Err(Refusal { class: Class::Other, message: "no worker was free in time".to_owned() }),
        }
    }

    /// Waits for the lanes that a size needs. All lanes together are taken under made-up project names, because a
    /// queue gives no project more than half.
    async fn lanes_for(&self, size: Size, project: &str, app: &str) -> Vec<Place> {
        let mut held = Vec::new();
        match size {
            Size::Small => {}
            Size::Large => held.push(self.lanes.place(project, app).await),
            Size::Whole => {
                held.push(self.whole.place(project, app).await);
                for lane in 0..self.bounds.lanes {
                    held.push(self.lanes.place(&format!("\n{lane}"), app).await);
                }
            }
        }
        held
    }

    async fn exchange(
        &self,
        worker: &mut Worker,
        job: &mut Job<'_>,
        order: &Order,
        beside: Beside<'_>,
    ) -> Result<Outcome, ExchangeError> {
        match beside {
            Beside::Tail(tail) => worker.send(frame(order)?, &tail, None).await?,
            Beside::File(file) => {
                // If the archive's file cannot be opened again, no worker can read it: the worker counts as lost.
                let file = reopened(file).map_err(|_| Lost(Why::Protocol))?;
                worker.send(frame(order)?, &[], Some(file.as_fd())).await?;
            }
        }
        let mut reports = 0;
        while reports < QUESTIONS {
            let (report, mut tail) = self.receive(worker, job).await?;
            reports += usize::from(!matches!(report, Report::Unlock(_) | Report::Fetch(_)));
            match report {
                Report::Rendered(rendered) => {
                    let microseconds = rendered.microseconds;
                    let kept = Kept::new(rendered, tail).ok_or(Lost(Why::Protocol))?;
                    job.rendered = Some((kept, microseconds));
                }
                Report::Need(wanted) => {
                    if let Some(parked) = self.send_secrets(worker, job, wanted).await? {
                        return Ok(parked);
                    }
                }
                Report::Generated(generated) => {
                    let filled = orders::cut(&generated.filled, &mut tail).ok_or(Lost(Why::Protocol))?;
                    return Ok(Outcome::Generated(generated, filled));
                }
                Report::Matches(matches) => return Ok(Outcome::Matches(matches)),
                Report::Failed(failed) => return Ok(Outcome::Failed(failed)),
                Report::Unlock(key) => self.unlock(worker, job, *key).await?,
                Report::Fetch(question) => {
                    if let Some(fetching) = self.fetch(worker, job, *question).await? {
                        return Ok(fetching);
                    }
                }
                Report::Ready(_) => break,
            }
        }
        Err(Lost(Why::Protocol).into())
    }

    /// The next report with its tail. A large one waits for its part of the budget.
    async fn receive(
        &self,
        worker: &mut Worker,
        job: &mut Job<'_>,
    ) -> Result<(Report, Bytes), ExchangeError> {
        let Lengths { content, tail } = worker.lengths().await?;
        if content > MOST_IN_REPORT {
            return Err(Lost(Why::Protocol).into());
        }
        // After the manifests there may be the packed documents for the cache of renderings.
        if tail > self.most_in_answer + usize::try_from(self.bounds.render_cache / 4).unwrap_or(0) {
            return Err(ExchangeError::TooLong(tail));
        }
        if tail > LARGE_TAIL {
            let wanted = kibibytes(tail as u64).min(kibibytes(self.bounds.answers)) as u32;
            // A request that holds a share already does not wait for another one: two such requests would wait for
            // each other.
            let permit = if job.held.is_empty() {
                Arc::clone(&self.answers).acquire_many_owned(wanted).await.ok()
            } else {
                Arc::clone(&self.answers).try_acquire_many_owned(wanted).ok()
            };
            job.held.extend(permit);
        }
        let content = worker.bytes(content).await?;
        let report = orders::read(&content).map_err(|_| Lost(Why::Protocol))?;
        let tail = match (tail, &report) {
            (0, _) => Bytes::new(),
            // A rendering holds no secrets. Its memory is taken out of the type that wipes it on drop, which would
            // take a millisecond for some megabytes.
            (length, Report::Rendered(_)) => Bytes::from(std::mem::take(&mut *worker.bytes(length).await?)),
            (length, _) => Bytes::from_owner(worker.bytes(length).await?),
        };
        Ok((report, tail))
    }

    /// Sends a worker what it asked to have decrypted with a master key. After that the worker can see secrets.
    async fn unlock(&self, worker: &mut Worker, job: &mut Job<'_>, key: MasterKey) -> Result<(), Lost> {
        let Some(unlocker) = job.unlocker else { return Err(Lost(Why::Protocol)) };
        job.marked = true;
        job.unlocked += 1;
        if job.unlocked > 2 * unlock::MOST {
            return Err(Lost(Why::Protocol));
        }
        let answer = unlocker.unlock(key, job.unlocked, job.cx).await;
        worker.send(frame(&Order::Unlocked(answer))?, &[], None).await
    }

    /// Fetches something and sends it to the worker. If that takes long and other requests wait, the worker is told
    /// to give up, and the fetch goes on as the outcome.
    async fn fetch(
        &self,
        worker: &mut Worker,
        job: &mut Job<'_>,
        question: Question,
    ) -> Result<Option<Outcome>, Lost> {
        let Some(fetches) = job.fetches.clone() else { return Err(Lost(Why::Protocol)) };
        job.fetched += 1;
        if job.fetched > fetching::MOST {
            return Err(Lost(Why::Protocol));
        }
        let cx = job.cx.clone();
        let mut work = tokio::task::spawn_blocking(move || fetches.answer(question, &cx));
        let (found, fetching) = loop {
            match timeout(PATIENCE, &mut work).await {
                Ok(found) => break (found.unwrap_or_else(|_| fetching::lost()), None),
                Err(_) if self.turns.waiting() > 0 => {
                    break (Fetched::later(), Some(Outcome::Fetching(work)));
                }
                Err(_) => {}
            }
        };
        let Fetched { answer, tail, file } = found;
        worker.send(frame(&Order::Fetched(answer))?, &tail, file.as_ref().map(File::as_fd)).await?;
        Ok(fetching)
    }

    /// Reads secrets and sends them to the worker. If that takes long and other requests wait, the request is
    /// parked.
    async fn send_secrets(
        &self,
        worker: &mut Worker,
        job: &mut Job<'_>,
        wanted: Vec<Wanted>,
    ) -> Result<Option<Outcome>, Lost> {
        let Some(reader) = job.reader else { return Err(Lost(Why::Protocol)) };
        if wanted.len() > secrets::MOST {
            worker.send(frame(&Order::Park)?, &[], None).await?;
            return Ok(Some(Outcome::Failed(Failed::forbidden(too_many_secrets()))));
        }
        // Secrets that are asked for before the rendering is done go into the rendering.
        job.marked |= job.renders && job.rendered.is_none();
        let mut reading = Box::pin(reader.read(&wanted, job.cx));
        let answers = match timeout(PATIENCE, &mut reading).await {
            Ok(answers) => answers,
            Err(_) if job.may_park && self.turns.waiting() > 0 => {
                worker.send(frame(&Order::Park)?, &[], None).await?;
                drop(reading);
                return Ok(Some(Outcome::Parked(wanted)));
            }
            Err(_) => reading.await,
        };
        worker.send(frame(&Order::Secrets(answers))?, &[], None).await?;
        Ok(None)
    }
}

fn kibibytes(bytes: u64) -> usize {
    usize::try_from(bytes >> 10).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
}

fn frame(order: &Order) -> Result<keyfill_workers::Frame, Lost> {
    orders::frame(order).map_err(|_| Lost(Why::Protocol))
}

/// The same file, read-only and with its own position; if that is not possible, a duplicate of the descriptor.
fn reopened(file: &File) -> std::io::Result<OwnedFd> {
    use std::os::fd::AsRawFd as _;
    match File::open(format!("/proc/self/fd/{}", file.as_raw_fd())) {
        Ok(file) => Ok(file.into()),
        Err(_) => file.as_fd().try_clone_to_owned(),
    }
}

/// The order to find out whether a folder is for this plugin.
pub fn matches_order(
    request: &AppRequest,
    archive: orders::Archive,
    milliseconds: u64,
    memory: u64,
) -> Order {
    let task = orders::Task { path: request.path.as_str().to_owned(), milliseconds, memory };
    let env = environment::of_request(request, false);
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Order::Matches(Box::new(Matches { task, env, archive }))
}
