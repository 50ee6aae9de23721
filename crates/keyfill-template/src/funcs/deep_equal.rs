//! Go's `reflect.DeepEqual`: the same types and the same content, at every level.

use crate::function::FuncError;
use crate::run::Run;
use crate::value::{Encoded, Value, Walk};

/// The depth to which values are compared. Below that they count as equal, as in Go if a value occurs again.
const MAX_DEPTH: u32 = 1000;

/// The number of bytes of text whose comparison counts as one part.
const BYTES_A_PART: usize = 1 << 10;

/// Compares values, within one limit for all comparisons.
pub(super) struct DeepEqual(Walk);

impl DeepEqual {
    /// A comparison for one call of a function.
    pub(super) fn new(run: &Run) -> Self {
        Self(Walk::new(run.cx()))
    }

    /// Counts the comparisons as work of the run.
    pub(super) fn finish(self, run: &mut Run) -> Result<(), FuncError> {
        let visited = self.0.visited(&run.cx().limits);
        run.work(visited.saturating_mul(size_of::<Value>() as u64))
    }

    /// Whether both values have the same types and content. NaN differs from itself, nil lists from empty
    /// ones.
    pub(super) fn of(&mut self, a: &Value, b: &Value) -> Result<bool, FuncError> {
        self.equal(a, b, MAX_DEPTH)
    }

    /// Whether one of the values equals `needle`.
    pub(super) fn any(&mut self, values: &[Value], needle: &Value) -> Result<bool, FuncError> {
        for value in values {
            if self.of(value, needle)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn equal(&mut self, a: &Value, b: &Value, depth: u32) -> Result<bool, FuncError> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(true) };
        Ok(match (a, b) {
            (Value::Nil | Value::NilInterface, Value::Nil | Value::NilInterface) => true,
            (Value::Bool(x), Value::Bool(y)) => x == y,
            (Value::Int(x), Value::Int(y)) | (Value::Int64(x), Value::Int64(y)) => x == y,
            (Value::Int32(x), Value::Int32(y)) => x == y,
            (Value::Uint(x), Value::Uint(y)) | (Value::Uint64(x), Value::Uint64(y)) => x == y,
            (Value::Uint8(x), Value::Uint8(y)) => x == y,
            (Value::Uint32(x), Value::Uint32(y)) => x == y,
            (Value::Float(x), Value::Float(y)) => x == y,
            (Value::Complex(x, i), Value::Complex(y, j)) => x == y && i == j,
            (Value::Str(x), Value::Str(y)) | (Value::Bytes(x), Value::Bytes(y)) => {
                if x.len() == y.len() {
                    self.0.visit(x.len() / BYTES_A_PART)?;
                }
                x == y
            }
            (Value::List(x), Value::List(y)) => {
                x.ty().name == y.ty().name
                    && x.is_nil() == y.is_nil()
                    && x.len() == y.len()
                    && (x.same(y) || self.all(x.iter().zip(y.iter()), depth)?)
            }
            (Value::Map(x), Value::Map(y)) => {
                x.ty().name == y.ty().name
                    && x.is_nil() == y.is_nil()
                    && (x.same(y) || {
                        let (x, y) = (x.entries(), y.entries());
                        x.len() == y.len()
                            && x.keys().eq(y.keys())
                            && self.all(x.values().zip(y.values()), depth)?
                    })
            }
            (Value::Object(x), Value::Object(y)) => {
                x.type_name() == y.type_name()
                    && (x.equals(y.as_ref()) || self.same_encoding(x.encode(), y.encode(), depth)?)
            }
            _ => false,
        })
    }

    fn all<'v>(
        &mut self,
        pairs: impl Iterator<Item = (&'v Value, &'v Value)>,
        depth: u32,
    ) -> Result<bool, FuncError> {
        for (a, b) in pairs {
            self.0.visit(1)?;
            if !self.equal(a, b, depth)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_encoding(&mut self, a: Encoded, b: Encoded, depth: u32) -> Result<bool, FuncError> {
        match (a, b) {
            (Encoded::Value(a), Encoded::Value(b)) => self.equal(&a, &b, depth),
            (Encoded::Struct(a), Encoded::Struct(b)) => {
                let same_names = a.iter().map(|(name, _)| name).eq(b.iter().map(|(name, _)| name));
                let values = a.iter().map(|(_, v)| v).zip(b.iter().map(|(_, v)| v));
                Ok(same_names && self.all(values, depth)?)
            }
            _ => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DeepEqual;
    use crate::run::Run;
    use crate::value::{ANYS, List, Map, Value};
    use keyfill_diag::Cx;
    use std::time::Duration;

    fn deep_equal(a: &Value, b: &Value) -> bool {
        let run = Run::new(&Cx::with_time(Duration::from_secs(60)));
        DeepEqual::new(&run).of(a, b).expect("the values are small")
    }

    #[test]
    fn equal_numbers_of_two_types_differ() {
        assert!(!deep_equal(&Value::Int(1), &Value::Int64(1)));
        assert!(!deep_equal(&List::nil(&ANYS).into(), &Value::list(Vec::new())));
        assert!(!deep_equal(&Value::list(vec!["a".into()]), &List::strings(["a"]).into()));
        assert!(!deep_equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
        assert!(deep_equal(&Value::list(vec![Value::Nil]), &Value::list(vec![Value::Nil])));
    }

    #[test]
    fn maps_that_contain_themselves_are_compared_without_endless_recursion() {
        let (a, b) = (Map::new(), Map::new());
        a.set("x", a.clone());
        b.set("x", b.clone());
        assert!(deep_equal(&a.into(), &b.into()));
    }
}
