//! What is noted of a request: one line in the log when it ends, and its part of the metrics.

use super::metrics::Metrics;
use super::traces::{Ended, Stage, Traces};
use keyfill_cmp::{AppRequest, Refusal};
use keyfill_diag::{Class, Cx};
use std::time::Instant;

/// Warnings of one request in its line; a rendering may have thousands.
const MOST_WARNINGS: usize = 20;

/// What a request's work finds out about it.
#[derive(Default)]
pub struct Notes {
    /// The app's project.
    pub project: String,
    /// Who rendered.
    pub engine: String,
    /// How many manifests it came to.
    pub documents: usize,
    /// How many secrets it needed.
    pub secrets: usize,
    /// Whether it was rendered before.
    pub cached: bool,
    /// What its author or the administrator should know.
    pub warnings: Vec<String>,
    /// What it did, for its trace.
    pub stages: Vec<Stage>,
}

/// The account of one request. One that is dropped without an end went away with its client, or ran out of
/// time: that is noted as well.
pub struct Account<'a> {
    metrics: &'a Metrics,
    traces: &'a Traces,
    call: &'static str,
    request: &'a AppRequest,
    cx: &'a Cx,
    start: Instant,
    ended: bool,
    /// What its work finds out.
    pub notes: Notes,
}

impl<'a> Account<'a> {
    /// A request begins.
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

    /// The request ends with a result, which is handed through.
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

    /// Writes the line. What went wrong, if anything did, comes last.
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
