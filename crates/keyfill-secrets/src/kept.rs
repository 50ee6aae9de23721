//! Recent answers of a store, and reads in progress: a task that needs a secret while another one reads it gets the
//! answer of that read.

use crate::{Error, SecretData};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// The result of a read.
pub(crate) type Answer = Result<Arc<SecretData>, Error>;

/// The memory that an answer without data counts as, in bytes.
const ERROR_BYTES: usize = 512;

/// A limit on the memory of kept answers, in bytes, which several caches may share. Clones share the limit.
#[derive(Clone, Debug)]
pub struct Room(Arc<Shares>);

#[derive(Debug)]
struct Shares {
    most: usize,
    used: AtomicUsize,
}

impl Room {
    /// A limit of this many bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shares { most, used: AtomicUsize::new(0) }))
    }

    /// How many bytes are in use now.
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    fn is_over(&self) -> bool {
        self.used() > self.0.most
    }

    fn take(&self, bytes: usize) {
        self.0.used.fetch_add(bytes, Ordering::Relaxed);
    }

    fn release(&self, bytes: usize) {
        self.0.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// The answers of a store, by what was asked for (`K`).
pub(crate) struct Kept<K> {
    /// The time to live of an answer; zero keeps none.
    keep: Duration,
    /// The limit on memory, which other caches may share. If it is exceeded, a cache drops the oldest of its own
    /// answers.
    room: Room,
    slots: Mutex<Slots<K>>,
    sweeping: AtomicBool,
    reads: AtomicU64,
    hits: AtomicU64,
}

struct Slots<K> {
    answers: HashMap<K, Slot>,
    bytes: usize,
    room: Room,
}

struct Slot {
    cell: Arc<OnceCell<Answer>>,
    /// When the answer arrived; while it is being read, when it was asked for first.
    since: Instant,
    bytes: usize,
}

impl<K> Slots<K> {
    fn new(room: Room) -> Self {
        Self { answers: HashMap::new(), bytes: 0, room }
    }
}

impl<K> Drop for Slots<K> {
    fn drop(&mut self) {
        self.room.release(self.bytes);
    }
}

impl<K: Clone + Eq + Hash + Send + 'static> Kept<K> {
    pub(crate) fn new(keep: Duration, room: Room) -> Arc<Self> {
        Arc::new(Self {
            keep,
            slots: Mutex::new(Slots::new(room.clone())),
            room,
            sweeping: AtomicBool::new(false),
            reads: AtomicU64::new(0),
            hits: AtomicU64::new(0),
        })
    }

    /// The answer for a key: a kept one, that of a read in progress, or that of `read`. `key_bytes` is the memory that
    /// the key itself takes.
    pub(crate) async fn answer<F: Future<Output = Answer>>(
        self: &Arc<Self>,
        key: K,
        key_bytes: usize,
        read: impl FnOnce() -> F,
    ) -> Answer {
        if self.keep.is_zero() {
            self.reads.fetch_add(1, Ordering::Relaxed);
            return read().await;
        }
        let cell = self.slot(&key);
        let mut own = false;
        // If the task that reads meets a temporary failure or is cancelled, the next task that waits reads.
        let answer = cell
            .get_or_try_init(|| async {
                own = true;
                self.reads.fetch_add(1, Ordering::Relaxed);
                match read().await {
                    Err(error) if error.may_pass() => Err(error),
                    answer => Ok(answer),
                }
            })
            .await;
        if !own {
            self.hits.fetch_add(1, Ordering::Relaxed);
        } else if let Ok(answer) = answer {
            let bytes = answer.as_ref().map_or(ERROR_BYTES, |data| data.bytes()) + key_bytes;
            self.keep(&key, &cell, bytes);
        }
        // An error that another task read can be used as it is: it names the same secret.
        answer.cloned()?
    }

    /// How many answers were read so far, and how many came from an earlier read or one in progress.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed))
    }

    /// The memory of the kept answers, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Drops all kept answers.
    pub(crate) fn forget(&self) {
        *self.lock() = Slots::new(self.room.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of a key: one whose answer is still kept, one that is being read, or a new one.
    fn slot(&self, key: &K) -> Arc<OnceCell<Answer>> {
        let now = Instant::now();
        let mut slots = self.lock();
        if let Some(slot) = slots.answers.get(key) {
            let over = slot.cell.initialized() && now.duration_since(slot.since) >= self.keep;
            if !over {
                return Arc::clone(&slot.cell);
            }
            slots.remove(key);
        }
        let cell = Arc::new(OnceCell::new());
        slots.answers.insert(key.clone(), Slot { cell: Arc::clone(&cell), since: now, bytes: 0 });
        cell
    }

    /// Starts the time to live of an answer, and drops older ones if the memory limit is exceeded.
    fn keep(self: &Arc<Self>, key: &K, cell: &Arc<OnceCell<Answer>>, bytes: usize) {
        let mut guard = self.lock();
        let slots = &mut *guard;
        let Some(slot) = slots.answers.get_mut(key).filter(|slot| Arc::ptr_eq(&slot.cell, cell)) else {
            return;
        };
        (slot.since, slot.bytes) = (Instant::now(), bytes);
        slots.bytes += bytes;
        self.room.take(bytes);
        while self.room.is_over() {
            let read = slots.answers.iter().filter(|(_, slot)| slot.bytes > 0);
            let Some(oldest) = read.min_by_key(|(_, slot)| slot.since).map(|(key, _)| key.clone()) else {
                break;
            };
            slots.remove(&oldest);
        }
        drop(guard);
        self.sweep_later();
    }

    /// Drops answers at the end of their time to live, also if nobody asks for them again.
    fn sweep_later(self: &Arc<Self>) {
        if self.sweeping.swap(true, Ordering::Relaxed) {
            return;
        }
        let (weak, keep) = (Arc::downgrade(self), self.keep);
        tokio::spawn(async move {
            while weak.upgrade().is_some() {
                tokio::time::sleep(keep).await;
                if !Self::sweep(&weak) {
                    break;
                }
            }
        });
    }

    /// Drops answers whose time to live is over. Returns false if no answers are left.
    fn sweep(kept: &Weak<Self>) -> bool {
        let Some(kept) = kept.upgrade() else { return false };
        let now = Instant::now();
        let mut slots = kept.lock();
        let over: Vec<K> = slots
            .answers
            .iter()
            .filter(|(_, slot)| slot.cell.initialized() && now.duration_since(slot.since) >= kept.keep)
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            slots.remove(&key);
        }
        // Slots without an answer that no task reads any more.
        slots.answers.retain(|_, slot| slot.cell.initialized() || Arc::strong_count(&slot.cell) > 1);
        let more = !slots.answers.is_empty();
        // Set under the lock: an answer that is kept from now on starts another sweep.
        kept.sweeping.store(more, Ordering::Relaxed);
        more
    }
}

impl<K: Eq + Hash> Slots<K> {
    fn remove(&mut self, key: &K) {
        if let Some(slot) = self.answers.remove(key) {
            self.bytes -= slot.bytes;
            self.room.release(slot.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Kept, Room};
    use std::sync::Arc;
    use std::time::Duration;

    async fn keep(kept: &Arc<Kept<&'static str>>, key: &'static str) {
        let read = || async { Answer::Ok(Arc::default()) };
        assert!(kept.answer(key, 400, read).await.is_ok());
    }

    #[tokio::test(flavor = "current_thread")]
    async fn caches_that_share_a_limit_keep_no_more_than_it_allows_together() {
        let room = Room::new(1_000);
        let minute = Duration::from_secs(60);
        let (one, two) = (Kept::new(minute, room.clone()), Kept::new(minute, room.clone()));
        keep(&one, "a").await;
        keep(&two, "b").await;
        // Two answers are below the limit, and a third is not.
        let each = one.bytes();
        assert!((334..=500).contains(&each), "{each}");
        assert_eq!((two.bytes(), room.used()), (each, 2 * each));
        keep(&two, "c").await;
        assert_eq!((one.bytes(), two.bytes(), room.used()), (each, each, 2 * each), "its own oldest went");
        one.forget();
        assert_eq!(room.used(), each);
        drop(two);
        assert_eq!(room.used(), 0);
    }
}
