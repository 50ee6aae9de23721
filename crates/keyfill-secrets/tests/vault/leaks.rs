//! No error, warning or Debug output contains a secret: neither a credential nor a value that was read.

use crate::{block_on, shared, version, with_kv, with_token};
use keyfill_diag::{Cx, Report as _};
use keyfill_secrets::vault::{
    Auth, CacheNames, Jwt, Proxy as ProxySettings, Tls, TokenCache, VaultSettings, VaultSource,
};
use keyfill_secrets::{KvVersion, Secret, SecretRef, Source};
use keyfill_testkit::{Fault, Proxy, ROOT_TOKEN};
use serde_json::json;
use std::time::Duration;

/// A secret that no text may contain, neither as it is nor in base64.
const HUSH: &str = "hush-4711";
const HUSH_BASE64: &str = "aHVzaC00NzEx";

fn check(what: &str, shown: &str) {
    assert!(!shown.contains(HUSH) && !shown.contains(HUSH_BASE64), "{what} shows it: {shown}");
    let bytes = HUSH.bytes().map(|b| b.to_string()).collect::<Vec<_>>().join(", ");
    assert!(!shown.contains(&bytes), "{what} shows its bytes: {shown}");
}

/// Settings with the secret in each field that can contain one, for all auth methods.
fn loaded_settings(address: &str, folder: &std::path::Path) -> Vec<VaultSettings> {
    let mount = || "m".to_owned();
    let jwt = folder.join("jwt");
    std::fs::write(&jwt, HUSH).unwrap();
    let methods = [
        Auth::Token(HUSH.into()),
        Auth::TokenFile(jwt.clone()),
        Auth::AppRole { mount: mount(), role_id: HUSH.into(), secret_id: HUSH.into() },
        Auth::Kubernetes { mount: mount(), role: "r".into(), jwt: jwt.clone() },
        Auth::Userpass { mount: mount(), username: "u".into(), password: HUSH.into() },
        Auth::Github { mount: mount(), token: HUSH.into() },
        Auth::Jwt { mount: mount(), role: None, jwt: Jwt::Text(HUSH.into()) },
        Auth::Jwt { mount: mount(), role: None, jwt: Jwt::File(jwt) },
    ];
    let with = |auth| VaultSettings {
        max_retries: Some(0),
        proxy: ProxySettings {
            https: Some(Secret::new(format!("http://u:{HUSH}@127.0.0.1:1"))),
            ..ProxySettings::default()
        },
        token_cache: Some(TokenCache { folder: folder.join("cache"), names: CacheNames::ByKey }),
        ..VaultSettings::new(address, auth)
    };
    methods.into_iter().map(with).collect()
}

#[test]
fn settings_clients_and_errors_of_every_auth_method_show_no_secret() {
    // A server that repeats the secret, in Vault's error format and in other answers.
    let echo = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", echo.local_addr().unwrap());
    std::thread::spawn(move || {
        let bodies = [
            json!({ "errors": [format!("you sent {HUSH}")] }).to_string(),
            format!("<html>{HUSH}</html>"),
            json!({ "data": { "k": HUSH } }).to_string(),
            json!({ "auth": { "client_token": HUSH, "lease_duration": "x" } }).to_string(),
        ];
        for (i, stream) in echo.incoming().flatten().enumerate() {
            use std::io::{Read, Write};
            let mut request = [0; 4096];
            let _ = (&stream).read(&mut request);
            let body = &bodies[i % bodies.len()];
            let status = [400, 403, 418][i % 3];
            let head =
                format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = (&stream).write_all((head + body).as_bytes());
        }
    });
    let folder = tempfile::tempdir().unwrap();
    for settings in loaded_settings(&address, folder.path()) {
        check("settings", &format!("{settings:?} {settings:#?}"));
        let source = VaultSource::new(settings).unwrap();
        check("a source", &format!("{source:?} {:?}", source.client()));
        for _ in 0..8 {
            let secret = SecretRef::latest("secret/data/app");
            let error = block_on(async { source.read(&secret, &Cx::default()).await }).unwrap_err();
            check("an error", &format!("{error} {error:?} {:?} {:?}", error.diagnostics(), error.advice()));
        }
        check("warnings", &format!("{:?}", source.client().take_warnings()));
    }
}

#[test]
fn errors_and_debug_output_show_no_value_of_an_answer() {
    let Some(vault) = shared() else { return };
    for i in 0..2 {
        vault.put("secret/data/leaks", &json!({ "k": HUSH, "n": i }));
    }
    vault.write("secret/delete/leaks", &json!({ "versions": [1] }));
    let proxy = Proxy::start(vault.host());
    proxy.on("secret/data/leaks", 0, 1, Fault::ResetInBody);
    let settings = VaultSettings { max_retries: Some(0), ..with_token(&proxy.address(), ROOT_TOKEN) };
    let source = VaultSource::new(settings).unwrap();
    let wanted = [
        SecretRef::latest("secret/data/leaks"),
        version("secret/data/leaks", "1"),
        version("secret/data/leaks", "7"),
        SecretRef::latest("secret/data/leaks/k"),
    ];
    for secret in &wanted {
        let error = block_on(async { source.read(secret, &Cx::with_time(Duration::from_secs(5))).await });
        let error = error.unwrap_err();
        check("an error", &format!("{error} {error:?} {:?}", error.diagnostics()));
    }
    let read = |secret: SecretRef| block_on(async { source.read(&secret, &Cx::default()).await }).unwrap();
    for data in
        [read(SecretRef::latest("secret/data/leaks")), read(with_kv("secret/data/leaks", KvVersion::V1))]
    {
        check("data", &format!("{data:?} {data:#?}"));
        check("values", &format!("{:?}", data.iter().collect::<Vec<_>>()));
        let values: Vec<keyfill_yaml::Value> = data.iter().map(|(_, v)| v.into()).collect();
        check("values on their way into a document", &format!("{values:?}"));
    }
}

#[test]
fn errors_for_invalid_settings_show_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let pem = folder.path().join("key.pem");
    std::fs::write(&pem, format!("-----BEGIN PRIVATE KEY-----\n{HUSH}\n-----END PRIVATE KEY-----\n"))
        .unwrap();
    let bad = [
        VaultSettings { address: format!("http://u:{HUSH}@v:8200"), ..with_token("", "t") },
        with_token("http://127.0.0.1:9", &format!("{HUSH}\n")),
        VaultSettings {
            tls: Tls { client_cert: Some(pem.clone()), client_key: Some(pem.clone()), ..Tls::default() },
            ..with_token("http://127.0.0.1:9", "t")
        },
        VaultSettings {
            tls: Tls { ca_file: Some(pem.clone()), ..Tls::default() },
            ..with_token("http://127.0.0.1:9", "t")
        },
        VaultSettings {
            tls: Tls { ca_bytes: Some(HUSH.into()), ..Tls::default() },
            ..with_token("http://127.0.0.1:9", "t")
        },
        VaultSettings {
            proxy: ProxySettings {
                http: Some(Secret::new(format!("socks5://u:{HUSH}@p"))),
                ..ProxySettings::default()
            },
            ..with_token("http://127.0.0.1:9", "t")
        },
    ];
    for settings in bad {
        check("settings", &format!("{settings:?}"));
        let error = crate::read(settings, "secret/data/app").unwrap_err();
        check("an error", &format!("{error} {error:?} {:?}", error.diagnostics()));
    }
}
