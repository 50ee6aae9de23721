//! The server: its sockets, which are named and placed as argocd-cmp-server does, HTTP/2 that works with
//! repo-server, and a graceful shutdown.

use crate::answer::Direct;
use crate::archive::{Budget, Budgets, Limits};
use crate::authority::{Socket, UsableAuthority};
use crate::connections::{Connections, Open};
use crate::proto::plugin::config_management_plugin_service_server::ConfigManagementPluginServiceServer;
use crate::queue::Queue;
use crate::service::Service;
use crate::{Error, Generator};
use std::future::Future;
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::Stream;
use tonic::transport::server::Router;

/// The most bytes of a message by default: 100 MB, as in argocd-cmp-server.
const MOST_IN_MESSAGE: usize = 100 << 20;

/// How often a connection is pinged, and how long the response may take.
const PING: Duration = Duration::from_secs(30);

/// A connection on which nothing is received for this long is closed. A client that speaks HTTP/2 answers pings.
const SILENCE: Duration = Duration::from_secs(75);

/// The most concurrent requests on one connection. Repo-server opens a connection for each request.
const STREAMS: u32 = 256;

/// The options of a server.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The paths of the sockets: the plugin's own first, then those of its aliases. For apps that name no plugin,
    /// Argo CD asks every socket whether it has discovery. The aliases answer that they have none, so only apps
    /// that name them use them.
    pub sockets: Vec<PathBuf>,
    /// The most requests that are worked on at once.
    pub concurrency: usize,
    /// How long a request may take. A client may set a shorter time.
    pub deadline: Duration,
    /// The grace period: the most time from the request to shut down until the server ends.
    pub grace: Duration,
    /// Memory that the archives of all requests share, in bytes.
    pub archive_memory: u64,
    /// Temporary disk that the archives of all requests share, in bytes.
    pub archive_disk: u64,
    /// The limits of one archive.
    pub limits: Limits,
    /// The most bytes of a message; 0 for 100 MB.
    pub most_in_message: usize,
    /// Whether discovery is configured, for the answer to `CheckPluginConfiguration`.
    pub discovery_configured: bool,
    /// Whether repo-server should send git credentials, for the answer to `CheckPluginConfiguration`.
    pub provide_git_creds: bool,
}

/// A server that has bound its sockets.
pub struct Server {
    router: Router,
    listeners: Vec<UnixListener>,
    sockets: Vec<PathBuf>,
    grace: Duration,
    queue: Queue,
    budgets: Budgets,
}

/// One part in this many of the grace period is the time without a connection after which no further request is
/// expected. The same part is left for the last answers.
const SHARE_OF_GRACE: u32 = 8;

impl Server {
    /// Makes the sockets and sets up the services. It must run inside a tokio runtime.
    pub async fn bind<G: Generator>(generator: Arc<G>, options: ServerOptions) -> Result<Self, Error> {
        let queue = Queue::new(options.concurrency);
        let budgets =
            Budgets { memory: Budget::new(options.archive_memory), disk: Budget::new(options.archive_disk) };
        let plugin = plugin_service(generator, queue.clone(), budgets.clone(), &options);
        let (reporter, health) = tonic_health::server::health_reporter();
        reporter.set_serving::<ConfigManagementPluginServiceServer<Service<G>>>().await;
        let router = tonic::transport::Server::builder()
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .http2_keepalive_interval(Some(PING))
            .http2_keepalive_timeout(Some(PING))
            .max_concurrent_streams(STREAMS)
            .add_service(health)
            .add_service(plugin);
        let listeners = options.sockets.iter().map(|path| listen(path)).collect::<Result<_, _>>()?;
        Ok(Self { router, listeners, sockets: options.sockets, grace: options.grace, queue, budgets })
    }

    /// The budgets that archives share, for metrics.
    pub fn budgets(&self) -> Budgets {
        self.budgets.clone()
    }

    /// The queue, for metrics.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Serves until `end` is ready, and then for a part of the grace period: repo-server gets its signal at the
    /// same time, still finishes its work, and opens a connection for each request. The server stops to accept
    /// requests when no client was connected for a while, or when the grace period is nearly over. Requests that
    /// have begun are then answered in the time that is left.
    pub async fn serve(self, end: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let connections = Connections::new();
        let incoming = Incoming { listeners: self.listeners, connections: connections.clone() };
        let (closing, mut closed) = tokio::sync::watch::channel(false);
        // An error means that the sender was dropped, which ends the server too.
        let until_closing = async move { drop(closed.wait_for(|closing| *closing).await) };
        let serving = self.router.serve_with_incoming_shutdown(incoming, until_closing);
        tokio::pin!(serving);
        let share = self.grace / SHARE_OF_GRACE;
        let closing_time = async {
            end.await;
            // It closes in both cases: no connection for a while, or the time is up.
            drop(tokio::time::timeout(self.grace - share, connections.quiet(share)).await);
        };
        let served = tokio::select! {
            served = &mut serving => {
                remove(&self.sockets);
                served
            }
            () = closing_time => {
                // Before the listeners close: afterwards the path may be a new server's.
                remove(&self.sockets);
                closing.send_replace(true);
                tokio::time::timeout(share, &mut serving).await.unwrap_or(Ok(()))
            }
        };
        served.map_err(|e| Error::io("the server broke off", io::Error::other(e)))
    }
}

/// Removes the sockets' files. An error is ignored: a file may be gone already.
fn remove(sockets: &[PathBuf]) {
    for socket in sockets {
        std::fs::remove_file(socket).ok();
    }
}

/// The plugin's gRPC service without a socket.
pub fn plugin_service<G: Generator>(
    generator: Arc<G>,
    queue: Queue,
    budgets: Budgets,
    options: &ServerOptions,
) -> Direct<ConfigManagementPluginServiceServer<Service<G>>> {
    let most = if options.most_in_message == 0 { MOST_IN_MESSAGE } else { options.most_in_message };
    let service = Service {
        generator,
        queue,
        budgets,
        limits: options.limits,
        most_in_message: most,
        deadline: options.deadline,
        discovery_configured: options.discovery_configured,
        provide_git_creds: options.provide_git_creds,
    };
    let service = ConfigManagementPluginServiceServer::new(service);
    Direct(service.max_decoding_message_size(most).max_encoding_message_size(most))
}

/// Makes a socket. A socket that a killed server has left is replaced; one on which a server answers is an error.
fn listen(path: &Path) -> Result<UnixListener, Error> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(Error::config(format!("{} is there and is not a socket", path.display())));
        }
        if StdUnixStream::connect(path).is_ok() {
            return Err(Error::config(format!("another server answers on {}", path.display())));
        }
        std::fs::remove_file(path).map_err(|e| Error::io(format!("cannot replace {}", path.display()), e))?;
    }
    UnixListener::bind(path).map_err(|e| Error::io(format!("cannot listen on {}", path.display()), e))
}

/// The connections of all sockets.
struct Incoming {
    listeners: Vec<UnixListener>,
    connections: Connections,
}

impl Stream for Incoming {
    type Item = io::Result<UsableAuthority<UnixStream, Open>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        for (number, listener) in self.listeners.iter().enumerate() {
            if let Poll::Ready(accepted) = listener.poll_accept(cx) {
                let open = self.connections.open();
                let socket = if number == 0 { Socket::Own } else { Socket::Alias };
                return Poll::Ready(Some(
                    accepted.map(|(stream, _)| UsableAuthority::new(stream, open, SILENCE).on(socket)),
                ));
            }
        }
        Poll::Pending
    }
}
