//! `keyfill serve` over its socket, called as repo-server calls it: by a Go client that sends the socket's
//! path, percent-encoded, as `:authority`.

#![cfg(unix)]

mod all_stores;
#[cfg(target_os = "linux")]
#[path = "../fetch/certificate.rs"]
mod certificate;
mod clients;
#[cfg(target_os = "linux")]
mod cluster;
mod fetching;
mod hydrator;
mod life;
mod logins;
mod official;
mod plugins;
mod policy;
mod protocol;
#[cfg(target_os = "linux")]
mod rates;
#[cfg(target_os = "linux")]
mod refresh;
#[cfg(target_os = "linux")]
mod repositories;
mod sops;
mod stores;
#[path = "../stores/table.rs"]
mod table;
mod vault;
mod workers;

use keyfill_testkit::{oracle, workspace};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server, which is killed at the end of the test.
struct Server {
    child: Child,
    dir: tempfile::TempDir,
    client: PathBuf,
}

impl Server {
    /// Starts a server. `None` if the client is not installed, which is reported.
    fn start(vars: &[(&str, &str)], args: &[&str]) -> Option<Self> {
        let client = oracle("cmp-client")?;
        let dir = tempfile::tempdir().expect("a folder");
        let server = Self { child: spawn(dir.path(), vars, args), dir, client };
        server.wait_for_socket();
        Some(server)
    }

    /// Starts a server with this plugin.yaml, over a secrets file. The client must be installed.
    fn with_plugin(plugin: &str, secrets: &Path) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("plugin.yaml"), plugin).expect("a file");
        let secrets = secrets.to_string_lossy();
        let vars = [("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &*secrets)];
        let client = oracle("cmp-client").expect("the test has asked for it before");
        let server = Self { child: spawn(dir.path(), &vars, &[]), dir, client };
        server.wait_for_socket();
        server
    }

    fn wait_for_socket(&self) {
        let start = Instant::now();
        while std::os::unix::net::UnixStream::connect(self.socket("keyfill")).is_err() {
            assert!(start.elapsed() < Duration::from_secs(20), "the socket did not come");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn socket(&self, name: &str) -> PathBuf {
        self.dir.path().join(format!("{name}.sock"))
    }

    /// What the client prints for a call with a folder.
    fn call(&self, folder: &Path, args: &[&str], vars: &[&str]) -> Value {
        call(&self.client, &self.socket("keyfill"), folder, args, vars)
    }

    /// Sends SIGTERM to the server.
    fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
    }

    /// The address of the metrics, for a server with `--metrics`.
    fn metrics_address(&self) -> String {
        // The address is logged a moment after the socket is there.
        let start = Instant::now();
        loop {
            let log = log_of(self.dir.path());
            let said = log.split_once("msg=metrics address=").and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((address, _)) = said {
                return address.to_owned();
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "it does not say where its metrics are: {log}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The metrics of a server with `--metrics`.
    fn metrics(&self) -> String {
        keyfill_testkit::request(&self.metrics_address(), "GET", "/metrics", &[], "").body
    }

    /// The value of a metric.
    fn metric(&self, name: &str) -> f64 {
        let page = self.metrics();
        let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no metric {name}:\n{page}"))
    }

    /// Waits until a metric has this value.
    fn wait_for_metric(&self, name: &str, value: f64) {
        let start = Instant::now();
        while self.metric(name) != value {
            assert!(start.elapsed() < Duration::from_secs(10), "{name} is {}", self.metric(name));
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server. Returns its log.
    fn log(mut self) -> String {
        self.terminate();
        assert!(self.child.wait().expect("it ends").success(), "SIGTERM is a quiet end");
        log_of(self.dir.path())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server has ended already if the test took its log.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Starts a server with the plugin.yaml in this folder, or, if there is none, the shipped one. It logs into the
/// file `log` there.
fn spawn(dir: &Path, vars: &[(&str, &str)], args: &[&str]) -> Child {
    command(dir, vars, args).spawn().expect("keyfill starts")
}

/// The command that [`spawn`] starts.
fn command(dir: &Path, vars: &[(&str, &str)], args: &[&str]) -> Command {
    let plugin = dir.join("plugin.yaml");
    if !plugin.exists() {
        std::fs::copy(workspace().join("plugin.yaml"), plugin).expect("plugin.yaml is there");
    }
    let log = std::fs::File::options().create(true).append(true).open(dir.join("log")).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_keyfill"));
    command
        .args(["serve", "--config-dir-path"])
        .arg(dir)
        .args(args)
        .env_clear()
        .env("ARGOCD_PLUGINSOCKFILEPATH", dir)
        .env("KEYFILL_ALLOWED_PATHS", "secret/data/{{ app.project }}/*")
        .envs(vars.iter().copied())
        .stdout(Stdio::null())
        .stderr(log);
    command
}

/// The log of a server so far.
fn log_of(dir: &Path) -> String {
    std::fs::read_to_string(dir.join("log")).expect("it logs into a file")
}

/// What the client prints for a call with a folder.
fn call(client: &Path, socket: &Path, folder: &Path, args: &[&str], vars: &[&str]) -> Value {
    let mut command = Command::new(client);
    command.arg("-socket").arg(socket).arg("-folder").arg(folder).args(args);
    for pair in vars {
        command.args(["-env", pair]);
    }
    let output = command.output().expect("the client runs");
    serde_json::from_slice(&output.stdout).expect("the client prints JSON")
}

/// A repository whose folder `app` holds a Secret with a placeholder for this path.
fn app(path: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    let text = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{k: <path:{path}#user>}}\n"
    );
    std::fs::create_dir(dir.path().join("app")).expect("a folder");
    std::fs::write(dir.path().join("app/s.yaml"), text).expect("a file");
    dir
}

const SECRETS: &str = "secret/data/team/app: {user: alice-value}\nsecret/data/other/app: {user: bob-value}\n";

/// A server over a secrets file.
fn over_file() -> Option<(Server, tempfile::TempDir)> {
    over_file_with(&[])
}

/// A server over a secrets file, with further arguments.
fn over_file_with(args: &[&str]) -> Option<(Server, tempfile::TempDir)> {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("secrets.yaml");
    std::fs::write(&file, SECRETS).expect("a file");
    let name = file.to_string_lossy().into_owned();
    Some((Server::start(&[("KEYFILL_SOURCE", "file"), ("KEYFILL_SECRETS_FILE", &name)], args)?, dir))
}

const TEAM: &[&str] = &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team"];

fn manifest(user: &str) -> Value {
    let text = format!(
        r#"{{"apiVersion":"v1","kind":"Secret","metadata":{{"name":"s"}},"stringData":{{"k":"{user}"}}}}"#
    );
    json!([text])
}
