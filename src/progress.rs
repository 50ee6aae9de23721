//! How far a command is, on a terminal and only where it takes longer than a second. In a pipe and in CI nothing is
//! printed.

use crate::terminal::{self, Stream};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What takes no longer is not worth a line.
const QUIET: Duration = Duration::from_secs(1);

/// The line is written anew at most this often.
const PAUSE: Duration = Duration::from_millis(100);

/// A line on stderr that says how far a command is. It is taken away when this is dropped.
#[derive(Debug)]
pub struct Progress {
    state: Arc<State>,
    /// Who writes the line; nobody where there is no terminal.
    writer: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    what: &'static str,
    /// How many there are, where that is known.
    total: Option<usize>,
    done: AtomicUsize,
    has_ended: Mutex<bool>,
    ends: Condvar,
}

impl Progress {
    /// For so many of something: `roots`, `secrets`.
    pub fn new(what: &'static str, total: usize) -> Self {
        Self::begin(what, Some(total), terminal::is_lively(Stream::Err))
    }

    /// For one thing that may take a while: `looking for roots`.
    pub fn of(what: &'static str) -> Self {
        Self::begin(what, None, terminal::is_lively(Stream::Err))
    }

    fn begin(what: &'static str, total: Option<usize>, is_shown: bool) -> Self {
        let done = AtomicUsize::new(0);
        let state = Arc::new(State { what, total, done, has_ended: Mutex::new(false), ends: Condvar::new() });
        // A thread of its own: one step may take longer than all the others. Without one nothing is shown.
        let of_thread = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("progress".to_owned());
        let writer = is_shown.then(|| thread.spawn(move || of_thread.write()).ok()).flatten();
        Self { state, writer }
    }

    /// One more is done.
    pub fn step(&self) {
        self.state.done.fetch_add(1, Ordering::Relaxed);
    }
}

impl State {
    /// Writes until it has ended.
    fn write(&self) {
        let (mut pause, mut written) = (QUIET, None);
        while !self.ends_within(pause) {
            pause = PAUSE;
            let line = self.line();
            if written.as_ref() != Some(&line) {
                // A terminal that is gone needs no line.
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
        // The line has to be gone before others write.
        let _ = writer.join();
    }
}
