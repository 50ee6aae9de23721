//! The token cache: tokens that later runs use again. Each source stands for a run.

use crate::{block_on, cx, text};
use keyfill_secrets::vault::{Auth, CacheNames, TokenCache, VaultSettings, VaultSource};
use keyfill_secrets::{SecretRef, Source};
use keyfill_testkit::{Proxy, Vault};
use serde_json::json;
use std::path::Path;

/// A Vault with an AppRole that may read `secret/data/cache`.
fn prepared() -> Option<Vault> {
    let vault = Vault::start()?;
    vault.put("secret/data/cache", &json!({ "user": "alice" }));
    vault.policy("cache", &["secret/data/cache"]);
    vault.enable_auth("approle", "approle");
    vault.write("auth/approle/role/r", &json!({ "token_policies": ["cache"], "token_ttl": "1h" }));
    vault.write("auth/approle/role/r/role-id", &json!({ "role_id": "role-1" }));
    vault.write("auth/approle/role/r/custom-secret-id", &json!({ "secret_id": "secret-1" }));
    Some(vault)
}

fn settings(address: &str, folder: &Path, names: CacheNames) -> VaultSettings {
    let auth =
        Auth::AppRole { mount: "approle".into(), role_id: "role-1".into(), secret_id: "secret-1".into() };
    let token_cache = Some(TokenCache { folder: folder.join("cache"), names });
    VaultSettings { token_cache, ..VaultSettings::new(address, auth) }
}

/// Reads a secret in one run. Returns how many logins that needed.
fn run(settings: &VaultSettings) -> u64 {
    let source = VaultSource::new(settings.clone()).unwrap();
    let data = block_on(async { source.read(&SecretRef::latest("secret/data/cache"), &cx()).await }).unwrap();
    assert_eq!(text(&data, "user"), "alice");
    assert!(source.client().take_warnings().is_empty());
    source.client().stats().logins
}

#[test]
fn later_runs_use_the_cached_token_3_runs_1_login_4_requests() {
    let Some(vault) = prepared() else { return };
    let proxy = Proxy::start(vault.host());
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&proxy.address(), folder.path(), CacheNames::ByKey);
    assert_eq!([run(&settings), run(&settings), run(&settings)], [1, 0, 0]);
    assert_eq!((proxy.count("auth/"), proxy.count("secret/"), proxy.seen().len()), (1, 3, 4));
}

#[test]
fn a_refused_token_from_the_cache_leads_to_one_login() {
    let Some(vault) = prepared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&vault.address(), folder.path(), CacheNames::Avp);
    assert_eq!(run(&settings), 1);
    let file = folder.path().join("cache/approle_role-1_config.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    vault.revoke(kept["token"].as_str().unwrap());
    assert_eq!([run(&settings), run(&settings)], [1, 0]);
}

#[test]
fn sixteen_reads_with_a_refused_token_share_one_login() {
    let Some(vault) = prepared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&vault.address(), folder.path(), CacheNames::Avp);
    assert_eq!(run(&settings), 1);
    let file = folder.path().join("cache/approle_role-1_config.json");
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    vault.revoke(kept["token"].as_str().unwrap());
    let source = VaultSource::new(settings).unwrap();
    let secret = SecretRef::latest("secret/data/cache");
    block_on(async {
        let cx = cx();
        let reads = (0..16).map(|_| source.read(&secret, &cx));
        assert!(futures_util::future::join_all(reads).await.iter().all(Result::is_ok));
    });
    assert_eq!(source.client().stats().logins, 1);
}

#[cfg(unix)]
#[test]
fn a_folder_that_others_may_read_is_not_used_and_there_is_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let Some(vault) = prepared() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    std::fs::create_dir(&cache).unwrap();
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = settings(&vault.address(), folder.path(), CacheNames::ByKey);
    for _ in 0..2 {
        let source = VaultSource::new(settings.clone()).unwrap();
        block_on(async { source.read(&SecretRef::latest("secret/data/cache"), &cx()).await }).unwrap();
        assert_eq!(source.client().stats().logins, 1);
        let warnings = source.client().take_warnings();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].message.contains("others may read it"));
    }
    assert_eq!(std::fs::read_dir(&cache).unwrap().count(), 0);
}

#[test]
fn a_source_that_reads_nothing_does_not_connect() {
    let Some(vault) = prepared() else { return };
    let proxy = Proxy::start(vault.host());
    let folder = tempfile::tempdir().unwrap();
    drop(VaultSource::new(settings(&proxy.address(), folder.path(), CacheNames::ByKey)).unwrap());
    assert_eq!(proxy.connections(), 0);
}
