//! Go's comparisons: `eq`, `ne`, `lt`, `le`, `gt`, `ge`. Values of different basic kinds cannot be compared.

use crate::function::{FuncError, any};
use crate::run::Run;
use crate::value::Value;
use keyfill_go::fmt::sprintf;
use std::cmp::Ordering;

/// A value of a basic kind.
enum Basic<'a> {
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Complex(f64, f64),
    Str(&'a [u8]),
}

impl<'a> Basic<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        Some(match value {
            Value::Bool(b) => Self::Bool(*b),
            Value::Float(f) => Self::Float(*f),
            Value::Complex(re, im) => Self::Complex(*re, *im),
            Value::Str(text) => Self::Str(text.as_bytes()),
            other => match (other.as_int(), other.as_uint()) {
                (Some(n), _) => Self::Int(n),
                (None, Some(n)) => Self::Uint(n),
                (None, None) => return None,
            },
        })
    }
}

fn incompatible(a: &Value, b: &Value) -> FuncError {
    FuncError::new(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
}

/// Whether the first argument equals one of the others.
pub(super) fn eq(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (first, others) = args.split_first().ok_or("missing argument for comparison")?;
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    equal(any(args, 0), any(args, 1)).map(|equal| Value::Bool(!equal))
}

pub(super) fn lt(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    less(any(args, 0), any(args, 1)).map(Value::Bool)
}

pub(super) fn le(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    less_or_equal(any(args, 0), any(args, 1)).map(Value::Bool)
}

// Go defines these as the negation of `le` and `lt`, which is visible with NaN.
pub(super) fn gt(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    less_or_equal(any(args, 0), any(args, 1)).map(|less| Value::Bool(!less))
}

pub(super) fn ge(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    less(any(args, 0), any(args, 1)).map(|less| Value::Bool(!less))
}

fn equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    Ok(match (Basic::of(a), Basic::of(b)) {
        (Some(Basic::Bool(a)), Some(Basic::Bool(b))) => a == b,
        (Some(Basic::Int(a)), Some(Basic::Int(b))) => a == b,
        (Some(Basic::Uint(a)), Some(Basic::Uint(b))) => a == b,
        (Some(Basic::Int(a)), Some(Basic::Uint(b))) | (Some(Basic::Uint(b)), Some(Basic::Int(a))) => {
            u64::try_from(a) == Ok(b)
        }
        (Some(Basic::Float(a)), Some(Basic::Float(b))) => a == b,
        (Some(Basic::Complex(a, x)), Some(Basic::Complex(b, y))) => a == b && x == y,
        (Some(Basic::Str(a)), Some(Basic::Str(b))) => a == b,
        (None, None) => return equal_others(a, b),
        _ if a.is_nil() || b.is_nil() => false,
        _ => return Err(incompatible(a, b)),
    })
}

/// Compares values that are of no basic kind: nil, slices, maps, objects.
fn equal_others(a: &Value, b: &Value) -> Result<bool, FuncError> {
    let comparable = a.kind() == b.kind() || a.is_nil() || b.is_nil();
    if !comparable {
        let (x, y) = (a.type_name(), b.type_name());
        return Err(
            format!("non-comparable types {}: {x}, {y}: {}", shown(a, b"%s")?, shown(b, b"%v")?).into()
        );
    }
    if a.is_nil_of_any_type() || b.is_nil_of_any_type() {
        return Ok(a.is_nil_of_any_type() == b.is_nil_of_any_type());
    }
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => Ok(a.equals(&**b)),
        _ => Err(format!("non-comparable type {}: {}", shown(b, b"%s")?, b.type_name()).into()),
    }
}

fn shown(value: &Value, format: &[u8]) -> Result<String, FuncError> {
    let mut out = Vec::new();
    sprintf(&mut out, format, &[value])?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn less(a: &Value, b: &Value) -> Result<bool, FuncError> {
    const BAD: &str = "invalid type for comparison";
    let (x, y) = (Basic::of(a).ok_or(BAD)?, Basic::of(b).ok_or(BAD)?);
    Ok(match (x, y) {
        (Basic::Bool(_), Basic::Bool(_)) | (Basic::Complex(..), Basic::Complex(..)) => return Err(BAD.into()),
        (Basic::Int(x), Basic::Int(y)) => x < y,
        (Basic::Uint(x), Basic::Uint(y)) => x < y,
        (Basic::Int(x), Basic::Uint(y)) => u64::try_from(x).map_or(true, |x| x < y),
        (Basic::Uint(x), Basic::Int(y)) => u64::try_from(y).is_ok_and(|y| x < y),
        (Basic::Float(x), Basic::Float(y)) => x.partial_cmp(&y) == Some(Ordering::Less),
        (Basic::Str(x), Basic::Str(y)) => x < y,
        _ => return Err(incompatible(a, b)),
    })
}

fn less_or_equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    Ok(less(a, b)? || equal(a, b)?)
}
