//! Faults on demand, for tests of what becomes of a run that has one. Release builds do not have this file.

/// The variable that asks for a fault.
pub const NAME: &str = "ARGOCD_ENV_KEYFILL_TEST_FAULT";

/// The fault that the process's own environment asks for.
#[allow(clippy::disallowed_methods, reason = "it is no setting")]
pub fn of_process() -> Option<String> {
    std::env::var(NAME).ok()
}

/// Has the fault that is asked for.
#[allow(clippy::panic, reason = "that is what it is for")]
pub fn have(fault: Option<&str>) {
    match fault {
        Some("panic") => panic!("asked for"),
        Some("abort") => std::process::abort(),
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        // What a worker of the largest size can hold, and no other.
        Some("hold") => {
            let held = vec![1_u8; 160 << 20];
            loop {
                std::hint::black_box(&held);
            }
        }
        // What a large worker can hold, and no small one.
        Some("large") => drop(std::hint::black_box(vec![1_u8; 60 << 20])),
        Some("memory") => {
            let mut held = Vec::new();
            loop {
                held.push(vec![1_u8; 1 << 20]);
            }
        }
        _ => {}
    }
}
