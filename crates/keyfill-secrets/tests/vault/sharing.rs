//! Vault in a long-running process: many requests need few logins and reads, and none gets the secret of another login.

use crate::{block_on, text};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::vault::{Auth, Shared, SharedOptions, VaultSettings};
use keyfill_secrets::{Error, Room, SecretData, SecretRef};
use keyfill_testkit::{Fault, Proxy, Vault};
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};

struct Scene {
    vault: Arc<Vault>,
    proxy: Proxy,
}

impl Scene {
    /// A Vault with two users, who may each read the secrets of their own team.
    fn new() -> Option<Self> {
        let vault = Arc::new(Vault::start()?);
        vault.enable_auth("userpass", "userpass");
        for team in ["red", "blue"] {
            vault.policy(team, &[&format!("secret/data/{team}/*")]);
            vault.write(
                &format!("auth/userpass/users/{team}"),
                &json!({ "password": format!("pw-{team}"), "token_policies": [team] }),
            );
            for i in 0..5 {
                vault.put(&format!("secret/data/{team}/{i}"), &json!({ "k": format!("{team}-{i}") }));
            }
        }
        let proxy = Proxy::start(vault.host());
        Some(Self { vault, proxy })
    }

    fn settings(&self, team: &str) -> VaultSettings {
        let auth = Auth::Userpass {
            mount: "userpass".into(),
            username: team.into(),
            password: format!("pw-{team}").into(),
        };
        VaultSettings::new(self.proxy.address(), auth)
    }
}

/// One request of a plugin: reads one path with a new source.
async fn request(
    shared: &Shared,
    settings: VaultSettings,
    path: &str,
    cx: &Cx,
) -> Result<Arc<SecretData>, Error> {
    shared.source(settings)?.read(&SecretRef::latest(path), cx).await
}

fn keeping(keep: Duration) -> Shared {
    Shared::new(SharedOptions { keep, ..SharedOptions::default() })
}

#[test]
fn five_hundred_requests_share_1_login_and_5_reads() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::from_secs(60));
    block_on(async {
        let cx = Cx::default();
        let requests = (0..500).map(|i| {
            let (shared, settings, cx) = (&shared, scene.settings("red"), &cx);
            async move { request(shared, settings, &format!("secret/data/red/{}", i % 5), cx).await }
        });
        for (i, answer) in futures_util::future::join_all(requests).await.into_iter().enumerate() {
            assert_eq!(text(&answer.unwrap(), "k"), format!("red-{}", i % 5));
        }
    });
    let stats = shared.stats();
    assert_eq!((stats.reads, stats.hits, stats.vault.logins, stats.clients), (5, 495, 1, 1));
    assert_eq!((scene.proxy.count("auth/"), scene.proxy.count("secret/")), (1, 5));
}

#[test]
fn a_secret_that_one_login_read_is_not_given_to_another() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::from_secs(60));
    block_on(async {
        let cx = Cx::default();
        for _ in 0..3 {
            let both =
                ["red", "blue"].map(|team| request(&shared, scene.settings(team), "secret/data/red/1", &cx));
            let [red, blue] = <[_; 2]>::try_from(futures_util::future::join_all(both).await).unwrap();
            assert_eq!(text(&red.unwrap(), "k"), "red-1");
            let denied = blue.unwrap_err();
            assert_eq!(denied.class(), Class::Store);
            assert!(denied.to_string().contains("permission denied"), "{denied}");
        }
        // The same user with another password does not share the login.
        let Auth::Userpass { mount, username, .. } = scene.settings("red").auth else {
            panic!("it is userpass")
        };
        let auth = Auth::Userpass { mount, username, password: "pw-guessed".into() };
        let guessed = VaultSettings { auth, ..scene.settings("red") };
        let error = request(&shared, guessed, "secret/data/red/1", &cx).await.unwrap_err();
        assert!(error.to_string().contains("cannot log in"), "{error}");
    });
    assert_eq!(shared.stats().clients, 3);
}

#[test]
fn a_changed_secret_is_read_after_its_time_to_live_and_memory_is_freed() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::from_millis(300));
    block_on(async {
        let cx = Cx::default();
        let path = "secret/data/red/0";
        let read = || async { text(&request(&shared, scene.settings("red"), path, &cx).await.unwrap(), "k") };
        assert_eq!(read().await, "red-0");
        scene.vault.put(path, &json!({ "k": "changed" }));
        assert_eq!(read().await, "red-0");
        assert!(shared.stats().kept_bytes > 0);
        tokio::time::sleep(Duration::from_millis(350)).await;
        assert_eq!(read().await, "changed");
        tokio::time::sleep(Duration::from_millis(800)).await;
        assert_eq!(shared.stats().kept_bytes, 0);
    });
    assert_eq!(scene.proxy.count("secret/"), 2);
}

#[test]
fn without_a_time_to_live_only_the_login_is_kept_3_reads_1_login() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::ZERO);
    block_on(async {
        for _ in 0..3 {
            request(&shared, scene.settings("red"), "secret/data/red/0", &Cx::default()).await.unwrap();
        }
    });
    assert_eq!((scene.proxy.count("secret/"), scene.proxy.count("auth/")), (3, 1));
}

#[test]
fn the_memory_of_kept_secrets_is_limited() {
    let Some(scene) = Scene::new() else { return };
    for i in 0..20 {
        scene.vault.put(&format!("secret/data/red/big{i}"), &json!({ "k": "x".repeat(10_000) }));
    }
    let options =
        SharedOptions { keep: Duration::from_secs(60), room: Room::new(50_000), ..SharedOptions::default() };
    let shared = Shared::new(options);
    block_on(async {
        for i in 0..20 {
            let path = format!("secret/data/red/big{i}");
            request(&shared, scene.settings("red"), &path, &Cx::default()).await.unwrap();
        }
    });
    let kept = shared.stats().kept_bytes;
    assert!((30_000..=50_000).contains(&kept), "{kept}");
}

#[test]
fn fifty_requests_for_a_missing_secret_are_1_read() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::from_secs(60));
    block_on(async {
        let cx = Cx::default();
        let requests =
            (0..50).map(|_| request(&shared, scene.settings("red"), "secret/data/red/absent", &cx));
        let answers = futures_util::future::join_all(requests).await;
        assert!(answers.into_iter().all(|a| a.is_err_and(|e| e.class() == Class::Missing)));
    });
    assert_eq!(scene.proxy.count("secret/"), 1);
}

#[test]
fn a_request_whose_deadline_is_exceeded_does_not_fail_one_with_more_time() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on("secret/", 0, 1, Fault::Delay(Duration::from_millis(1_500)));
    let shared = keeping(Duration::from_secs(60));
    block_on(async {
        let (short, long) = (Cx::with_time(Duration::from_millis(400)), Cx::default());
        let path = "secret/data/red/0";
        let hasty = request(&shared, scene.settings("red"), path, &short);
        let patient = request(&shared, scene.settings("red"), path, &long);
        let (hasty, patient) = tokio::join!(hasty, patient);
        assert!(hasty.is_err());
        assert_eq!(text(&patient.unwrap(), "k"), "red-0");
    });
}

#[test]
fn fifty_requests_wait_for_a_sealed_vault_with_few_probes_until_it_is_unsealed() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::ZERO);
    let (sealed_for, started) = (Duration::from_secs(2), Instant::now());
    block_on(async {
        request(&shared, scene.settings("red"), "secret/data/red/0", &Cx::default()).await.unwrap();
        scene.vault.seal();
        let vault = Arc::clone(&scene.vault);
        let unsealer = std::thread::spawn(move || {
            std::thread::sleep(sealed_for);
            vault.unseal();
            Instant::now()
        });
        let cx = Cx::default();
        let requests = (0..50).map(|i| {
            let (shared, settings, cx) = (&shared, scene.settings("red"), &cx);
            async move { request(shared, settings, &format!("secret/data/red/{}", i % 5), cx).await }
        });
        let answers = futures_util::future::join_all(requests).await;
        let failed: Vec<String> =
            answers.into_iter().filter_map(Result::err).map(|e| e.to_string()).collect();
        assert!(failed.is_empty(), "{failed:?}");
        let late = unsealer.join().unwrap().elapsed();
        println!("all 50 answered {late:?} after unsealing, {:?} in all", started.elapsed());
        assert!(late < Duration::from_millis(1_800), "{late:?}");
    });
    let stats = shared.stats();
    println!("{} requests, {} of them again, for 51 reads", stats.vault.requests, stats.vault.retries);
    // At most one refused request for each of the 50 before the breaker opened, some probes, and then the reads.
    assert!(stats.vault.requests < 130, "{stats:?}");
    assert_eq!((stats.breakers_opened, stats.breakers_open, stats.vault.logins), (1, 0, 1));
}

#[test]
fn a_vault_that_stays_down_gets_few_requests_and_errors_have_the_reason() {
    let shared = keeping(Duration::from_secs(5));
    let settings = VaultSettings::new("http://127.0.0.1:9", Auth::Token("t".into()));
    let started = Instant::now();
    block_on(async {
        let cx = Cx::with_time(Duration::from_secs(3));
        let requests = (0..200).map(|i| {
            let (shared, settings, cx) = (&shared, settings.clone(), &cx);
            async move { request(shared, settings, &format!("secret/data/{i}"), cx).await }
        });
        for answer in futures_util::future::join_all(requests).await {
            let error = answer.unwrap_err();
            assert_eq!(error.class(), Class::Store);
            assert!(error.to_string().contains("Connection refused"), "{error}");
        }
    });
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    let stats = shared.stats();
    println!("200 requests of 3 s sent {} requests to a Vault that is down", stats.vault.requests);
    assert!(stats.vault.requests < 100, "{stats:?}");
    assert_eq!(stats.breakers_open, 1);
}

#[test]
fn a_vault_that_is_down_does_not_delay_requests_to_another() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::from_secs(5));
    block_on(async {
        let down = VaultSettings::new("http://127.0.0.1:9", Auth::Token("t".into()));
        let cx = Cx::with_time(Duration::from_secs(2));
        assert!(request(&shared, down, "secret/data/x", &cx).await.is_err());
        let started = Instant::now();
        request(&shared, scene.settings("red"), "secret/data/red/0", &Cx::default()).await.unwrap();
        assert!(started.elapsed() < Duration::from_secs(1));
    });
}

#[test]
fn the_number_of_clients_is_limited() {
    let Some(scene) = Scene::new() else { return };
    let shared = Shared::new(SharedOptions { clients: 4, ..SharedOptions::default() });
    for i in 0..20 {
        let settings = VaultSettings { namespace: Some(format!("n{i}")), ..scene.settings("red") };
        shared.source(settings).unwrap();
    }
    assert_eq!(shared.stats().clients, 4);
}

#[test]
fn another_request_reads_when_the_one_that_reads_is_cancelled() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on("secret/", 0, 1, Fault::Delay(Duration::from_secs(20)));
    let shared = keeping(Duration::from_secs(60));
    block_on(async {
        let cx = Cx::default();
        let path = "secret/data/red/0";
        let going = request(&shared, scene.settings("red"), path, &cx);
        let staying = async {
            // Wait until the other request has started to read.
            tokio::time::sleep(Duration::from_millis(100)).await;
            request(&shared, scene.settings("red"), path, &cx).await
        };
        let going = async { tokio::time::timeout(Duration::from_millis(500), going).await.is_err() };
        let started = Instant::now();
        let (gone, answer) = tokio::join!(going, staying);
        assert!(gone);
        assert_eq!(text(&answer.unwrap(), "k"), "red-0");
        assert!(started.elapsed() < Duration::from_secs(5));
    });
}

#[test]
fn a_revoked_token_is_replaced_once_for_30_requests_31_reads_2_logins() {
    let Some(scene) = Scene::new() else { return };
    let shared = keeping(Duration::ZERO);
    block_on(async {
        let cx = Cx::default();
        request(&shared, scene.settings("red"), "secret/data/red/0", &cx).await.unwrap();
        scene.vault.write("sys/leases/revoke-prefix/auth/userpass", &json!({ "sync": true }));
        let requests = (0..30).map(|i| {
            let (shared, settings, cx) = (&shared, scene.settings("red"), &cx);
            async move { request(shared, settings, &format!("secret/data/red/{}", i % 5), cx).await }
        });
        assert!(futures_util::future::join_all(requests).await.iter().all(Result::is_ok));
    });
    assert_eq!(shared.stats().vault.logins, 2);
}

#[test]
fn timeouts_of_requests_with_little_time_do_not_open_the_circuit_breaker() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.on("secret/data/red/1", 0, usize::MAX, Fault::Delay(Duration::from_secs(20)));
    let shared = keeping(Duration::ZERO);
    block_on(async {
        request(&shared, scene.settings("red"), "secret/data/red/0", &Cx::default()).await.unwrap();
        let hasty = Cx::with_time(Duration::from_millis(300));
        let requests = (0..20).map(|_| request(&shared, scene.settings("red"), "secret/data/red/1", &hasty));
        assert!(futures_util::future::join_all(requests).await.iter().all(Result::is_err));
        assert_eq!(shared.stats().breakers_opened, 0);
        request(&shared, scene.settings("red"), "secret/data/red/0", &Cx::default()).await.unwrap();
    });
}
