//! Why a worker was lost or could not be started: as a label for the metrics, and as a message that says what to
//! do.

use super::metrics::Death;
use super::worker;
use keyfill_cmp::Refusal;
use keyfill_diag::Class;
use keyfill_workers::Why;

/// The label and the message for a lost worker that could hold this many bytes of memory.
pub fn of(why: Why, memory: u64) -> (Death, String) {
    let mib = memory >> 20;
    let (death, message) = match why {
        Why::Memory => {
            let message = format!(
                "the app needs more memory than its worker may have ({mib} MiB): make it smaller, or raise the \
                 container's memory limit or --worker-memory"
            );
            return (Death::Memory, message);
        }
        Why::Signal(signal) if signal != 9 => {
            let message = format!(
                "the worker that rendered the app crashed (signal {signal}): its stack may have been too small for \
                 it; look for values, templates or bases that nest without end"
            );
            return (Death::Crash, message);
        }
        Why::Exit(worker::PANICKED) => (
            Death::Crash,
            "the worker that rendered the app panicked: this is a bug in keyfill; please report it with the app's \
             files",
        ),
        Why::Exit(code) => {
            return (Death::Crash, format!("the worker that rendered the app exited with code {code}"));
        }
        Why::Signal(_) => (
            Death::Killed,
            "the worker that rendered the app was killed from outside: by hand, or by the kernel since the container \
             had no memory left",
        ),
        Why::Protocol => {
            (Death::Crash, "the worker that rendered the app sent an answer that cannot be decoded")
        }
    };
    (death, message.to_owned())
}

/// The label and the message for a worker that was killed at its request's deadline.
pub fn late() -> (Death, String) {
    let message = "the app was not rendered by its deadline, and its worker was killed: look for templates, patches or expressions that multiply";
    (Death::Deadline, message.to_owned())
}

/// The refusal when no worker can be started.
pub fn none(error: &std::io::Error) -> Refusal {
    Refusal { class: Class::Other, message: format!("cannot start a worker: {error}") }
}

/// The refusal when an answer would have more bytes of manifests than it may have.
pub fn too_long(bytes: usize, most: usize) -> Refusal {
    let mib = |bytes: usize| bytes.div_ceil(1 << 20);
    let message = format!(
        "the app's manifests take {} MiB, and one answer may have {} MiB: split the app, or raise the container's \
         memory limit, and ARGOCD_GRPC_MAX_SIZE_MB above 100 MB",
        mib(bytes),
        mib(most)
    );
    Refusal { class: Class::Forbidden, message }
}
