//! Conversion of arguments of any type: to numbers (`github.com/spf13/cast`), to text, to slices.

use crate::function::FuncError;
use crate::value::{Kind, Str, Value};
use keyfill_go::{fmt, strconv};
use std::borrow::Cow;

/// The value as an `int64`; 0 if it is not a number.
pub(super) fn to_int64(value: &Value) -> i64 {
    match value {
        Value::Int(n) | Value::Int64(n) => *n,
        Value::Int32(n) => i64::from(*n),
        Value::Uint(n) | Value::Uint64(n) => n.cast_signed(),
        Value::Uint8(n) => i64::from(*n),
        Value::Uint32(n) => i64::from(*n),
        Value::Float(f) => truncate(*f),
        Value::Bool(b) => i64::from(*b),
        Value::Str(s) => {
            s.to_str().and_then(|s| strconv::parse_int(without_zero_fraction(s), 0).ok()).unwrap_or(0)
        }
        Value::Object(object) => calendar_number(&object.type_name(), object.as_int()),
        _ => 0,
    }
}

/// The value as a `float64`; 0 if it is not a number.
pub(super) fn to_float64(value: &Value) -> f64 {
    match value {
        Value::Float(f) => *f,
        Value::Int(n) | Value::Int64(n) => *n as f64,
        Value::Int32(n) => f64::from(*n),
        Value::Uint(n) | Value::Uint64(n) => *n as f64,
        Value::Uint8(n) => f64::from(*n),
        Value::Uint32(n) => f64::from(*n),
        Value::Bool(b) => f64::from(u8::from(*b)),
        Value::Str(s) => s.to_str().and_then(|s| strconv::parse_float(s).ok()).unwrap_or(0.0),
        Value::Object(object) => calendar_number(&object.type_name(), object.as_int()) as f64,
        _ => 0.0,
    }
}

/// Of the named integer types only months and weekdays count as numbers.
fn calendar_number(type_name: &str, number: Option<i64>) -> i64 {
    let named = matches!(type_name, "time.Month" | "time.Weekday");
    number.filter(|_| named).unwrap_or(0)
}

/// A float as an integer, as amd64 converts it: a float out of range becomes the smallest integer.
pub(super) fn truncate(f: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&f) { f as i64 } else { i64::MIN }
}

/// `1.00` becomes `1`, and so does `1.0.`: the official tool searches from the end for a point with a zero
/// somewhere after it.
fn without_zero_fraction(text: &str) -> &str {
    let digits = text.trim_end_matches(['0', '.']).len();
    let tail = &text[digits..];
    let point = tail.rfind('0').and_then(|zero| tail[..zero].rfind('.'));
    point.map_or(text, |point| &text[..digits + point])
}

/// The value as text: a string unchanged, anything else as `%v` prints it.
pub(super) fn strval(value: &Value) -> Result<Str, FuncError> {
    match value {
        Value::Str(s) | Value::Bytes(s) => Ok(s.clone()),
        Value::Object(object) => match object.text() {
            Some(text) => Ok(text),
            None => Ok(print(value)?.into()),
        },
        other => Ok(print(other)?.into()),
    }
}

/// The value as `%v` prints it.
pub(super) fn print(value: &Value) -> Result<Vec<u8>, FuncError> {
    let mut out = Vec::new();
    fmt::sprint(&mut out, &[value])?;
    Ok(out)
}

/// The elements of a slice of any type; `None` if the value is not a slice.
pub(super) fn elements(value: &Value) -> Option<Cow<'_, [Value]>> {
    match value {
        Value::List(list) => Some(Cow::Borrowed(list.items())),
        Value::Bytes(bytes) => Some(bytes.as_bytes().iter().map(|&b| Value::Uint8(b)).collect()),
        _ => None,
    }
}

/// The elements of a slice. For anything else Go's error: `what` and the kind of the value.
pub(super) fn slice<'a>(value: &'a Value, what: &str) -> Result<Cow<'a, [Value]>, FuncError> {
    if value.kind() == Kind::Invalid {
        return Err(nil_dereference());
    }
    elements(value).ok_or_else(|| FuncError::new(format!("{what} {}", value.kind().name())))
}

/// Go's message if a function accesses the type of nil.
pub(super) fn nil_dereference() -> FuncError {
    FuncError::new("runtime error: invalid memory address or nil pointer dereference")
}

/// The texts of the elements that are not nil. For a value that is not a slice, its own text.
pub(super) fn texts(value: &Value) -> Result<Vec<Str>, FuncError> {
    match elements(value) {
        Some(items) => items.iter().filter(|v| !v.is_nil()).map(strval).collect(),
        None if value.is_nil() => Ok(Vec::new()),
        None => Ok(vec![strval(value)?]),
    }
}

#[cfg(test)]
mod tests {
    use super::{to_float64, to_int64, truncate};
    use crate::value::Value;

    #[test]
    fn values_are_cast_to_numbers_as_spf13_cast_does() {
        assert_eq!(to_int64(&"0x10".into()), 16);
        assert_eq!(to_int64(&"12.00".into()), 12);
        assert_eq!(to_int64(&"12.50".into()), 0);
        assert_eq!(to_int64(&Value::Float(-1.9)), -1);
        assert_eq!(truncate(f64::NAN), i64::MIN);
        assert_eq!(to_float64(&"1e3".into()), 1000.0);
        assert_eq!(to_float64(&true.into()), 1.0);
    }
}
