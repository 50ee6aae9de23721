//! Rotation of secrets: notes which app was given which version of which secret, and refreshes the app when a
//! secret has changed.
//!
//! The supervisor answers its workers' questions for secrets, so it knows what each request was given. It notes a
//! version or a keyed hash ([`mark`]), never a value. The [`table`] holds what this replica has served. [`watch`]
//! asks the stores for changes. [`announce`] refreshes apps while this replica holds a Lease ([`holder`]), in which
//! replicas share what they have refreshed ([`done`]).

mod announce;
mod counters;
mod done;
mod holder;
mod judge;
mod mark;
mod metrics;
mod table;
mod unknown;
mod watch;

use crate::cli::args::{RefsFormat, ServeArgs};
use crate::reference_table::{self, Table as Printed};
use crate::report::Problem;
use crate::settings::{self, Env};
use announce::Queue;
use anyhow::Result;
use counters::{Counters, Ended};
use holder::Holder;
use keyfill_cmp::AppRequest;
use keyfill_secrets::Source;
use keyfill_secrets::kubernetes::InCluster;
use keyfill_workers::Scope;
pub use mark::Marks;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::BuildHasher as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
pub use table::Given;
use table::{AppName, Change, Part, Table};
use tokio::task::JoinHandle;
use unknown::Unknown;

/// How long releasing the Lease may take when the server shuts down.
const LAST: Duration = Duration::from_secs(2);

/// The apps' secrets that are in use, and the tasks that watch them.
pub struct Refresher {
    inner: Arc<Inner>,
    work: Mutex<Option<Work>>,
}

struct Work {
    tasks: Vec<JoinHandle<()>>,
    holder: Option<Arc<tokio::sync::Mutex<Holder>>>,
}

struct Inner {
    marks: Arc<Marks>,
    table: Mutex<Table>,
    unknown: Unknown,
    queue: Mutex<Queue>,
    /// Namespaces in which the service account may not change Applications, and until when no attempt is made
    /// there.
    denied: Mutex<BTreeMap<String, Instant>>,
    counters: Counters,
    /// The API server; `None` if apps are not refreshed.
    cluster: Option<InCluster>,
    /// The namespace of the pod, which is Argo CD's.
    namespace: String,
    interval: Duration,
    spread: Duration,
    /// How long a refresh waits after a change was seen, so that no replica has the old value in its cache.
    rest: Duration,
    shows_refs: bool,
}

impl Refresher {
    /// `None` if neither `--refresh` nor `--refs` is set. Work begins with [`Refresher::begin`].
    pub fn new(args: &ServeArgs, env: &Env) -> Result<Option<Arc<Self>>> {
        let flags = &args.refresh;
        if !flags.refresh && !flags.refs {
            return Ok(None);
        }
        let cluster = if flags.refresh { Some(cluster(env)?) } else { None };
        let namespace = match &cluster {
            Some(cluster) => {
                cluster.namespace().map_err(|error| Problem::usage(format!("--refresh: {error}")))?
            }
            None => String::new(),
        };
        let inner = Inner {
            marks: Arc::new(Marks::new()?),
            table: Mutex::default(),
            unknown: Unknown::new(flags.refresh_unknown.filter(|_| flags.refresh), seconds()),
            queue: Mutex::default(),
            denied: Mutex::default(),
            counters: Counters::default(),
            cluster,
            namespace,
            interval: flags.refresh_interval.max(Duration::from_millis(100)),
            spread: flags.refresh_spread,
            rest: args.secret_ttl,
            shows_refs: flags.refs,
        };
        Ok(Some(Arc::new(Self { inner: Arc::new(inner), work: Mutex::default() })))
    }

    /// Starts the task that asks the stores and, with `--refresh`, the one that refreshes apps.
    pub fn begin(&self) {
        let asking = Arc::clone(&self.inner);
        let mut tasks = vec![tokio::spawn(async move { watch::run(&asking).await })];
        let holder = self.inner.cluster.clone().map(|cluster| {
            let holder = Holder::new(cluster, self.inner.namespace.clone(), own_name());
            let holder = Arc::new(tokio::sync::Mutex::new(holder));
            let (refreshing, held) = (Arc::clone(&self.inner), Arc::clone(&holder));
            tasks.push(tokio::spawn(async move { announce::run(&refreshing, &held).await }));
            holder
        });
        let refreshes = holder.is_some();
        *self.work.lock().unwrap_or_else(PoisonError::into_inner) = Some(Work { tasks, holder });
        let seconds = self.inner.interval.as_secs_f64();
        tracing::info!(refreshes, interval_seconds = seconds, "watching the secrets in use");
    }

    /// Ends the tasks and releases the Lease.
    pub async fn end(&self) {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Work { tasks, holder }) = work else { return };
        tasks.iter().for_each(JoinHandle::abort);
        let Some(holder) = holder else { return };
        let release = async { holder.lock().await.release().await };
        let _ = tokio::time::timeout(LAST, release).await;
    }

    /// Makes marks of stores' answers.
    pub fn marks(&self) -> Arc<Marks> {
        Arc::clone(&self.inner.marks)
    }

    /// Notes that an app was served with these secrets, or with none.
    pub fn served(&self, request: &AppRequest, scope: Scope, source: &Arc<dyn Source>, given: &[Given]) {
        let Some(name) = request.var("ARGOCD_APP_NAME").and_then(AppName::of) else { return };
        self.inner.unknown.met(&name);
        let watched = self.inner.lock().served(name, Part::of(request), scope, source, given, seconds());
        if !watched {
            self.inner.counters.unwatched.inc();
            let (app, project) = (request.app(), request.project());
            tracing::warn!(app, project, "an app has more references to secrets than are watched");
        }
    }

    /// The table of references in a format; `None` unless `--refs` is set.
    pub fn page(&self, format: RefsFormat) -> Option<Result<String>> {
        let inner = &self.inner;
        let rows = || inner.lock().rows(&inner.namespace, reference_table::unix_now());
        let table = || Printed { references: rows(), unused: None };
        inner.shows_refs.then(|| reference_table::written(&table(), format))
    }

    /// Encodes the metrics of secrets in use.
    pub fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        metrics::encode(&self.inner, encoder)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `NAMESPACE/NAME`.
    fn full_name(&self, app: &AppName) -> String {
        format!("{}/{}", app.namespace.as_deref().unwrap_or(&self.namespace), app.name)
    }

    /// The changes of an app. If its secrets are not known, one entry stands for that.
    fn changes(&self, app: &AppName) -> Vec<Change> {
        let changes = self.lock().changes(app);
        if changes.is_empty() { self.unknown.change(app).into_iter().collect() } else { changes }
    }

    /// Notes that an app was refreshed for these changes, here or by another replica.
    fn ended(&self, app: &AppName, changes: &[Change], ended: Ended) {
        self.lock().refreshed(app, changes);
        self.unknown.met(app);
        self.counters.count(ended);
    }

    fn is_denied(&self, namespace: &str) -> bool {
        let denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.get(namespace).is_some_and(|until| *until > Instant::now())
    }

    fn deny(&self, namespace: &str, time: Duration) {
        let mut denied = self.denied.lock().unwrap_or_else(PoisonError::into_inner);
        denied.retain(|_, until| *until > Instant::now());
        denied.insert(namespace.to_owned(), Instant::now() + time);
    }
}

/// The API server and the service account, as the settings name them.
fn cluster(env: &Env) -> Result<InCluster> {
    settings::cluster(env).map_err(|error| Problem::usage(format!("--refresh: {error}")).into())
}

/// A name that no other replica has: the pod's name, and a random number, since a container may be restarted.
fn own_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let number = std::hash::RandomState::new().hash_one(std::process::id());
    format!("{}_{number:016x}", host.trim())
}

/// Seconds since 1970.
fn seconds() -> u64 {
    reference_table::unix_now().unsigned_abs()
}
