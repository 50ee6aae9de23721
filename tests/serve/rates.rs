//! How often stores are asked about secrets in use: in batches, within the limit of requests per second, and each
//! secret once in a round.

use crate::Server;
use crate::cluster::Cluster;
use keyfill_testkit::{Fake, Request, Response};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

const SECRETS: usize = 40;

/// The requests to a fake Vault, which delays each answer.
#[derive(Default)]
struct Seen {
    /// The time and path of each request.
    requests: Vec<(Instant, String)>,
    now: usize,
    /// The most concurrent requests.
    most: usize,
    /// The content of its secrets of KV version 1, as JSON.
    plain: String,
}

struct Vault {
    fake: Fake,
    seen: Arc<Mutex<Seen>>,
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().expect("no panic")
}

impl Vault {
    fn start(delay: Duration) -> Self {
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let shared = Arc::clone(&seen);
        let fake = Fake::start(move |request| {
            let path = request.path.trim_start_matches("/v1/").to_owned();
            {
                let mut seen = lock(&shared);
                seen.requests.push((Instant::now(), path));
                seen.now += 1;
                seen.most = seen.most.max(seen.now);
            }
            std::thread::sleep(delay);
            let mut seen = lock(&shared);
            seen.now -= 1;
            answer(request, &seen.plain)
        });
        Self { fake, seen }
    }

    /// Forgets the requests so far.
    fn forget(&self) {
        let mut seen = lock(&self.seen);
        seen.requests.clear();
        seen.most = 0;
    }

    /// The requests since [`Vault::forget`] below a path: the time of each, how often each path was requested, and
    /// the most concurrent requests.
    fn asked(&self, prefix: &str) -> (Vec<Instant>, BTreeMap<String, usize>, usize) {
        let seen = lock(&self.seen);
        let of_them = || seen.requests.iter().filter(|(_, path)| path.starts_with(prefix));
        let mut counts = BTreeMap::new();
        of_them().for_each(|(_, path)| *counts.entry(path.clone()).or_default() += 1);
        (of_them().map(|(at, _)| *at).collect(), counts, seen.most)
    }

    fn set_plain(&self, keys: &str) {
        lock(&self.seen).plain = keys.to_owned();
    }
}

/// Answers a request. `secret/` is KV version 2, `kv/` version 1.
fn answer(request: &Request, plain: &str) -> Response {
    let path = request.path.trim_start_matches("/v1/");
    let ok = |body: serde_json::Value| Response::new(200, body.to_string());
    if let Some(rest) = path.strip_prefix("sys/internal/ui/mounts/") {
        let (mount, version) = if rest.starts_with("secret/") { ("secret/", "2") } else { ("kv/", "1") };
        return ok(json!({"data": {"path": mount, "type": "kv", "options": {"version": version}}}));
    }
    if path.starts_with("secret/data/") {
        let metadata =
            json!({"version": 1, "created_time": "2026-01-02T03:04:05.000000Z", "destroyed": false});
        return ok(json!({"data": {"data": {"user": "hush"}, "metadata": metadata}}));
    }
    if path.starts_with("secret/metadata/") {
        let version =
            json!({"created_time": "2026-01-02T03:04:05.000000Z", "deletion_time": "", "destroyed": false});
        return ok(json!({"data": {"current_version": 1, "versions": {"1": version}}}));
    }
    if path.starts_with("kv/") {
        return Response::new(200, format!(r#"{{"data": {plain}}}"#));
    }
    ok(json!({"data": {"policies": ["team"], "ttl": 3600, "renewable": false}}))
}

/// A tree with a folder for each app, whose Secret has a placeholder for a path.
fn tree(path: impl Fn(usize) -> String, apps: usize) -> tempfile::TempDir {
    let tree = tempfile::tempdir().expect("a folder");
    for n in 0..apps {
        let folder = tree.path().join(format!("app-{n}"));
        std::fs::create_dir(&folder).expect("a folder");
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{k: <path:{}#user>}}\n",
            path(n)
        );
        std::fs::write(folder.join("s.yaml"), text).expect("a file");
    }
    tree
}

fn start(cluster: &Cluster, vault: &Vault, more: &[&str]) -> Option<Server> {
    let address = vault.fake.address();
    let own = [("VAULT_ADDR", address.as_str()), ("VAULT_TOKEN", "t"), ("KEYFILL_ALLOWED_PATHS", "**")];
    let cluster = cluster.vars();
    let vars: Vec<(&str, &str)> =
        cluster.iter().map(|(name, value)| (name.as_str(), value.as_str())).chain(own).collect();
    let flags = ["--refresh", "--refs", "--metrics", "127.0.0.1:0", "--refresh-spread", "1s"];
    Server::start(&vars, &[&flags[..], &["--secret-ttl=500ms"], more].concat())
}

fn serve_all(server: &Server, tree: &Path, apps: usize) {
    for n in 0..apps {
        let (folder, name) = (format!("app-{n}"), format!("ARGOCD_APP_NAME=app-{n}"));
        let path = format!("ARGOCD_APP_SOURCE_PATH={folder}");
        let vars = [name.as_str(), path.as_str(), "ARGOCD_APP_PROJECT_NAME=team"];
        let answer = server.call(tree, &["-path", &folder, "-timeout", "60s"], &vars);
        assert!(answer["one"].is_array(), "{answer}");
    }
}

#[test]
fn metadata_is_read_within_the_limit_of_requests_per_second() {
    const RATE: f64 = 40.0;
    let Some(cluster) = Cluster::start() else { return };
    let vault = Vault::start(Duration::from_millis(5));
    let Some(server) = start(&cluster, &vault, &["--vault-rps", "40", "--refresh-interval", "100ms"]) else {
        return;
    };
    // Each secret is used by two apps, and asked for once.
    let tree = tree(|n| format!("secret/data/team/s-{}", n / 2), 2 * SECRETS);
    serve_all(&server, tree.path(), 2 * SECRETS);
    server.wait_for_metric("keyfill_refs{state=\"current\"}", (2 * SECRETS) as f64);
    vault.forget();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(6));
    let (times, counts, _) = vault.asked("secret/metadata/");
    let seconds = start.elapsed().as_secs_f64();
    // The limiter lets the requests of a tenth of a second go at once.
    let most = |seconds: f64| RATE * (seconds + 0.1) + 1.0;
    println!("{} requests for metadata in {seconds:.2} s", times.len());
    assert!(times.len() as f64 <= most(seconds), "{} in {seconds} s", times.len());
    for (first, from) in times.iter().enumerate() {
        let within = times[first..].iter().take_while(|at| at.duration_since(*from).as_secs_f64() < 2.0);
        // The times are those of arrival: some requests may arrive late and close together.
        let within = within.count() as f64;
        assert!(within <= most(2.0) * 1.2, "{within} within two seconds");
    }
    assert_eq!(counts.len(), SECRETS, "all of them are asked for");
    let (fewest, most) = (counts.values().min().expect("some"), counts.values().max().expect("some"));
    // The measured time cuts a round at both ends, and a batch has no order.
    assert!(*fewest >= 2 && most - fewest <= 2, "each once a round: {counts:?}");
    assert_eq!(vault.asked("secret/data/").1, BTreeMap::new(), "no value is read");
    assert_eq!(cluster.refreshes(), 0);
}

#[test]
fn metadata_is_read_in_batches_within_the_limit_of_concurrent_requests() {
    let Some(cluster) = Cluster::start() else { return };
    for (flags, least, most) in [
        (vec!["--refresh-interval", "1s"], 8, 16),
        (vec!["--refresh-interval", "1s", "--vault-concurrency", "4"], 3, 4),
    ] {
        let vault = Vault::start(Duration::from_millis(80));
        let Some(server) = start(&cluster, &vault, &flags) else { return };
        let tree = tree(|n| format!("secret/data/team/s-{n}"), SECRETS);
        serve_all(&server, tree.path(), SECRETS);
        server.wait_for_metric("keyfill_refs{state=\"current\"}", SECRETS as f64);
        vault.forget();
        let start = Instant::now();
        while vault.asked("secret/metadata/").0.len() < 2 * SECRETS {
            assert!(start.elapsed() < Duration::from_secs(30), "rounds do not come");
            std::thread::sleep(Duration::from_millis(100));
        }
        let (_, counts, at_once) = vault.asked("");
        assert!((least..=most).contains(&at_once), "{at_once} at once with {flags:?}");
        assert!(counts.keys().all(|path| path.starts_with("secret/metadata/")), "{counts:?}");
    }
}

#[test]
fn an_engine_without_versions_is_watched_by_a_hash_of_its_answers() {
    let Some(cluster) = Cluster::start() else { return };
    let vault = Vault::start(Duration::ZERO);
    vault.set_plain(r#"{"user": "hush-1", "other": "x"}"#);
    let Some(server) = start(&cluster, &vault, &["--vault-rps", "20", "--refresh-interval", "200ms"]) else {
        return;
    };
    let tree = tree(|n| format!("kv/team/s-{n}"), 4);
    serve_all(&server, tree.path(), 4);
    server.wait_for_metric("keyfill_refs{state=\"unversioned\"}", 4.0);
    // The same values in another order, and a key that no app uses.
    vault.set_plain(r#"{"more": 1, "other": "y", "user": "hush-1"}"#);
    vault.forget();
    let start = Instant::now();
    std::thread::sleep(Duration::from_secs(4));
    let (times, counts, _) = vault.asked("kv/");
    assert!(times.len() as f64 <= 20.0 * (start.elapsed().as_secs_f64() + 0.1) + 1.0, "{}", times.len());
    assert!(counts.len() == 4 && counts.values().all(|times| *times >= 3), "{counts:?}");
    assert_eq!(cluster.refreshes(), 0, "nothing has changed for them");
    vault.set_plain(r#"{"user": "hush-2"}"#);
    cluster.wait_for(4, Duration::from_secs(60));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(cluster.refreshes(), 4, "each app once");
    let page = keyfill_testkit::request(&server.metrics_address(), "GET", "/refs?format=json", &[], "").body;
    let log = server.log();
    for text in [&page, &log] {
        assert!(!text.contains("hush"), "{text}");
    }
}
