//! Prometheus metrics: counted with atomics, written as text when asked for.

use super::generator::KeyfillGenerator;
use super::stores::StoreStats;
use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfill_cmp::archive::Budgets;
use keyfill_cmp::queue::Queue;
use keyfill_diag::Class;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Upper bounds of a duration's buckets, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const CALLS: [&str; 3] = ["generate", "match", "parameters"];
/// The classes by which errors are counted.
pub const CLASSES: [Class; 6] =
    [Class::Other, Class::Usage, Class::Render, Class::Missing, Class::Store, Class::Forbidden];

/// How long a client of the metrics may take to say what it wants; one that is silent is hung up on.
const HEADERS: Duration = Duration::from_secs(10);

/// Bytes of an app's name in a metric.
const MOST_IN_NAME: usize = 128;

/// So many apps are counted by name; those that come later are counted together.
const MOST_APPS: usize = 2_000;

/// Requests by app, and how they ended.
#[derive(Debug, Default)]
struct Apps(Mutex<BTreeMap<String, Ended>>);

#[derive(Clone, Copy, Debug, Default)]
struct Ended {
    well: u64,
    failed: u64,
}

impl Apps {
    fn count(&self, app: &str, failed: bool) {
        let app = &app[..app.floor_char_boundary(MOST_IN_NAME)];
        let mut apps = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = apps.len() < MOST_APPS || apps.contains_key(app);
        let ended = apps.entry(if known { app } else { "others" }.to_owned()).or_default();
        *(if failed { &mut ended.failed } else { &mut ended.well }) += 1;
    }

    fn write(&self, text: &mut String) {
        head(text, "keyfill_app_requests_total", "counter", "Requests by app and how they ended");
        for (app, ended) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let app = app.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            for (result, n) in [("ok", ended.well), ("failed", ended.failed)] {
                let _ = writeln!(text, "keyfill_app_requests_total{{app=\"{app}\",result=\"{result}\"}} {n}");
            }
        }
    }
}

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub struct Histogram {
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    microseconds: AtomicU64,
}

impl Histogram {
    /// Notes a duration.
    pub fn observe(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        for (bucket, _) in self.buckets.iter().zip(BOUNDS).filter(|(_, bound)| seconds <= *bound) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.microseconds.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn write(&self, text: &mut String, name: &str, label: &str) {
        let count = self.count.load(Ordering::Relaxed);
        let comma = if label.is_empty() { "" } else { "," };
        for (bucket, bound) in self.buckets.iter().zip(BOUNDS) {
            let n = bucket.load(Ordering::Relaxed);
            let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"{bound}\"}} {n}");
        }
        let _ = writeln!(text, "{name}_bucket{{{label}{comma}le=\"+Inf\"}} {count}");
        let braces = if label.is_empty() { String::new() } else { format!("{{{label}}}") };
        let seconds = self.microseconds.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(text, "{name}_sum{braces} {seconds}\n{name}_count{braces} {count}");
    }
}

/// How a worker ended in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// At the request's deadline.
    Deadline,
    /// For want of memory.
    Memory,
    /// By a fault of its own.
    Crash,
    /// From outside.
    Killed,
}

const DEATHS: [(Death, &str); 4] = [
    (Death::Deadline, "deadline"),
    (Death::Memory, "memory"),
    (Death::Crash, "crash"),
    (Death::Killed, "killed"),
];

/// The counters of a server.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: [Histogram; CALLS.len()],
    errors: [AtomicU64; CLASSES.len()],
    apps: Apps,
    in_progress: AtomicI64,
    deaths: [AtomicU64; DEATHS.len()],
    crash_loops: AtomicU64,
    /// Requests whose client went away, and whose time was over.
    gone: AtomicU64,
    late: AtomicU64,
    /// The render stage, where it was not answered from the cache.
    pub render: Histogram,
    /// The fill stage, waiting for the store included.
    pub fill: Histogram,
}

impl Metrics {
    /// Notes a request.
    pub fn request(&self, call: &str, app: &str, refused: Option<Class>, time: Duration) {
        self.apps.count(app, refused.is_some());
        if let Some(at) = CALLS.iter().position(|c| *c == call) {
            self.requests[at].observe(time);
        }
        if let Some(class) = refused {
            self.turned_away(class);
        }
    }

    /// Notes an error, also of a request that ended before its call began.
    pub fn turned_away(&self, class: Class) {
        by_class(&self.errors, class);
    }

    /// Notes a worker that ended in the middle of a request.
    pub fn died(&self, death: Death) {
        if let Some(at) = DEATHS.iter().position(|(d, _)| *d == death) {
            self.deaths[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a request that was refused since its like had ended its workers.
    pub fn refused_crash_loop(&self) {
        self.crash_loops.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes requests that begin, or end.
    pub fn in_progress(&self, change: i64) {
        self.in_progress.fetch_add(change, Ordering::Relaxed);
    }

    /// Notes a request that was given up: its time was over, or its client went away.
    pub fn given_up(&self, app: &str, late: bool) {
        self.apps.count(app, true);
        let counter = if late { &self.late } else { &self.gone };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn write(&self, text: &mut String) {
        head(text, "keyfill_request_seconds", "histogram", "Requests by call");
        for (histogram, call) in self.requests.iter().zip(CALLS) {
            histogram.write(text, "keyfill_request_seconds", &format!("call=\"{call}\""));
        }
        head(text, "keyfill_errors_total", "counter", "Failed requests by class");
        for (errors, class) in self.errors.iter().zip(CLASSES) {
            let n = errors.load(Ordering::Relaxed);
            let _ = writeln!(text, "keyfill_errors_total{{class=\"{}\"}} {n}", class.name());
        }
        head(text, "keyfill_requests_given_up_total", "counter", "Requests that ended without an answer");
        for (counter, why) in [(&self.gone, "client"), (&self.late, "deadline")] {
            let n = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "keyfill_requests_given_up_total{{why=\"{why}\"}} {n}");
        }
        head(text, "keyfill_requests_in_progress", "gauge", "Requests that are worked on");
        let _ = writeln!(text, "keyfill_requests_in_progress {}", self.in_progress.load(Ordering::Relaxed));
        head(text, "keyfill_workers_lost_total", "counter", "Workers that ended in the middle of a request");
        for (counter, (_, why)) in self.deaths.iter().zip(DEATHS) {
            let n = counter.load(Ordering::Relaxed);
            let _ = writeln!(text, "keyfill_workers_lost_total{{why=\"{why}\"}} {n}");
        }
        head(
            text,
            "keyfill_crash_loops_refused_total",
            "counter",
            "Requests refused whose like ended workers",
        );
        let _ =
            writeln!(text, "keyfill_crash_loops_refused_total {}", self.crash_loops.load(Ordering::Relaxed));
        self.apps.write(text);
        head(text, "keyfill_stage_seconds", "histogram", "Stages of generate");
        self.render.write(text, "keyfill_stage_seconds", "stage=\"render\"");
        self.fill.write(text, "keyfill_stage_seconds", "stage=\"fill\"");
    }
}

/// Counts an error of a class.
pub fn by_class(errors: &[AtomicU64; CLASSES.len()], class: Class) {
    if let Some(at) = CLASSES.iter().position(|c| *c == class) {
        errors[at].fetch_add(1, Ordering::Relaxed);
    }
}

/// What the stores other than Vault did.
fn write_stores(text: &mut String, stores: &[StoreStats]) {
    type Number = fn(&StoreStats) -> u64;
    let label = |store: &StoreStats| {
        // Names in the config file are letters, digits and dashes.
        format!("store=\"{}\",type=\"{}\"", store.name.as_deref().unwrap_or("default"), store.kind.name())
    };
    let numbers: [(&str, &str, &str, Number); 4] = [
        ("keyfill_store_reads_total", "counter", "Secrets that a store was asked for", |s| s.cache.reads),
        ("keyfill_store_cache_hits_total", "counter", "Secrets answered by an earlier read", |s| {
            s.cache.hits
        }),
        ("keyfill_store_breakers_open", "gauge", "Servers of a store that count as down", |s| {
            s.traffic.breakers_open as u64
        }),
        ("keyfill_store_breakers_opened_total", "counter", "How often a server counted as down", |s| {
            s.traffic.breakers_opened
        }),
    ];
    for (name, kind, help, number) in numbers {
        head(text, name, kind, help);
        for store in stores {
            let _ = writeln!(text, "{name}{{{}}} {}", label(store), number(store));
        }
    }
    head(text, "keyfill_store_errors_total", "counter", "Reads of a store that failed");
    for store in stores {
        for (class, n) in store.measures.errors() {
            let (label, class) = (label(store), class.name());
            let _ = writeln!(text, "keyfill_store_errors_total{{{label},class=\"{class}\"}} {n}");
        }
    }
    head(text, "keyfill_store_read_seconds", "histogram", "Reads of a store");
    for store in stores {
        store.measures.seconds.write(text, "keyfill_store_read_seconds", &label(store));
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// All metrics as Prometheus reads them.
fn page(generator: &KeyfillGenerator, queue: &Queue, archives: &Budgets) -> String {
    let mut text = String::new();
    generator.metrics().write(&mut text);
    let vault = generator.vault_stats();
    let kept_bytes = generator.stores().kept_bytes();
    write_stores(&mut text, &generator.stores().stats());
    let fetched = generator.fetch_stats();
    let (cache_bytes, cache_hits) = generator.render_cache();
    let (busy, idle, waiting) = generator.jobs().numbers();
    let (started, grown) = generator.jobs().started();
    let numbers: [(&str, &str, &str, u64); 21] = [
        ("keyfill_vault_reads_total", "counter", "Secrets that Vault was asked for", vault.reads),
        ("keyfill_secret_cache_hits_total", "counter", "Secrets answered by an earlier read", vault.hits),
        ("keyfill_secret_cache_bytes", "gauge", "Bytes of secrets that are kept", kept_bytes as u64),
        ("keyfill_vault_clients", "gauge", "Logins that are shared", vault.clients as u64),
        (
            "keyfill_vault_breakers_open",
            "gauge",
            "Vaults that are taken for down",
            vault.breakers_open as u64,
        ),
        (
            "keyfill_vault_breakers_opened_total",
            "counter",
            "How often a Vault was taken for down",
            vault.breakers_opened,
        ),
        ("keyfill_render_cache_hits_total", "counter", "Renderings answered from the cache", cache_hits),
        ("keyfill_render_cache_bytes", "gauge", "Bytes of rendered results that are kept", cache_bytes),
        (
            "keyfill_archive_memory_bytes",
            "gauge",
            "Bytes of archives that are held in memory",
            archives.memory.held(),
        ),
        ("keyfill_archive_disk_bytes", "gauge", "Bytes of archives on temporary disk", archives.disk.held()),
        ("keyfill_workers_busy", "gauge", "Workers that work on a request", busy as u64),
        ("keyfill_workers_idle", "gauge", "Workers that wait for a request", idle as u64),
        ("keyfill_workers_waiting", "gauge", "Requests that wait for a worker", waiting as u64),
        ("keyfill_workers_started_total", "counter", "Workers that were started", started),
        ("keyfill_workers_grown_total", "counter", "Workers replaced since they had grown", grown),
        ("keyfill_fetch_requests_total", "counter", "Requests for charts, bases and files", fetched.requests),
        ("keyfill_fetch_bytes_total", "counter", "Bytes of charts, bases and files", fetched.bytes),
        ("keyfill_fetch_hits_total", "counter", "What was in the cache of fetched contents", fetched.hits),
        (
            "keyfill_fetch_stale_total",
            "counter",
            "Old answers that were used as their source was down",
            fetched.stale,
        ),
        ("keyfill_fetch_age_seconds", "gauge", "Age of the last answer used for what may move", fetched.age),
        ("keyfill_queue_waiting", "gauge", "Requests that wait for a place", queue.waiting() as u64),
    ];
    for (name, kind, help, value) in numbers {
        head(&mut text, name, kind, help);
        let _ = writeln!(text, "{name} {value}");
    }
    text
}

/// Serves `/metrics` until the task is dropped with the runtime. Gives the address, whose port the system may
/// have chosen.
pub async fn serve(
    address: SocketAddr,
    generator: Arc<KeyfillGenerator>,
    queue: Queue,
    archives: Budgets,
) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot serve metrics on {address}"))?;
    let address = listener.local_addr().context("metrics have no address")?;
    let serving = tokio::spawn(async move {
        loop {
            // Running out of file descriptors passes: the next one may be taken again.
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (generator, queue, archives) = (Arc::clone(&generator), queue.clone(), archives.clone());
            tokio::spawn(async move {
                let answer = service_fn(|request| {
                    let response = respond(&request, &generator, &queue, &archives);
                    async move { Ok::<_, Infallible>(response) }
                });
                // A client that breaks off is its own business.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    Ok((address, serving))
}

fn respond(
    request: &Request<Incoming>,
    generator: &KeyfillGenerator,
    queue: &Queue,
    archives: &Budgets,
) -> Response<Full<Bytes>> {
    let mut response = match request.uri().path() {
        "/metrics" => Response::new(Full::from(page(generator, queue, archives))),
        "/healthz" => Response::new(Full::from("ok\n")),
        _ => Response::new(Full::from("only /metrics and /healthz are here\n")),
    };
    if !matches!(request.uri().path(), "/metrics" | "/healthz") {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::{Apps, MOST_APPS, Metrics};
    use keyfill_diag::Class;
    use std::time::Duration;

    #[test]
    fn apps_without_end_are_counted_together() {
        let apps = Apps::default();
        for i in 0..MOST_APPS + 10 {
            apps.count(&i.to_string(), false);
        }
        apps.count("0", true);
        let mut text = String::new();
        apps.write(&mut text);
        assert_eq!(text.lines().count(), 2 + 2 * (MOST_APPS + 1));
        assert!(text.contains(r#"{app="others",result="ok"} 10"#), "{text}");
        assert!(text.contains(r#"{app="0",result="failed"} 1"#));
    }

    #[test]
    fn requests_are_counted_by_call_and_class() {
        let metrics = Metrics::default();
        metrics.request("generate", "a\"b", None, Duration::from_millis(3));
        metrics.request("generate", "web", Some(Class::Store), Duration::from_secs(60));
        let mut text = String::new();
        metrics.write(&mut text);
        for line in [
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"0.0025\"} 0",
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"0.005\"} 1",
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"+Inf\"} 2",
            "keyfill_request_seconds_count{call=\"generate\"} 2",
            "keyfill_errors_total{class=\"store\"} 1",
            "keyfill_errors_total{class=\"missing\"} 0",
            r#"keyfill_app_requests_total{app="a\"b",result="ok"} 1"#,
            r#"keyfill_app_requests_total{app="web",result="failed"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
