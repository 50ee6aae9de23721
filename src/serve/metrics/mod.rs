//! Prometheus metrics: requests are counted as they end, and the current state of queues, caches and stores is read
//! at each scrape.

mod http;
mod live;

pub use http::serve;
pub use live::number;

use keyfill_diag::Class;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The upper bounds of the buckets of durations, in seconds.
const BOUNDS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];
const CALLS: [&str; 3] = ["generate", "match", "parameters"];
const STAGES: [&str; 2] = ["render", "fill"];
/// The classes by which errors are counted.
pub const CLASSES: [Class; 6] =
    [Class::Other, Class::Usage, Class::Render, Class::Missing, Class::Store, Class::Forbidden];

/// The most bytes of an app's name in a label.
const MOST_IN_NAME: usize = 128;

/// The most apps that are counted by name; those that come later are counted together as `others`.
const MOST_APPS: usize = 2_000;

/// A label whose values are known at compile time.
type Label = [(&'static str, &'static str); 1];

/// The label with an app's name, which its author chooses.
type AppLabel = [(&'static str, String); 1];

/// Counters with one label.
pub type Counters = Family<Label, Counter>;

/// Durations with one label.
type Durations = Family<Label, Histogram, fn() -> Histogram>;

/// A histogram of durations in seconds, without observations.
pub fn seconds() -> Histogram {
    Histogram::new(BOUNDS)
}

fn durations() -> Durations {
    Family::new_with_constructor(seconds)
}

/// Counters of errors by class, all 0. Every class is present from the start, so that `rate()` sees its first
/// increase.
pub fn errors() -> Counters {
    let errors = Counters::default();
    CLASSES.iter().for_each(|class| drop(errors.get_or_create(&of_class(*class))));
    errors
}

/// The label of a class.
pub fn of_class(class: Class) -> Label {
    [("class", class.name())]
}

/// Requests by app, and how they ended.
#[derive(Debug, Default)]
struct Apps {
    counted: Family<(AppLabel, Label), Counter>,
    names: Mutex<HashSet<String>>,
}

impl Apps {
    fn count(&self, app: &str, failed: bool) {
        let app = &app[..app.floor_char_boundary(MOST_IN_NAME)];
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let app = if names.contains(app) || names.len() < MOST_APPS { app } else { "others" };
        let labels = |result: &'static str| ([("app", app.to_owned())], [("result", result)]);
        if !names.contains(app) {
            names.insert(app.to_owned());
            // Both results are present from the app's first request on: a ratio needs both.
            ["ok", "failed"].iter().for_each(|result| drop(self.counted.get_or_create(&labels(result))));
        }
        drop(names);
        self.counted.get_or_create(&labels(if failed { "failed" } else { "ok" })).inc();
    }
}

/// How a worker ended in the middle of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Death {
    /// The request's deadline was exceeded.
    Deadline,
    /// The worker reached its limit of memory.
    Memory,
    /// The worker crashed or panicked.
    Crash,
    /// The worker was killed from outside (`SIGKILL`).
    Killed,
}

impl Death {
    const ALL: [Self; 4] = [Self::Deadline, Self::Memory, Self::Crash, Self::Killed];

    fn name(self) -> &'static str {
        match self {
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Crash => "crash",
            Self::Killed => "killed",
        }
    }
}

/// The counters of a server.
#[derive(Debug)]
pub struct Metrics {
    requests: Durations,
    errors: Counters,
    apps: Apps,
    in_progress: Gauge,
    deaths: Counters,
    crash_loops: Counter,
    given_up: Counters,
    stages: Durations,
}

impl Default for Metrics {
    fn default() -> Self {
        let (requests, stages) = (durations(), durations());
        CALLS.iter().for_each(|call| drop(requests.get_or_create(&[("call", call)])));
        STAGES.iter().for_each(|stage| drop(stages.get_or_create(&[("stage", stage)])));
        let (deaths, given_up) = (Counters::default(), Counters::default());
        Death::ALL.iter().for_each(|death| drop(deaths.get_or_create(&[("why", death.name())])));
        ["client", "deadline"].iter().for_each(|why| drop(given_up.get_or_create(&[("why", why)])));
        Self {
            requests,
            errors: errors(),
            apps: Apps::default(),
            in_progress: Gauge::default(),
            deaths,
            crash_loops: Counter::default(),
            given_up,
            stages,
        }
    }
}

impl Metrics {
    /// Counts a request and its duration.
    pub fn request(&self, call: &'static str, app: &str, refused: Option<Class>, time: Duration) {
        self.apps.count(app, refused.is_some());
        self.requests.get_or_create(&[("call", call)]).observe(time.as_secs_f64());
        if let Some(class) = refused {
            self.turned_away(class);
        }
    }

    /// Counts an error, also of a request that was refused before its call began.
    pub fn turned_away(&self, class: Class) {
        self.errors.get_or_create(&of_class(class)).inc();
    }

    /// Counts a worker that ended in the middle of a request.
    pub fn died(&self, death: Death) {
        self.deaths.get_or_create(&[("why", death.name())]).inc();
    }

    /// Counts a request that was refused because the same request had ended its workers before.
    pub fn refused_crash_loop(&self) {
        self.crash_loops.inc();
    }

    /// Adds to the number of requests in progress: 1 when one begins, -1 when it ends.
    pub fn in_progress(&self, change: i64) {
        self.in_progress.inc_by(change);
    }

    /// Counts a request that ended without an answer: its deadline was exceeded (`late`), or its client went away.
    pub fn given_up(&self, app: &str, late: bool) {
        self.apps.count(app, true);
        self.given_up.get_or_create(&[("why", if late { "deadline" } else { "client" })]).inc();
    }

    /// Notes how long the render stage took, if the rendering was not in the cache.
    pub fn rendered(&self, time: Duration) {
        self.stages.get_or_create(&[("stage", "render")]).observe(time.as_secs_f64());
    }

    /// Notes how long the fill stage took, waiting for the store included.
    pub fn filled(&self, time: Duration) {
        self.stages.get_or_create(&[("stage", "fill")]).observe(time.as_secs_f64());
    }

    /// Registers the metrics under their names. The registry adds a full stop to help texts, and `_total` to the
    /// names of counters.
    fn register(&self, registry: &mut Registry) {
        registry.register("request_seconds", "Requests by call", self.requests.clone());
        registry.register("errors", "Failed requests by class", self.errors.clone());
        let help = "Requests that ended without an answer";
        registry.register("requests_given_up", help, self.given_up.clone());
        registry.register(
            "requests_in_progress",
            "Requests that are being handled",
            self.in_progress.clone(),
        );
        registry.register(
            "workers_lost",
            "Workers that ended in the middle of a request",
            self.deaths.clone(),
        );
        let help = "Requests refused since requests of the same app ended two workers";
        registry.register("crash_loops_refused", help, self.crash_loops.clone());
        registry.register("app_requests", "Requests by app and how they ended", self.apps.counted.clone());
        registry.register("stage_seconds", "Stages of generate", self.stages.clone());
    }
}

/// A registry whose names begin with `keyfill_`.
fn registry() -> Registry {
    Registry::with_prefix("keyfill")
}

#[cfg(test)]
mod tests {
    use super::{MOST_APPS, Metrics, registry};
    use keyfill_diag::Class;
    use prometheus_client::encoding::prometheus_text::encode;
    use std::time::Duration;

    fn page(metrics: &Metrics) -> String {
        let mut registry = registry();
        metrics.register(&mut registry);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn apps_above_the_limit_are_counted_together() {
        let metrics = Metrics::default();
        for i in 0..MOST_APPS + 10 {
            metrics.request("match", &i.to_string(), None, Duration::ZERO);
        }
        metrics.given_up("0", true);
        let text = page(&metrics);
        let of_apps = text.lines().filter(|line| line.starts_with("keyfill_app_requests_total"));
        assert_eq!(of_apps.count(), 2 * (MOST_APPS + 1));
        assert!(text.contains(r#"{app="others",result="ok"} 10"#), "{text}");
        assert!(text.contains(r#"{app="0",result="failed"} 1"#));
    }

    #[test]
    fn requests_are_counted_by_call_and_class() {
        let metrics = Metrics::default();
        metrics.request("generate", "a\"b", None, Duration::from_millis(3));
        metrics.request("generate", "web", Some(Class::Store), Duration::from_secs(60));
        let text = page(&metrics);
        for line in [
            "# TYPE keyfill_request_seconds histogram",
            "# TYPE keyfill_errors_total counter",
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"0.0025\"} 0",
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"0.005\"} 1",
            "keyfill_request_seconds_bucket{call=\"generate\",le=\"+Inf\"} 2",
            "keyfill_request_seconds_count{call=\"generate\"} 2",
            "keyfill_request_seconds_count{call=\"parameters\"} 0",
            "keyfill_errors_total{class=\"store\"} 1",
            "keyfill_errors_total{class=\"missing\"} 0",
            "keyfill_workers_lost_total{why=\"memory\"} 0",
            r#"keyfill_app_requests_total{app="a\"b",result="ok"} 1"#,
            r#"keyfill_app_requests_total{app="web",result="failed"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
    }
}
