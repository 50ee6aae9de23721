//! Requests to any server that a policy allows, with redirects, credentials, size limits and retries.

use crate::{
    Addresses, Call, Failure, FailureKind, HostPolicy, Http, Matcher, Names, Refused, Route, Started,
};
use crate::{Target, TlsSettings, retry_after, seconds, shown};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use url::Url;

/// The most redirects that one request follows.
const MOST_REDIRECTS: usize = 5;
/// How often a request is retried after a failure that may be temporary.
const MOST_RETRIES: u32 = 4;
/// The longest wait before the first retry. It doubles with each retry; the actual wait is shortened by jitter.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait before a retry when the server sent no `Retry-After`.
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// How many bytes of the body of an error response are read. Once a body is read to its end, the connection can be
/// used again.
const REFUSAL_BYTES: usize = 64 << 10;

/// Scheme, host and port of a URL. A credential belongs to one origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(String);

impl Origin {
    /// The origin of a URL.
    pub fn of(url: &Url) -> Self {
        let port = url.port_or_known_default().map_or_else(String::new, |port| port.to_string());
        Self(format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or_default()))
    }
}

/// A value of the `Authorization` header, and the only origin that it is sent to.
#[derive(Clone)]
pub struct Credential {
    origin: Origin,
    value: HeaderValue,
}

impl Credential {
    /// A credential for an origin; `None` if `authorization` is not a valid header value.
    pub fn new(origin: Origin, authorization: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(authorization).ok()?;
        value.set_sensitive(true);
        Some(Self { origin, value })
    }

    /// The origin that the credential is sent to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential for {}", self.origin.0)
    }
}

/// A request to any server that a policy allows.
#[derive(Clone, Debug)]
pub struct Request {
    /// `GET` or `POST`. A request with either must not change anything on the server, since it may be retried.
    pub method: Method,
    /// The URL that is requested first.
    pub url: Url,
    /// The URL that the policy checks in place of `url`, for example the `oci://` reference behind an https URL.
    /// Redirects are checked by their own URL.
    pub judged_as: Option<Url>,
    /// Further headers. They must contain no secret, since redirects to other origins get them too.
    pub headers: HeaderMap,
    /// The body of a `POST`; a `GET` has none.
    pub body: Bytes,
    /// The credential, which is sent to its own origin only.
    pub credential: Option<Credential>,
    /// Whether the body contains a credential. Then a redirect to another origin is an error.
    pub secret_body: bool,
    /// The largest body of the response, in bytes.
    pub most: u64,
    /// TLS settings of servers that need others than the client's own.
    pub certificates: Arc<Certificates>,
}

/// TLS settings for certain URLs, in place of the client's own. Each entry is for a URL and what lies below its path.
#[derive(Clone, Default)]
pub struct Certificates(Vec<(Url, Arc<TlsSettings>)>);

impl Certificates {
    /// Adds settings for a URL and the paths below it. If several entries match a URL, the one with the longest path
    /// is used; of equally long ones, the first that was added.
    pub fn add(&mut self, below: Url, tls: Arc<TlsSettings>) {
        self.0.push((below, tls));
    }

    /// The settings for a URL, if an entry matches it.
    fn of(&self, url: &Url) -> Option<&Arc<TlsSettings>> {
        let fits = |below: &Url| Origin::of(below) == Origin::of(url) && is_below(url.path(), below.path());
        let fitting = self.0.iter().rev().filter(|(below, _)| fits(below));
        fitting.max_by_key(|(below, _)| below.path().trim_end_matches('/').len()).map(|(_, tls)| tls)
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(below, _)| shown(below))).finish()
    }
}

/// Whether `path` is `folder` or lies below it. `path` may have `.git` after `folder`, as in the URLs of a git
/// repository.
pub fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder.trim_end_matches('/'));
    let rest = rest.map(|rest| rest.strip_prefix(".git").unwrap_or(rest));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

impl Request {
    /// A `GET` of a URL, for a body of at most `most` bytes.
    pub fn get(url: Url, most: u64) -> Self {
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Self {
            method: Method::GET,
            url,
            judged_as: None,
            headers,
            body,
            credential: None,
            secret_body: false,
            most,
            certificates: Arc::default(),
        }
    }

    /// Adds a header unless the value is empty.
    #[must_use]
    pub fn header_if(self, name: header::HeaderName, value: &str) -> Self {
        if value.is_empty() { self } else { self.header(name, value) }
    }

    /// Adds a header. A value that no header may have is ignored.
    #[must_use]
    pub fn header(mut self, name: header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// Receives the body of a response whose status is a success.
pub trait Sink: Send {
    /// Called before the first byte of a body. Bytes of an earlier attempt must be discarded.
    fn start(&mut self) -> io::Result<()>;
    /// Called with the next bytes of the body.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for Vec<u8> {
    fn start(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A response with any status, after redirects. The body of a success went to the sink.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status of the last response.
    pub status: StatusCode,
    /// The headers of the last response.
    pub headers: HeaderMap,
    /// Every URL that was requested, in order. The response is from the last one; the others redirected.
    pub urls: Vec<Url>,
    /// The SHA-256 of the body that went to the sink; zeros if the status is not a success.
    pub digest: [u8; 32],
    /// The length of that body, in bytes; 0 if the status is not a success.
    pub size: u64,
}

impl Reply {
    /// Whether all requested URLs have the origin of the first.
    pub fn is_from_first_origin(&self) -> bool {
        self.urls.iter().all(|url| Origin::of(url) == Origin::of(&self.urls[0]))
    }

    /// The value of a header as text; `None` if there is none or it is not visible ASCII.
    pub fn header(&self, name: impl header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Why a request got no reply. The text names the URL without user, password and query.
#[derive(Debug)]
pub enum GetError {
    /// The policy forbids the first URL or one that a redirect leads to.
    Refused(Refused),
    /// A redirect leads from https to another scheme, for example to http.
    Downgrade(String),
    /// A redirect leads to another origin, and the body of the request contains a credential.
    Elsewhere(String),
    /// There are too many redirects.
    Redirects(String),
    /// The body is larger than the given limit in bytes.
    TooLarge(String, u64),
    /// There was no complete response. The text says how often the request was tried.
    Failed(String, Failure),
    /// The sink failed to store the body.
    Sink(io::Error),
}

impl fmt::Display for GetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(f),
            Self::Downgrade(url) => write!(f, "{url} redirects from https to http"),
            Self::Elsewhere(url) => write!(f, "{url} redirects a request with a login to another origin"),
            Self::Redirects(url) => write!(f, "{url} redirects more than {MOST_REDIRECTS} times"),
            Self::TooLarge(url, most) => write!(f, "{url} sends more than {most} bytes"),
            Self::Failed(url, failure) => {
                let what = match failure.kind {
                    FailureKind::Connect => "is not reachable",
                    FailureKind::NoTls => "does not speak TLS",
                    FailureKind::Tls
                    | FailureKind::WrongName
                    | FailureKind::NoName
                    | FailureKind::Expired
                    | FailureKind::UnknownIssuer
                    | FailureKind::ClientCertificate => "failed the TLS handshake",
                    FailureKind::Proxy | FailureKind::ProxyConnect => "is not reachable through its proxy",
                    FailureKind::Broken => "broke off",
                    FailureKind::Address => "is not allowed",
                    FailureKind::Timeout => "is too slow",
                    FailureKind::Unusable => "cannot be asked",
                };
                write!(f, "{url} {what}: {}", failure.reason)
            }
            Self::Sink(error) => write!(f, "the response cannot be stored: {error}"),
        }
    }
}

impl std::error::Error for GetError {}

/// The most connection pools that a client keeps; one more drops all of them. Without a limit the number would grow,
/// since certificates that are read again get a new pool.
const MOST_POOLS: usize = 128;

/// Requests share connections if the same addresses are allowed and their TLS settings are the same. Settings of
/// certain servers are identified by their address in memory. The pool keeps an `Arc` of the settings, so that no
/// others can get the same address.
type PoolKey = (Addresses, Option<(Origin, usize)>);

/// Sends requests to the servers that a policy allows. Threads may share a client; connections are used again.
pub struct Client {
    proxies: Option<Arc<Matcher>>,
    names: Option<Arc<dyn Names>>,
    tls: Arc<TlsSettings>,
    pools: Mutex<HashMap<PoolKey, Arc<Http>>>,
}

impl Client {
    /// A client that trusts the roots of `tls`, or the system's if `tls` has none. Without `proxies`, requests go to
    /// their servers directly.
    pub fn new(tls: TlsSettings, proxies: Option<Arc<Matcher>>) -> Self {
        let pools = Mutex::default();
        Self { proxies, names: None, tls: Arc::new(tls), pools }
    }

    /// Resolves host names with `names` in place of the system's resolver.
    #[must_use]
    pub fn with_names(mut self, names: Arc<dyn Names>) -> Self {
        self.names = Some(names);
        self
    }

    /// Sends a request and retries it after failures that may be temporary, until the deadline `until`.
    pub async fn send(
        &self,
        policy: &HostPolicy,
        request: &Request,
        sink: &mut dyn Sink,
        until: Instant,
    ) -> Result<Reply, GetError> {
        let mut retries = 0;
        loop {
            let result = self.follow(policy, request, sink, until).await;
            let asked = match &result {
                Ok(reply) if may_get_better(reply.status) => retry_after(&reply.headers),
                Err(GetError::Failed(_, failure)) if may_pass(failure) => None,
                _ => return result,
            };
            let wait = asked.unwrap_or_else(|| jittered(retries));
            if retries == MOST_RETRIES || Instant::now() + wait >= until {
                return result.map_err(|error| tried(error, retries));
            }
            tokio::time::sleep(wait).await;
            retries += 1;
        }
    }

    /// Sends a request once and follows its redirects.
    async fn follow(
        &self,
        policy: &HostPolicy,
        request: &Request,
        sink: &mut dyn Sink,
        until: Instant,
    ) -> Result<Reply, GetError> {
        let mut urls = vec![request.url.clone()];
        let mut method = request.method.clone();
        loop {
            let url = urls[urls.len() - 1].clone();
            let judged = request.judged_as.as_ref().filter(|_| urls.len() == 1).unwrap_or(&url);
            let addresses = policy.check(judged).map_err(GetError::Refused)?;
            let left = until.saturating_duration_since(Instant::now());
            let late = || {
                GetError::Failed(
                    shown(&url),
                    Failure {
                        kind: FailureKind::Timeout,
                        reason: format!("no complete answer within {}", seconds(left)),
                    },
                )
            };
            let http = self.pool(addresses, &url, &request.certificates);
            let call = call(request, &method, &url)?;
            let failed = |failure| GetError::Failed(shown(&url), failure);
            let mut answer =
                tokio::time::timeout(left, http.start(&call)).await.map_err(|_| late())?.map_err(failed)?;
            if let Some(next) = redirect(&answer, &url) {
                if url.scheme() == "https" && next.scheme() != "https" {
                    return Err(GetError::Downgrade(shown(&url)));
                }
                if urls.len() > MOST_REDIRECTS {
                    return Err(GetError::Redirects(shown(&urls[0])));
                }
                if request.secret_body && Origin::of(&next) != Origin::of(&url) {
                    return Err(GetError::Elsewhere(shown(&url)));
                }
                // Only status 303 turns a POST into a GET. After any other redirect the new URL gets the same POST,
                // which changes nothing on the server.
                if answer.status == StatusCode::SEE_OTHER {
                    method = Method::GET;
                }
                urls.push(next);
                continue;
            }
            let taken = take(&mut answer, sink, request.most, &url);
            let taken = tokio::time::timeout_at(until.into(), taken).await.map_err(|_| late())??;
            return Ok(Reply {
                status: answer.status,
                headers: answer.headers,
                urls,
                digest: taken.0,
                size: taken.1,
            });
        }
    }

    fn pool(&self, addresses: Addresses, url: &Url, certificates: &Certificates) -> Arc<Http> {
        let tls = certificates.of(url);
        let key = (addresses, tls.map(|tls| (Origin::of(url), Arc::as_ptr(tls).addr())));
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.len() >= MOST_POOLS && !pools.contains_key(&key) {
            pools.clear();
        }
        let http = pools.entry(key).or_insert_with(|| {
            Arc::new(Http::new(Route {
                target: Target::Network,
                tls: Arc::clone(tls.unwrap_or(&self.tls)),
                proxies: self.proxies.clone(),
                addresses,
                names: self.names.clone(),
            }))
        });
        Arc::clone(http)
    }
}

/// Reads a body. That of a success goes to the sink; of any other, only the first bytes are read and dropped. Returns
/// the SHA-256 and the length of what went to the sink.
async fn take(
    answer: &mut Started,
    sink: &mut dyn Sink,
    most: u64,
    url: &Url,
) -> Result<([u8; 32], u64), GetError> {
    let failed = |failure| GetError::Failed(shown(url), failure);
    if !answer.status.is_success() {
        let mut read = 0;
        while read < REFUSAL_BYTES {
            // The status alone decides: an error response whose body breaks off is still an error response.
            let Ok(Some(data)) = answer.next().await else { break };
            read += data.len();
        }
        return Ok(([0; 32], 0));
    }
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    sink.start().map_err(GetError::Sink)?;
    while let Some(data) = answer.next().await.map_err(failed)? {
        size += data.len() as u64;
        if size > most {
            return Err(GetError::TooLarge(shown(url), most));
        }
        hash.update(&data);
        sink.write(&data).map_err(GetError::Sink)?;
    }
    Ok((hash.finalize().into(), size))
}

/// The request for one of the URLs. It has the credential only if the URL is of the credential's origin.
fn call(request: &Request, method: &Method, url: &Url) -> Result<Call, GetError> {
    let mut bare = url.clone();
    // User and password in a URL are not sent: credentials come from `request.credential`. Both calls fail only if
    // the URL has no host.
    let _ = bare.set_username("").and_then(|()| bare.set_password(None));
    bare.set_fragment(None);
    let unusable = || {
        let reason = "it is not a usable URL".to_owned();
        GetError::Failed(shown(url), Failure { kind: FailureKind::Unusable, reason })
    };
    let uri = bare.as_str().parse().map_err(|_| unusable())?;
    let mut headers = request.headers.clone();
    if !headers.contains_key(header::USER_AGENT) {
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("keyfill/", env!("CARGO_PKG_VERSION"))),
        );
    }
    if let Some(credential) = &request.credential
        && credential.origin == Origin::of(url)
    {
        headers.insert(header::AUTHORIZATION, credential.value.clone());
    }
    let body = if *method == Method::GET { Vec::new() } else { request.body.to_vec() };
    Ok(Call { method: method.clone(), uri, headers, body: body.into() })
}

fn redirect(answer: &Started, url: &Url) -> Option<Url> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    url.join(answer.headers.get(header::LOCATION)?.to_str().ok()?).ok()
}

fn may_get_better(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

fn may_pass(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::Connect | FailureKind::Broken)
}

/// Exponential backoff with jitter: the wait doubles with each retry, and a random part of at most half is taken off
/// it. So clients that failed at the same moment do not retry at the same moment.
fn jittered(retries: u32) -> Duration {
    let wait = FIRST_WAIT.saturating_mul(1 << retries.min(8)).min(LONGEST_WAIT);
    wait / 2 + wait.mul_f64(fastrand::f64() / 2.0)
}

fn tried(error: GetError, retries: u32) -> GetError {
    match error {
        GetError::Failed(url, failure) if retries > 0 => {
            let reason = format!("{}, tried {} times", failure.reason, retries + 1);
            GetError::Failed(url, Failure { reason, ..failure })
        }
        other => other,
    }
}
