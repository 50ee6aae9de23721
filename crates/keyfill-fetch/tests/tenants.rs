//! Two tenants with different logins share a store: one cannot get from it what only the other may fetch.

#![allow(clippy::unwrap_used)]

use keyfill_diag::{Class, Cx, Report as _};
use keyfill_fetch::{ArgoCdRepository, Credentials, Digest, Fetcher, Lock, Mode, Network, Options, Store};
use keyfill_files::{ChartRef, Fetch as _, FetchError};
use keyfill_http::HostPolicy;
use keyfill_testkit::{Page, Server};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The `Authorization` header of the user `blue` with the password `p`.
const BLUE: &str = "Basic Ymx1ZTpw";

/// A server that serves files to blue's login only.
fn private(files: BTreeMap<String, Vec<u8>>) -> Server {
    Server::start(move |seen, _| match files.get(&seen.path) {
        _ if seen.headers.get("authorization").map(String::as_str) != Some(BLUE) => Page::status(401),
        Some(body) => Page::ok(body.clone()),
        None => Page::status(404),
    })
}

/// A `repo-creds` Secret with a login for the apps of a project.
fn secret(url: &str, user: &str, project: &str) -> ArgoCdRepository {
    let keys = [("url", url), ("username", user), ("password", "p"), ("project", project)];
    let keys = BTreeMap::from(keys.map(|(key, value)| (key.to_owned(), value.to_owned().into())));
    ArgoCdRepository::of("repo-creds", &keys).unwrap().unwrap()
}

/// Makes fetchers for projects that share one store.
struct Tenants {
    network: Arc<Network>,
    secrets: Vec<ArgoCdRepository>,
    policy: HostPolicy,
    lock: Lock,
}

impl Tenants {
    fn new(servers: &[&Server], secrets: Vec<ArgoCdRepository>) -> Self {
        let network = Arc::new(Network::new(Store::temporary(1 << 30).unwrap(), None, None));
        let hosts: Vec<String> = servers.iter().map(|server| format!("{}/*", server.address())).collect();
        let policy = HostPolicy::of(hosts.iter().map(String::as_str)).unwrap();
        Self { network, secrets, policy, lock: Lock::default() }
    }

    fn of(&self, project: &str) -> Fetcher {
        let mut credentials = Credentials::default();
        credentials.add_argo_cd(&self.secrets, Some(project));
        let options = Options {
            mode: Mode::On,
            policy: self.policy.clone(),
            credentials: Arc::new(credentials),
            lock: self.lock.clone(),
            ..Options::default()
        };
        Fetcher::new(Arc::clone(&self.network), options)
    }
}

fn lib(repository: &str) -> ChartRef {
    ChartRef { repository: repository.into(), name: "lib".into(), version: "1.0.0".into() }
}

fn assert_refused<T>(answer: Result<T, FetchError>) {
    let error = answer.err().unwrap();
    assert!(error.to_string().contains("answered 401"), "{error}");
    assert_eq!(error.class(), Class::Store);
}

#[test]
fn a_file_that_one_tenant_fetched_is_not_for_another_with_the_same_lock() {
    let server = private([("/a.yaml".to_owned(), b"a: 1\n".to_vec())].into());
    let url = format!("{}/a.yaml", server.address());
    let secrets = vec![secret(&server.address(), "blue", "blue"), secret(&server.address(), "red", "red")];
    let mut tenants = Tenants::new(&[&server], secrets);
    for locked in [false, true] {
        if locked {
            tenants.lock.files.insert(url.clone(), Digest::of(b"a: 1\n"));
        }
        let file = |project: &str| tenants.of(project).file(&url, &Cx::default());
        assert_eq!(&file("blue").unwrap()[..], b"a: 1\n");
        let asked = server.seen().len();
        assert_eq!(&file("blue").unwrap()[..], b"a: 1\n");
        assert_eq!(server.seen().len(), asked, "it is in the store");
        assert_refused(file("red"));
        assert_refused(file("green"));
    }
}

#[test]
fn an_archive_on_another_server_needs_the_login_of_that_server() {
    let archives = private([("/lib-1.0.0.tgz".to_owned(), b"an archive".to_vec())].into());
    let text = format!(
        "apiVersion: v1\nentries:\n  lib:\n  - {{apiVersion: v2, name: lib, version: 1.0.0, urls: ['{}/lib-1.0.0.tgz']}}\n",
        archives.address()
    );
    let index = Server::of_files([("/charts/index.yaml".to_owned(), text.into_bytes())].into());
    let want = lib(&format!("{}/charts", index.address()));
    let mut tenants = Tenants::new(&[&archives, &index], vec![secret(&archives.address(), "blue", "blue")]);
    // At first without a lock; then with one, which holds the URL of the archive.
    for _ in 0..2 {
        let chart = |project: &str| tenants.of(project).chart(&want, &Cx::default());
        assert_eq!(&chart("blue").unwrap().archive[..], b"an archive");
        let asked = archives.seen().len();
        assert_eq!(&chart("blue").unwrap().archive[..], b"an archive");
        assert_eq!(archives.seen().len(), asked, "it is in the store");
        assert_refused(chart("red"));
        let blue = tenants.of("blue");
        blue.chart(&want, &Cx::default()).unwrap();
        tenants.lock = blue.taken();
    }
}
