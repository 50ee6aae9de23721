//! The thread that a command runs on.

use crate::overrun;
use std::process::ExitCode;

/// What the first thread has on most systems.
const SIZE: usize = 8 << 20;

/// Runs a command where it can be asked how much of the stack is left, which the engines do at every nested
/// template: under musl the first thread only knows the part that was used so far, and each time they would take
/// up a new stack. The first thread waits, and ends what goes on after its deadline.
pub fn run(command: fn() -> ExitCode) -> ExitCode {
    let running = std::thread::Builder::new().stack_size(SIZE).spawn(move || {
        let _ended = overrun::Ended;
        command()
    });
    // Without a thread there is nobody who could end it, and it works.
    let Ok(running) = running else { return command() };
    overrun::wait();
    match running.join() {
        Ok(code) => code,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
