//! Connections: TCP and TLS over TCP, each directly or through a proxy, and unix sockets.

use super::address::Addresses;
use super::innermost;
use super::tls::TlsSettings;
use super::tunnel::{self, ProxyFailure};
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower_service::Service;

/// The connect timeout. It is below the timeout of a request, so that a host that drops packets leaves time for
/// a retry.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where connections are made to.
#[derive(Clone, Debug, Default)]
pub enum Target {
    /// The host of the request's URL.
    #[default]
    Network,
    /// A unix socket with this path. The host of the request's URL is not used.
    Unix(PathBuf),
}

/// How connections are made, and to which addresses.
#[derive(Clone, Default)]
pub struct Route {
    /// The host of each URL, or one unix socket.
    pub target: Target,
    /// Root certificates, client certificate and other TLS settings.
    pub tls: Arc<TlsSettings>,
    /// The proxies for http and https; `None` if connections are made directly.
    pub proxies: Option<Arc<Matcher>>,
    /// The IP addresses that hosts may have. They are not checked for requests through a proxy, which resolves host
    /// names itself.
    pub addresses: Addresses,
    /// Resolves host names in place of the system's resolver. Not used if `addresses` is `Any`.
    pub names: Option<Arc<dyn Names>>,
}

/// Resolves host names.
pub trait Names: Send + Sync {
    /// The IP addresses of a host, each with `port`.
    fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The host of this name has no IP address that may be connected to.
#[derive(Debug)]
pub(crate) struct NoAddress(String);

impl fmt::Display for NoAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has no address that may be connected to: it is private, of this machine or reserved",
            self.0
        )
    }
}

impl StdError for NoAddress {}

impl Route {
    /// The `Proxy-Authorization` header of a request over plain http through a proxy. For https, only the `CONNECT`
    /// request that opens the tunnel has it.
    pub(super) fn plain_proxy_auth(&self, uri: &Uri) -> Option<HeaderValue> {
        if uri.scheme_str() != Some("http") {
            return None;
        }
        self.proxy_for(uri)?.basic_auth().cloned()
    }

    fn proxy_for(&self, uri: &Uri) -> Option<hyper_util::client::proxy::matcher::Intercept> {
        match self.target {
            Target::Network => self.proxies.as_ref()?.intercept(uri),
            Target::Unix(_) => None,
        }
    }
}

type BoxError = Box<dyn StdError + Send + Sync>;

/// Makes the connections of a pool.
#[derive(Clone)]
pub(crate) struct Connector {
    route: Route,
    tcp: HttpConnector,
}

impl Connector {
    pub(super) fn new(route: Route) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
        Self { route, tcp }
    }

    async fn connect(mut self, uri: Uri) -> Result<Conn, BoxError> {
        if let Target::Unix(path) = &self.route.target {
            return unix(path).await;
        }
        let proxy = self.route.proxy_for(&uri);
        if uri.scheme_str() != Some("https") {
            return Ok(match &proxy {
                Some(proxy) => Conn::new(self.reach_proxy(proxy.uri()).await?, true),
                None => Conn::new(self.direct(&uri).await?, false),
            });
        }
        let host = uri.host().unwrap_or_default();
        match proxy {
            None => {
                let stream = self.direct(&uri).await?;
                Ok(Conn::new(self.route.tls.handshake(host, stream).await?, false))
            }
            Some(proxy) => {
                let stream = self.reach_proxy(proxy.uri()).await?;
                let tunnel = tunnel::open(stream, &proxy, &uri).await?;
                Ok(Conn::new(self.route.tls.handshake(host, tunnel).await?, false))
            }
        }
    }

    /// A connection to a proxy. An error says that the proxy cannot be reached, not the server.
    async fn reach_proxy(&mut self, proxy: &Uri) -> Result<TcpStream, BoxError> {
        match self.tcp.call(proxy.clone()).await {
            Ok(stream) => Ok(stream.into_inner()),
            Err(error) => Err(ProxyFailure::unreachable(proxy, &innermost(&error)).into()),
        }
    }
}

impl Connector {
    /// A connection without a proxy. The host name is resolved only once, so that the address that is connected to is
    /// the address that was checked.
    async fn direct(&mut self, uri: &Uri) -> Result<TcpStream, BoxError> {
        if self.route.addresses == Addresses::Any {
            return Ok(self.tcp.call(uri.clone()).await?.into_inner());
        }
        let connect = async {
            let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
            let found = match &self.route.names {
                Some(names) => names.look_up(&host, port)?,
                None => tokio::net::lookup_host((host.as_str(), port)).await?.collect(),
            };
            let mut failed: BoxError = Box::new(NoAddress(host));
            for address in found.into_iter().filter(|a| self.route.addresses.allow(a.ip())) {
                match TcpStream::connect(address).await {
                    Ok(stream) => {
                        stream.set_nodelay(true)?;
                        return Ok(stream);
                    }
                    Err(error) => failed = error.into(),
                }
            }
            Err(failed)
        };
        let late = || io::Error::new(io::ErrorKind::TimedOut, "the connection did not come up in time");
        tokio::time::timeout(CONNECT_TIMEOUT, connect).await.map_err(|_| late())?
    }
}

#[cfg(unix)]
async fn unix(path: &std::path::Path) -> Result<Conn, BoxError> {
    Ok(Conn::new(tokio::net::UnixStream::connect(path).await?, false))
}

#[cfg(not(unix))]
async fn unix(_: &std::path::Path) -> Result<Conn, BoxError> {
    Err("this system has no unix sockets".into())
}

impl Service<Uri> for Connector {
    type Response = Conn;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Conn, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection of any kind.
pub(crate) struct Conn {
    io: TokioIo<Box<dyn Stream>>,
    /// Whether an http proxy reads the requests. Then each request line must have the absolute URL.
    proxied: bool,
}

impl Conn {
    fn new(stream: impl Stream + 'static, proxied: bool) -> Self {
        Self { io: TokioIo::new(Box::new(stream)), proxied }
    }
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        Connected::new().proxy(self.proxied)
    }
}

impl Read for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Conn {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}

/// The direct cause of an error. The `source` of an IO error skips the error that it wraps, which may be a TLS error;
/// `get_ref` returns the wrapped error.
pub(super) fn next_cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// Whether the error says that no IP address of the host may be connected to.
pub(super) fn is_address_refusal(error: &(dyn StdError + 'static)) -> bool {
    std::iter::successors(Some(error), |error| next_cause(*error)).any(<dyn StdError>::is::<NoAddress>)
}
