//! Vault for all requests of a long-running process. Requests share logins and a cache of secrets with a short time to
//! live, the number of requests to Vault is limited, and while Vault is down they wait together for its recovery.
//!
//! Logins and secrets are shared between equal settings only ([`Identity`]): a request never gets a secret that was
//! read with another login.

use super::client::{Counts, Stats, VaultClient};
use super::identity::Identity;
use super::metadata::Known;
use super::settings::VaultSettings;
use super::source::{VaultSource, stopped};
use crate::gate::Gate;
use crate::kept::{Answer, Kept, Room};
use crate::{BoxFuture, Error, Keys, SecretRef, Source};
use keyfill_diag::{Cx, Diagnostic};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Limits on what requests share.
#[derive(Clone, Debug)]
pub struct SharedOptions {
    /// The time to live of a secret in the cache; zero keeps none. It has to be short, since Argo CD does not tell
    /// plugins that a refresh is a hard refresh.
    pub keep: Duration,
    /// The limit on the memory of kept secrets, shared with other caches.
    pub room: Room,
    /// The most clients at the same time. Each different set of settings has a client.
    pub clients: usize,
    /// How long a client that is not used keeps its login.
    pub client_idle: Duration,
    /// The most requests to one Vault that are in progress at the same time.
    pub concurrency: usize,
    /// The most requests to one Vault per second; `None` for no limit.
    pub requests_per_second: Option<u32>,
}

impl Default for SharedOptions {
    /// 5 s, 16 MiB, 256 clients that are kept for 15 minutes without use, 64 requests at the same time, no limit on the
    /// rate.
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(5),
            room: Room::new(16 << 20),
            clients: 256,
            client_idle: Duration::from_secs(900),
            concurrency: 64,
            requests_per_second: None,
        }
    }
}

/// Counts of what requests share, for metrics.
#[derive(Clone, Copy, Debug, Default)]
pub struct SharedStats {
    /// The counts of all clients together.
    pub vault: Stats,
    /// References that were read from Vault.
    pub reads: u64,
    /// References that were answered from an earlier read, or from one in progress.
    pub hits: u64,
    /// Clients that exist now, each with its own login.
    pub clients: usize,
    /// The memory of the kept secrets, in bytes.
    pub kept_bytes: usize,
    /// Vaults whose circuit breaker is open now.
    pub breakers_open: usize,
    /// How often circuit breakers opened so far.
    pub breakers_opened: u64,
}

/// The logins, the cache and the limits that all requests of a long-running process share. Clones share them too.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    options: SharedOptions,
    clients: Mutex<HashMap<Identity, Client>>,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    kept: Arc<Kept<(Identity, SecretRef)>>,
    counts: Arc<Counts>,
}

struct Client {
    source: Arc<VaultSource>,
    used: Instant,
}

impl Shared {
    /// No request is sent before the first read.
    pub fn new(options: SharedOptions) -> Self {
        let kept = Kept::new(options.keep, options.room.clone());
        let (clients, gates, counts) = (Mutex::default(), Mutex::default(), Arc::default());
        Self(Arc::new(Inner { options, clients, gates, kept, counts }))
    }

    /// The source for one request of a plugin. Requests with equal settings share a login and the kept secrets.
    pub fn source(&self, settings: VaultSettings) -> Result<Arc<dyn Source>, Error> {
        let identity = Identity::of(&settings);
        let source = self.0.client(identity, settings)?;
        Ok(Arc::new(SharedSource { shared: Arc::clone(&self.0), identity, source }))
    }

    /// The counts so far.
    pub fn stats(&self) -> SharedStats {
        let inner = &self.0;
        let (mut open, mut opened) = (0, 0);
        for gate in lock(&inner.gates).values() {
            let (is_open, times) = gate.breaker();
            open += usize::from(is_open);
            opened += times;
        }
        let (reads, hits) = inner.kept.counts();
        SharedStats {
            vault: inner.counts.stats(),
            reads,
            hits,
            clients: lock(&inner.clients).len(),
            kept_bytes: inner.kept.bytes(),
            breakers_open: open,
            breakers_opened: opened,
        }
    }

    /// Drops all kept secrets. Logins stay.
    pub fn forget(&self) {
        self.0.kept.forget();
    }
}

impl Inner {
    fn client(&self, identity: Identity, settings: VaultSettings) -> Result<Arc<VaultSource>, Error> {
        let now = Instant::now();
        let mut clients = lock(&self.clients);
        if let Some(client) = clients.get_mut(&identity) {
            client.used = now;
            return Ok(Arc::clone(&client.source));
        }
        let gate = self.gate(&settings.address);
        let source = VaultClient::shared(settings, gate, Arc::clone(&self.counts))?;
        let source = Arc::new(VaultSource::over(Arc::new(source)));
        clients.retain(|_, client| now.duration_since(client.used) < self.options.client_idle);
        while clients.len() >= self.options.clients.max(1) {
            let oldest = clients.iter().min_by_key(|(_, client)| client.used).map(|(identity, _)| *identity);
            oldest.and_then(|identity| clients.remove(&identity));
        }
        clients.insert(identity, Client { source: Arc::clone(&source), used: now });
        Ok(source)
    }

    /// Notes that a client is in use. If it was dropped here and its source is still held elsewhere, new requests share
    /// its login again.
    fn note_use(&self, identity: Identity, source: &Arc<VaultSource>) {
        let mut clients = lock(&self.clients);
        let is_full = clients.len() >= self.options.clients.max(1);
        match clients.get_mut(&identity) {
            Some(client) => client.used = Instant::now(),
            None if is_full => {}
            None => {
                clients.insert(identity, Client { source: Arc::clone(source), used: Instant::now() });
            }
        }
    }

    /// The gate for an address. Each address has its own, so that one that is down does not delay requests to others.
    fn gate(&self, address: &str) -> Arc<Gate> {
        let mut gates = lock(&self.gates);
        if let Some(gate) = gates.get(address) {
            return Arc::clone(gate);
        }
        // Drops the gates that no client holds.
        gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        let gate = Arc::new(Gate::new(self.options.concurrency, self.options.requests_per_second));
        gates.insert(address.to_owned(), Arc::clone(&gate));
        gate
    }
}

/// The source that one request of a plugin gets.
struct SharedSource {
    shared: Arc<Inner>,
    identity: Identity,
    source: Arc<VaultSource>,
}

impl SharedSource {
    async fn answer(&self, secret: &SecretRef, cx: &Cx) -> Answer {
        let key = (self.identity, secret.clone());
        self.shared.kept.answer(key, secret.path.len(), || self.source.read(secret, cx)).await
    }
}

impl Source for SharedSource {
    fn read_keys<'a>(&'a self, secret: &'a SecretRef, _: &'a Keys, cx: &'a Cx) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            tokio::select! {
                biased;
                answer = self.answer(secret, cx) => answer,
                reason = stopped(cx) => Err(Error::store(format!("cannot read {secret}: {reason}")).out_of_time()),
            }
        })
    }

    fn known<'a>(&'a self, secret: &'a SecretRef, cx: &'a Cx) -> BoxFuture<'a, Result<Option<Known>, Error>> {
        self.shared.note_use(self.identity, &self.source);
        Source::known(&*self.source, secret, cx)
    }

    fn has_namespaces(&self, _: &SecretRef) -> bool {
        true
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        self.source.take_warnings()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
