//! Traces of requests for OpenTelemetry: what a request did and how long it took, sent to a collector in batches.
//!
//! Attributes name the call, the app, its project and numbers: never a path of a store, a key or a value, and never an
//! error's text, which names them.

mod export;
mod messages;

use messages::{CLIENT, FAILED, INTERNAL, KeyValue, SERVER, Scalar, Span, Status};
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;

pub use export::Exporter;

/// The most bytes of a name in an attribute.
const MOST_IN_NAME: usize = 256;

/// Takes the spans of finished requests, and drops them if there is no collector.
#[derive(Debug, Default)]
pub struct Traces {
    to: Option<mpsc::Sender<export::Item>>,
    dropped: std::sync::Arc<AtomicU64>,
}

/// A part of a request: rendering, filling, or a read of secrets.
#[derive(Clone, Copy, Debug)]
pub struct Stage {
    name: &'static str,
    end: SystemTime,
    time: Duration,
    secrets: Option<usize>,
}

impl Stage {
    /// A stage that ends now.
    pub fn ended(name: &'static str, time: Duration) -> Self {
        Self { name, end: SystemTime::now(), time, secrets: None }
    }

    /// A read of this many secrets that ends now.
    pub fn read(time: Duration, secrets: usize) -> Self {
        Self { secrets: Some(secrets), ..Self::ended("read secrets", time) }
    }
}

/// A request that ended.
pub struct Ended<'a> {
    /// The call of the plugin protocol: `generate`, `match` or `parameters`.
    pub call: &'static str,
    /// The app's name.
    pub app: &'a str,
    /// The app's project.
    pub project: &'a str,
    /// The engine that rendered.
    pub engine: &'a str,
    /// How many manifests the answer has.
    pub documents: usize,
    /// How many secrets the app needed.
    pub secrets: usize,
    /// Whether the rendering was in the cache.
    pub cached: bool,
    /// The class of the error that the request ended with, or why it was given up.
    pub failed: Option<&'static str>,
    /// The header `traceparent`, which names the caller's span.
    pub parent: Option<&'a str>,
    /// How long the request took.
    pub time: Duration,
    /// The stages of the request.
    pub stages: &'a [Stage],
}

impl Traces {
    /// Hands over the spans of a request without waiting. If the collector is too slow, they are dropped and
    /// counted.
    pub fn request(&self, request: &Ended<'_>) {
        let Some(to) = &self.to else { return };
        if to.try_send(export::Item::Spans(spans(request))).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The spans of a request, the request's own first.
fn spans(request: &Ended<'_>) -> Vec<Span> {
    let (trace, parent) = request
        .parent
        .and_then(parent_of)
        .unwrap_or_else(|| ([id().to_be_bytes(), id().to_be_bytes()].concat(), Vec::new()));
    let own = id().to_be_bytes().to_vec();
    let mut attributes = vec![
        KeyValue::text("keyfill.call", request.call),
        KeyValue::text("argocd.app", cut(request.app)),
        KeyValue::text("argocd.project", cut(request.project)),
    ];
    if request.call == "generate" && request.failed.is_none() {
        attributes.push(KeyValue::text("keyfill.engine", request.engine));
        attributes.push(KeyValue::new("keyfill.cached", Scalar::Bool(request.cached)));
        attributes.push(number("keyfill.documents", request.documents));
        attributes.push(number("keyfill.secrets", request.secrets));
    }
    let status = request.failed.map(|class| Status { message: class.to_owned(), code: FAILED });
    let (start, end) = period(SystemTime::now(), request.time);
    let first = Span {
        trace_id: trace.clone(),
        span_id: own.clone(),
        parent_span_id: parent,
        name: request.call.to_owned(),
        kind: SERVER,
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        attributes,
        status,
    };
    let stages = request.stages.iter().map(|stage| {
        let (start, end) = period(stage.end, stage.time);
        Span {
            trace_id: trace.clone(),
            span_id: id().to_be_bytes().to_vec(),
            parent_span_id: own.clone(),
            name: stage.name.to_owned(),
            kind: if stage.secrets.is_some() { CLIENT } else { INTERNAL },
            start_time_unix_nano: start,
            end_time_unix_nano: end,
            attributes: stage.secrets.map(|n| number("keyfill.secrets", n)).into_iter().collect(),
            status: None,
        }
    });
    std::iter::once(first).chain(stages).collect()
}

fn number(key: &str, value: usize) -> KeyValue {
    KeyValue::new(key, Scalar::Int(i64::try_from(value).unwrap_or(i64::MAX)))
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(MOST_IN_NAME)]
}

/// Start and end of a period, in nanoseconds since 1970.
fn period(end: SystemTime, time: Duration) -> (u64, u64) {
    let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
    let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    (nanoseconds(end.saturating_sub(time)), nanoseconds(end))
}

/// The trace ID and span ID of a `traceparent` header of W3C's Trace Context, version 00.
fn parent_of(header: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut parts = header.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    if version != "00" || parts.next().is_some() || flags.len() != 2 {
        return None;
    }
    let (trace, span) = (hex(trace, 16)?, hex(span, 8)?);
    let is_set = |bytes: &[u8]| bytes.iter().any(|byte| *byte != 0);
    (is_set(&trace) && is_set(&span)).then_some((trace, span))
}

fn hex(text: &str, bytes: usize) -> Option<Vec<u8>> {
    if text.len() != 2 * bytes || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
        return None;
    }
    (0..bytes).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()).collect()
}

/// A new ID, never 0. It has to be unique and need not be hard to guess, so the standard library's random keys are
/// good enough.
fn id() -> u64 {
    static COUNTED: AtomicU64 = AtomicU64::new(0);
    let number = COUNTED.fetch_add(1, Ordering::Relaxed);
    std::hash::RandomState::new().hash_one(number).max(1)
}

#[cfg(test)]
mod tests {
    use super::{Ended, Stage, parent_of, spans};
    use std::time::Duration;

    const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn ended(parent: Option<&str>, failed: Option<&'static str>) -> Vec<super::Span> {
        let stages =
            [Stage::ended("render", Duration::from_millis(3)), Stage::read(Duration::from_millis(2), 5)];
        spans(&Ended {
            call: "generate",
            app: "web",
            project: "team",
            engine: "kustomize",
            documents: 2,
            secrets: 5,
            cached: false,
            failed,
            parent,
            time: Duration::from_millis(9),
            stages: &stages,
        })
    }

    #[test]
    fn a_request_is_a_part_of_its_callers_trace() {
        let spans = ended(Some(PARENT), None);
        assert_eq!(spans.len(), 3);
        assert!(spans.iter().all(|span| span.trace_id == spans[0].trace_id && span.trace_id[0] == 0x0a));
        assert_eq!(spans[0].parent_span_id[..2], [0xb7, 0xad]);
        assert!(spans[1..].iter().all(|span| span.parent_span_id == spans[0].span_id));
        assert_eq!(spans[1].end_time_unix_nano - spans[1].start_time_unix_nano, 3_000_000);
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["generate", "render", "read secrets"]);
    }

    #[test]
    fn without_a_caller_a_trace_begins_and_ids_differ() {
        let (one, two) = (ended(None, Some("store")), ended(Some("garbage"), None));
        assert_eq!((one[0].trace_id.len(), one[0].span_id.len()), (16, 8));
        assert!(one[0].parent_span_id.is_empty() && two[0].parent_span_id.is_empty());
        assert_ne!(one[0].trace_id, two[0].trace_id);
        assert_ne!(one[0].span_id, one[1].span_id);
        let status = one[0].status.as_ref().expect("it failed");
        assert_eq!((status.code, status.message.as_str()), (2, "store"));
    }

    #[test]
    fn a_header_that_is_no_traceparent_is_ignored() {
        assert!(parent_of(PARENT).is_some());
        for wrong in [
            "",
            "00",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0af7651916cd43dd8448eb211c8031ää-b7ad6b7169203331-01",
        ] {
            assert_eq!(parent_of(wrong), None, "{wrong}");
        }
    }
}
