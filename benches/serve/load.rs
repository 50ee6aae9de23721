//! Clients that send requests and measure how long each takes.

use crate::archive::App;
use hyper_util::rt::TokioIo;
use keyfill_cmp::proto::plugin::config_management_plugin_service_client::ConfigManagementPluginServiceClient;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

const MOST_IN_MESSAGE: usize = 100 << 20;

/// The method of the plugin protocol that a load calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// `GenerateManifest`.
    Generate,
    /// `MatchRepository`.
    Match,
}

/// A load: which requests are sent, how, and when it ends.
#[derive(Clone)]
pub struct Load {
    /// The method to call.
    pub call: Call,
    /// The apps that the requests name, in turn.
    pub apps: Arc<Vec<App>>,
    /// Number of clients that send at the same time, each over its own connection.
    pub clients: usize,
    /// Whether each request opens a new connection, as repo-server does.
    pub dial: bool,
    /// Largest number of requests.
    pub requests: usize,
    /// Time after the first request in which further requests start.
    pub time: Duration,
    /// Largest number of requests per second.
    pub rate: Option<f64>,
}

/// The measured figures of a load.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// How long each request took.
    pub times: Vec<Duration>,
    /// Time from the first request to the last answer.
    pub took: Duration,
    /// Number of requests that failed.
    pub failed: usize,
    /// Message of the first failure.
    pub failure: Option<String>,
}

impl Outcome {
    /// Requests per second.
    pub fn rate(&self) -> f64 {
        self.times.len() as f64 / self.took.as_secs_f64()
    }

    /// The time within which `percent` of a hundred requests were answered.
    pub fn percentile(&self, percent: f64) -> Duration {
        let mut times = self.times.clone();
        times.sort_unstable();
        let at = (times.len() as f64 * percent / 100.0) as usize;
        times.get(at.min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.failed += other.failed;
        self.failure = self.failure.take().or(other.failure);
    }
}

type Client = ConfigManagementPluginServiceClient<Channel>;

async fn connect(socket: &Path) -> Result<Client, String> {
    let socket: PathBuf = socket.to_owned();
    let dial = tower::service_fn(move |_| {
        let socket = socket.clone();
        async move { UnixStream::connect(socket).await.map(TokioIo::new) }
    });
    let channel = Endpoint::from_static("http://localhost").connect_with_connector(dial).await;
    let client = Client::new(channel.map_err(|e| format!("cannot connect: {e}"))?);
    Ok(client.max_decoding_message_size(MOST_IN_MESSAGE))
}

async fn once(client: &mut Client, call: Call, app: &App) -> Result<(), String> {
    let messages = Arc::clone(&app.messages);
    let count = messages.len();
    let stream = tokio_stream::iter((0..count).map(move |i| messages[i].clone()));
    match call {
        Call::Generate => {
            let answer = client.generate_manifest(stream).await.map_err(|e| e.message().to_owned())?;
            let manifests = answer.into_inner().manifests;
            if manifests.iter().any(|m| m.contains(&app.expects)) {
                return Ok(());
            }
            Err(format!("{}: {} manifests, none of them holds the value", app.name, manifests.len()))
        }
        Call::Match => {
            let answer = client.match_repository(stream).await.map_err(|e| e.message().to_owned())?;
            if answer.into_inner().is_supported {
                Ok(())
            } else {
                Err(format!("{}: not supported", app.name))
            }
        }
    }
}

/// Sends a load. `started` counts the requests that have started so far.
pub async fn send(socket: &Path, load: &Load, started: &Arc<AtomicUsize>) -> Outcome {
    let start = Instant::now();
    let clients: Vec<_> = (0..load.clients)
        .map(|_| tokio::spawn(client(socket.to_owned(), load.clone(), Arc::clone(started), start)))
        .collect();
    let mut all = Outcome::default();
    for client in clients {
        all.add(client.await.expect("a client does not panic"));
    }
    all.took = start.elapsed();
    all
}

async fn client(socket: PathBuf, load: Load, started: Arc<AtomicUsize>, start: Instant) -> Outcome {
    let mut outcome = Outcome::default();
    let mut connection = None;
    loop {
        let number = started.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests || start.elapsed() >= load.time {
            return outcome;
        }
        if let Some(rate) = load.rate {
            let due = start + Duration::from_secs_f64(number as f64 / rate);
            tokio::time::sleep_until(due.into()).await;
        }
        let app = &load.apps[number % load.apps.len()];
        let began = Instant::now();
        let result = match connection.take() {
            Some(client) if !load.dial => Ok(client),
            _ => connect(&socket).await,
        };
        let result = match result {
            Ok(mut client) => {
                let done = once(&mut client, load.call, app).await;
                connection = Some(client);
                done
            }
            Err(why) => Err(why),
        };
        match result {
            Ok(()) => outcome.times.push(began.elapsed()),
            Err(why) => {
                outcome.failed += 1;
                outcome.failure.get_or_insert(why);
            }
        }
    }
}
