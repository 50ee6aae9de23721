//! The stores of all requests. Requests with equal settings share a login at Vault. Every other store has one
//! client for the life of the process, since no request can change its settings.

use super::measured::{Measured, Measures};
use crate::cli::args::ServeArgs;
use crate::settings::authority::Effective;
use crate::settings::{Settings, SourceKind};
use crate::store::{self, Given, Stores};
use anyhow::Result;
use keyfill_diag::{Class, Cx};
use keyfill_secrets::vault::{Shared, SharedOptions, SharedStats, VaultSettings};
use keyfill_secrets::{
    BoxFuture, CacheOptions, CacheStats, Cached, Error, Keys, Room, SecretData, SecretRef, Source, Traffic,
    TrafficStats,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most concurrent reads of one store.
const CONCURRENCY: usize = 64;

/// The stores of the server, shared by all requests.
pub struct SharedStores {
    vault: Shared,
    options: CacheOptions,
    room: Room,
    /// The stores other than Vault by their names; `None` is the default store.
    others: Mutex<Others>,
}

type Others = BTreeMap<Option<String>, Other>;

/// A store other than Vault.
struct Other {
    kind: SourceKind,
    cached: Arc<Cached>,
    measures: Arc<Measures>,
    traffic: Arc<Traffic>,
}

/// Numbers about a store, for metrics.
pub struct StoreStats {
    /// The store's name in the config file; `None` for the default store.
    pub name: Option<String>,
    /// The store's type.
    pub kind: SourceKind,
    /// Numbers about the store's cache.
    pub cache: CacheStats,
    /// Numbers about the store's circuit breakers.
    pub traffic: TrafficStats,
    /// Durations and errors of the store's reads.
    pub measures: Arc<Measures>,
}

impl SharedStores {
    /// No store is read before the first request. All stores together cache at most `kept_bytes` bytes of secrets.
    pub fn new(args: &ServeArgs, kept_bytes: u64) -> Self {
        let room = Room::new(usize::try_from(kept_bytes).unwrap_or(usize::MAX));
        let vault = Shared::new(SharedOptions {
            keep: args.secret_ttl,
            room: room.clone(),
            concurrency: args.vault_concurrency.max(1),
            requests_per_second: (args.vault_rps > 0).then_some(args.vault_rps),
            ..SharedOptions::default()
        });
        let options = CacheOptions { keep: args.secret_ttl, room: room.clone(), concurrency: CONCURRENCY };
        Self { vault, options, room, others: Mutex::default() }
    }

    /// The stores as a request sees them.
    pub fn of(&self, settings: &Settings) -> Result<Arc<dyn Source>> {
        Stores::build(settings, |kind, name, effective| self.one(settings, kind, name, effective))
    }

    /// Numbers about logins and reads of Vault, for metrics.
    pub fn vault_stats(&self) -> SharedStats {
        self.vault.stats()
    }

    /// Numbers about the stores other than Vault, for metrics.
    pub fn stats(&self) -> Vec<StoreStats> {
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let stats = |(name, other): (&Option<String>, &Other)| StoreStats {
            name: name.clone(),
            kind: other.kind,
            cache: other.cached.stats(),
            traffic: other.traffic.stats(),
            measures: Arc::clone(&other.measures),
        };
        others.iter().map(stats).collect()
    }

    /// The bytes of secrets that are cached, of all stores together.
    pub fn kept_bytes(&self) -> usize {
        self.room.used()
    }

    fn one(
        &self,
        settings: &Settings,
        kind: SourceKind,
        name: Option<&str>,
        effective: &Effective,
    ) -> Result<Arc<dyn Source>> {
        if kind == SourceKind::Vault {
            // Logins are kept in memory and shared; the root file system is read-only.
            let own = store::vault::settings(settings, effective, name.is_some())?;
            return Ok(self.vault.source(VaultSettings { token_cache: None, patience: None, ..own })?);
        }
        if kind == SourceKind::Sops {
            // Encrypted files come from authors, so workers read them.
            return Ok(Arc::new(InWorkers));
        }
        let traffic = Arc::new(Traffic::default());
        let given = Given { settings, effective, name, traffic: Some(&traffic) };
        if kind == SourceKind::File {
            // The file is read for each request, so that a change is seen at once.
            return store::one(kind, given, &mut Vec::new());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name.map(str::to_owned);
        if let Some(other) = others.get(&name).filter(|other| other.kind == kind) {
            return Ok(Arc::clone(&other.cached) as Arc<dyn Source>);
        }
        let measured = Measured::new(store::one(kind, given, &mut Vec::new())?);
        let measures = measured.measures();
        let cached = Arc::new(Cached::new(Arc::new(measured), self.options.clone()));
        others.insert(name, Other { kind, cached: Arc::clone(&cached), measures, traffic });
        Ok(cached)
    }
}

/// The supervisor's stand-in for the store of encrypted files, which only workers read.
struct InWorkers;

impl Source for InWorkers {
    fn read_keys<'a>(
        &'a self,
        secret: &'a SecretRef,
        _: &'a Keys,
        _: &'a Cx,
    ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
        let message = format!("{} is an encrypted file of the tree", secret.path);
        Box::pin(std::future::ready(Err(Error::new(Class::Other, message))))
    }
}
