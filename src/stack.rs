//! Runs a command on its own thread.

use crate::overrun;
use std::process::ExitCode;

/// The stack size in bytes; the main thread's on most systems.
const SIZE: usize = 8 << 20;

/// Runs a command on a thread with a known stack size. Engines ask at every nested template how much of the stack
/// is left. With musl the main thread knows only the part that was used so far, so that engines would allocate a
/// new stack each time. The main thread waits, and ends the process if the run continues after its deadline.
pub fn run(command: fn() -> ExitCode) -> ExitCode {
    let running = std::thread::Builder::new().stack_size(SIZE).spawn(move || {
        let _ended = overrun::Ended;
        command()
    });
    // If no thread can be started, the command runs here, without being ended after its deadline.
    let Ok(running) = running else { return command() };
    overrun::wait();
    match running.join() {
        Ok(code) => code,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
