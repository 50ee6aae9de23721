//! Runs an official binary, with a minimal environment and a deadline, and so that no child process outlives keyfill.
//!
//! The child stays in keyfill's process group, so that a signal to the group ends it too, and the kernel ends it
//! when keyfill dies. On a signal to keyfill alone, keyfill ends the child and its children, removes the copy, and
//! exits without output.

use super::copy::Copy;
use anyhow::{Context as _, Result};
use keyfill_diag::{Cx, Stopped};
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The result of a run.
pub struct Ran {
    /// Whether it succeeded.
    pub ok: bool,
    /// How the run ended.
    pub why: Why,
    /// What the binary printed on stdout.
    pub stdout: Vec<u8>,
    /// What the binary printed on stderr.
    pub stderr: Vec<u8>,
}

/// How a run ended.
pub enum Why {
    /// The process exited by itself.
    Exited(ExitStatus),
    /// The run was cancelled, or exceeded its deadline or memory limit.
    Stopped(Stopped),
}

/// Runs a binary in the copy's root.
pub fn run(
    binary: &Path,
    arguments: &[OsString],
    copy: &Copy,
    environment: &[(String, String)],
    cx: &Cx,
) -> Result<Ran> {
    let mut command = Command::new(binary);
    command
        .args(arguments)
        .current_dir(copy.root())
        .env_clear()
        .envs(environment.iter().map(|(k, v)| (k, v)));
    for (name, folder) in
        [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
    {
        if !environment.iter().any(|(k, _)| k == name) {
            command.env(name, copy.folder().join("helm").join(folder));
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    die_with_parent(&mut command);
    end_on_signals();
    let running = Running::start(&mut command, copy.folder())
        .with_context(|| format!("cannot start {}", binary.display()))?;
    running.finish(cx)
}

/// A running child process. Threads read its pipes, so that it never blocks on them.
struct Running {
    child: Child,
    stdout: std::thread::JoinHandle<Vec<u8>>,
    stderr: std::thread::JoinHandle<Vec<u8>>,
    /// The child's entry in the list of what a signal has to clean up.
    _entry: Entry,
}

impl Running {
    fn start(command: &mut Command, folder: &Path) -> std::io::Result<Self> {
        let mut child = command.spawn()?;
        let entry = Entry::new(child.id(), folder);
        let stdout = drain(child.stdout.take());
        let stderr = drain(child.stderr.take());
        Ok(Self { child, stdout, stderr, _entry: entry })
    }

    fn finish(mut self, cx: &Cx) -> Result<Ran> {
        let mut pause = Duration::from_millis(1);
        let why = loop {
            if let Some(status) = self.child.try_wait()? {
                break Why::Exited(status);
            }
            if let Err(stopped) = cx.check() {
                kill_tree(self.child.id());
                self.child.kill().ok();
                self.child.wait()?;
                break Why::Stopped(stopped);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        };
        let stdout = self.stdout.join().unwrap_or_default();
        let stderr = self.stderr.join().unwrap_or_default();
        let ok = matches!(&why, Why::Exited(status) if status.success());
        Ok(Ran { ok, why, stdout, stderr })
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut pipe) = pipe {
            // If reading fails, the output so far is used.
            pipe.read_to_end(&mut all).ok();
        }
        all
    })
}

/// What a signal has to clean up: a child process and its folder. The entry is removed when this is dropped.
struct Entry(u32);

static ENTRIES: Mutex<Vec<(u32, PathBuf)>> = Mutex::new(Vec::new());

impl Entry {
    fn new(pid: u32, folder: &Path) -> Self {
        ENTRIES.lock().unwrap_or_else(PoisonError::into_inner).push((pid, folder.to_path_buf()));
        Self(pid)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        ENTRIES.lock().unwrap_or_else(PoisonError::into_inner).retain(|(pid, _)| *pid != self.0);
    }
}

/// Installs a signal handler at the first child. Without a child the default action is right: the process ends
/// without output.
#[cfg(unix)]
fn end_on_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGTERM, SIGINT, SIGHUP]) else { return };
        std::thread::spawn(move || {
            if let Some(signal) = signals.forever().next() {
                for (pid, folder) in ENTRIES.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                    kill_tree(*pid);
                    std::fs::remove_dir_all(folder).ok();
                }
                std::process::exit(128 + signal);
            }
        });
    });
}

#[cfg(not(unix))]
fn end_on_signals() {}

/// Ends a child and its own children, since kustomize starts helm.
#[cfg(unix)]
fn kill_tree(pid: u32) {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let pid = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).ok();
    }
    children.split_whitespace().filter_map(|c| c.parse().ok()).for_each(kill_tree);
}

#[cfg(not(unix))]
fn kill_tree(_: u32) {}

/// Asks the kernel to end the child when the thread that starts it ends. That thread waits for the child,
/// so it only ends first when the whole process does.
#[cfg(target_os = "linux")]
fn die_with_parent(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    let set = || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. `set` makes one prctl system
    // call, allocates nothing, takes no lock, and turns its error into an io::Error without allocating.
    #[allow(unsafe_code)]
    unsafe {
        command.pre_exec(set);
    }
}

#[cfg(not(target_os = "linux"))]
fn die_with_parent(_: &mut Command) {}
