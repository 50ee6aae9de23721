//! The HTTP server for `/metrics`, `/healthz` and `/refs`.

use super::live::Live;
use super::registry;
use crate::cli::args::RefsFormat;
use crate::serve::generator::KeyfillGenerator;
use anyhow::{Context as _, Result};
use clap::ValueEnum as _;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use keyfill_cmp::archive::Budgets;
use keyfill_cmp::queue::Queue;
use prometheus_client::encoding::prometheus_text::{CONTENT_TYPE as FORMAT, encode};
use prometheus_client::registry::Registry;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How long a client may take to send the headers of a request before its connection is closed.
const HEADERS: Duration = Duration::from_secs(10);

/// Serves until the runtime ends. Returns the address with the port that was bound: for port 0 the system chooses
/// one.
pub async fn serve(
    address: SocketAddr,
    generator: Arc<KeyfillGenerator>,
    queue: Queue,
    archives: Budgets,
) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("cannot serve metrics on {address}"))?;
    let address = listener.local_addr().context("metrics have no address")?;
    let mut registry = registry();
    generator.metrics().register(&mut registry);
    registry.register_collector(Box::new(Live { generator: Arc::clone(&generator), queue, archives }));
    let registry = Arc::new(registry);
    let serving = tokio::spawn(async move {
        loop {
            // Accepting fails, for example, when there are no file descriptors left. That passes, so it is tried
            // again.
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let (registry, generator) = (Arc::clone(&registry), Arc::clone(&generator));
            tokio::spawn(async move {
                let answer = service_fn(|request| {
                    let response = respond(&request, &registry, &generator);
                    async move { Ok::<_, Infallible>(response) }
                });
                // An error of a client's connection needs no message here.
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

/// The content type of plain text that holds no metrics.
const TEXT: &str = "text/plain; charset=utf-8";

fn respond(
    request: &Request<Incoming>,
    registry: &Registry,
    generator: &KeyfillGenerator,
) -> Response<Full<Bytes>> {
    match request.uri().path() {
        "/metrics" => {
            let mut text = String::new();
            match encode(&mut text, registry) {
                Ok(()) => answer(StatusCode::OK, FORMAT, text),
                Err(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the metrics cannot be written\n"),
            }
        }
        "/healthz" => answer(StatusCode::OK, FORMAT, "ok\n"),
        "/refs" => references(generator, request.uri().query().unwrap_or_default()),
        _ => answer(StatusCode::NOT_FOUND, FORMAT, "only /metrics and /healthz are here\n"),
    }
}

fn answer(status: StatusCode, kind: &'static str, text: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // A browser must not guess another content type.
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// `/refs?format=...`: the table of which app uses which secret.
fn references(generator: &KeyfillGenerator, query: &str) -> Response<Full<Bytes>> {
    let name = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "format");
    let name = name.map_or("json".to_owned(), |(_, value)| value.into_owned());
    let Ok(format) = RefsFormat::from_str(&name, false) else {
        let formats = "format must be table, json, csv, dot, mermaid or html\n";
        return answer(StatusCode::BAD_REQUEST, TEXT, formats);
    };
    let kind = match format {
        RefsFormat::Json => "application/json",
        RefsFormat::Csv => "text/csv; charset=utf-8",
        RefsFormat::Html => "text/html; charset=utf-8",
        RefsFormat::Table | RefsFormat::Dot | RefsFormat::Mermaid => TEXT,
    };
    match generator.refresher().and_then(|refresher| refresher.page(format)) {
        None => answer(StatusCode::NOT_FOUND, TEXT, "serve shows no references without --refs\n"),
        Some(Ok(text)) => answer(StatusCode::OK, kind, text),
        Some(Err(_)) => answer(StatusCode::INTERNAL_SERVER_ERROR, TEXT, "the table cannot be written\n"),
    }
}
