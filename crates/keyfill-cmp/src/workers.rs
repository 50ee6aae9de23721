//! Work that keeps a processor busy: in threads of its own, so many at once, so that connections are served
//! meanwhile and memory stays bounded however many requests there are.

use std::sync::Arc;
use tokio::sync::Semaphore;

/// So many threads for work that keeps a processor busy.
#[derive(Clone, Debug)]
pub struct Workers {
    turns: Arc<Semaphore>,
    count: usize,
}

/// The work panicked. What it said is on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokeOff;

impl std::fmt::Display for BrokeOff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a request broke off")
    }
}

impl std::error::Error for BrokeOff {}

impl Workers {
    /// So many at once, at least one.
    pub fn new(count: usize) -> Self {
        let count = count.max(1);
        Self { turns: Arc::new(Semaphore::new(count)), count }
    }

    /// How many work now.
    pub fn busy(&self) -> usize {
        self.count.saturating_sub(self.turns.available_permits())
    }

    /// Runs work when its turn comes. Who stops waiting before that has it not run; once it runs, it runs to
    /// its end and counts until then.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BrokeOff> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| BrokeOff)?;
        let counted = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(counted).await.map_err(|_| BrokeOff)
    }
}

#[cfg(test)]
mod tests {
    use super::{BrokeOff, Workers};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn so_many_work_at_once() {
        let workers = Workers::new(2);
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..10)
            .map(|_| {
                let (workers, now, most) = (workers.clone(), Arc::clone(&now), Arc::clone(&most));
                tokio::spawn(async move {
                    let work = move || {
                        most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(10));
                        now.fetch_sub(1, Ordering::SeqCst);
                    };
                    workers.run(work).await
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_and_gives_the_turn_back() {
        let workers = Workers::new(1);
        assert_eq!(workers.run(|| panic!("on purpose")).await, Err::<(), _>(BrokeOff));
        assert_eq!(workers.run(|| 1).await, Ok(1));
    }
}
