//! Processes roots, several in parallel.

use crate::discover::Root;
use crate::progress::Progress;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The results of `work` for each root, in the order of the roots. There are `more` threads for each processor: 1
/// for computations, more for work that waits for the network.
pub fn root<T: Send>(roots: &[Root], more: usize, work: impl Fn(&Root) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let progress = Progress::new("roots", roots.len());
    let made: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(roots.len()));
    let workers = std::thread::available_parallelism().map_or(1, usize::from) * more;
    std::thread::scope(|scope| {
        for _ in 0..workers.min(roots.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(root) = roots.get(at) else { return };
                    let one = work(root);
                    made.lock().unwrap_or_else(PoisonError::into_inner).push((at, one));
                    progress.step();
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, one)| one).collect()
}
