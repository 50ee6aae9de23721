//! Faults on demand, for tests of what becomes of a worker that has one. Release builds do not have this file.

/// The variable of a request that asks for a fault.
const NAME: &str = "ARGOCD_ENV_KEYFILL_TEST_FAULT";

/// Has the fault that a request asks for.
#[allow(clippy::panic, reason = "that is what it is for")]
pub fn have(env: &[(String, String)]) {
    match env.iter().find(|(name, _)| name == NAME).map(|(_, fault)| fault.as_str()) {
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
