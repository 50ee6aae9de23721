//! The circuit breakers of one store in a long-running process: one for each server of the store.

use crate::gate::Gate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The most requests to one server that are in progress at the same time.
const CONCURRENCY: usize = 64;

/// At this number of gates, those that are not in use are dropped. The number would grow without a limit, since paths
/// name regions and vaults, and authors of apps write the paths.
const MOST: usize = 256;

/// The circuit breakers of a store's servers, each in its gate.
#[derive(Default)]
pub struct Traffic(Mutex<Gates>);

#[derive(Default)]
struct Gates {
    by_name: HashMap<String, Arc<Gate>>,
    /// How often the breakers of dropped gates opened.
    opened: u64,
}

/// Counts of a store's circuit breakers, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficStats {
    /// Breakers that are open now: their servers do not answer.
    pub breakers_open: usize,
    /// How often breakers opened so far.
    pub breakers_opened: u64,
}

impl Traffic {
    /// The gate of the server with this name. It is made if there is none.
    pub(crate) fn gate(&self, name: &str) -> Arc<Gate> {
        let mut gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = gates.by_name.get(name) {
            return Arc::clone(gate);
        }
        if gates.by_name.len() >= MOST {
            gates.forget_unused();
        }
        let gate = Arc::new(Gate::new(CONCURRENCY, None));
        gates.by_name.insert(name.to_owned(), Arc::clone(&gate));
        gate
    }

    /// The counts so far.
    pub fn stats(&self) -> TrafficStats {
        let gates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut stats = TrafficStats { breakers_open: 0, breakers_opened: gates.opened };
        for (open, times) in gates.by_name.values().map(|gate| gate.breaker()) {
            stats.breakers_open += usize::from(open);
            stats.breakers_opened += times;
        }
        stats
    }
}

impl Gates {
    /// Drops the gates that no client holds.
    fn forget_unused(&mut self) {
        let opened = &mut self.opened;
        self.by_name.retain(|_, gate| {
            let is_used = Arc::strong_count(gate) > 1;
            if !is_used {
                *opened += gate.breaker().1;
            }
            is_used
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Traffic};

    #[test]
    fn each_server_has_its_own_gate_and_unused_gates_are_dropped() {
        let traffic = Traffic::default();
        let held = traffic.gate("a");
        assert!(std::sync::Arc::ptr_eq(&held, &traffic.gate("a")));
        for number in 0..2 * MOST {
            traffic.gate(&number.to_string());
        }
        assert!(std::sync::Arc::ptr_eq(&held, &traffic.gate("a")));
        assert!(traffic.0.lock().unwrap().by_name.len() <= MOST);
    }
}
