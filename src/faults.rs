//! Injects faults into a run, for tests. Release builds do not contain this module.

/// The environment variable that selects a fault.
pub const NAME: &str = "ARGOCD_ENV_KEYFILL_TEST_FAULT";

/// The fault that the process's environment selects.
#[allow(clippy::disallowed_methods, reason = "it is no setting")]
pub fn of_process() -> Option<String> {
    std::env::var(NAME).ok()
}

/// Injects the given fault.
#[allow(clippy::panic, reason = "that is what it is for")]
pub fn have(fault: Option<&str>) {
    match fault {
        Some("panic") => panic!("asked for"),
        Some("abort") => std::process::abort(),
        Some("spin") => loop {
            std::hint::spin_loop();
        },
        // As much memory as only a worker with the largest memory limit may use.
        Some("hold") => {
            let held = vec![1_u8; 160 << 20];
            loop {
                std::hint::black_box(&held);
            }
        }
        // As much memory as a large worker may use, but not a small one.
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
