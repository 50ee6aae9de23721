//! HTTP requests to stores other than Vault and Kubernetes, retried until there is a final answer or no time is left.
//!
//! The modules of the stores interpret the answers; this module has what they share.

use crate::gate::{Gate, pause};
use crate::retry::{Tries, answer_may_pass, failure_may_pass};
use crate::{Error, Secret, Traffic};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use keyfill_http::{Answer, Call, Failure, FailureKind, Http, Matcher, Route, Target, TlsSettings, seconds};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// How a store is reached, as the administrator's settings say. All stores of a run share it.
#[derive(Clone, Default)]
pub struct Network {
    /// TLS settings with the trusted root certificates. If they have none, the system's are trusted.
    pub tls: Arc<TlsSettings>,
    /// The proxy for https URLs.
    pub https_proxy: Option<Secret>,
    /// Hosts that are reached without the proxy, written as in `NO_PROXY`.
    pub no_proxy: Option<String>,
    /// The circuit breakers of the servers, in a long-running process.
    pub traffic: Option<Arc<Traffic>>,
}

impl Network {
    /// The route through the proxy, if one is set.
    fn route(&self) -> Route {
        let proxies = self.https_proxy.as_ref().map(|proxy| {
            let no_proxy = self.no_proxy.as_deref().unwrap_or_default();
            Arc::new(Matcher::builder().https(proxy.expose()).no(no_proxy).build())
        });
        Route { target: Target::Network, tls: Arc::clone(&self.tls), proxies, ..Route::default() }
    }

    /// The route without a proxy, for addresses that only this machine can reach and that give out its credentials.
    fn direct(&self) -> Route {
        Route { target: Target::Network, tls: Arc::clone(&self.tls), ..Route::default() }
    }
}

/// A client for one server.
pub(crate) struct Rest {
    http: Http,
    /// The server's name in errors, for example `AWS Secrets Manager`.
    name: String,
    requests: AtomicU64,
    gate: Option<Arc<Gate>>,
}

/// Whether an answer is final.
pub(crate) enum Verdict {
    /// The answer is final.
    Final,
    /// A retry of the same request may get another answer.
    MayPass,
}

impl Rest {
    pub(crate) fn new(name: impl Into<String>, network: &Network) -> Self {
        Self::over(network.route(), name.into(), network)
    }

    /// A client that uses no proxy.
    pub(crate) fn direct(name: impl Into<String>, network: &Network) -> Self {
        Self::over(network.direct(), name.into(), network)
    }

    fn over(route: Route, name: String, network: &Network) -> Self {
        let gate = network.traffic.as_ref().map(|traffic| traffic.gate(&name));
        Self { http: Http::new(route), name, requests: AtomicU64::new(0), gate }
    }

    /// How many requests were sent so far.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Sends a request and retries it until there is a final answer. `call` makes the request, again for each try,
    /// since a signed request contains the time.
    pub(crate) async fn send(
        &self,
        call: impl Fn() -> Result<Call, Error>,
        verdict: impl Fn(&Answer) -> Verdict,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let started = Instant::now();
        let mut tries = Tries::new(started, cx.deadline, None);
        loop {
            cx.check().map_err(|stopped| Error::store(stopped.to_string()).out_of_time())?;
            let (asked, error) = match self.exchange(&call, &tries).await? {
                Ok(answer) => match (answer_may_pass(&answer), verdict(&answer)) {
                    (false, Verdict::Final) => return Ok(answer),
                    _ => (answer.retry_after(), self.answered(&answer)),
                },
                Err(failure) if !failure_may_pass(&failure) => return Err(self.unreachable(&failure)),
                Err(failure) => (None, self.unreachable(&failure)),
            };
            match tries.next(Instant::now(), asked) {
                Ok(wait) => pause(self.gate.as_deref(), wait, asked.is_some()).await,
                Err(_) => {
                    let error = error.more(&ending(asked, tries.retries(), started.elapsed()));
                    // A server that asks to wait beyond the deadline may still answer requests for other secrets.
                    return Err(if asked.is_none() { error.out_of_time() } else { error.passing() });
                }
            }
        }
    }

    /// One try, after waiting for a permit. The outer error is that there was no permit in time, or that the request
    /// cannot be made.
    async fn exchange(
        &self,
        call: impl Fn() -> Result<Call, Error>,
        tries: &Tries,
    ) -> Result<Result<Answer, Failure>, Error> {
        let pass = match &self.gate {
            Some(gate) => Some(gate.enter(tries.until()).await.map_err(|held| held.error(&self.name))?),
            None => None,
        };
        self.requests.fetch_add(1, Ordering::Relaxed);
        let limit = REQUEST_TIMEOUT.min(tries.time_left(Instant::now()));
        let result = self.http.send(&call()?, limit).await;
        if let Some(pass) = pass {
            pass.outcome(&result, limit, |answer| self.answered(answer).to_string());
        }
        Ok(result)
    }

    fn answered(&self, answer: &Answer) -> Error {
        Error::store(match answer.status.as_u16() {
            429 => format!("{} gets too many requests", self.name),
            status => format!("{} answered {status}", self.name),
        })
    }

    fn unreachable(&self, failure: &Failure) -> Error {
        let (name, reason) = (&self.name, &failure.reason);
        match failure.kind {
            FailureKind::Connect | FailureKind::Address => {
                Error::store(format!("{name} is not reachable: {reason}"))
                    .hint("check the region and address that are set, the network policy and HTTPS_PROXY")
            }
            FailureKind::Proxy | FailureKind::ProxyConnect => Error::store(format!(
                "{name} is not reachable: {reason}"
            ))
            .hint("the proxy is that of HTTPS_PROXY; NO_PROXY names hosts that are reached without it"),
            FailureKind::UnknownIssuer => Error::store(format!("no trusted connection to {name}: {reason}"))
                .hint("the system's certificates decide; SSL_CERT_FILE names others"),
            FailureKind::Tls
            | FailureKind::NoTls
            | FailureKind::WrongName
            | FailureKind::NoName
            | FailureKind::Expired
            | FailureKind::ClientCertificate => {
                Error::store(format!("no trusted connection to {name}: {reason}"))
            }
            FailureKind::Broken => Error::store(format!("the connection to {name} broke: {reason}")),
            FailureKind::Timeout => Error::store(format!("{name} is too slow: {reason}")),
            FailureKind::Unusable => Error::store(format!("{name}: {reason}")),
        }
    }
}

fn ending(asked: Option<Duration>, retries: u32, time: Duration) -> String {
    let tried = match retries {
        0 => String::new(),
        1 => format!(", tried again once in {}", seconds(time)),
        n => format!(", tried again {n} times in {}", seconds(time)),
    };
    match asked {
        Some(asked) => format!("{tried}; it asks to wait {}, beyond the deadline", seconds(asked)),
        None => format!("{tried}, until near the deadline"),
    }
}

/// A request to a URL that settings contain or lead to.
pub(crate) fn call(
    method: Method,
    address: &str,
    headers: HeaderMap,
    body: impl Into<Vec<u8>>,
) -> Result<Call, Error> {
    let uri = address.parse().map_err(|_| Error::usage(format!("{address:?} is not an address")))?;
    Ok(Call { method, uri, headers, body: Zeroizing::new(body.into()) })
}

/// A header value that contains a credential. It is marked as sensitive, so that no library prints it. `what` is the
/// credential's name in errors.
pub(crate) fn secret_header(value: &str, what: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        Error::usage(format!("{what} holds a character that cannot be sent in a header"))
            .hint("check that it was copied without a line break")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// A text from an answer, for an error message: on one line, and shortened to 200 characters.
pub(crate) fn quoted(text: &str) -> String {
    const MOST: usize = 200;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}
