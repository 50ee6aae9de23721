//! The context of a run, which engines get besides their input: a deadline, cancellation, and limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A flag that cancels a run. All its clones are the same flag, so that another thread can cancel the run.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Cancels the run. This cannot be undone.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Limits that keep hostile or broken input from using up memory and time.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The largest input file, in bytes.
    pub file_bytes: u64,
    /// The most output of a run, in bytes.
    pub output_bytes: u64,
    /// The deepest nesting of YAML, templates and bases.
    pub depth: u32,
    /// The most nodes of a YAML document once its aliases are expanded.
    pub nodes: u64,
    /// The most steps of executing the templates of one chart.
    pub steps: u64,
}

impl Default for Limits {
    /// Far above what real trees need: 256 MiB in and out, 1,000 deep, 20 million nodes, 1 billion steps.
    fn default() -> Self {
        Self {
            file_bytes: 256 << 20,
            output_bytes: 256 << 20,
            depth: 1_000,
            nodes: 20_000_000,
            steps: 1_000_000_000,
        }
    }
}

/// The memory limit of a run, and the function that measures the memory in use.
///
/// A run has a process of its own (the command line, a worker of `serve`), so the memory of the process is the
/// memory of the run. Engines do not know the allocator: the program passes a function that returns the
/// allocator's count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    in_use: Option<fn() -> u64>,
    limit: u64,
}

impl Memory {
    /// A limit in bytes. `in_use` returns the number of bytes in use; it is called often and must be cheap.
    pub const fn limited(limit: u64, in_use: fn() -> u64) -> Self {
        Self { in_use: Some(in_use), limit }
    }

    /// No limit: for tests, and for programs whose allocator does not count.
    pub const fn unlimited() -> Self {
        Self { in_use: None, limit: 0 }
    }

    /// Checks that `more` bytes fit in addition to the memory in use.
    fn room(&self, more: u64) -> Result<(), Stopped> {
        match self.in_use {
            Some(in_use) if in_use().saturating_add(more) > self.limit => {
                Err(Stopped::Memory { limit: self.limit })
            }
            _ => Ok(()),
        }
    }
}

/// Why a run was stopped from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The deadline has passed.
    Deadline,
    /// The run was cancelled: by a signal, or since the client went away.
    Cancelled,
    /// The run would exceed its memory limit.
    Memory {
        /// The limit, in bytes.
        limit: u64,
    },
}

impl std::fmt::Display for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Deadline => "the deadline has passed",
            Self::Cancelled => "the run was cancelled",
            Self::Memory { limit } => {
                return write!(f, "the run exceeds its memory limit of {} MiB", limit >> 20);
            }
        })
    }
}

/// The circumstances of one run.
#[derive(Clone, Debug)]
pub struct Cx {
    /// The deadline.
    pub deadline: Instant,
    /// The flag that cancels the run.
    pub cancel: Cancel,
    /// The limits on input, output and work.
    pub limits: Limits,
    /// The memory that the run may use.
    pub memory: Memory,
    /// Raised once the run exceeded its memory limit. Engines may replace the error by one of their own, so that
    /// it cannot be recognised by its text.
    pub out_of_memory: Flag,
}

/// A flag. All its clones are the same flag.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Cx {
    /// A run whose deadline is `time` from now, without a memory limit.
    pub fn with_time(time: Duration) -> Self {
        Self {
            deadline: Instant::now() + time,
            cancel: Cancel::default(),
            limits: Limits::default(),
            memory: Memory::unlimited(),
            out_of_memory: Flag::default(),
        }
    }

    /// The same run with a memory limit.
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// Checks whether the run may continue. Engines call it between units of work: a file, a document, some
    /// thousand steps.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancel.is_cancelled() {
            Err(Stopped::Cancelled)
        } else if Instant::now() >= self.deadline {
            Err(Stopped::Deadline)
        } else {
            self.room(0)
        }
    }

    /// Checks whether there is memory for a value of `bytes`. Engines call it before one value grows large at once
    /// (repeated or split text, an index far beyond a list's end, an expanded alias), since [`Cx::check`] measures
    /// only memory that is already in use.
    pub fn room(&self, bytes: u64) -> Result<(), Stopped> {
        self.memory.room(bytes).inspect_err(|_| self.out_of_memory.0.store(true, Ordering::Relaxed))
    }

    /// The time left; zero when the deadline has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Default for Cx {
    /// A deadline of 55 seconds, less than Argo CD's own timeout of 60 seconds.
    fn default() -> Self {
        Self::with_time(Duration::from_secs(55))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cx, Memory, Stopped};
    use std::time::Duration;

    #[test]
    fn a_run_stops_when_it_is_cancelled_or_its_deadline_has_passed() {
        let cx = Cx::default();
        assert_eq!(cx.check(), Ok(()));
        cx.clone().cancel.cancel();
        assert_eq!(cx.check(), Err(Stopped::Cancelled));
        assert_eq!(Cx::with_time(Duration::ZERO).check(), Err(Stopped::Deadline));
    }

    #[test]
    fn a_run_stops_before_it_exceeds_its_memory() {
        let cx = Cx::default().with_memory(Memory::limited(3 << 20, || 2 << 20));
        let same = cx.clone();
        assert_eq!((cx.check(), cx.room(1 << 20)), (Ok(()), Ok(())));
        assert!(!same.out_of_memory.is_raised());
        let stopped = cx.room((1 << 20) + 1).unwrap_err();
        assert_eq!(stopped.to_string(), "the run exceeds its memory limit of 3 MiB");
        assert!(same.out_of_memory.is_raised());
        assert_eq!(Cx::default().room(u64::MAX), Ok(()), "unlimited unless it is set");
    }
}
