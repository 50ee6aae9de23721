//! Requests to the API server, with the token of the service account.

use super::InCluster;
use crate::error::Error;
use crate::retry::{Tries, answer_may_pass, failure_may_pass};
use keyfill_diag::Cx;
use keyfill_http::{Answer, Call, FailureKind, Http, Route, Target, TlsSettings};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest message of the API server that an error repeats, in bytes.
const LONGEST_TEXT: usize = 300;

/// Why a request failed.
#[derive(Clone)]
pub enum Refused {
    /// The service account lacks the right (401, 403).
    Denied(Error),
    /// There is no such object.
    Absent,
    /// The object was changed or created by another client in the meantime.
    Conflict,
    /// Any other failure. If no answer came, the API server may have carried out the request all the same.
    Failed(Error),
}

/// A request: all but the address of the API server.
pub(super) struct Sent<'a> {
    /// The HTTP method.
    pub(super) method: http::Method,
    /// The path with the query.
    pub(super) path: &'a str,
    /// The content type and the body; `None` without a body.
    pub(super) content: Option<(&'static str, Vec<u8>)>,
}

impl<'a> Sent<'a> {
    /// A `GET` request.
    pub(super) fn get(path: &'a str) -> Self {
        Self { method: http::Method::GET, path, content: None }
    }

    /// A request with an object as its JSON body.
    pub(super) fn json(method: http::Method, path: &'a str, object: &serde_json::Value) -> Self {
        Self { method, path, content: Some(("application/json", object.to_string().into_bytes())) }
    }
}

/// Sends a `GET` request, and retries it after temporary failures until near the deadline.
pub(crate) async fn ask(cluster: &InCluster, path: &str, what: &str, cx: &Cx) -> Result<Answer, Error> {
    let (http, call) = call(cluster, Sent::get(path), what)?;
    let mut tries = Tries::new(Instant::now(), cx.deadline, None);
    loop {
        cx.check().map_err(|stopped| Error::store(format!("{what}: {stopped}")))?;
        let limit = REQUEST_TIMEOUT.min(tries.time_left(Instant::now()));
        let (asked, error) = match http.send(&call, limit).await {
            Ok(answer) if !answer_may_pass(&answer) => return Ok(answer),
            Ok(answer) => (
                answer.retry_after(),
                Error::store(format!("{what}: the API answered {}", answer.status.as_u16())),
            ),
            Err(failure) => {
                let error = Error::store(format!("{what}: {}", failure.reason));
                if failure.kind == FailureKind::Tls || !failure_may_pass(&failure) {
                    return Err(error);
                }
                (None, error)
            }
        };
        match tries.next(Instant::now(), asked) {
            Ok(wait) => tokio::time::sleep(wait).await,
            Err(_) => return Err(error.more(&format!(", tried again {} times", tries.retries()))),
        }
    }
}

/// Sends a request once. It is not retried, since the API server may have carried out a write without an answer.
pub(super) async fn send(
    cluster: &InCluster,
    sent: Sent<'_>,
    what: &str,
    cx: &Cx,
) -> Result<Answer, Refused> {
    let (http, call) = call(cluster, sent, what).map_err(Refused::Failed)?;
    let failed = |why: String| Refused::Failed(Error::store(format!("{what}: {why}")));
    let limit = REQUEST_TIMEOUT.min(cx.time_left());
    let answer = http.send(&call, limit).await.map_err(|failure| failed(failure.reason))?;
    let status = answer.status.as_u16();
    let said = || words(&answer).map_or_else(String::new, |words| format!(": {words}"));
    match status {
        200..=299 => Ok(answer),
        401 | 403 => {
            Err(Refused::Denied(Error::store(format!("{what}: the API answered {status}{}", said()))))
        }
        404 => Err(Refused::Absent),
        409 => Err(Refused::Conflict),
        _ => Err(failed(format!("the API answered {status}{}", said()))),
    }
}

/// The message of the API server in a refusal. It names objects, rights and the service account.
fn words(answer: &Answer) -> Option<String> {
    #[derive(Deserialize)]
    struct Status {
        message: String,
    }
    let status: Status = serde_json::from_slice(&answer.body).ok()?;
    let text: String = status.message.chars().filter(|c| !c.is_control()).collect();
    Some(text[..text.floor_char_boundary(LONGEST_TEXT)].to_owned())
}

fn call(cluster: &InCluster, sent: Sent<'_>, what: &str) -> Result<(Http, Call), Error> {
    let http = Http::new(Route { target: Target::Network, tls: Arc::new(tls(cluster)?), ..Route::default() });
    let token = file(cluster, "token")?;
    let token = std::str::from_utf8(&token).unwrap_or_default().trim();
    let mut header = http::HeaderValue::from_str(&Zeroizing::new(format!("Bearer {token}")))
        .map_err(|_| Error::usage(format!("{what}: the service account's token is not usable")))?;
    header.set_sensitive(true);
    let mut headers = http::HeaderMap::new();
    headers.insert(http::header::AUTHORIZATION, header);
    headers.insert(http::header::ACCEPT, http::HeaderValue::from_static("application/json"));
    let mut body = Zeroizing::default();
    if let Some((kind, bytes)) = sent.content {
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
        body = Zeroizing::new(bytes);
    }
    let uri = format!("{}{}", cluster.address, sent.path);
    let uri = uri.parse().map_err(|_| Error::usage(format!("{what}: this is not an address of an API")))?;
    Ok((http, Call { method: sent.method, uri, headers, body }))
}

fn tls(cluster: &InCluster) -> Result<TlsSettings, Error> {
    let mut tls = TlsSettings::default();
    if !cluster.address.starts_with("https:") {
        return Ok(tls);
    }
    let name = cluster.folder.join("ca.crt");
    match tls.add_roots(&file(cluster, "ca.crt")?) {
        Ok(0) => Err(Error::usage(format!("{} holds no certificate", name.display()))),
        Ok(_) => Ok(tls),
        Err(why) => Err(Error::usage(format!("{} is not usable: {why}", name.display()))),
    }
}

pub(super) fn file(cluster: &InCluster, name: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    let path = cluster.folder.join(name);
    std::fs::read(&path).map(Zeroizing::new).map_err(|e| {
        Error::usage(format!("the service account's {name} cannot be read from {}: {e}", path.display()))
            .hint("mount the service account's token into this container (automountServiceAccountToken)")
    })
}
