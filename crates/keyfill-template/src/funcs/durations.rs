//! Durations: functions that helm 4 has besides sprig's. They accept a `time.Duration`, a text such as `1h30m`,
//! and a number of seconds, also as text.

use super::cast::truncate;
use super::dates::{as_duration, duration_value, in_float};
use super::strings::trim_where;
use crate::function::{FuncError, Function, any};
use crate::run::Run;
use crate::value::{Type, Value};
use keyfill_go::quote::quote;
use keyfill_go::strconv::{Bits, Layout, format_float, parse_float};
use keyfill_go::time::Duration;
use keyfill_go::unicode;

const A: Type = Type::Any;
const MICROSECOND: i64 = 1_000;
const MILLISECOND: i64 = 1_000 * MICROSECOND;
const SECOND: i64 = 1_000 * MILLISECOND;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// The functions of this family. Those without `must` return 0 for a value that is not a duration.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("mustToDuration", &[A], |_, args| Ok(duration_value(read(any(args, 0))?))),
    Function::fixed("durationNanoseconds", &[A], |_, args| Ok(whole(args, 1))),
    Function::fixed("durationMicroseconds", &[A], |_, args| Ok(whole(args, MICROSECOND))),
    Function::fixed("durationMilliseconds", &[A], |_, args| Ok(whole(args, MILLISECOND))),
    Function::fixed("durationSeconds", &[A], |_, args| Ok(fraction(args, SECOND, 1.0))),
    Function::fixed("durationMinutes", &[A], |_, args| Ok(fraction(args, MINUTE, 1.0))),
    Function::fixed("durationHours", &[A], |_, args| Ok(fraction(args, HOUR, 1.0))),
    Function::fixed("durationDays", &[A], |_, args| Ok(fraction(args, HOUR, 24.0))),
    Function::fixed("durationWeeks", &[A], weeks),
    Function::fixed("durationRoundTo", &[A, A], |_, args| Ok(to_multiple(args, Duration::round))),
    Function::fixed("durationTruncateTo", &[A, A], |_, args| Ok(to_multiple(args, Duration::truncate))),
];

fn or_zero(args: &[Value]) -> Duration {
    read(any(args, 0)).unwrap_or(Duration(0))
}

/// The number of whole units in the duration.
fn whole(args: &[Value], unit: i64) -> Value {
    Value::Int64(or_zero(args).0 / unit)
}

/// The number of units, each of them `times` as long as `unit`. Go also divides twice, which gives the same digits.
fn fraction(args: &[Value], unit: i64, times: f64) -> Value {
    Value::Float(in_float(or_zero(args), unit) / times)
}

fn weeks(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Float(in_float(or_zero(args), HOUR) / 24.0 / 7.0))
}

/// The duration as a multiple of the second argument; unchanged if that is not a duration.
fn to_multiple(args: &[Value], change: fn(Duration, Duration) -> Duration) -> Value {
    let Ok(duration) = read(any(args, 0)) else { return duration_value(Duration(0)) };
    duration_value(read(any(args, 1)).map_or(duration, |multiple| change(duration, multiple)))
}

/// The duration that a value stands for.
fn read(value: &Value) -> Result<Duration, FuncError> {
    match value {
        Value::Nil | Value::NilInterface => Err("invalid duration".into()),
        Value::Str(text) => of_text(text.as_bytes()),
        Value::Float(seconds) => of_seconds(*seconds),
        other => match (as_duration(other), other.as_int(), other.as_uint()) {
            (Some(duration), ..) => Ok(duration),
            (None, Some(seconds), _) => whole_seconds(Some(seconds), seconds),
            (None, None, Some(seconds)) => whole_seconds(i64::try_from(seconds).ok(), seconds),
            (None, None, None) => Err(format!("unsupported duration type {}", other.type_name()).into()),
        },
    }
}

fn of_text(text: &[u8]) -> Result<Duration, FuncError> {
    let trimmed = trim_where(text, unicode::is_space);
    if trimmed.is_empty() {
        return Err("empty duration".into());
    }
    if let Some(duration) = Duration::parse(trimmed) {
        return Ok(duration);
    }
    match std::str::from_utf8(trimmed).ok().and_then(|number| parse_float(number).ok()) {
        Some(seconds) => of_seconds(seconds),
        None => Err(format!("could not parse duration {}", quote(text)).into()),
    }
}

fn whole_seconds(seconds: Option<i64>, shown: impl std::fmt::Display) -> Result<Duration, FuncError> {
    let overflow = || FuncError::new(format!("duration seconds overflow: {shown}"));
    let seconds = seconds.and_then(|seconds| seconds.checked_mul(SECOND));
    seconds.map(Duration).ok_or_else(overflow)
}

fn of_seconds(seconds: f64) -> Result<Duration, FuncError> {
    // The longest duration in nanoseconds, as Go's constants round it.
    const LONGEST: f64 = 9_223_372_036_854_775_807.0;
    let shown = || format_float(seconds, Layout::General, None, Bits::B64);
    if !seconds.is_finite() {
        return Err(format!("invalid duration seconds: {}", shown()).into());
    }
    if seconds.abs() > LONGEST / SECOND as f64 {
        return Err(format!("duration seconds overflow: {}", shown()).into());
    }
    Ok(Duration(truncate(seconds * SECOND as f64)))
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::value::Value;
    use keyfill_go::time::Duration;

    #[test]
    fn a_duration_is_a_text_with_units_or_a_number_of_seconds() {
        for (value, nanoseconds) in [
            (Value::from(" 1m30s "), 90_000_000_000),
            (Value::from("2.5"), 2_500_000_000),
            (Value::Int(-3), -3_000_000_000),
            (Value::Uint8(1), 1_000_000_000),
            (Value::Float(0.25), 250_000_000),
        ] {
            assert_eq!(read(&value).ok(), Some(Duration(nanoseconds)), "{value:?}");
        }
        for bad in [
            Value::Nil,
            "".into(),
            "1x".into(),
            true.into(),
            Value::Int(i64::MAX),
            Value::Uint64(u64::MAX),
            Value::Float(f64::NAN),
            Value::Float(1e10),
        ] {
            assert!(read(&bad).is_err(), "{bad:?}");
        }
    }
}
