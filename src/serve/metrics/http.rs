//! The address on which metrics are read.

use super::live::Live;
use super::registry;
use crate::serve::generator::KeyfillGenerator;
use anyhow::{Context as _, Result};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
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

/// How long a client of the metrics may take to say what it wants; one that is silent is hung up on.
const HEADERS: Duration = Duration::from_secs(10);

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
    let mut registry = registry();
    generator.metrics().register(&mut registry);
    registry.register_collector(Box::new(Live { generator, queue, archives }));
    let registry = Arc::new(registry);
    let serving = tokio::spawn(async move {
        loop {
            // Running out of file descriptors passes: the next one may be taken again.
            let Ok((stream, _)) = listener.accept().await else {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let registry = Arc::clone(&registry);
            tokio::spawn(async move {
                let answer = service_fn(|request| {
                    let response = respond(&request, &registry);
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

fn respond(request: &Request<Incoming>, registry: &Registry) -> Response<Full<Bytes>> {
    let (status, text) = match request.uri().path() {
        "/metrics" => {
            let mut text = String::new();
            match encode(&mut text, registry) {
                Ok(()) => (StatusCode::OK, text),
                Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be written\n".to_owned()),
            }
        }
        "/healthz" => (StatusCode::OK, "ok\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "only /metrics and /healthz are here\n".to_owned()),
    };
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORMAT));
    response
}
