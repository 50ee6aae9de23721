//! How far a command is, on a terminal and only where it takes longer than a second. In a pipe and in CI nothing is
//! printed.

use crate::terminal::{self, Stream};
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What takes no longer is not worth a line.
const QUIET: Duration = Duration::from_secs(1);

/// The line is written anew at most this often.
const PAUSE: Duration = Duration::from_millis(100);

/// A line on stderr that says how far a command is. It is taken away when the command is done.
#[derive(Debug)]
pub struct Progress {
    is_shown: bool,
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    started: Instant,
    /// When the line was written last.
    written: Mutex<Option<Instant>>,
}

impl Progress {
    /// For so many of something: `roots`, `requests`.
    pub fn new(what: &'static str, total: usize) -> Self {
        Self {
            is_shown: terminal::is_lively(Stream::Err),
            what,
            total,
            done: AtomicUsize::new(0),
            started: Instant::now(),
            written: Mutex::default(),
        }
    }

    /// One more is done.
    pub fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if !self.is_shown || self.started.elapsed() < QUIET {
            return;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.is_none_or(|at| at.elapsed() >= PAUSE) {
            *written = Some(Instant::now());
            // A terminal that is gone needs no line.
            let _ = write!(std::io::stderr(), "\r\x1b[K{done}/{} {}", self.total, self.what);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.written.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
