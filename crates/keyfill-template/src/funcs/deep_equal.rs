//! Go's `reflect.DeepEqual`: the same types and the same content, all the way down.

use crate::value::{Encoded, Value};

/// How deep values are compared. Below that, as in Go when it meets a value again, they count as equal.
const MAX_DEPTH: u32 = 1000;

/// Whether both values have the same types and content. NaN differs from itself, nil lists from empty ones.
pub(super) fn deep_equal(a: &Value, b: &Value) -> bool {
    equal(a, b, MAX_DEPTH)
}

fn equal(a: &Value, b: &Value, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return true };
    match (a, b) {
        (Value::Nil | Value::NilInterface, Value::Nil | Value::NilInterface) => true,
        (Value::Bool(x), Value::Bool(y)) => x == y,
        (Value::Int(x), Value::Int(y)) | (Value::Int64(x), Value::Int64(y)) => x == y,
        (Value::Int32(x), Value::Int32(y)) => x == y,
        (Value::Uint(x), Value::Uint(y)) | (Value::Uint64(x), Value::Uint64(y)) => x == y,
        (Value::Uint8(x), Value::Uint8(y)) => x == y,
        (Value::Uint32(x), Value::Uint32(y)) => x == y,
        (Value::Float(x), Value::Float(y)) => x == y,
        (Value::Complex(x, i), Value::Complex(y, j)) => x == y && i == j,
        (Value::Str(x), Value::Str(y)) | (Value::Bytes(x), Value::Bytes(y)) => x == y,
        (Value::List(x), Value::List(y)) => {
            x.ty().name == y.ty().name
                && x.is_nil() == y.is_nil()
                && x.len() == y.len()
                && (x.same(y) || x.iter().zip(y.iter()).all(|(x, y)| equal(x, y, depth)))
        }
        (Value::Map(x), Value::Map(y)) => {
            x.ty().name == y.ty().name
                && x.is_nil() == y.is_nil()
                && (x.same(y) || {
                    let (x, y) = (x.entries(), y.entries());
                    x.len() == y.len()
                        && x.iter().zip(y.iter()).all(|((j, x), (k, y))| j == k && equal(x, y, depth))
                })
        }
        (Value::Object(x), Value::Object(y)) => {
            x.type_name() == y.type_name()
                && (x.equals(y.as_ref()) || same_encoding(x.encode(), y.encode(), depth))
        }
        _ => false,
    }
}

fn same_encoding(a: Encoded, b: Encoded, depth: u32) -> bool {
    match (a, b) {
        (Encoded::Value(a), Encoded::Value(b)) => equal(&a, &b, depth),
        (Encoded::Struct(a), Encoded::Struct(b)) => {
            a.len() == b.len() && a.iter().zip(&b).all(|((j, x), (k, y))| j == k && equal(x, y, depth))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::deep_equal;
    use crate::value::{ANYS, List, Map, Value};

    #[test]
    fn types_count() {
        assert!(!deep_equal(&Value::Int(1), &Value::Int64(1)));
        assert!(!deep_equal(&List::nil(&ANYS).into(), &Value::list(Vec::new())));
        assert!(!deep_equal(&Value::list(vec!["a".into()]), &List::strings(["a"]).into()));
        assert!(!deep_equal(&Value::Float(f64::NAN), &Value::Float(f64::NAN)));
        assert!(deep_equal(&Value::list(vec![Value::Nil]), &Value::list(vec![Value::Nil])));
    }

    #[test]
    fn maps_that_hold_themselves() {
        let (a, b) = (Map::new(), Map::new());
        a.set("x", a.clone());
        b.set("x", b.clone());
        assert!(deep_equal(&a.into(), &b.into()));
    }
}
