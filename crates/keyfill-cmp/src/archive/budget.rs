//! Memory that all requests share: who gets none works with a temporary file, or expands again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So many bytes for all requests together.
#[derive(Clone, Debug)]
pub struct Budget {
    left: Arc<AtomicU64>,
    all: u64,
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: u64,
}

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes: u64) -> Self {
        Self { left: Arc::new(AtomicU64::new(bytes)), all: bytes }
    }

    /// A share that holds nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }

    /// Bytes that requests hold.
    pub fn held(&self) -> u64 {
        self.all.saturating_sub(self.left())
    }

    /// Bytes that nobody holds.
    pub fn left(&self) -> u64 {
        self.left.load(Ordering::Relaxed)
    }
}

impl Share {
    /// Takes more; `false` when there is not so much left, and then nothing was taken.
    pub fn take(&mut self, bytes: u64) -> bool {
        let took = self
            .budget
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        self.bytes += if took.is_ok() { bytes } else { 0 };
        took.is_ok()
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        self.budget.left.fetch_add(std::mem::take(&mut self.bytes), Ordering::Relaxed);
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
    fn what_is_taken_comes_back() {
        let budget = Budget::new(10);
        let (mut a, mut b) = (budget.share(), budget.share());
        assert!(a.take(6) && !b.take(5) && b.take(4) && !a.take(1));
        drop(a);
        assert!(b.take(6));
        b.clear();
        assert_eq!(budget.left(), 10);
    }
}
