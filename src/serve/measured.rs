//! What a store other than Vault did: how long its reads took, and which failed.

use super::metrics::{CLASSES, Histogram, by_class};
use keyfill_diag::{Class, Cx, Diagnostic, Report as _};
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The reads of one store.
#[derive(Default)]
pub struct Measures {
    /// How long they took, waiting for the store included.
    pub seconds: Histogram,
    errors: [AtomicU64; CLASSES.len()],
}

impl Measures {
    /// Reads that failed, by class.
    pub fn errors(&self) -> impl Iterator<Item = (Class, u64)> {
        CLASSES.into_iter().zip(&self.errors).map(|(class, n)| (class, n.load(Ordering::Relaxed)))
    }
}

/// A store whose reads are measured.
pub struct Measured {
    source: Arc<dyn Source>,
    measures: Arc<Measures>,
}

impl Measured {
    /// Nothing is read yet.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, measures: Arc::default() }
    }

    /// Where the measures are.
    pub fn measures(&self) -> Arc<Measures> {
        Arc::clone(&self.measures)
    }
}

impl Source for Measured {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        keys: &'a Keys,
        cx: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        Box::pin(async move {
            let start = Instant::now();
            let answer = self.source.read_keys(secret, keys, cx).await;
            self.measures.seconds.observe(start.elapsed());
            if let Err(error) = &answer {
                by_class(&self.measures.errors, error.class());
            }
            answer
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
