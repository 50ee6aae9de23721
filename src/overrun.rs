//! Ends a run that continues after its deadline.
//!
//! Stages check their run's `Cx` between units of work, and stop with an error that says where. This module is the
//! second line of defence, for a single unit of work that takes too long: the main thread waits for the command's
//! thread, and ends the process after the deadline and a grace period. A worker of `serve` is ended by its
//! supervisor.

use keyfill_diag::Cx;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The grace period in which a run may stop by itself after its deadline. With the time for ending the process it
/// is below a second.
const GRACE: Duration = Duration::from_millis(800);

/// The state of the command, for the waiting main thread.
struct State {
    /// When the process is to be ended, and with which exit code; `None`: never.
    end: Option<(Instant, u8)>,
    /// Whether the command has ended.
    over: bool,
}

static STATE: Mutex<State> = Mutex::new(State { end: None, over: false });
static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn change(change: impl FnOnce(&mut State)) {
    change(&mut state());
    CHANGED.notify_all();
}

/// From now on the process is ended with this exit code if the run is not over shortly after its deadline.
pub fn ends_after(cx: &Cx, code: u8) {
    change(|state| state.end = cx.deadline.checked_add(GRACE).map(|end| (end, code)));
}

/// From now on the process is not ended. It is called before a result is printed or written, which may take as
/// long as the reader takes: half of a result would be worse than a late one. Between two runs of one command
/// there is no deadline either.
pub fn ends_no_more() {
    change(|state| state.end = None);
}

/// Marks the command as ended when it is dropped, also after a panic.
pub struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        change(|state| state.over = true);
    }
}

/// Waits until the command has ended, or ends the process.
pub fn wait() {
    let mut state = state();
    while !state.over {
        state = match state.end {
            None => CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some((end, code)) => {
                let left = end.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    end_process(code);
                }
                CHANGED.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// Ends the process. The state stays locked, so that the command cannot call [`ends_no_more`] and begin to write
/// its result.
fn end_process(code: u8) -> ! {
    const MESSAGE: &str = "error: the deadline has passed, and the run did not stop by itself: something that it works \
                           on or waits for takes too long\n  help: look for templates, patches and expressions that \
                           multiply, or raise --deadline\n";
    write_and_end(MESSAGE, i32::from(code))
}

/// Prints a message on stderr and ends the process at once. It neither allocates nor takes a lock, since another
/// thread may hold the lock of stderr or of the allocator.
#[cfg(unix)]
pub fn write_and_end(message: &str, code: i32) -> ! {
    // SAFETY: two system calls. The first reads the message, which is borrowed until it returns; the second does
    // not return, and runs no code of this process.
    #[allow(unsafe_code)]
    unsafe {
        // If stderr is closed, the message is lost.
        let _ = libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), message.len());
        libc::_exit(code)
    }
}

/// Prints a message on stderr and ends the process.
#[cfg(not(unix))]
fn write_and_end(message: &str, code: i32) -> ! {
    // If stderr is closed, the message is lost.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    std::process::exit(code)
}
