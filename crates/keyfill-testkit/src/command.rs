//! Runs a program as a user would: in its own folder, without the test's environment variables.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A builder of a run. The program starts in a new folder; its environment has only `HOME` (another new folder)
/// and `PATH`.
pub struct Run {
    command: Command,
    folder: tempfile::TempDir,
    stdin: Vec<u8>,
    limit: Duration,
}

/// How a run ended.
pub struct Outcome {
    /// The exit code; `None` if a signal ended the program.
    pub code: Option<i32>,
    /// What the program printed on stdout.
    pub stdout: Vec<u8>,
    /// What the program printed on stderr.
    pub stderr: String,
    /// How long the run took.
    pub time: Duration,
    /// The folder of the run, which is deleted when this is dropped.
    pub folder: tempfile::TempDir,
}

impl Run {
    /// A run of a program: `Run::of(env!("CARGO_BIN_EXE_keyfill"))`.
    pub fn of(program: impl AsRef<OsStr>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let home = folder.path().join("home");
        let work = folder.path().join("work");
        for made in [&home, &work] {
            std::fs::create_dir(made).expect("a folder can be made");
        }
        let mut command = Command::new(program);
        command.env_clear().env("HOME", home).current_dir(work);
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Self { command, folder, stdin: Vec::new(), limit: Duration::from_secs(120) }
    }

    /// The program's working folder.
    pub fn work(&self) -> PathBuf {
        self.folder.path().join("work")
    }

    /// The program's home folder.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of the environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets what the program reads from stdin.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Writes a file below the working folder, and creates missing folders.
    #[must_use]
    pub fn file(self, path: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.work().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a folder can be made");
        std::fs::write(path, text).expect("a file can be written");
        self
    }

    /// Runs the program and waits until it ends.
    ///
    /// # Panics
    /// If the program cannot be started, or takes longer than two minutes.
    pub fn run(mut self) -> Outcome {
        let started = Instant::now();
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be started");
        let mut stdin = child.stdin.take().expect("its input is a pipe");
        let input = std::mem::take(&mut self.stdin);
        // A program may end without reading all of its input.
        let feeder = std::thread::spawn(move || stdin.write_all(&input).ok());
        let stdout = drain(child.stdout.take().expect("its output is a pipe"));
        let stderr = drain(child.stderr.take().expect("its errors are a pipe"));
        let status = loop {
            if let Some(status) = child.try_wait().expect("it can be waited for") {
                break status;
            }
            if started.elapsed() > self.limit {
                child.kill().expect("it can be ended");
                panic!("the program still ran after {:?}", self.limit);
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let time = started.elapsed();
        feeder.join().expect("the feeder does not panic");
        let (stdout, stderr) = (stdout.join().expect("no panic"), stderr.join().expect("no panic"));
        Outcome {
            code: status.code(),
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            time,
            folder: self.folder,
        }
    }
}

fn drain(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        // If the pipe breaks, what was read so far is used.
        let _ = pipe.read_to_end(&mut all);
        all
    })
}

impl Outcome {
    /// What the program printed on stdout, as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }
}
