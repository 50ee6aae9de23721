//! The stores of all requests. Vault's logins are shared between equal settings; every other store has one client for
//! the life of the process, since nothing of its settings is a request's.

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

/// Reads under way to one store at the same time.
const CONCURRENCY: usize = 64;

/// The stores of a process that stays.
pub struct SharedStores {
    vault: Shared,
    options: CacheOptions,
    room: Room,
    /// The others, by their names; the default one has none.
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

/// What a store did, for metrics.
pub struct StoreStats {
    /// Its name in the config file; none for the default one.
    pub name: Option<String>,
    /// Its type.
    pub kind: SourceKind,
    /// What its cache did.
    pub cache: CacheStats,
    /// What its circuit breakers did.
    pub traffic: TrafficStats,
    /// Its reads.
    pub measures: Arc<Measures>,
}

impl SharedStores {
    /// Nothing is read before a request asks. All stores together keep so many bytes of secrets.
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

    /// What the Vault side did.
    pub fn vault_stats(&self) -> SharedStats {
        self.vault.stats()
    }

    /// What the other stores did.
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

    /// Bytes of secrets that are kept, of all stores together.
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
            // Files are an author's: they are read in workers.
            return Ok(Arc::new(InWorkers));
        }
        let traffic = Arc::new(Traffic::default());
        let given = Given { settings, effective, name, traffic: Some(&traffic) };
        if kind == SourceKind::File {
            // It is read anew, so that a change shows at once.
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

/// Stands for a store that workers read by themselves.
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
