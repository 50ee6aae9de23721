//! A real Vault behind a proxy that causes faults. The names of tests contain the numbers of reads, retries and logins.

use crate::{block_on, text, with_token};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::vault::{Auth, VaultSettings, VaultSource};
use keyfill_secrets::{Error, Reads, SecretData, SecretRef, Source};
use keyfill_testkit::{Fault, Proxy, ROOT_TOKEN, Vault};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PATH: &str = "secret/data/app";

struct Scene {
    vault: Arc<Vault>,
    proxy: Proxy,
}

impl Scene {
    fn new() -> Option<Self> {
        let vault = Arc::new(Vault::start()?);
        vault.put(PATH, &json!({ "user": "alice", "filler": "x".repeat(5_000) }));
        let proxy = Proxy::start(vault.host());
        Some(Self { vault, proxy })
    }

    fn settings(&self) -> VaultSettings {
        with_token(&self.proxy.address(), ROOT_TOKEN)
    }

    fn source(&self) -> VaultSource {
        VaultSource::new(self.settings()).unwrap()
    }
}

fn read(source: &VaultSource, seconds: u64) -> Result<Arc<SecretData>, Error> {
    let cx = Cx::with_time(Duration::from_secs(seconds));
    block_on(async { source.read(&SecretRef::latest(PATH), &cx).await })
}

#[test]
fn a_slow_answer_is_not_retried_1_read_0_retries() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.delay(Duration::from_millis(300));
    let source = scene.source();
    assert_eq!(text(&read(&source, 10).unwrap(), "user"), "alice");
    assert_eq!((scene.proxy.count(PATH), source.client().stats().retries), (1, 0));
}

#[test]
fn fifty_distinct_paths_are_50_reads_over_16_connections() {
    let Some(scene) = Scene::new() else { return };
    for i in 0..50 {
        scene.vault.put(&format!("secret/data/many/{i}"), &json!({ "k": i.to_string() }));
    }
    scene.proxy.delay(Duration::from_millis(3));
    let source = Arc::new(scene.source());
    let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
    let secrets: Vec<SecretRef> =
        (0..100).map(|i| SecretRef::latest(format!("secret/data/many/{}", i % 50))).collect();
    let started = Instant::now();
    let answers = block_on(async { reads.read_all(&secrets, &Cx::default()).await });
    let time = started.elapsed();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!((scene.proxy.count("secret/data/many/"), scene.proxy.connections()), (50, 16));
    println!("100 references, 50 distinct, 3 ms away: {time:?}");
    assert!(time < Duration::from_millis(1_500), "{time:?}");
}

#[test]
fn requests_whose_connection_is_reset_are_retried_3_requests_2_retries() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on(PATH, 0, 1, Fault::ResetInBody);
    scene.proxy.on(PATH, 1, 1, Fault::Reset);
    let source = scene.source();
    assert_eq!(text(&read(&source, 10).unwrap(), "user"), "alice");
    assert_eq!((scene.proxy.count(PATH), source.client().stats().retries), (3, 2));
}

#[test]
fn after_a_429_the_retry_waits_as_long_as_asked_2_requests_1_retry() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on(PATH, 0, 1, Fault::Status(429, Some("1")));
    let source = scene.source();
    let started = Instant::now();
    read(&source, 10).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!((scene.proxy.count(PATH), source.client().stats().retries), (2, 1));
}

#[test]
fn a_retry_after_the_deadline_is_not_waited_for_1_request() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on(PATH, 0, 9, Fault::Status(429, Some("600")));
    let started = Instant::now();
    let error = read(&scene.source(), 5).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert_eq!(error.class(), Class::Store);
    assert!(error.to_string().contains("answered 429: by the proxy; it asks to wait 600 s"), "{error}");
    assert_eq!(scene.proxy.count(PATH), 1);
}

#[test]
fn server_errors_are_retried_and_501_is_final() {
    let Some(scene) = Scene::new() else { return };
    for (i, status) in [500, 502, 503, 504].into_iter().enumerate() {
        scene.proxy.on(PATH, i, 1, Fault::Status(status, None));
    }
    let source = scene.source();
    read(&source, 20).unwrap();
    assert_eq!((scene.proxy.count(PATH), source.client().stats().retries), (5, 4));
    scene.proxy.on(PATH, 0, 1, Fault::Status(501, None));
    let error = read(&source, 10).unwrap_err();
    assert!(error.to_string().contains("answered 501"), "{error}");
    assert_eq!(scene.proxy.count(PATH), 6);
}

#[test]
fn retries_can_be_limited_3_requests_2_retries() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on(PATH, 0, 9, Fault::Status(500, None));
    let source = VaultSource::new(VaultSettings { max_retries: Some(2), ..scene.settings() }).unwrap();
    let error = read(&source, 10).unwrap_err();
    assert!(error.to_string().contains("answered 500: by the proxy, tried again 2 times in"), "{error}");
    assert_eq!(scene.proxy.count(PATH), 3);
}

#[test]
fn requests_to_an_unreachable_vault_are_retried_until_near_the_deadline() {
    let settings = with_token("http://127.0.0.1:9", "t");
    let source = VaultSource::new(settings.clone()).unwrap();
    let started = Instant::now();
    let error = read(&source, 3).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(started.elapsed() > Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(error.class(), Class::Store);
    assert!(error.to_string().contains("127.0.0.1:9 is not reachable: Connection refused"), "{error}");
    assert!(error.to_string().contains("until near the deadline"), "{error}");
    assert!(source.client().stats().retries >= 3);
    let once = VaultSource::new(VaultSettings { max_retries: Some(0), ..settings }).unwrap();
    assert!(read(&once, 3).is_err());
    assert_eq!(once.client().stats().requests, 1);
}

#[test]
fn a_request_that_takes_too_long_is_retried_2_requests_1_retry() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on(PATH, 0, 1, Fault::Delay(Duration::from_secs(3)));
    let settings = VaultSettings { request_timeout: Duration::from_millis(500), ..scene.settings() };
    let source = VaultSource::new(settings).unwrap();
    let started = Instant::now();
    read(&source, 10).unwrap();
    assert!(started.elapsed() < Duration::from_secs(2));
    assert_eq!((scene.proxy.count(PATH), source.client().stats().retries), (2, 1));
}

#[test]
fn a_read_from_a_slow_vault_ends_before_the_deadline() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.delay(Duration::from_secs(30));
    let started = Instant::now();
    let error = read(&scene.source(), 2).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert!(error.to_string().contains("is too slow: no complete answer within 1.8 s"), "{error}");
}

#[test]
fn a_cancelled_run_ends_at_once() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.delay(Duration::from_secs(30));
    let source = scene.source();
    let cx = Cx::default();
    let cancel = cx.cancel.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        cancel.cancel();
    });
    let started = Instant::now();
    let error = block_on(async { source.read(&SecretRef::latest(PATH), &cx).await }).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(1));
    assert!(error.to_string().contains("the run was cancelled"), "{error}");
}

#[test]
fn a_read_waits_for_a_sealed_vault_until_it_is_unsealed() {
    let Some(scene) = Scene::new() else { return };
    let source = scene.source();
    read(&source, 10).unwrap();
    let vault = Arc::clone(&scene.vault);
    scene.proxy.on(PATH, 0, 1, Fault::Before(Box::new(move || vault.seal())));
    let vault = Arc::clone(&scene.vault);
    // The first three requests are refused. Before the fourth, Vault is unsealed.
    scene.proxy.on(PATH, 3, 1, Fault::Before(Box::new(move || vault.unseal())));
    assert_eq!(text(&read(&source, 30).unwrap(), "user"), "alice");
    let retries = source.client().stats().retries;
    println!("sealed in the middle: {} requests, {retries} retries", scene.proxy.count(PATH));
    assert!((3..=8).contains(&retries), "{retries}");
}

#[test]
fn the_error_says_that_a_vault_stays_sealed() {
    let Some(scene) = Scene::new() else { return };
    scene.vault.seal();
    let error = read(&scene.source(), 2).unwrap_err();
    assert_eq!(error.class(), Class::Store);
    assert!(error.to_string().contains("answered 503: Vault is sealed"), "{error}");
    assert!(error.advice().is_some_and(|a| a.contains("unseal")));
}

#[test]
fn a_token_that_is_revoked_during_reads_is_replaced_by_one_login_20_reads_2_logins() {
    let Some(scene) = Scene::new() else { return };
    let vault = &scene.vault;
    vault.policy("app", &["secret/data/*"]);
    vault.enable_auth("userpass", "userpass");
    vault.write("auth/userpass/users/ci", &json!({ "password": "pw", "token_policies": ["app"] }));
    for i in 0..20 {
        vault.put(&format!("secret/data/revoked/{i}"), &json!({ "k": "v" }));
    }
    let auth = Auth::Userpass { mount: "userpass".into(), username: "ci".into(), password: "pw".into() };
    let source = Arc::new(VaultSource::new(VaultSettings::new(scene.proxy.address(), auth)).unwrap());
    let revoker = Arc::clone(vault);
    let revoke_all = move || {
        revoker.write("sys/leases/revoke-prefix/auth/userpass", &json!({ "sync": true }));
    };
    scene.proxy.on("secret/data/revoked/", 5, 1, Fault::Before(Box::new(revoke_all)));
    let reads = Reads::with_concurrency(Arc::clone(&source) as Arc<dyn Source>, 4);
    let secrets: Vec<SecretRef> =
        (0..20).map(|i| SecretRef::latest(format!("secret/data/revoked/{i}"))).collect();
    let answers = block_on(async { reads.read_all(&secrets, &Cx::default()).await });
    let failed: Vec<String> =
        answers.iter().filter_map(|a| a.as_ref().err()).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(source.client().stats().logins, 2);
}

#[test]
fn the_redirect_of_a_standby_to_the_active_node_is_followed() {
    let Some(scene) = Scene::new() else { return };
    let standby = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", standby.local_addr().unwrap());
    let active = scene.vault.address();
    std::thread::spawn(move || {
        for stream in standby.incoming().flatten() {
            use std::io::{BufRead, Write};
            let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
            let path = lines.next().unwrap().unwrap().split(' ').nth(1).unwrap().to_owned();
            while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
            let head =
                format!("HTTP/1.1 307 Elsewhere\r\nLocation: {active}{path}\r\nContent-Length: 0\r\n\r\n");
            (&stream).write_all(head.as_bytes()).unwrap();
        }
    });
    let source = VaultSource::new(with_token(&address, ROOT_TOKEN)).unwrap();
    assert_eq!(text(&read(&source, 10).unwrap(), "user"), "alice");
}

#[test]
fn redirects_are_not_followed_if_the_settings_forbid_it() {
    let (first, elsewhere) = (listener(), listener());
    let (address, location) = (address_of(&first), address_of(&elsewhere));
    elsewhere.set_nonblocking(true).unwrap();
    std::thread::spawn(move || {
        for stream in first.incoming().flatten() {
            use std::io::{BufRead, Write};
            let mut lines = std::io::BufReader::new(stream.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|l| l.is_ok_and(|l| !l.is_empty())) {}
            let head =
                format!("HTTP/1.1 307 Elsewhere\r\nLocation: {location}/v1/x\r\nContent-Length: 0\r\n\r\n");
            (&stream).write_all(head.as_bytes()).unwrap();
        }
    });
    let settings = VaultSettings { follow_redirects: false, ..with_token(&address, "t") };
    read(&VaultSource::new(settings).unwrap(), 3).unwrap_err();
    assert!(elsewhere.accept().is_err(), "the redirect was followed");
}

#[test]
fn an_address_that_is_not_allowed_is_not_connected_to() {
    let vault = listener();
    vault.set_nonblocking(true).unwrap();
    let address = address_of(&vault).replace("127.0.0.1", "localhost");
    let settings =
        VaultSettings { addresses: keyfill_secrets::Addresses::Public, ..with_token(&address, "t") };
    let start = Instant::now();
    let error = read(&VaultSource::new(settings).unwrap(), 20).unwrap_err();
    assert!(error.to_string().contains("may not be connected to"), "{error}");
    assert!(error.advice().is_some_and(|advice| advice.contains("KEYFILL_APP_ADDRESSES")));
    assert!(start.elapsed() < Duration::from_secs(5), "it is not tried again");
    assert!(vault.accept().is_err(), "it was connected to");
}

fn listener() -> std::net::TcpListener {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap()
}

fn address_of(listener: &std::net::TcpListener) -> String {
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn reads_of_100_references_from_a_vault_that_is_down_fail_before_the_deadline() {
    let source = Arc::new(VaultSource::new(with_token("http://127.0.0.1:9", "t")).unwrap());
    let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
    let secrets: Vec<SecretRef> = (0..100).map(|i| SecretRef::latest(format!("secret/data/{i}"))).collect();
    let cx = Cx::with_time(Duration::from_secs(3));
    let answers = block_on(async { reads.read_all(&secrets, &cx).await });
    assert!(cx.check().is_ok(), "the deadline has passed");
    for (secret, answer) in secrets.iter().zip(answers) {
        let error = answer.unwrap_err().to_string();
        assert!(error.starts_with(&format!("cannot read {}: Vault at", secret.path)), "{error}");
        assert!(error.contains("Connection refused"), "{error}");
    }
    assert_eq!(reads.count(), 16);
}

#[test]
fn a_wrong_password_is_tried_once_for_100_references() {
    let Some(scene) = Scene::new() else { return };
    scene.vault.enable_auth("userpass", "userpass");
    scene.vault.write("auth/userpass/users/ci", &json!({ "password": "pw" }));
    let auth = Auth::Userpass { mount: "userpass".into(), username: "ci".into(), password: "wrong".into() };
    let source = Arc::new(VaultSource::new(VaultSettings::new(scene.proxy.address(), auth)).unwrap());
    let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
    let secrets: Vec<SecretRef> = (0..100).map(|i| SecretRef::latest(format!("secret/data/{i}"))).collect();
    let answers = block_on(async { reads.read_all(&secrets, &Cx::default()).await });
    for (secret, answer) in secrets.iter().zip(answers) {
        let error = answer.unwrap_err().to_string();
        let start =
            format!("cannot read {}: cannot log in with userpass at auth/userpass/login: ", secret.path);
        assert!(error.starts_with(&start), "{error}");
    }
    assert_eq!(scene.proxy.seen().len(), 1);
}
