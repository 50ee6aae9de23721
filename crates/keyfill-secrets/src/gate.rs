//! Limits the requests to one server: how many are in progress, how many start per second, and a circuit breaker that
//! holds requests back while the server is down.
//!
//! While the breaker is open, one request at a time is sent as a probe, to find out whether the server is back; the
//! others wait. The first success closes the breaker, and all waiting requests go on at once. Only failures of the
//! whole server open it: no connection, no answer, a sealed Vault. A failure for one path must not stop requests for
//! others.

use crate::Error;
use keyfill_http::{Answer, Failure, FailureKind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// This many failures in a row open the breaker.
const FAILURES: u32 = 5;

/// The time between two probes at first. It doubles with each failed probe, up to `LONGEST_PAUSE`.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest time between two probes, so that a recovery is noticed soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A timeout is a failure of the server if the request had at least this time. A shorter timeout proves nothing.
const LONG_ENOUGH: Duration = Duration::from_secs(5);

/// How far ahead of the rate requests may start: after a pause, the requests of this time may start at once.
const BURST: Duration = Duration::from_millis(100);

/// The limits and the circuit breaker of one server.
pub(crate) struct Gate {
    permits: Arc<Semaphore>,
    /// The time between the starts of two requests at the highest rate; `None` without a limit.
    spacing: Option<Duration>,
    state: Mutex<State>,
    closed: Notify,
}

struct State {
    /// When the next request may start at the highest rate.
    due: Instant,
    failures: u32,
    open: Option<Open>,
    opened: u64,
}

struct Open {
    reason: String,
    pause: Duration,
    next_probe: Instant,
    probing: bool,
}

/// Why a request got no permit before its deadline.
#[derive(Debug)]
pub(crate) enum Held {
    /// The circuit breaker is open, for this reason.
    Down(String),
    /// Too many other requests are in progress or wait.
    Busy,
}

/// A permit for one request. Report the outcome with [`Pass::outcome`]; dropping the permit reports none.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    probe: bool,
    _permit: OwnedSemaphorePermit,
}

impl Held {
    /// The error for a request to the server with this name.
    pub(crate) fn error(self, name: &str) -> Error {
        let message = match self {
            Self::Down(reason) => {
                format!("{name} is down, waited for it until near the deadline: {reason}")
            }
            Self::Busy => format!("{name} has too many requests waiting, none was possible in time"),
        };
        Error::store(message).out_of_time()
    }
}

impl Gate {
    pub(crate) fn new(concurrency: usize, requests_per_second: Option<u32>) -> Self {
        let spacing = requests_per_second.filter(|rps| *rps > 0).map(|rps| Duration::from_secs(1) / rps);
        let state = State { due: Instant::now(), failures: 0, open: None, opened: 0 };
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        Self { permits, spacing, state: Mutex::new(state), closed: Notify::new() }
    }

    /// Waits for a permit, at most until `until`.
    pub(crate) async fn enter(&self, until: Instant) -> Result<Pass<'_>, Held> {
        match tokio::time::timeout_at(until.into(), self.leave()).await {
            Ok(pass) => Ok(pass),
            Err(_) => Err(match &self.lock().open {
                Some(open) => Held::Down(open.reason.clone()),
                None => Held::Busy,
            }),
        }
    }

    /// Waits until an open breaker closes. If it is already closed, this never returns.
    async fn recovery(&self) {
        let closed = self.closed.notified();
        if self.lock().open.is_none() {
            std::future::pending::<()>().await;
        }
        closed.await;
    }

    /// Whether the breaker is open, and how often it opened.
    pub(crate) fn breaker(&self) -> (bool, u64) {
        let state = self.lock();
        (state.open.is_some(), state.opened)
    }

    async fn leave(&self) -> Pass<'_> {
        let probe = self.past_breaker().await;
        // If this future is dropped from here on, dropping `turn` lets another request probe.
        let mut turn = Turn { gate: self, probe };
        let permit = Arc::clone(&self.permits).acquire_owned().await.expect("the semaphore is never closed");
        if let Some(spacing) = self.spacing {
            tokio::time::sleep_until(self.next_due(spacing).into()).await;
        }
        let probe = std::mem::take(&mut turn.probe);
        Pass { gate: self, probe, _permit: permit }
    }

    /// Waits until the breaker permits a request. Returns true if the request is a probe.
    async fn past_breaker(&self) -> bool {
        loop {
            // Made before the state is read, so that a breaker that closes in between is not missed.
            let closed = self.closed.notified();
            let next_probe = {
                let mut state = self.lock();
                let Some(open) = &mut state.open else { return false };
                let now = Instant::now();
                if !open.probing && now >= open.next_probe {
                    open.probing = true;
                    return true;
                }
                // While another request probes, look again after one more pause.
                if open.probing { now + open.pause } else { open.next_probe }
            };
            tokio::select! {
                () = closed => {}
                () = tokio::time::sleep_until(next_probe.into()) => {}
            }
        }
    }

    fn next_due(&self, spacing: Duration) -> Instant {
        let mut state = self.lock();
        let now = Instant::now();
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        let due = state.due.max(earliest);
        state.due = due + spacing;
        due
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, down: Option<String>, probe: bool) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(reason) = down else {
            state.failures = 0;
            if state.open.take().is_some() {
                drop(guard);
                self.closed.notify_waiters();
            }
            return;
        };
        state.failures += 1;
        let now = Instant::now();
        match &mut state.open {
            Some(open) => {
                open.reason = reason;
                if probe {
                    open.pause = (open.pause * 2).min(LONGEST_PAUSE);
                    open.next_probe = now + open.pause;
                    open.probing = false;
                }
            }
            None if state.failures >= FAILURES => {
                state.open =
                    Some(Open { reason, pause: FIRST_PAUSE, next_probe: now + FIRST_PAUSE, probing: false });
                state.opened += 1;
            }
            None => {}
        }
    }

    fn give_back_probe(&self) {
        if let Some(open) = &mut self.lock().open {
            open.probing = false;
        }
    }
}

/// Waits before a retry. The wait ends early if another request closes the breaker, unless the server asked for the
/// wait.
pub(crate) async fn pause(gate: Option<&Gate>, wait: Duration, asked: bool) {
    match gate {
        Some(gate) if !asked => {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = gate.recovery() => {}
            }
        }
        _ => tokio::time::sleep(wait).await,
    }
}

/// The place of a request that still waits for its [`Pass`]. If it is dropped, another request may probe in its place.
struct Turn<'a> {
    gate: &'a Gate,
    probe: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.gate.give_back_probe();
        }
    }
}

impl Pass<'_> {
    /// Reports the result of a request whose timeout was `limit`. `describe` returns what an answer says, as a reason.
    pub(crate) fn outcome(
        self,
        result: &Result<Answer, Failure>,
        limit: Duration,
        describe: impl FnOnce(&Answer) -> String,
    ) {
        match result {
            Ok(answer) if matches!(answer.status.as_u16(), 502..=504) => self.done(Some(describe(answer))),
            Ok(_) => self.done(None),
            Err(failure) if failure.kind == FailureKind::Timeout && limit < LONG_ENOUGH => drop(self),
            Err(failure) => self.done(Some(failure.reason.clone())),
        }
    }

    /// Reports the outcome. `down` is the reason if the whole server failed, and `None` if it answered.
    fn done(mut self, down: Option<String>) {
        self.gate.record(down, std::mem::take(&mut self.probe));
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.gate.give_back_probe();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, Held};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    fn soon() -> Instant {
        Instant::now() + Duration::from_millis(300)
    }

    async fn fail(gate: &Gate, times: usize) {
        for _ in 0..times {
            gate.enter(soon()).await.expect("it is let through").done(Some("connection refused".into()));
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn five_failures_in_a_row_open_the_breaker_and_one_success_closes_it() {
        let gate = Gate::new(8, None);
        fail(&gate, 4).await;
        gate.enter(soon()).await.expect("still closed").done(None);
        fail(&gate, 5).await;
        assert_eq!(gate.breaker(), (true, 1));
        let held = gate.enter(Instant::now() + Duration::from_millis(20)).await.err();
        assert!(matches!(held, Some(Held::Down(reason)) if reason == "connection refused"));
        gate.enter(soon()).await.expect("a probe is let through").done(None);
        assert_eq!(gate.breaker(), (false, 1));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn while_the_breaker_is_open_one_request_probes_and_all_others_wait() {
        let gate = Arc::new(Gate::new(50, None));
        fail(&gate, 5).await;
        let (sent, up) = (Arc::new(AtomicUsize::new(0)), Instant::now() + Duration::from_millis(600));
        let one = || {
            let (gate, sent) = (Arc::clone(&gate), Arc::clone(&sent));
            async move {
                loop {
                    let pass = gate.enter(Instant::now() + Duration::from_secs(5)).await.expect("in time");
                    sent.fetch_add(1, Ordering::SeqCst);
                    if Instant::now() >= up {
                        pass.done(None);
                        return Instant::now();
                    }
                    pass.done(Some("down".into()));
                }
            }
        };
        let ends = futures_util::future::join_all((0..50).map(|_| one())).await;
        // 50 requests that succeed, and the failed probes before. The server is up again after 600 ms.
        assert!(sent.load(Ordering::SeqCst) <= 54, "{sent:?}");
        let (first, last) = (ends.iter().min().expect("50"), ends.iter().max().expect("50"));
        assert!(*last - *first < Duration::from_millis(200));
        assert!(*last - up < Duration::from_millis(600), "{:?}", *last - up);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn another_request_may_probe_after_a_probe_was_dropped() {
        let gate = Gate::new(8, None);
        fail(&gate, 5).await;
        drop(gate.enter(soon()).await.expect("a probe is let through"));
        gate.enter(soon()).await.expect("another one may probe").done(None);
        assert!(!gate.breaker().0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_rate_and_the_number_of_requests_are_limited() {
        let gate = Gate::new(2, Some(100));
        let started = Instant::now();
        for _ in 0..31 {
            gate.enter(Instant::now() + Duration::from_secs(5)).await.expect("in time").done(None);
        }
        // The first ten start at once, ahead of the rate.
        assert!(started.elapsed() >= Duration::from_millis(190), "{:?}", started.elapsed());
        let two = (gate.enter(soon()).await.ok(), gate.enter(soon()).await.ok());
        assert!(matches!(gate.enter(soon()).await.err(), Some(Held::Busy)));
        drop(two);
        assert!(gate.enter(soon()).await.is_ok());
    }
}
