//! The answers of the last moments, and those that are under way: who asks for the same in the meantime waits for the
//! same answer.

use crate::{Error, SecretData};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// What a read gave.
pub(crate) type Answer = Result<Arc<SecretData>, Error>;

/// What an answer without data is taken to weigh.
const ERROR_BYTES: usize = 512;

/// The bytes of answers that several caches may keep together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Room(Arc<Shares>);

#[derive(Debug)]
struct Shares {
    most: usize,
    used: AtomicUsize,
}

impl Room {
    /// Room for so many bytes.
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Shares { most, used: AtomicUsize::new(0) }))
    }

    /// Bytes that are kept now.
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

/// Answers by what was asked.
pub(crate) struct Kept<K> {
    /// How long an answer is kept; zero keeps none.
    keep: Duration,
    /// Other caches may share it. Whoever keeps an answer drops its own oldest ones, which are soon over anyway.
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
    /// When it was read; while it is under way, when it was asked for first.
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

    /// The answer to a key: an earlier one, one that is under way, or that of `read`. `key_bytes` is what the key
    /// itself weighs.
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
        // When the one who reads fails for want of time, or goes away, the next one who waits reads.
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
        // An answer that another one waited for is about the same secret, in their words or in ours.
        answer.cloned()?
    }

    /// Reads so far, and answers that an earlier read gave or one that was under way.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.reads.load(Ordering::Relaxed), self.hits.load(Ordering::Relaxed))
    }

    /// Bytes of answers that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Forgets all answers.
    pub(crate) fn forget(&self) {
        *self.lock() = Slots::new(self.room.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Slots<K>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The cell of a key: one that still holds, one under way, or a new one.
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

    /// Starts the time of an answer, and makes room for it.
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

    /// Drops answers at the end of their time to live, also when they are not asked for any more.
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

    /// False when there is nothing left to sweep.
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
        // Slots whose readers all went away before there was an answer.
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
    async fn caches_that_share_a_room_keep_no_more_than_fits_together() {
        let room = Room::new(1_000);
        let minute = Duration::from_secs(60);
        let (one, two) = (Kept::new(minute, room.clone()), Kept::new(minute, room.clone()));
        keep(&one, "a").await;
        keep(&two, "b").await;
        // Two of them fit, and a third does not.
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
