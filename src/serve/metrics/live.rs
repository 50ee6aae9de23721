//! Metrics that show the current state: they are read from the server at each scrape.

use super::{CLASSES, of_class};
use crate::serve::generator::KeyfillGenerator;
use crate::serve::stores::StoreStats;
use keyfill_cmp::archive::Budgets;
use keyfill_cmp::queue::Queue;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;

/// The server whose state is shown.
pub struct Live {
    /// The workers, stores and caches.
    pub generator: Arc<KeyfillGenerator>,
    /// The queue of requests.
    pub queue: Queue,
    /// The budgets for archives in memory and on disk.
    pub archives: Budgets,
}

impl fmt::Debug for Live {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Live")
    }
}

/// The name of a metric without the suffix that the encoder adds, its type, and its help text.
type Head = (&'static str, MetricType, &'static str);

const COUNTER: MetricType = MetricType::Counter;
const GAUGE: MetricType = MetricType::Gauge;

impl Live {
    fn numbers(&self) -> Vec<(Head, u64)> {
        let (generator, jobs) = (&self.generator, self.generator.jobs());
        let (vault, fetched) = (generator.vault_stats(), generator.fetch_stats());
        let (cache_bytes, cache_hits) = generator.render_cache();
        let (busy, idle, waiting) = jobs.numbers();
        let (started, grown) = jobs.started();
        let kept_bytes = generator.stores().kept_bytes();
        vec![
            (("vault_reads", COUNTER, "Secrets that Vault was asked for."), vault.reads),
            (("secret_cache_hits", COUNTER, "Secrets answered by an earlier read."), vault.hits),
            (("secret_cache_bytes", GAUGE, "Bytes of secrets that are kept."), kept_bytes as u64),
            (("vault_clients", GAUGE, "Logins that are shared."), vault.clients as u64),
            (
                ("vault_breakers_open", GAUGE, "Vaults whose circuit breaker is open."),
                vault.breakers_open as u64,
            ),
            (
                ("vault_breakers_opened", COUNTER, "How often the circuit breaker of a Vault opened."),
                vault.breakers_opened,
            ),
            (("render_cache_hits", COUNTER, "Renderings answered from the cache."), cache_hits),
            (("render_cache_bytes", GAUGE, "Bytes of rendered results that are kept."), cache_bytes),
            (
                ("archive_memory_bytes", GAUGE, "Bytes of archives that are held in memory."),
                self.archives.memory.held(),
            ),
            (
                ("archive_disk_bytes", GAUGE, "Bytes of archives on temporary disk."),
                self.archives.disk.held(),
            ),
            (("workers_busy", GAUGE, "Workers that work on a request."), busy as u64),
            (("workers_idle", GAUGE, "Workers that wait for a request."), idle as u64),
            (("workers_waiting", GAUGE, "Requests that wait for a worker."), waiting as u64),
            (("workers_started", COUNTER, "Workers that were started."), started),
            (("workers_grown", COUNTER, "Workers replaced since they had grown."), grown),
            (("fetch_requests", COUNTER, "Requests for charts, bases and files."), fetched.requests),
            (("fetch_bytes", COUNTER, "Bytes of charts, bases and files."), fetched.bytes),
            (("fetch_hits", COUNTER, "What was in the cache of fetched contents."), fetched.hits),
            (("fetch_stale", COUNTER, "Old answers that were used as their source was down."), fetched.stale),
            (("fetch_age_seconds", GAUGE, "Age of the last answer used for what may move."), fetched.age),
            (("queue_waiting", GAUGE, "Requests that wait for a place."), self.queue.waiting() as u64),
        ]
    }
}

impl Collector for Live {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for ((name, kind, help), value) in self.numbers() {
            number(&mut encoder.encode_descriptor(name, help, None, kind)?, kind, value)?;
        }
        stores(&mut encoder, &self.generator.stores().stats())?;
        self.generator.refresher().map_or(Ok(()), |refresher| refresher.encode(&mut encoder))
    }
}

/// Encodes one value of a metric.
pub fn number(encoder: &mut MetricEncoder<'_>, kind: MetricType, value: u64) -> fmt::Result {
    match kind {
        MetricType::Counter => encoder.encode_counter::<NoLabelSet, _, u64>(&value, None),
        _ => encoder.encode_gauge(&value),
    }
}

/// Encodes the metrics of the stores other than Vault.
fn stores(encoder: &mut DescriptorEncoder<'_>, stores: &[StoreStats]) -> fmt::Result {
    type Number = fn(&StoreStats) -> u64;
    // The config file allows only letters, digits and dashes in names, so labels need no escaping.
    let labels = |store: &StoreStats| {
        [
            ("store", store.name.clone().unwrap_or_else(|| "default".into())),
            ("type", store.kind.name().to_owned()),
        ]
    };
    let numbers: [(Head, Number); 4] = [
        (("store_reads", COUNTER, "Secrets that a store was asked for."), |s| s.cache.reads),
        (("store_cache_hits", COUNTER, "Secrets answered by an earlier read."), |s| s.cache.hits),
        (("store_breakers_open", GAUGE, "Servers of a store whose circuit breaker is open."), |s| {
            s.traffic.breakers_open as u64
        }),
        (("store_breakers_opened", COUNTER, "How often the circuit breaker of a server opened."), |s| {
            s.traffic.breakers_opened
        }),
    ];
    for ((name, kind, help), read) in numbers {
        let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
        for store in stores {
            number(&mut metric.encode_family(&labels(store))?, kind, read(store))?;
        }
    }
    let mut errors =
        encoder.encode_descriptor("store_errors", "Reads of a store that failed.", None, COUNTER)?;
    for store in stores {
        for class in CLASSES.map(of_class) {
            let failed = store.measures.errors.get_or_create(&class).get();
            number(&mut errors.encode_family(&(labels(store), class))?, COUNTER, failed)?;
        }
    }
    let mut seconds =
        encoder.encode_descriptor("store_read_seconds", "Reads of a store.", None, MetricType::Histogram)?;
    for store in stores {
        store.measures.seconds.encode(seconds.encode_family(&labels(store))?)?;
    }
    Ok(())
}
