//! A tunnel through a proxy, for https. If the proxy refuses it, the error names the status of the proxy's response.

use super::FailureKind;
use http::{Method, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use std::fmt;
use tokio::net::TcpStream;

/// Why a proxy did not open a tunnel. The text leaves out the user name and the password of the proxy's URL.
#[derive(Clone, Debug)]
pub(crate) struct ProxyFailure {
    /// The kind of the failure, which decides whether a retry may help.
    pub(crate) kind: FailureKind,
    text: String,
}

impl ProxyFailure {
    pub(crate) fn unreachable(proxy: &Uri, why: &str) -> Self {
        let text = format!("the proxy {} is not reachable: {why}", shown(proxy));
        Self { kind: FailureKind::ProxyConnect, text }
    }

    fn broken(proxy: &Uri) -> Self {
        let text = format!("the proxy {} sent no valid HTTP response", shown(proxy));
        Self { kind: FailureKind::Proxy, text }
    }

    fn refused(proxy: &Uri, to: &str, status: StatusCode) -> Self {
        // These statuses are temporary: the request is retried, as it is when a server sends them.
        let passes = matches!(status.as_u16(), 429 | 502..=504);
        let kind = if passes { FailureKind::ProxyConnect } else { FailureKind::Proxy };
        Self { kind, text: format!("the proxy {} answered {status} when asked for {to}", shown(proxy)) }
    }
}

impl fmt::Display for ProxyFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ProxyFailure {}

/// The proxy's URL without user name, password and path.
fn shown(proxy: &Uri) -> String {
    let host = proxy.host().unwrap_or_default();
    let port = proxy.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    format!("{}://{host}{port}", proxy.scheme_str().unwrap_or("http"))
}

/// Sends a `CONNECT` request for the server of `uri` to a proxy. `stream` is a connection to the proxy.
pub(crate) async fn open(
    stream: TcpStream,
    proxy: &Intercept,
    uri: &Uri,
) -> Result<TokioIo<Upgraded>, ProxyFailure> {
    let broken = || ProxyFailure::broken(proxy.uri());
    let to = format!("{}:{}", uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(443));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| broken())?;
    // The task drives the connection to the proxy. It ends by itself, once the tunnel is opened or the request failed.
    tokio::spawn(connection.with_upgrades());
    let mut request = Request::builder().method(Method::CONNECT).uri(&to).header(http::header::HOST, &to);
    if let Some(auth) = proxy.basic_auth() {
        request = request.header(http::header::PROXY_AUTHORIZATION, auth);
    }
    let request = request.body(Empty::<bytes::Bytes>::new()).map_err(|_| broken())?;
    let answer = sender.send_request(request).await.map_err(|_| broken())?;
    if !answer.status().is_success() {
        return Err(ProxyFailure::refused(proxy.uri(), &to, answer.status()));
    }
    hyper::upgrade::on(answer).await.map(TokioIo::new).map_err(|_| broken())
}
