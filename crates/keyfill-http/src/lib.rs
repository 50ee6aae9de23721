//! The one HTTP client, in two layers.
//!
//! [`Http`] sends one request to one server and takes one answer in, over http, https or a unix socket. No
//! policy: retries are their caller's. [`Client`] asks any server that a [`HostPolicy`] allows: addresses
//! are judged where they are connected to, redirects are followed with the same judgement, credentials stay
//! with the origin that they belong to, and bytes are bounded and hashed while they come.
//!
//! A plain http address costs nothing here but the connection: certificates are read when they are named,
//! the system's roots when the first https connection is made.

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

/// The largest answer that is taken in. Vault itself takes no request above 32 MiB.
const LARGEST_BODY: usize = 64 << 20;

/// How long an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// What is sent. The body is wiped after use.
#[derive(Clone)]
pub struct Call {
    /// `GET` and the like.
    pub method: http::Method,
    /// Absolute, with its query.
    pub uri: http::Uri,
    /// As sent; the host and the length are added.
    pub headers: http::HeaderMap,
    /// May hold a credential.
    pub body: Zeroizing<Vec<u8>>,
}

/// What came back, whatever its status. The body is wiped after use.
pub struct Answer {
    /// As the server gave it; no status is an error here.
    pub status: http::StatusCode,
    /// As received.
    pub headers: http::HeaderMap,
    /// May hold a secret.
    pub body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// How long the server asks to wait: `Retry-After` in seconds or as a date.
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

/// Why there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A transport error: connection refused, no such name, no route.
    Connect,
    /// The handshake was refused for another reason than those below; trying again does not help.
    Tls,
    /// The server does not speak TLS.
    NoTls,
    /// The certificate is for another name.
    WrongName,
    /// The certificate names no host at all.
    NoName,
    /// The certificate has expired, or is not valid yet.
    Expired,
    /// The certificate is signed by an authority that is not trusted.
    UnknownIssuer,
    /// The server refused the client's certificate, or wants one.
    ClientCertificate,
    /// A proxy refuses to connect; trying again does not help.
    Proxy,
    /// No connection to a proxy, or it is busy.
    ProxyConnect,
    /// The connection broke before the answer was complete.
    Broken,
    /// The host has no address that may be connected to.
    Address,
    /// The deadline was exceeded.
    Timeout,
    /// The answer is too large, or the request cannot be made.
    Unusable,
}

/// Why there was no answer, with the innermost reason. It holds nothing that was sent or received.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind of failure; it decides whether another try may help.
    pub kind: FailureKind,
    /// The innermost cause, for people.
    pub reason: String,
}

/// A client for one server, with a pool of connections.
pub struct Http {
    client: Pool<Connector, Full<Bytes>>,
    route: Route,
}

impl Http {
    /// A client that connects when it is first used.
    pub fn new(route: Route) -> Self {
        let client = Pool::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(Connector::new(route.clone()));
        Self { client, route }
    }

    /// Sends a request and takes the whole answer in, within `limit`.
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

    /// Sends a request and takes the head of the answer in. The caller bounds the time.
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

/// An answer whose body is still to come.
struct Started {
    status: http::StatusCode,
    headers: http::HeaderMap,
    body: hyper::body::Incoming,
}

impl Started {
    /// The next bytes of the body; none at its end.
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

/// Appends; a buffer that is outgrown is wiped, which `Vec` alone would not do.
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

/// The text of the last cause: "Connection refused (os error 111)" and not "client error (Connect)".
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(next) = connect::next_cause(cause) {
        cause = next;
    }
    cause.to_string()
}

/// `1.5 s`, `55 s`.
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
