//! Sends spans to a collector: OTLP over gRPC, in batches, from a task of its own.

use super::Traces;
use super::messages::{
    ExportRequest, ExportResponse, KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span,
};
use crate::cli::traces_args::TracesArgs;
use crate::report::Problem;
use anyhow::Result;
use hyper_util::rt::TokioIo;
use keyfill_http::TlsSettings;
use std::error::Error as StdError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::client::Grpc;
use tonic::codegen::http::uri::{PathAndQuery, Uri};
use tonic::metadata::{Ascii, MetadataKey, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;
use tower::service_fn;
use tracing::{info, warn};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The most requests whose spans wait to be sent. The spans of further requests are dropped.
const MOST_WAITING: usize = 2_048;

/// How many spans are sent in one call, and how long the first of them waits for others.
const BATCH: usize = 512;
const WAIT: Duration = Duration::from_secs(2);

/// How long connecting, a call, and the last call before the process ends may take.
const CONNECT: Duration = Duration::from_secs(5);
const CALL: Duration = Duration::from_secs(10);
const LAST: Duration = Duration::from_secs(3);

/// A message to the task that sends spans.
#[derive(Debug)]
pub enum Item {
    /// The spans of a request.
    Spans(Vec<Span>),
    /// The process ends: the task sends the spans that wait, and ends.
    End,
}

/// The task that sends spans.
pub struct Exporter {
    to: mpsc::Sender<Item>,
    task: JoinHandle<()>,
}

impl Exporter {
    /// Begins to send to the collector that the flags name; `None` when they name none.
    pub fn start(args: &TracesArgs) -> Result<(Traces, Option<Self>)> {
        let Some(address) = args.otlp_address.as_deref().filter(|address| !address.is_empty()) else {
            return Ok((Traces::default(), None));
        };
        let channel = channel(address, args.otlp_insecure)?;
        let sender = Sender { channel, headers: headers(args)?, resource: resource(args) };
        let (to, from) = mpsc::channel(MOST_WAITING);
        let dropped = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(sender.run(from, Arc::clone(&dropped)));
        info!(otlp_address = address, "traces");
        Ok((Traces { to: Some(to.clone()), dropped }, Some(Self { to, task })))
    }

    /// Sends the spans that wait, for at most `LAST`, and ends.
    pub async fn end(self) {
        let ended = async {
            if self.to.send(Item::End).await.is_ok() {
                // A task that panicked has nothing more to send.
                let _ = self.task.await;
            }
        };
        // Without an answer in this time the spans are lost: the end of the process does not wait for a collector.
        let _ = timeout(LAST, ended).await;
    }
}

/// The connection to a collector. It is opened when the first spans are sent, and opened again when it is lost.
fn channel(address: &str, insecure: bool) -> Result<Channel> {
    let scheme = if insecure { "http" } else { "https" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{address}")).map_err(|_| {
        Problem::usage(format!("--otlp-address {address}: it is written as HOST:PORT, as in collector:4317"))
    })?;
    let endpoint = endpoint.connect_timeout(CONNECT).timeout(CALL);
    if insecure {
        return Ok(endpoint.connect_lazy());
    }
    let mut tls = TlsSettings::default();
    tls.protocols(&["h2"]);
    let tls = Arc::new(tls);
    Ok(endpoint.connect_with_connector_lazy(service_fn(move |uri: Uri| {
        let tls = Arc::clone(&tls);
        async move {
            let host = uri.host().unwrap_or_default();
            let address = (host.trim_matches(['[', ']']), uri.port_u16().unwrap_or(443));
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            tls.handshake(host, stream).await.map(TokioIo::new)
        }
    })))
}

/// Headers for the collector. Their values are marked as sensitive, so that `Debug` does not show them.
fn headers(args: &TracesArgs) -> Result<Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>> {
    let Some(given) = &args.otlp_headers else { return Ok(Vec::new()) };
    let wrong =
        || Problem::usage("--otlp-headers is not a list of headers: it is written as KEY=VALUE,KEY=VALUE");
    let pairs = given.pairs().map(|pair| -> Result<_> {
        let (name, value) = pair.ok_or_else(wrong)?;
        let name = MetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes()).map_err(|_| wrong())?;
        let mut value = MetadataValue::try_from(value).map_err(|_| wrong())?;
        value.set_sensitive(true);
        Ok((name, value))
    });
    pairs.collect()
}

/// The attributes that all spans share: the service's name, and `--otlp-attrs`.
fn resource(args: &TracesArgs) -> Resource {
    let mut attributes = vec![KeyValue::text("service.name", "argocd-cmp-server")];
    for given in args.otlp_attrs.iter().filter(|given| !given.is_empty()) {
        match given.split_once(':').filter(|(_, value)| !value.contains(':')) {
            Some((key, value)) => attributes.push(KeyValue::text(key, value)),
            None => warn!(given, "an attribute of --otlp-attrs is not KEY:VALUE and is left out"),
        }
    }
    Resource { attributes }
}

struct Sender {
    channel: Channel,
    headers: Vec<(MetadataKey<Ascii>, MetadataValue<Ascii>)>,
    resource: Resource,
}

impl Sender {
    async fn run(self, mut from: mpsc::Receiver<Item>, dropped: Arc<AtomicU64>) {
        let mut failing = false;
        let mut ends = false;
        while !ends {
            let mut batch = Vec::new();
            ends = !gather(&mut from, &mut batch).await;
            if batch.is_empty() {
                continue;
            }
            let lost = dropped.swap(0, Ordering::Relaxed);
            if lost > 0 {
                warn!(requests = lost, "traces were dropped: the collector is too slow");
            }
            match self.send(batch).await {
                Ok(()) => failing = false,
                // The failure was logged; it is logged again only after a success.
                Err(_) if failing => {}
                Err(status) => {
                    failing = true;
                    warn!(code = %status.code(), error = status.message(), "traces cannot be sent");
                }
            }
        }
    }

    async fn send(&self, spans: Vec<Span>) -> Result<(), tonic::Status> {
        let scope = Scope { name: "keyfill".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() };
        let scope_spans = vec![ScopeSpans { scope: Some(scope), spans }];
        let resource_spans = vec![ResourceSpans { resource: Some(self.resource.clone()), scope_spans }];
        let mut request = tonic::Request::new(ExportRequest { resource_spans });
        for (name, value) in &self.headers {
            request.metadata_mut().insert(name.clone(), value.clone());
        }
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.map_err(|error| unreachable(&error))?;
        let codec = ProstCodec::<ExportRequest, ExportResponse>::default();
        client.unary(request, PathAndQuery::from_static(EXPORT), codec).await.map(|_| ())
    }
}

/// The status for a failed connection, with the innermost cause, such as a refused connection or a bad certificate.
fn unreachable(error: &(dyn StdError + 'static)) -> tonic::Status {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    tonic::Status::unavailable(format!("the collector cannot be connected to: {cause}"))
}

/// Collects spans until a batch is full or [`WAIT`] has passed. Returns `false` if no more will come.
async fn gather(from: &mut mpsc::Receiver<Item>, batch: &mut Vec<Span>) -> bool {
    let mut until = None;
    while batch.len() < BATCH {
        let item = match until {
            None => from.recv().await,
            Some(until) => match timeout_at(until, from.recv()).await {
                Ok(item) => item,
                Err(_) => return true,
            },
        };
        match item {
            Some(Item::Spans(spans)) => batch.extend(spans),
            Some(Item::End) | None => return false,
        }
        until = until.or_else(|| Some(Instant::now() + WAIT));
    }
    true
}
