//! What a worker gives up before it looks at anything an author wrote.

#[cfg(target_os = "linux")]
mod calls;
#[cfg(target_os = "linux")]
mod files;
mod limits;

use std::os::unix::net::UnixStream;

/// What was given up, found out by trying.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// No file can be opened: Landlock holds.
    pub landlock: bool,
    /// System calls are filtered: seccomp holds.
    pub seccomp: bool,
    /// Opening a file was refused.
    pub no_files: bool,
    /// Making a socket was refused.
    pub no_network: bool,
    /// Starting a program was refused.
    pub no_processes: bool,
}

impl Report {
    /// Whether everything holds.
    pub fn is_whole(self) -> bool {
        self.landlock && self.seccomp && self.no_files && self.no_network && self.no_processes
    }
}

/// How much a worker stands back behind its supervisor.
const NICE: i32 = 5;

/// Dies with its parent, dumps no core, opens few files, writes none, and keeps below `memory` bytes of data. It
/// must be called before a second thread is there, and `parent` must be the process that has started this one.
/// Errors say what could not be had; a worker without its limits must not go on.
pub fn limit(parent: u32, memory: u64, may_start_programs: bool) -> std::io::Result<()> {
    // The supervisor, which all wait for, comes first. Where it cannot be had all come alike.
    rustix::process::setpriority_process(None, NICE).ok();
    limits::enter(memory, may_start_programs)?;
    limits::die_with(parent)
}

/// Gives up files, network and processes, for good, as far as the kernel can; the report says what holds. It must
/// be called before a second thread is there.
pub fn enter() -> Report {
    #[cfg(target_os = "linux")]
    let (landlock, seccomp) = (files::close(), calls::filter());
    #[cfg(not(target_os = "linux"))]
    let (landlock, seccomp) = (false, false);
    Report {
        landlock,
        seccomp,
        no_files: std::fs::File::open("/").is_err(),
        // A pair needs no path and no peer: it fails only where sockets are forbidden.
        no_network: UnixStream::pair().is_err(),
        // Where programs can be started this one is not there, which is another error.
        no_processes: starting_is_refused(),
    }
}

fn starting_is_refused() -> bool {
    let refused = std::process::Command::new("/nonexistent/keyfill-probe").spawn();
    refused.is_err_and(|e| e.kind() == std::io::ErrorKind::PermissionDenied)
}
