//! The circuit breakers of one store, in a process that stays: one before each of its servers.

use crate::gate::Gate;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Requests to one server that are under way at the same time.
const CONCURRENCY: usize = 64;

/// Servers that are remembered. Paths name regions and vaults, and paths are an author's.
const MOST: usize = 256;

/// The breakers before the servers of a store.
#[derive(Default)]
pub struct Traffic(Mutex<Gates>);

#[derive(Default)]
struct Gates {
    by_name: HashMap<String, Arc<Gate>>,
    /// How often those opened that are forgotten.
    opened: u64,
}

/// What the breakers of a store did, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficStats {
    /// Breakers that are open: servers that do not answer.
    pub breakers_open: usize,
    /// How often a breaker opened.
    pub breakers_opened: u64,
}

impl Traffic {
    /// The gate before the server of a name.
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

    /// What the breakers did so far.
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
    /// Forgets the gates that no client holds.
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
    fn servers_have_a_gate_each_and_unused_ones_are_forgotten() {
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
