//! Counts of a client's requests, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counters of one client, or of several that share them.
#[derive(Default)]
pub(in crate::vault) struct Counts {
    pub(super) requests: AtomicU64,
    pub(super) retries: AtomicU64,
    pub(super) logins: AtomicU64,
    pub(super) renewals: AtomicU64,
}

impl Counts {
    pub(in crate::vault) fn stats(&self) -> Stats {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Stats {
            requests: read(&self.requests),
            retries: read(&self.retries),
            logins: read(&self.logins),
            renewals: read(&self.renewals),
        }
    }
}

/// Counts of a client so far, or of several together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests that were sent, with retries and logins.
    pub requests: u64,
    /// Retries after temporary failures.
    pub retries: u64,
    /// Logins.
    pub logins: u64,
    /// Renewals of a token.
    pub renewals: u64,
}
