//! Budgets that all requests share. No project holds more than half of a budget.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// A number of bytes for all requests together, of which one project may hold half. Clones share the budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    all: u64,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    left: u64,
    held: HashMap<Arc<str>, u64>,
}

/// A part of a budget, which is released on drop.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    project: Arc<str>,
    bytes: u64,
}

impl Budget {
    /// A budget of `bytes` bytes.
    pub fn new(bytes: u64) -> Self {
        let state = State { left: bytes, held: HashMap::new() };
        Self(Arc::new(Inner { all: bytes, state: Mutex::new(state), freed: Notify::new() }))
    }

    /// An empty share for a project.
    pub fn share(&self, project: &str) -> Share {
        Share { budget: self.clone(), project: project.into(), bytes: 0 }
    }

    /// The bytes that all shares hold.
    pub fn held(&self) -> u64 {
        self.0.all.saturating_sub(self.left())
    }

    /// The bytes that are free.
    pub fn left(&self) -> u64 {
        self.lock().left
    }

    /// The most bytes that one project can hold.
    pub fn most(&self) -> u64 {
        self.0.all / 2
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Reserves `bytes` more bytes. Returns `false` if that many are not free, or the project would hold too much;
    /// then none are reserved.
    pub fn take(&mut self, bytes: u64) -> bool {
        let most = self.budget.most();
        let mut state = self.budget.lock();
        let held = state.held.get(&self.project).copied().unwrap_or(0);
        if bytes > state.left || held + bytes > most {
            return false;
        }
        state.left -= bytes;
        state.held.insert(Arc::clone(&self.project), held + bytes);
        drop(state);
        self.bytes += bytes;
        true
    }

    /// Waits until `bytes` more bytes can be reserved, and reserves them. Returns `false` if the project could
    /// never hold that much.
    pub async fn wait_for(&mut self, bytes: u64) -> bool {
        if self.bytes + bytes > self.budget.most() {
            return false;
        }
        loop {
            let budget = self.budget.clone();
            let freed = budget.0.freed.notified();
            tokio::pin!(freed);
            // Registered before the check, so that a release in between is not missed.
            freed.as_mut().enable();
            if self.take(bytes) {
                return true;
            }
            freed.await;
        }
    }

    /// The most bytes that the share's project can hold.
    pub fn most(&self) -> u64 {
        self.budget.most()
    }

    /// The bytes that the share holds.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Releases all bytes of the share.
    pub fn clear(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes == 0 {
            return;
        }
        let mut state = self.budget.lock();
        state.left += bytes;
        if let Some(held) = state.held.get_mut(&self.project) {
            *held -= bytes;
            if *held == 0 {
                state.held.remove(&self.project);
            }
        }
        drop(state);
        self.budget.0.freed.notify_waiters();
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn the_bytes_of_a_dropped_share_are_free_again() {
        let budget = Budget::new(20);
        let (mut a, mut b) = (budget.share("a"), budget.share("b"));
        assert!(a.take(6) && b.take(10) && !b.take(1) && !a.take(5) && a.take(4));
        drop(a);
        assert_eq!(budget.left(), 10);
        b.clear();
        assert_eq!((budget.left(), b.bytes()), (20, 0));
    }

    #[test]
    fn no_project_holds_more_than_half() {
        let budget = Budget::new(20);
        let (mut first, mut second) = (budget.share("a"), budget.share("a"));
        assert!(first.take(6) && second.take(4) && !second.take(1));
        assert!(budget.share("b").take(10));
    }

    #[tokio::test]
    async fn a_waiting_request_gets_bytes_that_are_released() {
        let budget = Budget::new(20);
        let mut first = budget.share("a");
        assert!(first.take(10));
        let mut second = budget.share("a");
        assert!(!second.wait_for(11).await, "that can never be");
        let waiting = tokio::spawn(async move { second.wait_for(10).await });
        tokio::task::yield_now().await;
        drop(first);
        assert!(waiting.await.unwrap());
    }
}
