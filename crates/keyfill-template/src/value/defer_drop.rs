//! Drops deeply nested values without deep recursion: a template can nest lists as deep as it has steps.

use super::Value;
use std::cell::{Cell, RefCell};

/// The deepest recursion of drops. Values below are dropped later, by the outermost drop.
const DEPTH: u32 = 64;

thread_local! {
    static RUNNING: Cell<u32> = const { Cell::new(0) };
    static ASIDE: RefCell<Vec<Value>> = const { RefCell::new(Vec::new()) };
}

/// Drops the content of a list or map.
pub(super) fn release(content: impl Iterator<Item = Value>) {
    // When the thread ends, its thread-local values may be gone. Then values are dropped by plain recursion.
    let depth = RUNNING.try_with(Cell::get).unwrap_or(0);
    if depth >= DEPTH {
        let _ = ASIDE.try_with(|aside| aside.borrow_mut().extend(content.filter(Value::is_container)));
        return;
    }
    let _ = RUNNING.try_with(|running| running.set(depth + 1));
    content.for_each(drop);
    if depth == 0 {
        while let Some(value) = ASIDE.try_with(|aside| aside.borrow_mut().pop()).ok().flatten() {
            drop(value);
        }
    }
    let _ = RUNNING.try_with(|running| running.set(depth));
}

#[cfg(test)]
mod tests {
    use crate::value::{List, Map, Value};

    #[test]
    fn deep_nesting_is_dropped_without_overflow() {
        let mut value = Value::Nil;
        for n in 0..1_000_000 {
            value = if n % 2 == 0 {
                Value::List(List::new(vec![value]))
            } else {
                Value::Map([("k", value)].into_iter().collect::<Map>())
            };
        }
        drop(value);
    }
}
