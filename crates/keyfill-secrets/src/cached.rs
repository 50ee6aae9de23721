//! A cache before a store, for a long-running process: answers are kept for a short time, equal reads share one
//! request, and the number of reads at the same time is limited.
//!
//! It is for a store with one identity for all apps. The caller checks before which app may read which secret.

use crate::kept::{Answer, Kept, Room};
use crate::vault::stopped;
use crate::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use keyfill_diag::{Cx, Diagnostic};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The limits of a cache.
#[derive(Clone, Debug)]
pub struct CacheOptions {
    /// The time to live of an answer; zero keeps none.
    pub keep: Duration,
    /// The limit on the memory of kept answers, shared with other caches.
    pub room: Room,
    /// The most reads at the same time.
    pub concurrency: usize,
}

/// Counts of a cache, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheStats {
    /// References that were read from the store.
    pub reads: u64,
    /// References that were answered from an earlier read, or from one in progress.
    pub hits: u64,
    /// The memory of the kept secrets, in bytes.
    pub kept_bytes: usize,
}

/// A source with a cache before another source, which it reads for secrets that are not in the cache.
pub struct Cached {
    source: Arc<dyn Source>,
    kept: Arc<Kept<(SecretRef, Keys)>>,
    permits: Semaphore,
}

impl Cached {
    /// A cache before `source`. Nothing is read before the first call of `read`.
    pub fn new(source: Arc<dyn Source>, options: CacheOptions) -> Self {
        let kept = Kept::new(options.keep, options.room);
        Self { source, kept, permits: Semaphore::new(options.concurrency.max(1)) }
    }

    /// The counts so far, for metrics.
    pub fn stats(&self) -> CacheStats {
        let (reads, hits) = self.kept.counts();
        CacheStats { reads, hits, kept_bytes: self.kept.bytes() }
    }

    async fn answer(&self, secret: &SecretRef, keys: Keys, cx: &Cx) -> Answer {
        let bytes = secret.path.len();
        let read = || async {
            // The semaphore is never closed, so that only the time can run out.
            match tokio::time::timeout(cx.time_left(), self.permits.acquire()).await {
                Ok(_permit) => self.source.read_keys(secret, &keys, cx).await,
                Err(_) => {
                    let error = Error::store("too many other reads of this store are under way");
                    Err(error.about(format!("cannot read {secret}")).out_of_time())
                }
            }
        };
        self.kept.answer((secret.clone(), keys.clone()), bytes, read).await
    }

    /// Reads each key on its own, so that a kept key also answers calls that need further keys.
    async fn by_key(
        &self,
        secret: &SecretRef,
        names: &std::collections::BTreeSet<String>,
        cx: &Cx,
    ) -> Answer {
        let one = |name: &String| self.answer(secret, Keys::from_iter([name.as_str()]), cx);
        let answers = futures_util::future::join_all(names.iter().map(one)).await;
        let mut all: Vec<(String, crate::SecretValue)> = Vec::with_capacity(names.len());
        for answer in answers {
            all.extend(answer?.iter().map(|(key, value)| (key.to_owned(), value.clone())));
        }
        Ok(Arc::new(all.into_iter().collect::<SecretData>()))
    }
}

impl Source for Cached {
    fn read<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Answer> {
        self.read_keys(secret, &Keys::All, cx)
    }

    fn read_keys<'a>(&'a self, secret: &'a SecretRef, keys: &'a Keys, cx: &'a Cx) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            let read = async {
                match keys {
                    Keys::These(names) if self.source.reads_by_key(secret) => {
                        self.by_key(secret, names, cx).await
                    }
                    // The store returns the whole secret anyway, so that one answer is for all callers.
                    _ => self.answer(secret, Keys::All, cx).await,
                }
            };
            tokio::select! {
                biased;
                answer = read => answer,
                reason = stopped(cx) => Err(Error::store(format!("cannot read {secret}: {reason}")).out_of_time()),
            }
        })
    }

    fn reads_by_key(&self, secret: &SecretRef) -> bool {
        self.source.reads_by_key(secret)
    }

    fn has_namespaces(&self, secret: &SecretRef) -> bool {
        self.source.has_namespaces(secret)
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        self.source.take_warnings()
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheOptions, Cached, Room};
    use crate::{BoxFuture, Error, Keys, SecretData, SecretRef, SecretValue, Source};
    use keyfill_diag::Cx;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// A source that records the keys it is asked for. `by_key` is what `reads_by_key` returns.
    struct Noted {
        by_key: bool,
        asked: Mutex<Vec<Keys>>,
    }

    impl Source for Noted {
        fn read_keys<'a>(
            &'a self,
            _: &'a SecretRef,
            keys: &'a Keys,
            _: &'a Cx,
        ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
            Box::pin(async move {
                self.asked.lock().expect("no panic").push(keys.clone());
                tokio::time::sleep(Duration::from_millis(2)).await;
                let names = match keys {
                    Keys::All => vec!["a".to_owned(), "b".to_owned()],
                    Keys::These(names) => names.iter().cloned().collect(),
                };
                Ok(Arc::new(names.into_iter().map(|name| (name, SecretValue::Null)).collect()))
            })
        }

        fn reads_by_key(&self, _: &SecretRef) -> bool {
            self.by_key
        }
    }

    async fn asked(by_key: bool) -> Vec<Keys> {
        let noted = Arc::new(Noted { by_key, asked: Mutex::default() });
        let options = CacheOptions { keep: Duration::from_secs(5), room: Room::new(1 << 20), concurrency: 4 };
        let cached = Cached::new(Arc::clone(&noted) as Arc<dyn Source>, options);
        let (secret, cx) = (SecretRef::latest("s"), Cx::default());
        let (first, second) = (Keys::from_iter(["a"]), Keys::from_iter(["a", "b"]));
        let read = |keys| cached.read_keys(&secret, keys, &cx);
        let (one, two) = tokio::join!(read(&first), read(&second));
        assert!(one.is_ok() && two.is_ok_and(|data| data.len() == 2));
        assert!(read(&second).await.is_ok());
        noted.asked.lock().expect("no panic").clone()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_secret_is_read_once_or_each_of_its_keys_once() {
        assert_eq!(asked(false).await, [Keys::All]);
        assert_eq!(asked(true).await, [Keys::from_iter(["a"]), Keys::from_iter(["b"])]);
    }
}
