//! Every store that is reached over the network, used by serve: two tenants that share it, and each kind of
//! failure.

use crate::table::{STORES, Store, is_login};
use crate::{Server, app, manifest};
use keyfill_testkit::{Fake, Response};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How the store answers requests that are no login.
#[derive(Clone, Copy, Debug)]
enum Mode {
    Good,
    /// Two responses "too many requests", then it answers.
    Busy,
    /// One response that says that keyfill's credential has expired, then it answers.
    Expired,
    Refuses,
    Absent,
    /// An HTML page, as a proxy would send it.
    Html,
    Slow,
}

const MODES: [Mode; 7] =
    [Mode::Good, Mode::Busy, Mode::Expired, Mode::Refuses, Mode::Absent, Mode::Html, Mode::Slow];

struct Scene {
    server: Server,
    fake: Arc<Fake>,
    mode: Arc<AtomicUsize>,
    /// The number of requests since the mode was set.
    since: Arc<AtomicUsize>,
    _dir: tempfile::TempDir,
}

impl Scene {
    /// `None` if the client is not installed, which is reported.
    fn new(store: &'static Store, args: &[&str]) -> Option<Self> {
        let (mode, since) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let fake = {
            let (mode, since) = (Arc::clone(&mode), Arc::clone(&since));
            Fake::start(move |request| {
                let good = (store.answer)(request);
                if is_login(request) || good.status == 401 {
                    return good;
                }
                let count = since.fetch_add(1, Ordering::SeqCst);
                match MODES[mode.load(Ordering::SeqCst)] {
                    Mode::Busy if count < 2 => Response::new(429, "").header("Retry-After", "0"),
                    Mode::Expired if count == 0 => (store.expired)(),
                    Mode::Good | Mode::Busy | Mode::Expired => good,
                    Mode::Refuses => Response::new(403, r#"{"message": "no right"}"#),
                    Mode::Absent => Response::new(404, r#"{"message": "nothing there"}"#),
                    Mode::Html => Response::new(200, "<html>hush-page</html>"),
                    Mode::Slow => {
                        std::thread::sleep(Duration::from_secs(6));
                        good
                    }
                }
            })
        };
        let dir = tempfile::tempdir().expect("a folder");
        let server = start(store, &fake.address(), dir.path(), args)?;
        Some(Self { server, fake: Arc::new(fake), mode, since, _dir: dir })
    }

    fn set(&self, mode: Mode) {
        self.mode.store(mode as usize, Ordering::SeqCst);
        self.since.store(0, Ordering::SeqCst);
    }

    fn call(&self, path: &str, project: &str) -> Value {
        call(&self.server, path, project, "10s")
    }
}

fn start(store: &Store, address: &str, dir: &std::path::Path, args: &[&str]) -> Option<Server> {
    let vars = store.vars(address, dir);
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Server::start(&vars, &[&["--metrics", "127.0.0.1:0"], args].concat())
}

fn call(server: &Server, path: &str, project: &str, time: &str) -> Value {
    let project = format!("ARGOCD_APP_PROJECT_NAME={project}");
    server.call(app(path).path(), &["-path", "app", "-timeout", time], &["ARGOCD_APP_NAME=web", &project])
}

/// Checks that a call failed, and that its message names the secret and no value. Returns the message.
fn failed(answer: &Value, store: &Store, what: &str) -> String {
    let message = answer["message"].as_str().unwrap_or_default();
    let kind = store.kind;
    assert!(answer["one"].is_null(), "{kind}, {what}: {answer}");
    assert!(message.contains(&store.path_of("1")), "{kind}, {what}: {answer}");
    assert!(!message.contains("hush"), "{kind}, {what}: {answer}");
    message.to_owned()
}

/// Runs a check on each store, four of them concurrently.
fn each(check: impl Fn(&'static Store) + Sync) {
    for stores in STORES.chunks(4) {
        std::thread::scope(|scope| {
            for store in stores {
                scope.spawn(|| check(store));
            }
        });
    }
}

#[test]
fn two_tenants_of_each_store_read_only_their_own_secrets_and_each_secret_once() {
    each(|store| {
        let Some(scene) = Scene::new(store, &["--secret-ttl", "60s"]) else { return };
        let kind = store.kind;
        std::thread::scope(|scope| {
            for project in ["1", "2", "1", "2", "1", "2"] {
                let scene = &scene;
                scope.spawn(move || {
                    let answer = scene.call(&store.path_of(project), project);
                    assert_eq!(answer["one"], manifest(&store.value_of(project)), "{kind}: {answer}");
                });
            }
        });
        let label = format!("{{store=\"default\",type=\"{kind}\"}}");
        let metric = |name: &str| scene.server.metric(&format!("keyfill_store_{name}{label}"));
        assert_eq!((metric("reads_total"), metric("read_seconds_count")), (2.0, 2.0), "{kind}");
        assert!(metric("cache_hits_total") >= 4.0, "{kind}");
        let asked = scene.fake.seen().len();
        for (path, project) in [("2", "1"), ("1", "2")] {
            let answer = scene.call(&store.path_of(path), project);
            assert_eq!(answer["code"], "PermissionDenied", "{kind}: {answer}");
        }
        for (name, _) in store.vars {
            let author = format!("ARGOCD_ENV_{name}=theirs");
            let vars = ["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=1", &author];
            let answer = scene.server.call(app(&store.path_of("1")).path(), &["-path", "app"], &vars);
            assert_eq!(answer["code"], "PermissionDenied", "{kind}, {name}: {answer}");
        }
        assert_eq!(scene.fake.seen().len(), asked, "{kind}: nothing of that was asked for");
        let log = scene.server.log();
        assert!(!log.contains("hush"), "{kind}: {log}");
    });
}

#[test]
fn failures_of_each_store_are_retried_or_reported_and_do_not_last() {
    each(|store| {
        let Some(scene) = Scene::new(store, &["--secret-ttl", "0s"]) else { return };
        let (kind, path) = (store.kind, store.path_of("1"));
        let good = manifest(&store.value_of("1"));
        let works = |what: &str| {
            let answer = scene.call(&path, "1");
            assert_eq!(answer["one"], good, "{kind}, {what}: {answer}");
        };
        works("at first");
        scene.set(Mode::Busy);
        works("while it is busy");
        scene.set(Mode::Expired);
        if store.logs_in {
            works("with a login that has expired");
        } else {
            failed(&scene.call(&path, "1"), store, "expired");
        }
        for mode in [Mode::Refuses, Mode::Absent, Mode::Html] {
            // Conjur's response is the value itself, so every text is valid.
            if kind == "conjur" && matches!(mode, Mode::Html) {
                continue;
            }
            scene.set(mode);
            failed(&scene.call(&path, "1"), store, &format!("{mode:?}"));
        }
        scene.set(Mode::Slow);
        let begun = Instant::now();
        let answer = call(&scene.server, &path, "1", "3s");
        assert!(answer["one"].is_null() && begun.elapsed() < Duration::from_secs(5), "{kind}: {answer}");
        scene.set(Mode::Good);
        works("when all is well again");
        let errors: f64 = ["other", "missing", "store", "forbidden"]
            .iter()
            .map(|class| {
                let label = format!("{{store=\"default\",type=\"{kind}\",class=\"{class}\"}}");
                scene.server.metric(&format!("keyfill_store_errors_total{label}"))
            })
            .sum();
        assert!(errors >= 2.0, "{kind}: {errors}");
        let log = scene.server.log();
        assert!(!log.contains("hush"), "{kind}: {log}");
    });
}

#[test]
fn the_circuit_breaker_of_a_store_that_is_down_opens() {
    each(|store| {
        let dir = tempfile::tempdir().expect("a folder");
        let Some(server) = start(store, "http://127.0.0.1:1", dir.path(), &[]) else { return };
        let kind = store.kind;
        let message = failed(&call(&server, &store.path_of("1"), "1", "5s"), store, "down");
        assert!(message.contains("is not reachable") || message.contains("is down"), "{kind}: {message}");
        let label = format!("{{store=\"default\",type=\"{kind}\"}}");
        assert_eq!(server.metric(&format!("keyfill_store_breakers_open{label}")), 1.0, "{kind}");
        assert_eq!(server.metric(&format!("keyfill_store_breakers_opened_total{label}")), 1.0, "{kind}");
    });
}
