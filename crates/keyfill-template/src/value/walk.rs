//! How much there is to walk in a value.
//!
//! Maps and lists are shared: a few dozen of them can hold each other so that a walk over all parts never
//! ends, and a thousand that hold one large text are written as more than fits in memory. What walks a value by
//! recursion asks here first, or counts with a [`Walk`] of its own.

use super::{List, Map, Value};
use crate::failure::FuncError;
use keyfill_diag::{Cx, Limits, Stopped};
use std::time::Instant;

/// The parts that a walk may still visit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    nodes: u64,
    /// Bytes of texts that may still be written. Escapes make six of one.
    bytes: u64,
    /// When the run has to stop, and how many parts were visited since that was looked at.
    deadline: Instant,
    unasked: usize,
}

/// Parts between two looks at the clock.
const PARTS_A_LOOK: usize = 1 << 14;

impl Walk {
    /// A walk within the limits of the run.
    pub(crate) fn new(cx: &Cx) -> Self {
        let limits = &cx.limits;
        Self { nodes: limits.nodes, bytes: limits.output_bytes / 4, deadline: cx.deadline, unasked: 0 }
    }

    /// Accounts for parts, counted each time they are met.
    pub(crate) fn visit(&mut self, parts: usize) -> Result<(), FuncError> {
        self.nodes = self.nodes.checked_sub(parts as u64).ok_or_else(too_large)?;
        self.unasked = self.unasked.saturating_add(parts);
        if self.unasked < PARTS_A_LOOK {
            return Ok(());
        }
        self.unasked = 0;
        if Instant::now() < self.deadline {
            Ok(())
        } else {
            Err(FuncError::limit(Stopped::Deadline.to_string()))
        }
    }

    /// Accounts for a text that is written.
    pub(crate) fn write(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.bytes = self.bytes.checked_sub(bytes as u64).ok_or_else(too_large)?;
        Ok(())
    }

    /// How many parts were visited.
    pub(crate) fn visited(&self, limits: &Limits) -> u64 {
        limits.nodes.saturating_sub(self.nodes)
    }

    fn written(&mut self, value: &Value, depth: u32) -> Result<(), FuncError> {
        let deeper = depth.checked_sub(1);
        match value {
            Value::Str(text) | Value::Bytes(text) => self.write(text.len()),
            Value::List(list) => {
                self.visit(list.len())?;
                list.iter().try_for_each(|v| self.written(v, deeper.ok_or_else(too_large)?))
            }
            Value::Map(map) => {
                self.visit(map.len())?;
                map.entries().iter().try_for_each(|(key, v)| {
                    self.write(key.len())?;
                    self.written(v, deeper.ok_or_else(too_large)?)
                })
            }
            _ => Ok(()),
        }
    }

    fn all(&mut self, value: &Value, depth: u32) -> Result<(), FuncError> {
        let deeper = depth.checked_sub(1);
        match value {
            Value::List(list) => {
                self.visit(list.len())?;
                let mut inner = list.iter().filter(|v| v.is_container());
                inner.try_for_each(|v| self.all(v, deeper.ok_or_else(too_large)?))
            }
            Value::Map(map) => {
                self.visit(map.len())?;
                let entries = map.entries();
                let mut inner = entries.values().filter(|v| v.is_container());
                inner.try_for_each(|v| self.all(v, deeper.ok_or_else(too_large)?))
            }
            _ => Ok(()),
        }
    }
}

/// The error for a value that cannot be walked.
pub(crate) fn too_large() -> FuncError {
    FuncError::limit("the value is nested too deep, holds itself, or has more parts than the limit allows")
}

impl Value {
    /// Refuses values nested deeper than the limits allow, and so those that hold themselves, and those with
    /// more parts, counted as often as they are met.
    pub fn check_walk(&self, cx: &Cx) -> Result<(), FuncError> {
        Walk::new(cx).all(self, cx.limits.depth)
    }

    /// As [`check_walk`](Self::check_walk), and refuses values whose texts, counted as often as they are met, are
    /// more than may be written.
    pub fn check_written(&self, cx: &Cx) -> Result<(), FuncError> {
        Walk::new(cx).written(self, cx.limits.depth)
    }

    /// Whether a walk over the parts meets a map or list inside itself, before it meets one that is too deep.
    pub(crate) fn holds_itself(&self, cx: &Cx) -> bool {
        let mut walk = Walk::new(cx);
        cycle(self, &mut Vec::new(), &mut walk, cx.limits.depth) == Some(true)
    }
}

/// `None` when neither was found.
fn cycle(value: &Value, way: &mut Vec<usize>, walk: &mut Walk, depth: u32) -> Option<bool> {
    let (address, len) = match value {
        Value::List(list) => (List::address(list), list.len()),
        Value::Map(map) => (Map::address(map), map.len()),
        _ => return None,
    };
    if way.contains(&address) {
        return Some(true);
    }
    let Some(depth) = depth.checked_sub(1) else { return Some(false) };
    if walk.visit(len).is_err() {
        return Some(false);
    }
    way.push(address);
    let found = match value {
        Value::List(list) => list.iter().find_map(|v| cycle(v, way, walk, depth)),
        Value::Map(map) => map.entries().values().find_map(|v| cycle(v, way, walk, depth)),
        _ => None,
    };
    way.pop();
    found
}

#[cfg(test)]
mod tests {
    use crate::value::{Map, Value};
    use keyfill_diag::Cx;
    use std::time::Duration;

    /// `levels` maps, each of which holds the one before it twice.
    fn doubled(levels: u32) -> Value {
        (0..levels).fold(Value::Int(1), |inner, _| {
            let map = Map::new();
            map.set("a", inner.clone());
            map.set("b", inner);
            map.into()
        })
    }

    #[test]
    fn parts_count_as_often_as_they_are_met() {
        assert!(doubled(15).check_walk(&Cx::default()).is_ok());
        assert!(doubled(60).check_walk(&Cx::default()).is_err());
        assert!(!doubled(60).holds_itself(&Cx::default()));
    }

    #[test]
    fn a_walk_ends_at_the_deadline() {
        let over = Cx::with_time(Duration::ZERO);
        let error = doubled(60).check_walk(&over).unwrap_err();
        assert_eq!((error.is_limit(), error.to_string().as_str()), (true, "the deadline has passed"));
        assert!(!doubled(60).holds_itself(&over));
    }

    #[test]
    fn a_text_counts_as_often_as_it_is_written() {
        let text = Value::str("x".repeat(1 << 20));
        let many = Value::list(vec![text; 1_000]);
        assert!(many.check_walk(&Cx::default()).is_ok());
        assert!(many.check_written(&Cx::default()).is_err());
    }

    #[test]
    fn a_map_that_holds_itself_is_found() {
        let map = Map::new();
        map.set("a", Value::list(vec![map.clone().into()]));
        let value = Value::from(map);
        assert!(value.check_walk(&Cx::default()).is_err() && value.holds_itself(&Cx::default()));
    }
}
