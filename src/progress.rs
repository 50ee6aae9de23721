//! Shows the progress of a command on a terminal, if it takes longer than a second. In a pipe and in CI nothing is
//! printed.

use crate::terminal::{self, Stream};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The time before the first line is shown.
const QUIET: Duration = Duration::from_secs(1);

/// The time between two updates of the line.
const PAUSE: Duration = Duration::from_millis(100);

/// A progress line on stderr. It is erased when this is dropped.
#[derive(Debug)]
pub struct Progress {
    state: Arc<State>,
    /// The thread that writes the line; `None` if stderr is not a terminal.
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    what: &'static str,
    /// The total number of steps, if it is known.
    total: Option<usize>,
    done: AtomicUsize,
    has_ended: Mutex<bool>,
    ends: Condvar,
}

impl Progress {
    /// Progress of `total` steps; `what` names them: `roots`, `secrets`.
    pub fn new(what: &'static str, total: usize) -> Self {
        Self::begin(what, Some(total), terminal::is_lively(Stream::Err))
    }

    /// Progress of one long step, which `what` describes: `looking for roots`.
    pub fn of(what: &'static str) -> Self {
        Self::begin(what, None, terminal::is_lively(Stream::Err))
    }

    fn begin(what: &'static str, total: Option<usize>, is_shown: bool) -> Self {
        let done = AtomicUsize::new(0);
        let state = Arc::new(State { what, total, done, has_ended: Mutex::new(false), ends: Condvar::new() });
        // A thread writes the line, since one step may take very long. If it cannot be started, nothing is shown.
        let of_thread = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("progress".to_owned());
        let writer = is_shown.then(|| thread.spawn(move || of_thread.write()).ok()).flatten();
        Self { state, writer }
    }

    /// Counts one finished step.
    pub fn step(&self) {
        self.state.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl State {
    /// Updates the line until the command has ended.
    fn write(&self) {
        let (mut pause, mut written) = (QUIET, None);
        while !self.ends_within(pause) {
            pause = PAUSE;
            let line = self.line();
            if written.as_ref() != Some(&line) {
                // If the terminal is gone, the error does not matter.
                let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
                written = Some(line);
            }
        }
        if written.is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }

    fn line(&self) -> String {
        match self.total {
            Some(total) => format!("{}/{total} {}", self.done.load(Ordering::Relaxed), self.what),
            None => self.what.to_owned(),
        }
    }

    fn ends_within(&self, time: Duration) -> bool {
        let ended = self.has_ended.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.ends.wait_timeout_while(ended, time, |ended| !*ended);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(writer) = self.writer.take() else { return };
        *self.state.has_ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.state.ends.notify_all();
        // The line must be erased before other output is written.
        let _ = writer.join();
    }
}
