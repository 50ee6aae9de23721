//! Limits for walks over values.
//!
//! Maps and lists are shared. A few dozen of them can contain each other so that a walk over all parts would never
//! end, and a thousand that contain one large text are written as more than fits in memory. Code that visits a
//! value by recursion checks it here first, or counts the parts with a [`Walk`].

use super::{List, Map, Value};
use crate::failure::FuncError;
use keyfill_diag::{Cx, Limits, Stopped};
use std::time::Instant;

/// The parts that a walk may still visit, in number and bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    nodes: u64,
    /// Bytes of texts that may still be written. An escape makes up to six bytes of one.
    bytes: u64,
    /// The deadline of the run. `unasked` is the number of parts that were visited since it was checked.
    deadline: Instant,
    unasked: usize,
}

/// The number of parts between two checks of the deadline.
const PARTS_A_LOOK: usize = 1 << 14;

impl Walk {
    /// A walk within the limits of the run.
    pub(crate) fn new(cx: &Cx) -> Self {
        let limits = &cx.limits;
        Self { nodes: limits.nodes, bytes: limits.output_bytes / 4, deadline: cx.deadline, unasked: 0 }
    }

    /// Counts visited parts. A shared part counts each time that it is visited.
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

    /// Counts the bytes of a text that is written.
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

/// The error for a value that is too large to walk.
pub(crate) fn too_large() -> FuncError {
    FuncError::limit("the value is nested too deep, contains itself, or has more parts than the limit allows")
}

impl Value {
    /// Refuses values that are nested deeper than the limits allow, such as those that contain themselves, and
    /// values with too many parts. A shared part counts each time that it occurs.
    pub fn check_walk(&self, cx: &Cx) -> Result<(), FuncError> {
        Walk::new(cx).all(self, cx.limits.depth)
    }

    /// As [`check_walk`](Self::check_walk), and also refuses values whose texts have more bytes than may be
    /// written. A shared text counts each time that it occurs.
    pub fn check_written(&self, cx: &Cx) -> Result<(), FuncError> {
        Walk::new(cx).written(self, cx.limits.depth)
    }

    /// Whether the value contains itself. Values that are too deep or too large to tell count as not.
    pub(crate) fn holds_itself(&self, cx: &Cx) -> bool {
        let mut walk = Walk::new(cx);
        cycle(self, &mut Vec::new(), &mut walk, cx.limits.depth) == Some(true)
    }
}

/// Whether a map or list contains itself: `Some(false)` if the walk reached a limit, `None` if it ended without a
/// find.
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
    fn a_shared_part_counts_each_time_it_occurs() {
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
