//! Ends a run that goes on after its deadline.
//!
//! Stages ask their run's `Cx` between units of work, and stop with an error that says where. This is the bound
//! behind it, for the unit of work that takes too long: the thread that has started the command waits for it, and
//! ends the process when the deadline and a grace period are over. A worker of `serve` is ended by its supervisor.

use keyfill_diag::Cx;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long after its deadline a run may stop by itself. Together with what ending takes it is below a second.
const GRACE: Duration = Duration::from_millis(800);

/// What the waiting thread knows of the command.
struct State {
    /// When the process is ended, and its exit code then.
    end: Option<(Instant, u8)>,
    /// The command is over.
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

/// From now on the process ends, with this exit code, when the run has not done so shortly after its deadline.
pub fn ends_after(cx: &Cx, code: u8) {
    change(|state| state.end = cx.deadline.checked_add(GRACE).map(|end| (end, code)));
}

/// From now on nothing ends the process. A run that is about to print or write its result takes the time that its
/// reader takes: half of a result would be worse than a late one. And between two runs of one command there is no
/// deadline.
pub fn ends_no_more() {
    change(|state| state.end = None);
}

/// Says that the command is over when it is dropped, by a panic too.
pub struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        change(|state| state.over = true);
    }
}

/// Waits until the command is over, or ends the process.
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

/// The state stays locked, so that the command cannot say any more that it writes its result.
fn end_process(code: u8) -> ! {
    const MESSAGE: &str = "error: the deadline has passed, and the run did not stop by itself: something that it works \
                           on or waits for takes too long\n  help: look for templates, patches and expressions that \
                           multiply, or raise --deadline\n";
    write_and_end(MESSAGE, i32::from(code))
}

/// Ends the process at once, after a message on stderr. It neither allocates nor waits for another thread, which may
/// hold the lock of stderr or the allocator's.
#[cfg(unix)]
pub fn write_and_end(message: &str, code: i32) -> ! {
    // SAFETY: two system calls. The first reads the message, which is borrowed until it is back; the second does not
    // come back, and runs no code of this process.
    #[allow(unsafe_code)]
    unsafe {
        // Where stderr is closed there is nobody to tell.
        let _ = libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), message.len());
        libc::_exit(code)
    }
}

/// Ends the process, after a message on stderr.
#[cfg(not(unix))]
fn write_and_end(message: &str, code: i32) -> ! {
    // Where stderr is closed there is nobody to tell.
    let _ = std::io::Write::write_all(&mut std::io::stderr(), message.as_bytes());
    std::process::exit(code)
}
