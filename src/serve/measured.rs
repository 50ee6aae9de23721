//! Measures the reads of a store other than Vault: how long they took, and how many failed.

use super::metrics::{self, Counters};
use keyfill_diag::{Cx, Diagnostic, Report as _};
use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
use prometheus_client::metrics::histogram::Histogram;
use std::sync::Arc;
use std::time::Instant;

/// Durations and errors of the reads of one store.
pub struct Measures {
    /// How long the reads took in seconds, waiting for the store included.
    pub seconds: Histogram,
    /// The reads that failed, by the error's class.
    pub errors: Counters,
}

impl Default for Measures {
    fn default() -> Self {
        Self { seconds: metrics::seconds(), errors: metrics::errors() }
    }
}

/// A store whose reads are measured.
pub struct Measured {
    source: Arc<dyn Source>,
    measures: Arc<Measures>,
}

impl Measured {
    /// Measures the reads of this source.
    pub fn new(source: Arc<dyn Source>) -> Self {
        Self { source, measures: Arc::default() }
    }

    /// The measures, which change with each read.
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
            self.measures.seconds.observe(start.elapsed().as_secs_f64());
            if let Err(error) = &answer {
                self.measures.errors.get_or_create(&metrics::of_class(error.class())).inc();
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
