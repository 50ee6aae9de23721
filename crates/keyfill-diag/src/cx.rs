//! What an engine gets from its host besides its input: a deadline, a way to be cancelled, and limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A flag that asks a run to stop, shared between who cancels and the threads that work.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the run to stop. It cannot be taken back.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Limits that keep a hostile or broken input from using up the machine.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of one input file.
    pub file_bytes: u64,
    /// Bytes that a run may print.
    pub output_bytes: u64,
    /// Nesting of YAML, templates and bases.
    pub depth: u32,
    /// Nodes that a YAML document may have once its aliases are expanded.
    pub nodes: u64,
    /// Steps that the execution of templates of one chart may take.
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

/// The memory that a run may use, and how what is in use is measured.
///
/// A run has a process of its own (the command line, a worker of `serve`), so the memory of the process is that
/// of the run. Engines do not know the allocator: the program passes a function that reads its count.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    in_use: Option<fn() -> u64>,
    limit: u64,
}

impl Memory {
    /// At most `limit` bytes, as `in_use` counts them. `in_use` is called often and must be cheap.
    pub const fn limited(limit: u64, in_use: fn() -> u64) -> Self {
        Self { in_use: Some(in_use), limit }
    }

    /// No limit: for tests, and for programs whose allocator does not count.
    pub const fn unlimited() -> Self {
        Self { in_use: None, limit: 0 }
    }

    /// Whether `more` bytes fit besides what is in use.
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
    /// Cancels the run.
    pub cancel: Cancel,
    /// Bounds.
    pub limits: Limits,
    /// The memory that the run may use.
    pub memory: Memory,
    /// Raised when a check found the run above its memory; engines put the error into words of their own.
    pub out_of_memory: Flag,
}

/// A flag that all clones of a run share.
#[derive(Clone, Debug, Default)]
pub struct Flag(Arc<AtomicBool>);

impl Flag {
    /// Whether it was raised.
    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Cx {
    /// A run that may take `time` from now, without a limit on memory.
    pub fn with_time(time: Duration) -> Self {
        Self {
            deadline: Instant::now() + time,
            cancel: Cancel::default(),
            limits: Limits::default(),
            memory: Memory::unlimited(),
            out_of_memory: Flag::default(),
        }
    }

    /// The same run with a limit on memory.
    #[must_use]
    pub fn with_memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// Whether the run may continue. Engines ask between units of work: a file, a document, some thousand steps.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.cancel.is_cancelled() {
            Err(Stopped::Cancelled)
        } else if Instant::now() >= self.deadline {
            Err(Stopped::Deadline)
        } else {
            self.room(0)
        }
    }

    /// Whether a value of `bytes` may be made. Engines ask before one value grows large at once (repeated or
    /// split text, an index far beyond a list's end, an expanded alias), since [`Cx::check`] sees only what
    /// is held already.
    pub fn room(&self, bytes: u64) -> Result<(), Stopped> {
        self.memory.room(bytes).inspect_err(|_| self.out_of_memory.0.store(true, Ordering::Relaxed))
    }

    /// The time left; zero when the deadline has passed.
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

impl Default for Cx {
    /// 55 seconds: below the 60 s after which Argo CD gives up.
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
