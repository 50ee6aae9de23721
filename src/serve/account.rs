//! Accounts for a request: one line in the log when it ends, its metrics, and its trace.

use super::metrics::Metrics;
use super::traces::{Ended, Stage, Traces};
use keyfill_cmp::{AppRequest, Refusal};
use keyfill_diag::{Class, Cx};
use std::time::Instant;

/// The most warnings of a request in its log line; a rendering may have thousands.
const MOST_WARNINGS: usize = 20;

/// What is found out about a request while it is worked on.
#[derive(Default)]
pub struct Notes {
    /// The app's project.
    pub project: String,
    /// The engine that rendered.
    pub engine: String,
    /// How many manifests the answer has.
    pub documents: usize,
    /// How many secrets the app needed.
    pub secrets: usize,
    /// Whether the rendering was in the cache.
    pub cached: bool,
    /// Warnings for the app's author or the administrator.
    pub warnings: Vec<String>,
    /// The stages of the request, for its trace.
    pub stages: Vec<Stage>,
}

/// The account of one request. If it is dropped before [`Account::end`], the client went away or the deadline was
/// exceeded: that is logged and counted too.
pub struct Account<'a> {
    metrics: &'a Metrics,
    traces: &'a Traces,
    call: &'static str,
    request: &'a AppRequest,
    cx: &'a Cx,
    start: Instant,
    ended: bool,
    /// What is found out while the request is worked on.
    pub notes: Notes,
}

impl<'a> Account<'a> {
    /// Opens the account of a request that begins.
    pub fn open(
        metrics: &'a Metrics,
        traces: &'a Traces,
        call: &'static str,
        request: &'a AppRequest,
        cx: &'a Cx,
    ) -> Self {
        metrics.in_progress(1);
        let (start, notes) = (Instant::now(), Notes::default());
        Self { metrics, traces, call, request, cx, start, ended: false, notes }
    }

    fn trace(&self, failed: Option<&'static str>) {
        let notes = &self.notes;
        self.traces.request(&Ended {
            call: self.call,
            app: self.request.app(),
            project: self.request.project(),
            engine: &notes.engine,
            documents: notes.documents,
            secrets: notes.secrets,
            cached: notes.cached,
            failed,
            parent: self.request.trace_parent.as_deref(),
            time: self.start.elapsed(),
            stages: &notes.stages,
        });
    }

    /// Ends the account with the request's result, and returns the result.
    pub fn end<T>(mut self, result: Result<T, Refusal>) -> Result<T, Refusal> {
        self.ended = true;
        let refused = result.as_ref().err();
        let class = refused.map(|r| r.class);
        self.metrics.request(self.call, self.request.app(), class, self.start.elapsed());
        self.trace(class.map(Class::name));
        match refused {
            None => self.write("request", None, None),
            Some(refusal) => {
                let first = refusal.message.lines().next().unwrap_or_default();
                self.write("request failed", Some(refusal.class), Some(first));
            }
        }
        result
    }

    /// Writes the log line. The error, if there is one, comes last.
    fn write(&self, message: &str, class: Option<Class>, error: Option<&str>) {
        let notes = &self.notes;
        let warnings: Vec<&str> = notes.warnings.iter().take(MOST_WARNINGS).map(String::as_str).collect();
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    call = self.call,
                    app = self.request.app(),
                    project = notes.project,
                    root = self.request.path.as_str(),
                    engine = notes.engine,
                    documents = notes.documents,
                    secrets = notes.secrets,
                    cached = notes.cached,
                    ms = self.start.elapsed().as_secs_f64() * 1000.0,
                    warnings = (!warnings.is_empty()).then(|| warnings.join("; ")),
                    class = class.map(Class::name),
                    error,
                    "{message}"
                )
            };
        }
        if error.is_some() { line!(error) } else { line!(info) }
    }
}

impl Drop for Account<'_> {
    fn drop(&mut self) {
        self.metrics.in_progress(-1);
        if self.ended {
            return;
        }
        let late = self.cx.time_left().is_zero();
        self.metrics.given_up(self.request.app(), late);
        self.trace(Some(if late { "deadline" } else { "client" }));
        let why = if late { "deadline exceeded" } else { "the client went away" };
        self.write("request given up", None, Some(why));
    }
}
