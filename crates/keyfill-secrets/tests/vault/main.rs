//! Tests with a real Vault: auth methods, engines, certificates, the token cache, and faults of the connection.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod auth;
mod cache;
mod faults;
mod kv;
mod leaks;
mod lives;
mod proxies;
mod sharing;
mod tls;

use keyfill_diag::Cx;
use keyfill_secrets::vault::{Auth, VaultSettings, VaultSource};
use keyfill_secrets::{Error, KvVersion, SecretData, SecretRef, SecretValue, Source};
use keyfill_testkit::Vault;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// A Vault that several tests share: those that do not seal it and do not count all of its requests. Each test has its
/// own mounts and policies.
fn shared() -> Option<&'static Vault> {
    static VAULT: OnceLock<Option<Vault>> = OnceLock::new();
    VAULT.get_or_init(Vault::start).as_ref()
}

/// Settings with a token.
fn with_token(address: &str, token: &str) -> VaultSettings {
    VaultSettings::new(address, Auth::Token(token.into()))
}

/// A run whose deadline is in ten seconds.
fn cx() -> Cx {
    Cx::with_time(Duration::from_secs(10))
}

/// Runs a future on one thread, as the command line does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Reads one path with a new source.
fn read(settings: VaultSettings, path: &str) -> Result<Arc<SecretData>, Error> {
    read_ref(settings, &SecretRef::latest(path))
}

fn read_ref(settings: VaultSettings, secret: &SecretRef) -> Result<Arc<SecretData>, Error> {
    let source = VaultSource::new(settings)?;
    block_on(async { source.read(secret, &cx()).await })
}

fn version(path: &str, version: &str) -> SecretRef {
    SecretRef { version: Some(version.into()), ..SecretRef::latest(path) }
}

fn with_kv(path: &str, kv: KvVersion) -> SecretRef {
    SecretRef { kv: Some(kv), ..SecretRef::latest(path) }
}

/// The text of a key's value.
fn text(data: &SecretData, key: &str) -> String {
    match data.get(key) {
        Some(SecretValue::Str(text) | SecretValue::Number(text)) => text.expose().to_owned(),
        other => panic!("{key} is {other:?}"),
    }
}
