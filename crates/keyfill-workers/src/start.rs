//! Starting worker processes, and waiting for their end, on threads that live as long as the supervisor.
//!
//! The kernel kills a worker when the *thread* that has started it ends, and threads of an async runtime may end at
//! any time. So one thread starts all workers, and one waits for those that end.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use tokio::sync::oneshot;

/// The program that a worker process runs, and how.
#[derive(Clone, Debug)]
pub struct Program {
    /// The path of the program.
    pub path: PathBuf,
    /// The arguments of the program.
    pub arguments: Vec<OsString>,
    /// The whole environment of the program.
    pub environment: Vec<(OsString, OsString)>,
    /// Whether the worker leads a process group of its own, which is killed with it.
    pub own_group: bool,
}

impl Program {
    /// This program with other arguments and an empty environment. On Linux it is the file that is running, even if
    /// another file has taken its path.
    pub fn this(arguments: &[&str]) -> io::Result<Self> {
        let by_kernel = PathBuf::from("/proc/self/exe");
        let path = if by_kernel.exists() { by_kernel } else { std::env::current_exe()? };
        let arguments = arguments.iter().map(OsString::from).collect();
        Ok(Self { path, arguments, environment: Vec::new(), own_group: false })
    }

    fn start(&self) -> io::Result<(Child, UnixStream)> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env_clear().envs(self.environment.iter().map(|(k, v)| (k, v)));
        if self.own_group {
            command.process_group(0);
        }
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(Stdio::null());
        Ok((command.spawn()?, ours))
    }
}

type Started = oneshot::Sender<io::Result<(Child, UnixStream)>>;

/// Handles of the two threads: one starts workers, the other waits for their end.
#[derive(Clone, Debug)]
pub(crate) struct Threads {
    start: mpsc::Sender<(Program, Started)>,
    collect: mpsc::Sender<(Child, oneshot::Sender<Option<ExitStatus>>)>,
}

impl Threads {
    /// Starts the threads. They end when the last handle is dropped.
    pub fn new() -> io::Result<Self> {
        let (start, starts) = mpsc::channel::<(Program, Started)>();
        let (collect, collects) = mpsc::channel::<(Child, oneshot::Sender<Option<ExitStatus>>)>();
        std::thread::Builder::new().name("worker-start".to_owned()).spawn(move || {
            for (program, started) in starts {
                // If the caller no longer waits, the child is killed and waited for here.
                if let Err(Ok((mut child, _))) = started.send(program.start()) {
                    child.kill().ok();
                    child.wait().ok();
                }
            }
        })?;
        std::thread::Builder::new().name("worker-end".to_owned()).spawn(move || {
            for (mut child, ended) in collects {
                ended.send(child.wait().ok()).ok();
            }
        })?;
        Ok(Self { start, collect })
    }

    /// Starts a process. Returns it with the supervisor's end of its socket.
    pub async fn start(&self, program: &Program) -> io::Result<(Child, UnixStream)> {
        let (started, answer) = oneshot::channel();
        let gone = || io::Error::other("the thread that starts workers has ended");
        self.start.send((program.clone(), started)).map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }

    /// Waits for the end of a child that was killed or has closed its socket.
    pub fn collect(&self, child: Child) -> oneshot::Receiver<Option<ExitStatus>> {
        let (ended, answer) = oneshot::channel();
        self.collect.send((child, ended)).ok();
        answer
    }
}
