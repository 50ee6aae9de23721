//! What clients have done, for metrics and tests.

use std::sync::atomic::{AtomicU64, Ordering};

/// What clients have done so far; several may count together.
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

/// What a client has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Requests sent, those sent again and logins among them.
    pub requests: u64,
    /// Requests sent again after trouble.
    pub retries: u64,
    /// Logins.
    pub logins: u64,
    /// Renewals of a token.
    pub renewals: u64,
}
