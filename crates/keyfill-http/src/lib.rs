//! keyfill's HTTP client, in two layers.
//!
//! [`Http`] sends one request to one server and reads one response, over http, https or a unix socket. It checks no
//! policy and does not retry; that is left to its caller. [`Client`] sends requests to any server that a
//! [`HostPolicy`] allows: the IP address is checked when the connection is made, each redirect is checked like the
//! first URL, a credential is sent to its own origin only, and the size of a body is limited and its SHA-256 computed
//! while it arrives.
//!
//! Requests over plain http load no root certificates of the system: they are read for the first https connection.
//! Certificate files in the settings are read when the settings are.

#![warn(clippy::disallowed_methods)]

mod address;
mod client;
mod connect;
mod leaf;
mod policy;
mod refusal;
mod tls;
mod tunnel;
mod verify;

pub use address::Addresses;
pub use client::{Certificates, Client, Credential, GetError, Origin, Reply, Request, Sink, is_below};
pub use connect::{Names, Route, Target};
/// Which proxy a URL goes through.
pub use hyper_util::client::proxy::matcher::Matcher;
pub use policy::{HostPolicy, Refused, shown};
pub use tls::{TlsSettings, pem_files};

use bytes::Bytes;
use connect::Connector;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The largest body of a response, in bytes. For comparison: Vault accepts requests of at most 32 MiB.
const LARGEST_BODY: usize = 64 << 20;

/// How long an idle connection stays open.
const IDLE: Duration = Duration::from_secs(30);

/// A request to one server. The body is overwritten with zeros when it is dropped.
#[derive(Clone)]
pub struct Call {
    /// The method, for example `GET`.
    pub method: http::Method,
    /// The absolute URL, with its query.
    pub uri: http::Uri,
    /// The headers, without `Host` and `Content-Length`: those two are added when the request is sent.
    pub headers: http::HeaderMap,
    /// The body, which may contain a credential.
    pub body: Zeroizing<Vec<u8>>,
}

/// A response with any status. The body is overwritten with zeros when it is dropped.
pub struct Answer {
    /// The status that the server sent. A status such as 404 or 500 is not an error in this layer.
    pub status: http::StatusCode,
    /// The headers that the server sent.
    pub headers: http::HeaderMap,
    /// The body, which may contain a secret.
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// How long the server asks the client to wait: `Retry-After`, in seconds or as a date.
    pub fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(SystemTime::now()).ok(),
    }
}

/// The kind of a request's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A transport error: connection refused, unknown host name, no route.
    Connect,
    /// The TLS handshake failed for a reason that no other kind names; a retry does not help.
    Tls,
    /// The server does not speak TLS.
    NoTls,
    /// The server's certificate is for another name.
    WrongName,
    /// The server's certificate names no host.
    NoName,
    /// The server's certificate has expired, or is not valid yet.
    Expired,
    /// The server's certificate is signed by an authority that is not trusted.
    UnknownIssuer,
    /// The server refused the client certificate, or requires one.
    ClientCertificate,
    /// A proxy refuses to connect to the server; a retry does not help.
    Proxy,
    /// A proxy cannot be reached, or reports a temporary failure; a retry may help.
    ProxyConnect,
    /// The connection broke before the response was complete.
    Broken,
    /// The host has no IP address that the policy allows.
    Address,
    /// The deadline was exceeded.
    Timeout,
    /// The response is too large, or the URL cannot be requested.
    Unusable,
}

/// Why a request failed. It contains no header and no body of the request or of the response.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The kind of the failure, which decides whether a retry may help.
    pub kind: FailureKind,
    /// The text of the innermost cause, for the user.
    pub reason: String,
}

/// A client for one [`Route`], with a pool of connections.
pub struct Http {
    client: Pool<Connector, Full<Bytes>>,
    route: Route,
}

impl Http {
    /// A client that opens its first connection when the first request is sent.
    pub fn new(route: Route) -> Self {
        let client = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Connector::new(route.clone()));
        Self { client, route }
    }

    /// Sends a request and reads the whole response. Fails with `Timeout` if this takes longer than `limit`.
    pub async fn send(&self, call: &Call, limit: Duration) -> Result<Answer, Failure> {
        match tokio::time::timeout(limit, self.exchange(call)).await {
            Ok(result) => result,
            Err(_) => Err(Failure {
                kind: FailureKind::Timeout,
                reason: format!("no complete answer within {}", seconds(limit)),
            }),
        }
    }

    async fn exchange(&self, call: &Call) -> Result<Answer, Failure> {
        let mut answer = self.start(call).await?;
        let mut body = Zeroizing::new(Vec::new());
        while let Some(data) = answer.next().await? {
            if body.len() + data.len() > LARGEST_BODY {
                return Err(Failure {
                    kind: FailureKind::Unusable,
                    reason: format!("the answer is larger than {} MiB", LARGEST_BODY >> 20),
                });
            }
            append_wiping(&mut body, &data);
        }
        Ok(Answer { status: answer.status, headers: answer.headers, body })
    }

    /// Sends a request and reads the status and the headers of the response. The caller sets the timeout.
    async fn start(&self, call: &Call) -> Result<Started, Failure> {
        let mut request = http::Request::new(Full::new(Bytes::from_owner(call.body.clone())));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = call.uri.clone();
        *request.headers_mut() = call.headers.clone();
        if let Some(auth) = self.route.plain_proxy_auth(&call.uri) {
            request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, auth);
        }
        let response = self.client.request(request).await.map_err(|e| request_failure(&e))?;
        let (head, body) = response.into_parts();
        Ok(Started { status: head.status, headers: head.headers, body })
    }
}

/// A response whose body has not been read yet.
struct Started {
    status: http::StatusCode,
    headers: http::HeaderMap,
    body: hyper::body::Incoming,
}

impl Started {
    /// The next bytes of the body; `None` at its end.
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.body.frame().await {
            let frame = frame.map_err(|e| Failure { kind: FailureKind::Broken, reason: innermost(&e) })?;
            if let Ok(data) = frame.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

/// Appends `data`. When the buffer has to grow, the old one is overwritten with zeros, which `Vec` does not do.
fn append_wiping(body: &mut Zeroizing<Vec<u8>>, data: &[u8]) {
    if body.capacity() - body.len() < data.len() {
        let mut larger = Vec::with_capacity((body.len() + data.len()).max(2 * body.capacity()));
        larger.extend_from_slice(body);
        *body = Zeroizing::new(larger);
    }
    body.extend_from_slice(data);
}

fn request_failure(error: &hyper_util::client::legacy::Error) -> Failure {
    if connect::is_address_refusal(error) {
        return Failure { kind: FailureKind::Address, reason: innermost(error) };
    }
    refusal::of(error).unwrap_or_else(|| Failure {
        kind: if error.is_connect() { FailureKind::Connect } else { FailureKind::Broken },
        reason: innermost(error),
    })
}

/// The text of the innermost cause: "Connection refused (os error 111)", not "client error (Connect)".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = connect::next_cause(cause) {
        cause = next;
    }
    cause.to_string()
}

/// A duration as text in seconds, with at most one decimal: `1.5 s`, `55 s`.
pub fn seconds(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths.is_multiple_of(10) {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, seconds};
    use std::time::{Duration, SystemTime};

    fn asked_to_wait(value: &str) -> Option<Duration> {
        let mut headers = http::HeaderMap::new();
        headers.insert("retry-after", value.parse().expect("a header value"));
        Answer { status: http::StatusCode::OK, headers, body: Vec::new().into() }.retry_after()
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(asked_to_wait("7"), Some(Duration::from_secs(7)));
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(90));
        assert!(asked_to_wait(&date).is_some_and(|t| (85..=90).contains(&t.as_secs())));
        assert_eq!(asked_to_wait("soon"), None);
    }

    #[test]
    fn times_are_shown_in_seconds() {
        assert_eq!(seconds(Duration::from_secs(55)), "55 s");
        assert_eq!(seconds(Duration::from_millis(1_460)), "1.5 s");
    }
}
