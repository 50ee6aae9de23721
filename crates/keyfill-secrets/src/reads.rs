//! The reads of one run: each distinct reference is read once, many at the same time, with one deadline.

use crate::{Error, Keys, SecretData, SecretRef, Source};
use keyfill_diag::{Cx, Diagnostic};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio::sync::{OnceCell, Semaphore};

/// How many reads run at the same time.
pub const CONCURRENT_READS: usize = 16;

type Answer = Result<Arc<SecretData>, Error>;

/// Reads each distinct [`SecretRef`] once and remembers the answer, also if it is an error.
///
/// It is made for one run, and the tasks of the run may share it. If the task that reads is cancelled, another one that
/// waits for the same reference reads it instead.
pub struct Reads {
    source: Arc<dyn Source>,
    answers: Mutex<HashMap<SecretRef, Arc<OnceCell<Answer>>>>,
    permits: Semaphore,
    read: AtomicUsize,
    /// The error of a read that was retried until no time was left. Later reads fail with it at once, since they would
    /// find no time either.
    out_of_time: OnceLock<Error>,
}

impl Reads {
    /// Reads from a source, at most 16 at a time.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self::with_concurrency(source, CONCURRENT_READS)
    }

    /// Reads from a source, at most `concurrency` at a time (at least one).
    pub fn with_concurrency(source: Arc<dyn Source>, concurrency: usize) -> Self {
        let permits = Semaphore::new(concurrency.max(1));
        Self {
            source,
            answers: Mutex::default(),
            permits,
            read: AtomicUsize::new(0),
            out_of_time: OnceLock::new(),
        }
    }

    /// The answer for one reference, with all of its keys.
    pub async fn read(&self, secret: &SecretRef, cx: &Cx) -> Answer {
        self.read_keys(secret, &Keys::All, cx).await
    }

    /// The answer for one reference. `keys` are the keys that are needed. The first call must name all of them: later
    /// calls with the same reference get the same answer.
    pub async fn read_keys(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Answer {
        let cell = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(secret.clone()).or_default())
        };
        cell.get_or_init(|| self.ask(secret, keys, cx)).await.clone()
    }

    /// The answers for many references, in their order. Equal references share one read.
    pub async fn read_all(&self, secrets: &[SecretRef], cx: &Cx) -> Vec<Answer> {
        futures_util::future::join_all(secrets.iter().map(|secret| self.read(secret, cx))).await
    }

    /// As [`Reads::read_all`], with the keys that are needed of each reference.
    pub async fn read_all_keys(&self, secrets: &[(SecretRef, Keys)], cx: &Cx) -> Vec<Answer> {
        let reads = secrets.iter().map(|(secret, keys)| self.read_keys(secret, keys, cx));
        futures_util::future::join_all(reads).await
    }

    /// How many references were read from the source so far.
    pub fn count(&self) -> usize {
        self.read.load(Ordering::Relaxed)
    }

    /// Returns the warnings of the source since the last call.
    pub fn take_warnings(&self) -> Vec<Diagnostic> {
        self.source.take_warnings()
    }

    async fn ask(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Answer {
        // The semaphore is never closed, so waiting for it cannot fail.
        let _permit = self.permits.acquire().await;
        if let Some(error) = self.out_of_time.get() {
            return Err(error.clone().about(format!("cannot read {secret}")));
        }
        if let Err(stopped) = cx.check() {
            return Err(Error::store(stopped.to_string()).about(format!("cannot read {secret}")));
        }
        if let Some(namespace) = &secret.namespace
            && !self.source.has_namespaces(secret)
        {
            let why = format!("it is asked for in the namespace {namespace}, and only Vault has namespaces");
            return Err(Error::usage(why).about(format!("cannot read {}", secret.path)));
        }
        self.read.fetch_add(1, Ordering::Relaxed);
        let answer = self.source.read_keys(secret, keys, cx).await;
        if let Some(error) = answer.as_ref().err().filter(|error| error.is_out_of_time()) {
            self.out_of_time.get_or_init(|| error.clone());
        }
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::Reads;
    use crate::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
    use keyfill_diag::Cx;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    /// A source that answers after 5 ms. It counts its reads and how many of them ran at the same time. The path `bad`
    /// is an error.
    #[derive(Default)]
    struct Slow {
        reads: AtomicUsize,
        running: AtomicUsize,
        most: AtomicUsize,
    }

    impl Source for Slow {
        fn read_keys<'a>(
            &'a self,
            secret: &'a SecretRef,
            _: &'a Keys,
            _: &'a Cx,
        ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
            Box::pin(async move {
                self.reads.fetch_add(1, Ordering::SeqCst);
                let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
                self.most.fetch_max(running, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(5)).await;
                self.running.fetch_sub(1, Ordering::SeqCst);
                if secret.path == "bad" { Err(Error::missing("no bad")) } else { Ok(Arc::default()) }
            })
        }
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_hundred_equal_references_are_one_read() {
        let source = Arc::new(Slow::default());
        let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
        let mut secrets = vec![SecretRef::latest("a"); 100];
        secrets.push(SecretRef { version: Some("1".into()), ..SecretRef::latest("a") });
        secrets.push(SecretRef::latest("bad"));
        secrets.push(SecretRef::latest("bad"));
        let answers = reads.read_all(&secrets, &Cx::default()).await;
        assert_eq!(answers.iter().filter(|a| a.is_ok()).count(), 101);
        assert_eq!((source.reads.load(Ordering::SeqCst), reads.count()), (3, 3));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn fifty_references_are_read_sixteen_at_a_time() {
        let source = Arc::new(Slow::default());
        let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
        let secrets: Vec<SecretRef> = (0..50).map(|i| SecretRef::latest(format!("p{i}"))).collect();
        assert!(reads.read_all(&secrets, &Cx::default()).await.iter().all(Result::is_ok));
        assert_eq!(source.most.load(Ordering::SeqCst), 16);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_reference_with_a_namespace_is_not_read_from_a_store_without_namespaces() {
        let source = Arc::new(Slow::default());
        let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
        let secret = SecretRef { namespace: Some("team".into()), ..SecretRef::latest("a") };
        let error = reads.read(&secret, &Cx::default()).await;
        assert!(error.is_err_and(|e| e.to_string().contains("the namespace team")));
        assert_eq!(source.reads.load(Ordering::SeqCst), 0);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn nothing_is_read_after_the_deadline() {
        let source = Arc::new(Slow::default());
        let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
        let error = reads.read(&SecretRef::latest("a"), &Cx::with_time(Duration::ZERO)).await;
        assert!(error.is_err_and(|e| e.to_string().contains("deadline")));
        assert_eq!(source.reads.load(Ordering::SeqCst), 0);
    }
}
