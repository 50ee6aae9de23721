//! A worker's bounds that need no help of the kernel beyond what every unix has.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io;

/// Open files of a worker: its socket under two numbers, the two streams, an archive, and some room.
const FILES: u64 = 16;

/// Sets the bounds. One that starts programs opens files and writes a copy of the tree.
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

/// Asks the kernel to end this process with its parent, and to let nobody look into it.
#[cfg(target_os = "linux")]
pub fn die_with(parent: u32) -> io::Result<()> {
    use rustix::process::{DumpableBehavior, Signal, getppid};
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    // It may have ended before the kernel was asked.
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::other("the supervisor has ended")) }
}

/// A worker ends when its socket closes; one that computes ends when it looks there next.
#[cfg(not(target_os = "linux"))]
pub fn die_with(_: u32) -> io::Result<()> {
    Ok(())
}
