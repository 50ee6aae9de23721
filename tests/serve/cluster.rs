//! A fake API server with Applications and one Lease, which checks each request against the rules of Kubernetes.

use crate::certificate::Certificate;
use keyfill_testkit::{Fake, Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

const TOKEN: &str = "token-of-the-service-account";
const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/argocd/leases";
const APPLICATIONS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/";
const PATCH: &str = r#"{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"hard"}}}"#;

/// What the API server holds, and which requests violated the rules.
#[derive(Default)]
pub struct State {
    /// How often each Application was refreshed.
    pub refreshed: BTreeMap<String, usize>,
    /// The holder of the Lease at each refresh.
    pub holders: Vec<String>,
    /// The violations of the rules so far.
    pub faults: Vec<String>,
    /// The Lease, and when it was written.
    pub lease: Option<(Value, Instant)>,
    /// The replicas that took the Lease over from a holder that had not released it.
    pub taken_over: Vec<String>,
    /// Kinds that the service account may not touch: `leases`, `applications`.
    pub denied: Vec<&'static str>,
    /// Names of Applications that do not exist.
    pub gone: Vec<String>,
    /// How many of the next requests fail with status 500.
    pub failing: usize,
    /// The Applications that are listed, by name, each with its source type.
    pub listed: Vec<(String, &'static str)>,
    version: u64,
}

/// A running API server, and the folder of its service account.
pub struct Cluster {
    state: Arc<Mutex<State>>,
    folder: tempfile::TempDir,
    port: String,
}

impl Cluster {
    /// `None` if openssl is not installed.
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let certificate = Certificate::for_address(folder.path(), "IP:127.0.0.1")?;
        for (name, text) in [("token", TOKEN), ("namespace", "argocd")] {
            std::fs::write(folder.path().join(name), text).expect("a file");
        }
        std::fs::copy(&certificate.certificate, folder.path().join("ca.crt")).expect("a file");
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = Arc::clone(&state);
        let server = Fake::start(move |request| lock(&shared).answer(request));
        let address = certificate.before(server.host());
        let port = address.rsplit(':').next().expect("a port").to_owned();
        Some(Self { state, folder, port })
    }

    /// The variables by which a sidecar finds the API server.
    pub fn vars(&self) -> Vec<(String, String)> {
        let folder = self.folder.path().to_string_lossy().into_owned();
        let vars = [
            ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
            ("KUBERNETES_SERVICE_PORT", &self.port),
            ("KEYFILL_SERVICE_ACCOUNT", &folder),
        ];
        vars.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
    }

    /// What the API server holds.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// How many refreshes were requested.
    pub fn refreshes(&self) -> usize {
        self.state().refreshed.values().sum()
    }

    /// Waits until this many refreshes were requested.
    pub fn wait_for(&self, refreshes: usize, time: Duration) {
        let start = Instant::now();
        while self.refreshes() < refreshes {
            let state = self.state();
            assert!(start.elapsed() < time, "{} of {refreshes}: {:?}", state.refreshed.len(), state.faults);
            drop(state);
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no panic")
}

impl State {
    fn answer(&mut self, request: &Request) -> Response {
        let path = request.path.split('?').next().unwrap_or_default();
        if request.header("authorization") != format!("Bearer {TOKEN}") {
            return self.fault(401, "no token");
        }
        if self.failing > 0 {
            self.failing -= 1;
            return status(500, "etcd is not there");
        }
        let is_denied = |kind: &str, path: &str| path.contains(&format!("/{kind}"));
        if let Some(kind) = self.denied.iter().find(|kind| is_denied(kind, path)) {
            let words = format!(
                "{kind} is forbidden: User \"system:serviceaccount:argocd:argocd-repo-server\" cannot {} it",
                request.method.to_lowercase()
            );
            return status(403, &words);
        }
        let lease = format!("{LEASES}/keyfill-refresh");
        match (request.method.as_str(), path) {
            ("GET", path) if path == lease => match &self.lease {
                None => status(404, "there is no such Lease"),
                Some((lease, _)) => Response::new(200, lease.to_string()),
            },
            ("POST", LEASES) => self.write(request, true),
            ("PUT", path) if path == lease => self.write(request, false),
            ("PATCH", path) if path.starts_with(APPLICATIONS) => {
                self.patch(request, path.trim_start_matches(APPLICATIONS))
            }
            ("GET", path) if path == APPLICATIONS.trim_end_matches('/') => self.list(&request.path),
            _ => self.fault(404, &format!("{} {}", request.method, request.path)),
        }
    }

    /// A page of Applications. The token for the next page holds a character that must be escaped in a URL.
    fn list(&mut self, path: &str) -> Response {
        let of =
            |name: &str| path.split(['?', '&']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        let Some(limit) = of("limit").and_then(|text| text.parse::<usize>().ok()) else {
            return self.fault(400, "a list without an end");
        };
        let from = match of("continue").map(|text| text.strip_prefix("from%2B").map(str::parse::<usize>)) {
            None => 0,
            Some(Some(Ok(from))) => from,
            Some(_) => return self.fault(410, &format!("to go on from nowhere: {path}")),
        };
        let item = |(name, kind): &(String, &str)| {
            let status = if name.ends_with("many") {
                json!({"sourceTypes": ["Helm", kind]})
            } else {
                json!({"sourceType": kind})
            };
            json!({"metadata": {"name": name, "namespace": "argocd"}, "spec": {}, "status": status})
        };
        let items: Vec<Value> = self.listed.iter().skip(from).take(limit).map(item).collect();
        let next =
            if from + limit < self.listed.len() { format!("from+{}", from + limit) } else { String::new() };
        Response::new(
            200,
            json!({"kind": "ApplicationList", "metadata": {"continue": next}, "items": items}).to_string(),
        )
    }

    /// Creates the Lease if there is none. Updates it only if the request has the current resource version.
    fn write(&mut self, request: &Request, is_new: bool) -> Response {
        if request.header("content-type") != "application/json" {
            return self.fault(415, "a Lease that is not JSON");
        }
        let mut lease: Value = serde_json::from_str(&request.body).unwrap_or_default();
        let spec = &lease["spec"];
        let text = |name: &str| spec[name].as_str().unwrap_or_default().to_owned();
        let (holder, renewed, acquired) = (text("holderIdentity"), text("renewTime"), text("acquireTime"));
        if lease["kind"] != "Lease" || lease["metadata"]["name"] != "keyfill-refresh" {
            return self.fault(422, "no Lease of that name");
        }
        let is_time = |time: &str| time.len() == 27 && time.ends_with('Z') && time.as_bytes()[19] == b'.';
        if !is_time(&renewed)
            || !is_time(&acquired)
            || spec["leaseDurationSeconds"].as_u64().unwrap_or(0) == 0
        {
            return self.fault(422, &format!("a Lease without times: {spec}"));
        }
        let version = lease["metadata"]["resourceVersion"].as_str().unwrap_or_default().to_owned();
        match (&self.lease, is_new) {
            (Some(_), true) => return status(409, "it is there already"),
            (None, false) => return status(404, "there is no such Lease"),
            (Some((known, _)), false) if known["metadata"]["resourceVersion"] != version.as_str() => {
                return status(409, "the object has been modified");
            }
            (None, true) if !version.is_empty() => return self.fault(422, "a version before there is one"),
            _ => {}
        }
        if let Some((known, written)) = &self.lease {
            let before = known["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
            let seconds = known["spec"]["leaseDurationSeconds"].as_u64().unwrap_or(0);
            let is_over = written.elapsed() >= Duration::from_secs(seconds);
            // A client with the current resource version may release the Lease; to take it, it must have expired.
            if !before.is_empty() && !holder.is_empty() && before != holder {
                if !is_over {
                    return self.fault(409, &format!("{holder:?} takes the Lease from {before:?} too early"));
                }
                self.taken_over.push(holder.clone());
            }
            let transitions = |lease: &Value| lease["spec"]["leaseTransitions"].as_u64().unwrap_or(0);
            if !holder.is_empty() && before != holder && transitions(&lease) != transitions(known) + 1 {
                return self.fault(422, "a Lease that changes hands counts it");
            }
        }
        self.version += 1;
        lease["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.lease = Some((lease.clone(), Instant::now()));
        Response::new(if is_new { 201 } else { 200 }, lease.to_string())
    }

    fn patch(&mut self, request: &Request, name: &str) -> Response {
        if request.header("content-type") != "application/merge-patch+json" || request.body != PATCH {
            return self.fault(415, &format!("a patch of another kind: {}", request.body));
        }
        let Some((lease, _)) = &self.lease else { return self.fault(409, "a refresh without the Lease") };
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned();
        if holder.is_empty() {
            return self.fault(409, "a refresh while nobody holds the Lease");
        }
        if self.gone.iter().any(|gone| gone == name) {
            return status(404, "there is no such Application");
        }
        self.holders.push(holder);
        *self.refreshed.entry(name.to_owned()).or_default() += 1;
        Response::new(200, json!({"kind": "Application", "metadata": {"name": name}}).to_string())
    }

    fn fault(&mut self, code: u16, words: &str) -> Response {
        self.faults.push(words.to_owned());
        status(code, words)
    }
}

fn status(code: u16, message: &str) -> Response {
    Response::new(code, json!({"kind": "Status", "message": message, "code": code}).to_string())
}
