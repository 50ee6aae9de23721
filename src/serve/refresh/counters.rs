//! What became of refreshes, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The app was asked to refresh.
    Refreshed,
    /// Another replica had asked it.
    Elsewhere,
    /// The service account lacks the right.
    Denied,
    /// The API server did not follow.
    Failed,
}

const ALL: [(Ended, &str); 4] = [
    (Ended::Refreshed, "refreshed"),
    (Ended::Elsewhere, "elsewhere"),
    (Ended::Denied, "denied"),
    (Ended::Failed, "failed"),
];

/// Counts them.
#[derive(Debug, Default)]
pub struct Counters {
    ended: [AtomicU64; ALL.len()],
    /// Apps that have more references than are watched.
    pub unwatched: AtomicU64,
}

impl Counters {
    /// One more.
    pub fn count(&self, ended: Ended) {
        if let Some(at) = ALL.iter().position(|(other, _)| *other == ended) {
            self.ended[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Names and numbers.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ALL.iter().zip(&self.ended).map(|((_, name), number)| (*name, number.load(Ordering::Relaxed)))
    }
}
