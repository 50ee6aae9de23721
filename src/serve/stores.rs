//! The stores of all requests. Vault's logins are shared between equal settings; every other store has one client for
//! the life of the process, since nothing of its settings is a request's.

use crate::cli::args::ServeArgs;
use crate::settings::authority::Effective;
use crate::settings::{Settings, SourceKind};
use crate::store::{self, Given, Stores};
use anyhow::Result;
use keyfill_diag::{Class, Cx};
use keyfill_secrets::vault::{Shared, SharedOptions, SharedStats, VaultSettings};
use keyfill_secrets::{BoxFuture, CacheOptions, Cached, Error, Keys, SecretData, SecretRef, Source};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Reads under way to one store at the same time.
const CONCURRENCY: usize = 64;

/// The stores of a process that stays.
pub struct SharedStores {
    vault: Shared,
    options: CacheOptions,
    /// The others, by their names; the default one has none.
    others: Mutex<Others>,
}

type Others = HashMap<Option<String>, (SourceKind, Arc<dyn Source>)>;

impl SharedStores {
    /// Nothing is read before a request asks. Each store keeps so many bytes of secrets.
    pub fn new(args: &ServeArgs, kept_bytes: u64) -> Self {
        let kept_bytes = usize::try_from(kept_bytes).unwrap_or(usize::MAX);
        let vault = Shared::new(SharedOptions {
            keep: args.secret_ttl,
            kept_bytes,
            concurrency: args.vault_concurrency.max(1),
            requests_per_second: (args.vault_rps > 0).then_some(args.vault_rps),
            ..SharedOptions::default()
        });
        let options = CacheOptions { keep: args.secret_ttl, kept_bytes, concurrency: CONCURRENCY };
        Self { vault, options, others: Mutex::default() }
    }

    /// The stores as a request sees them.
    pub fn of(&self, settings: &Settings) -> Result<Arc<dyn Source>> {
        Stores::build(settings, |kind, name, effective| self.one(settings, kind, name, effective))
    }

    /// What the Vault side did.
    pub fn vault_stats(&self) -> SharedStats {
        self.vault.stats()
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
        let given = Given { settings, effective, name };
        if kind == SourceKind::File {
            // It is read anew, so that a change shows at once.
            return store::one(kind, given, &mut Vec::new());
        }
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, source)) = others.get(&name.map(str::to_owned))
            && *known == kind
        {
            return Ok(Arc::clone(source));
        }
        let source = store::one(kind, given, &mut Vec::new())?;
        let cached: Arc<dyn Source> = Arc::new(Cached::new(source, self.options));
        others.insert(name.map(str::to_owned), (kind, Arc::clone(&cached)));
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
