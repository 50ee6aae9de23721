//! The servers under load, each with a Vault behind a delaying proxy, and their use of memory and processor.

use crate::apps;
use crate::options::Options;
use keyfill_testkit::{Proxy, ROOT_TOKEN, Vault, oracle, oracles, workspace};
use serde_json::json;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Vault with the apps' secrets, and the proxy that delays its answers.
pub struct Store {
    _vault: Vault,
    proxy: Proxy,
}

impl Store {
    /// Starts Vault and the proxy.
    pub fn start(delay: Duration) -> Result<Self, String> {
        let vault = Vault::start().ok_or("Vault is needed")?;
        for (path, user, password) in apps::secrets() {
            vault.put(&path, &json!({ "user": user, "password": password }));
        }
        let proxy = Proxy::start(vault.host());
        proxy.delay(delay);
        Ok(Self { _vault: vault, proxy })
    }

    /// Number of reads of secrets so far.
    pub fn reads(&self) -> usize {
        self.proxy.count("secret/")
    }
}

/// A server program to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `keyfill serve`.
    Keyfill,
    /// argocd-cmp-server with kustomize and argocd-vault-plugin.
    Other,
}

impl Which {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyfill => "keyfill serve",
            Self::Other => "argocd-cmp-server",
        }
    }
}

/// A running server. Dropping it stops the process.
pub struct Server {
    child: Child,
    dir: tempfile::TempDir,
}

/// Plugin configuration of argocd-cmp-server: the usual pipeline of kustomize and argocd-vault-plugin, and its
/// usual discovery.
const OTHER_PLUGIN: &str = r#"apiVersion: argoproj.io/v1alpha1
kind: ConfigManagementPlugin
metadata: {name: keyfill}
spec:
  generate: {command: [sh, -c, "kustomize build . | argocd-vault-plugin generate -"]}
  discover: {find: {command: [sh, -c, "find . -name kustomization.yaml"]}}
"#;

impl Server {
    /// Starts a server and waits for its socket.
    pub fn start(which: Which, options: &Options, store: &Store) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|e| e.to_string())?;
        let mut command = match which {
            Which::Keyfill => keyfill(options, dir.path())?,
            Which::Other => other(options, dir.path())?,
        };
        let said = || if options.verbose { Stdio::inherit() } else { Stdio::null() };
        command
            .arg("--config-dir-path")
            .arg(dir.path())
            .env("ARGOCD_PLUGINSOCKFILEPATH", dir.path())
            .env("HOME", dir.path())
            .env("VAULT_ADDR", store.proxy.address())
            .env("VAULT_TOKEN", ROOT_TOKEN)
            .stdout(said())
            .stderr(said());
        let child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", which.name()))?;
        let server = Self { child, dir };
        let start = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(format!("{} made no socket; --verbose shows what it says", which.name()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// The server's socket.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("keyfill.sock")
    }

    /// Whether the process that was started is still running.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Two figures in megabytes: the memory of the server's process tree (PSS: a page that several processes share
    /// is divided among them), and the highest peak that one of its processes had.
    pub fn memory(&self) -> (f64, f64) {
        let field = |path: String, name: &str| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
            let kilobytes =
                line.and_then(|l| l.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()));
            kilobytes.unwrap_or_default() / 1024.0
        };
        let held = |pid: &u32| {
            // keyfill's processes forbid others to read their memory, and then only root can read `smaps_rollup`.
            let shared = field(format!("/proc/{pid}/smaps_rollup"), "Pss:");
            if shared > 0.0 { shared } else { field(format!("/proc/{pid}/status"), "RssAnon:") }
        };
        let tree = self.tree();
        let peak = |pid: &u32| field(format!("/proc/{pid}/status"), "VmHWM:");
        (tree.iter().map(held).sum(), tree.iter().map(peak).fold(0.0, f64::max))
    }

    /// Process ids of the server and its workers.
    fn tree(&self) -> Vec<u32> {
        let server = self.child.id();
        let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let is_worker = |pid: &u32| fields(*pid).get(1).is_some_and(|parent| *parent == server.to_string());
        std::iter::once(server).chain(pids.filter(is_worker)).collect()
    }

    /// Processor time of the server's processes, including those that have ended.
    pub fn processor(&self) -> Duration {
        // After the name in parentheses: utime, stime, cutime, cstime are the fields 14 to 17. When a worker ends,
        // its time is added to its parent's cutime and cstime.
        let own = |pid: u32, count: usize| -> u64 {
            fields(pid).iter().skip(11).take(count).filter_map(|n| n.parse::<u64>().ok()).sum()
        };
        let server = self.child.id();
        let ticks: u64 = self.tree().into_iter().map(|pid| own(pid, if pid == server { 4 } else { 2 })).sum();
        Duration::from_millis(ticks * 10)
    }
}

/// The fields of /proc/PID/stat that follow the name, beginning with the state.
fn fields(pid: u32) -> Vec<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let rest = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().map(str::to_owned).collect());
    rest.unwrap_or_default()
}

impl Drop for Server {
    fn drop(&mut self) {
        // `kill` fails if the process has already ended, which is fine here.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

fn keyfill(options: &Options, dir: &Path) -> Result<Command, String> {
    let plugin = std::fs::read_to_string(workspace().join("plugin.yaml")).map_err(|e| e.to_string())?;
    write(&dir.join("plugin.yaml"), &plugin)?;
    let mut command = Command::new(&options.keyfill);
    command.arg("serve").args(&options.serve_args).env_clear();
    command.env("KEYFILL_ALLOWED_PATHS", "secret/data/{{ app.project }}/*");
    Ok(command)
}

/// Makes the command that starts argocd-cmp-server. The tools that it runs are linked into one folder on its PATH,
/// under the names that the plugin configuration uses.
fn other(options: &Options, dir: &Path) -> Result<Command, String> {
    write(&dir.join("plugin.yaml"), OTHER_PLUGIN)?;
    let tools = dir.join("bin");
    std::fs::create_dir(&tools).map_err(|e| e.to_string())?;
    let kustomize = oracle("kustomize").ok_or("kustomize is needed")?;
    let avp = oracles().join("argocd-vault-plugin-official");
    for (name, binary) in [("kustomize", kustomize), ("argocd-vault-plugin", avp)] {
        std::os::unix::fs::symlink(binary, tools.join(name)).map_err(|e| e.to_string())?;
    }
    let binary = options.other.as_ref().ok_or("--other names no binary")?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("PATH", format!("{}:{path}", tools.display()))
        .envs([("AVP_TYPE", "vault"), ("AVP_AUTH_TYPE", "token")]);
    Ok(command)
}
