//! The sandbox: what a worker gives up before it processes an author's input.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
mod limits;

use std::os::unix::net::UnixStream;

/// Which parts of the sandbox are in force. They are found out by trying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Landlock is in force: no file can be opened.
    pub landlock: bool,
    /// seccomp is in force: system calls are filtered.
    pub seccomp: bool,
    /// An attempt to open a file was refused.
    pub no_files: bool,
    /// An attempt to make a socket was refused.
    pub no_network: bool,
    /// An attempt to start a program was refused.
    pub no_processes: bool,
}

impl Report {
    /// Whether all parts are in force.
    pub fn is_whole(self) -> bool {
        self.landlock && self.seccomp && self.no_files && self.no_network && self.no_processes
    }
}

/// The nice value by which a worker's priority is lower than its supervisor's.
const NICE: i32 = 5;

/// Limits this process: it ends with its parent, dumps no core, opens few files, writes none, and has at most
/// `memory` bytes of data. It must be called before a second thread is started, and `parent` must be the ID of the
/// process that has started this one. An error means that a limit could not be set; then the worker must not go on.
pub fn limit(parent: u32, memory: u64, may_start_programs: bool) -> std::io::Result<()> {
    // All requests wait for the supervisor, so it gets the processor first. Without this priority everything still
    // works.
    rustix::process::setpriority_process(None, NICE).ok();
    limits::enter(memory, may_start_programs)?;
    limits::die_with(parent)
}

/// Gives up files, network and processes for good, as far as the kernel supports it. The report says which parts
/// are in force. It must be called before a second thread is started.
pub fn enter() -> Report {
    #[cfg(target_os = "linux")]
    let (landlock, seccomp) = (files::close(), calls::filter());
    #[cfg(not(target_os = "linux"))]
    let (landlock, seccomp) = (false, false);
    Report {
        landlock,
        seccomp,
        no_files: std::fs::File::open("/").is_err(),
        // A socket pair needs no path and no peer, so making one fails only if sockets are forbidden.
        no_network: UnixStream::pair().is_err(),
        // If programs may be started, this one is not found, which is another error.
        no_processes: starting_is_refused(),
    }
}

fn starting_is_refused() -> bool {
    let refused = std::process::Command::new("/nonexistent/keyfill-probe").spawn();
    refused.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}
