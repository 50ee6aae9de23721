//! Limits of a worker that every unix supports.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// The most open files of a worker: its socket twice, stdout and stderr, an archive, and a few more.
const FILES: u64 = 16;

/// Sets the limits. `memory` is in bytes. A worker that starts programs opens files and writes a copy of the tree,
/// so it has no limit for those.
pub fn enter(memory: u64, may_start_programs: bool) -> io::Result<()> {
    let mut bounds = vec![(Resource::Core, 0), (Resource::Data, memory)];
    if !may_start_programs {
        bounds.extend([(Resource::Nofile, FILES), (Resource::Fsize, 0)]);
    }
    for (resource, most) in bounds {
        let hard = getrlimit(resource).maximum.map_or(most, |hard| hard.min(most));
        setrlimit(resource, Rlimit { current: Some(hard), maximum: Some(hard) })?;
    }
    Ok(())
}

/// Asks the kernel to kill this process when its parent ends, and to let no other process read its memory.
#[cfg(target_os = "linux")]
pub fn die_with(parent: u32) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, Signal, getppid};
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // The parent may have ended before the kernel was asked.
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::other("the supervisor has ended")) }
}

/// Other systems have no such call: there a worker ends when it next reads from its socket, which the end of the
/// supervisor closes.
#[cfg(not(target_os = "linux"))]
pub fn die_with(_: u32) -> io::Result<()> {
    Ok(())
}
