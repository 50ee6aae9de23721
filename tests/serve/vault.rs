//! Requests that share one Vault, also while it is sealed or a token is revoked.

use crate::{Server, TEAM, app, manifest};
use keyfill_testkit::Vault;
use serde_json::json;
use std::time::Duration;

#[test]
fn two_apps_never_share_a_login() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    vault.policy("reader", &["secret/data/team/app"]);
    vault.policy("none", &["secret/data/nothing"]);
    let (reader, none) = (vault.token("reader"), vault.token("none"));
    let Some(server) = Server::start(&[("VAULT_ADDR", &vault.address())], &[]) else { return };
    let app = app("secret/data/team/app");
    let call = |token: &str| {
        let token = format!("ARGOCD_ENV_VAULT_TOKEN={token}");
        server.call(app.path(), &["-path", "app", "-timeout", "5s"], &[TEAM, &[&token]].concat())
    };
    assert_eq!(call(&reader)["one"], manifest("alice-value"));
    let refused = call(&none);
    assert!(refused["one"].is_null(), "a kept secret went to another login: {refused}");
    assert_eq!(call(&reader)["one"], manifest("alice-value"));
    vault.revoke(&reader);
    let log = server.log();
    assert!(!log.contains("alice-value") && !log.contains(&reader) && !log.contains(&none), "{log}");
}

#[test]
fn a_request_waits_for_a_sealed_vault() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let token = vault.token("root");
    let vars = [("VAULT_ADDR", vault.address()), ("VAULT_TOKEN", token)];
    let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let Some(server) = Server::start(&vars, &["--secret-ttl", "0"]) else { return };
    let app = app("secret/data/team/app");
    vault.seal();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| server.call(app.path(), &["-path", "app", "-timeout", "30s"], TEAM));
        std::thread::sleep(Duration::from_millis(700));
        vault.unseal();
        assert_eq!(waiting.join().expect("it ends")["one"], manifest("alice-value"));
    });
}

#[test]
fn a_login_that_was_revoked_is_replaced() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    vault.policy("reader", &["secret/data/team/*"]);
    vault.enable_auth("userpass", "userpass");
    vault.write("auth/userpass/users/keyfill", &json!({"password": "pw", "token_policies": ["reader"]}));
    let address = vault.address();
    let vars = [
        ("VAULT_ADDR", address.as_str()),
        ("AVP_AUTH_TYPE", "userpass"),
        ("AVP_USERNAME", "keyfill"),
        ("AVP_PASSWORD", "pw"),
    ];
    let Some(server) = Server::start(&vars, &["--secret-ttl", "0"]) else { return };
    let app = app("secret/data/team/app");
    let call = || server.call(app.path(), &["-path", "app"], TEAM);
    for _ in 0..3 {
        assert_eq!(call()["one"], manifest("alice-value"));
    }
    let logins = || {
        vault.counts().get("PUT auth/userpass/login/keyfill").copied().unwrap_or_default()
            + vault.counts().get("POST auth/userpass/login/keyfill").copied().unwrap_or_default()
    };
    assert_eq!(logins(), 1, "{:?}", vault.counts());
    vault.write("sys/leases/revoke-prefix/auth/userpass/login", &json!({}));
    assert_eq!(call()["one"], manifest("alice-value"));
    assert_eq!(logins(), 2, "{:?}", vault.counts());
}

#[test]
fn a_revoked_token_is_an_error_and_nothing_that_it_read_stays_in_the_cache() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    vault.policy("reader", &["secret/data/team/*"]);
    let (address, token) = (vault.address(), vault.token("reader"));
    let vars = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", token.as_str())];
    let Some(server) = Server::start(&vars, &["--secret-ttl", "1s"]) else { return };
    let app = app("secret/data/team/app");
    let call = || server.call(app.path(), &["-path", "app", "-timeout", "3s"], TEAM);
    assert_eq!(call()["one"], manifest("alice-value"));
    vault.revoke(&token);
    std::thread::sleep(Duration::from_millis(1_100));
    let refused = call();
    let message = refused["message"].as_str().unwrap_or_default();
    assert!(message.contains("secret/data/team/app") && !message.contains(&token), "{refused}");
    assert!(refused["one"].is_null());
}
