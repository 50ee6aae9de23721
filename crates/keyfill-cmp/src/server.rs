//! The server: sockets by argocd-cmp-server's rules, HTTP/2 that repo-server can speak, a graceful shutdown.

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

/// Messages up to 100 MB, as argocd-cmp-server takes and sends them.
const MOST_IN_MESSAGE: usize = 100 << 20;

/// How often a connection is pinged, and how long the answer may take.
const PING: Duration = Duration::from_secs(30);

/// A connection on which nothing comes for so long is closed: one that speaks HTTP/2 answers pings.
const SILENCE: Duration = Duration::from_secs(75);

/// Concurrent requests on one connection; repo-server opens a connection for each.
const STREAMS: u32 = 256;

/// How the server serves.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// The sockets to answer on: the plugin's own, and those of further names. Argo CD asks every socket for the
    /// folders of apps that name no plugin; the further ones say at once that they are for apps that name them.
    pub sockets: Vec<PathBuf>,
    /// Requests that are worked on at once.
    pub concurrency: usize,
    /// How long a request may take when the client does not say.
    pub deadline: Duration,
    /// The grace period: how long the server keeps serving after a shutdown was requested.
    pub grace: Duration,
    /// Memory that the archives of all requests share, in bytes.
    pub archive_memory: u64,
    /// Temporary disk that the archives of all requests share, in bytes.
    pub archive_disk: u64,
    /// Bounds of one archive.
    pub limits: Limits,
    /// Bytes of one message; 100 MB when it is zero.
    pub most_in_message: usize,
    /// What `CheckPluginConfiguration` answers.
    pub discovery_configured: bool,
    /// What `CheckPluginConfiguration` answers.
    pub provide_git_creds: bool,
}

/// A server that has its sockets.
pub struct Server {
    router: Router,
    listeners: Vec<UnixListener>,
    sockets: Vec<PathBuf>,
    grace: Duration,
    queue: Queue,
    budgets: Budgets,
}

/// The part of the grace period without a connection after which no further request is expected, and the part
/// that is left for the last answers.
const SHARE_OF_GRACE: u32 = 8;

impl Server {
    /// Makes the sockets and puts the services together. It must run inside a tokio runtime.
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

    /// What archives share, for metrics.
    pub fn budgets(&self) -> Budgets {
        self.budgets.clone()
    }

    /// The queue, for metrics.
    pub fn queue(&self) -> Queue {
        self.queue.clone()
    }

    /// Serves until `end` is ready, and then goes on: repo-server gets its signal at the same time, still
    /// drains, and opens a connection for each request. It ends when no client was connected for a while, or
    /// when the grace period is nearly over; requests that were begun are then answered in the time that is left.
    pub async fn serve(self, end: impl Future<Output = ()> + Send) -> Result<(), Error> {
        let connections = Connections::new();
        let incoming = Incoming { listeners: self.listeners, connections: connections.clone() };
        let (closing, mut closed) = tokio::sync::watch::channel(false);
        // An error means that the sender was dropped, which ends the server as well.
        let until_closing = async move { drop(closed.wait_for(|closing| *closing).await) };
        let serving = self.router.serve_with_incoming_shutdown(incoming, until_closing);
        tokio::pin!(serving);
        let share = self.grace / SHARE_OF_GRACE;
        let closing_time = async {
            end.await;
            // Either way the time has come.
            drop(tokio::time::timeout(self.grace - share, connections.quiet(share)).await);
        };
        let served = tokio::select! {
            served = &mut serving => served,
            () = closing_time => {
                closing.send_replace(true);
                tokio::time::timeout(share, &mut serving).await.unwrap_or(Ok(()))
            }
        };
        for socket in &self.sockets {
            // Another server may have made the socket anew: then it is not ours to remove.
            std::fs::remove_file(socket).ok();
        }
        served.map_err(|e| Error::io("the server broke off", io::Error::other(e)))
    }
}

/// The plugin's service without a socket: what the server answers with.
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

/// Makes a socket. A file left by a server that was killed is replaced; a socket that answers is not.
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

/// Connections of all sockets.
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
