//! The stack that a command runs on.

use std::process::ExitCode;

/// Runs a command where it can be asked how much of the stack is left, which the engines do at every nested
/// template. Under musl the first thread only knows the part that was used so far, and each time they would take
/// up a new stack.
#[cfg(target_env = "musl")]
pub fn run(command: fn() -> ExitCode) -> ExitCode {
    /// What the first thread has on most systems.
    const SIZE: usize = 8 << 20;
    match std::thread::Builder::new().stack_size(SIZE).spawn(command).map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        // Without a thread it is slower, and works.
        Err(_) => command(),
    }
}

/// Runs a command.
#[cfg(not(target_env = "musl"))]
pub fn run(command: fn() -> ExitCode) -> ExitCode {
    command()
}
