//! The HTTP requests of a run: their deadline, the errors for refused requests, and the records of responses.

use crate::Digest;
use crate::credentials::Credentials;
use crate::login::Login;
use crate::network::Network;
use crate::options::{Options, Ssh};
use crate::proof::Proofs;
use crate::store::{Record, now};
use bytes::Bytes;
use http::StatusCode;
use keyfill_diag::{Class, Cx};
use keyfill_files::FetchError;
use keyfill_http::{Failure, FailureKind, GetError, HostPolicy, Refused, Reply, Request, Sink, shown};
use std::future::Future;
use std::time::{Duration, Instant};
use url::Url;

/// The most of a run's remaining time that is reserved for what follows fetching.
const RESERVE: Duration = Duration::from_secs(10);
/// The interval between two checks whether the run was cancelled.
const TICK: Duration = Duration::from_millis(50);

/// What the requests of one run need: the network, the settings and the deadline.
#[derive(Clone, Copy)]
pub(crate) struct Web<'a> {
    pub(crate) network: &'a Network,
    pub(crate) policy: &'a HostPolicy,
    pub(crate) proofs: &'a Proofs,
    pub(crate) ssh: Option<&'a Ssh>,
    pub(crate) credentials: &'a Credentials,
    pub(crate) until: Instant,
}

impl<'a> Web<'a> {
    /// For the requests of a run. They may take until its deadline, less the time that is reserved.
    pub(crate) fn new(network: &'a Network, options: &'a Options, cx: &Cx) -> Self {
        let left = cx.time_left();
        let Options { policy, proofs, credentials, ssh, .. } = options;
        Self {
            network,
            policy,
            proofs,
            ssh: ssh.as_ref(),
            credentials,
            until: Instant::now() + (left - (left / 4).min(RESERVE)),
        }
    }

    /// Sends a request and writes the body to `sink` if the status is 200. Other statuses are not errors here: the
    /// caller checks them.
    pub(crate) async fn send(&self, request: &Request, sink: &mut dyn Sink) -> Result<Reply, FetchError> {
        self.network.counters.requests(1);
        let certificates = self.credentials.certificates();
        let request = &Request { certificates, ..request.clone() };
        let reply = self.network.client.send(self.policy, request, sink, self.until).await;
        let reply = reply.map_err(|error| explain(&error))?;
        self.network.counters.bytes(reply.size);
        Ok(reply)
    }

    /// Sends a request and returns the body. A status other than 200 is an error.
    pub(crate) async fn bytes(&self, request: &Request) -> Result<(Reply, Bytes), FetchError> {
        let mut body = Vec::new();
        let reply = self.send(request, &mut body).await?;
        if reply.status != StatusCode::OK {
            return Err(refused(&reply, request.credential.is_some()));
        }
        Ok((reply, body.into()))
    }

    /// The login itself; its source is asked if there is one.
    pub(crate) async fn known(&self, login: Option<&Login>) -> Result<Option<Login>, FetchError> {
        let Some(login) = login else { return Ok(None) };
        login
            .known(self.until)
            .await
            .map_err(|why| FetchError::new(Class::Store, format!("there is no login: {why}")))
    }

    /// A `GET` request with a login. `most` is the largest body, in bytes.
    pub(crate) fn get(url: &Url, login: Option<&Login>, most: u64) -> Request {
        Request {
            credential: login.and_then(|login| login.credential(url)),
            ..Request::get(url.clone(), most)
        }
    }
}

/// Whether a policy allows every URL that was requested for a record.
pub(crate) fn allows(policy: &HostPolicy, record: &Record) -> bool {
    record.urls.iter().all(|url| Url::parse(url).is_ok_and(|url| policy.check(&url).is_ok()))
}

/// The record of a response.
pub(crate) fn record(reply: &Reply, digest: &Digest, resolved: &str) -> Record {
    Record {
        digest: digest.to_string(),
        resolved: resolved.to_owned(),
        urls: reply.urls.iter().map(shown).collect(),
        etag: reply.header(http::header::ETAG).unwrap_or_default().to_owned(),
        modified: reply.header(http::header::LAST_MODIFIED).unwrap_or_default().to_owned(),
        at: now(),
        ..Record::default()
    }
}

/// Runs a future until it ends, the run's deadline is exceeded, or the run is cancelled.
pub(crate) async fn while_running<T>(
    cx: &Cx,
    work: impl Future<Output = Result<T, FetchError>>,
) -> Result<T, FetchError> {
    let stopped = async {
        loop {
            if let Err(why) = cx.check() {
                return FetchError::new(Class::Other, format!("fetching was stopped: {why}"));
            }
            tokio::time::sleep(TICK.min(cx.time_left())).await;
        }
    };
    tokio::select! {
        result = work => result,
        error = stopped => Err(error),
    }
}

/// The error for a store that cannot be written or read.
pub(crate) fn unkept(error: &std::io::Error) -> FetchError {
    FetchError::new(Class::Other, format!("the cache cannot be used: {error}"))
        .hint("set KEYFILL_CACHE_DIR to a folder that can be written")
}

/// The error for a chart that is not signed as the administrator requires.
pub(crate) fn unproven(message: &str) -> FetchError {
    FetchError::new(Class::Forbidden, message).hint(
        "KEYFILL_FETCH_PROOF says who must have signed it: do not use it before you know why they did not",
    )
}

/// The error for a response with a status that is not a success.
pub(crate) fn refused(reply: &Reply, with_login: bool) -> FetchError {
    let url = reply.urls.last().map(shown).unwrap_or_default();
    let status = reply.status.as_u16();
    let error = |class| FetchError::new(class, format!("{url} answered {status}"));
    match (status, with_login) {
        (401 | 403, false) => error(Class::Store)
            .hint("it may ask for a login: add one to helm's repositories.yaml, the registry file, .netrc or git's credential file"),
        (401 | 403, true) => error(Class::Store).hint("the login for this host was refused"),
        (404 | 410, _) => error(Class::Render)
            .hint("nothing is at this address; a private repository may answer like this without a login"),
        (429, _) => error(Class::Store).hint("the server limits the rate of requests: try again later, or lock and vendor what is needed"),
        (500.., _) => error(Class::Store).hint("the server has a fault: try again later"),
        _ => error(Class::Render),
    }
}

fn explain(error: &GetError) -> FetchError {
    let class = match error {
        GetError::Refused(_) | GetError::Downgrade(_) | GetError::Elsewhere(_) => Class::Forbidden,
        GetError::Failed(_, Failure { kind: FailureKind::Address, .. }) => Class::Forbidden,
        GetError::Failed(..) => Class::Store,
        GetError::TooLarge(..) | GetError::Redirects(_) => Class::Render,
        GetError::Sink(error) => return unkept(error),
    };
    let built = FetchError::new(class, error.to_string());
    match error {
        GetError::Refused(Refused::NotListed(_)) => {
            built.hint("an administrator may list it in KEYFILL_FETCH_HOSTS, as https://HOST/PATH/*")
        }
        GetError::Refused(Refused::Scheme(_)) => {
            built.hint("use https; plain http only where KEYFILL_FETCH_HOSTS spells it out, as http://HOST/PATH/*")
        }
        GetError::Refused(Refused::Address(_)) | GetError::Failed(_, Failure { kind: FailureKind::Address, .. }) => {
            built.hint(
                "an administrator may list the host with its private address in KEYFILL_FETCH_HOSTS, as private+https://HOST/*",
            )
        }
        GetError::Failed(_, Failure { kind: FailureKind::Tls, .. }) => {
            built.hint("add the authority to the system's certificates, or caFile to helm's repositories.yaml")
        }
        _ => built,
    }
}
