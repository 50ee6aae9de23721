//! Tokens that expire: they are renewed if Vault permits it, and replaced before they expire.

use crate::{block_on, cx, text};
use keyfill_secrets::vault::{Auth, Stats, VaultSettings, VaultSource};
use keyfill_secrets::{SecretRef, Source};
use keyfill_testkit::Vault;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Reads ten times per second for `time`, with an AppRole of these settings. No read may fail.
fn read_for(time: Duration, role: &Value) -> Option<Stats> {
    let vault = Vault::start()?;
    vault.put("secret/data/lives", &json!({ "user": "alice" }));
    vault.policy("lives", &["secret/data/lives"]);
    vault.enable_auth("approle", "approle");
    vault.write("auth/approle/role/r", role);
    vault.write("auth/approle/role/r/role-id", &json!({ "role_id": "role-1" }));
    vault.write("auth/approle/role/r/custom-secret-id", &json!({ "secret_id": "secret-1" }));
    let auth =
        Auth::AppRole { mount: "approle".into(), role_id: "role-1".into(), secret_id: "secret-1".into() };
    let source = VaultSource::new(VaultSettings::new(vault.address(), auth)).unwrap();
    let started = Instant::now();
    block_on(async {
        while started.elapsed() < time {
            let data = source.read(&SecretRef::latest("secret/data/lives"), &cx()).await.unwrap();
            assert_eq!(text(&data, "user"), "alice");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    Some(source.client().stats())
}

#[test]
fn reads_for_5_s_with_a_renewable_token_need_1_login() {
    let role = json!({ "token_policies": ["lives"], "token_ttl": "3s", "token_max_ttl": "1h" });
    let Some(stats) = read_for(Duration::from_secs(5), &role) else { return };
    println!("a life of 3 s, renewable: {stats:?}");
    assert_eq!(stats.logins, 1);
    assert!((1..=4).contains(&stats.renewals), "{stats:?}");
}

#[test]
fn a_token_that_cannot_be_renewed_is_replaced_before_it_expires() {
    let role = json!({ "token_policies": ["lives"], "token_type": "batch", "token_ttl": "2s" });
    let Some(stats) = read_for(Duration::from_secs(5), &role) else { return };
    println!("a life of 2 s, not renewable: {stats:?}");
    assert!((2..=5).contains(&stats.logins), "{stats:?}");
    assert_eq!((stats.renewals, stats.retries), (0, 0));
}
