//! Numbers: integer and decimal arithmetic, rounding, sequences, conversion.

use super::cast::{print, to_float64, to_int64};
use crate::function::{FuncError, Function, any, float, int, text};
use crate::run::Run;
use crate::value::{INTS, List, Type, Value};
use keyfill_go::strconv::{self, NumError};
use std::fmt::Write as _;

const A: Type = Type::Any;
const I: Type = Type::Int;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("atoi", &[Type::String], atoi),
    Function::fixed("int", &[A], |_, args| Ok(Value::Int(to_int64(any(args, 0))))),
    Function::fixed("int64", &[A], |_, args| Ok(Value::Int64(to_int64(any(args, 0))))),
    Function::fixed("float64", &[A], |_, args| Ok(Value::Float(to_float64(any(args, 0))))),
    Function::fixed("toDecimal", &[A], to_decimal),
    Function::fixed("add1", &[A], |_, args| Ok(Value::Int64(to_int64(any(args, 0)).wrapping_add(1)))),
    Function::variadic("add", &[], A, add),
    Function::fixed("sub", &[A, A], sub),
    Function::fixed("div", &[A, A], div),
    Function::fixed("mod", &[A, A], modulo),
    Function::variadic("mul", &[A], A, mul),
    Function::variadic("max", &[A], A, max),
    Function::variadic("biggest", &[A], A, max),
    Function::variadic("min", &[A], A, min),
    Function::variadic("maxf", &[A], A, maxf),
    Function::variadic("minf", &[A], A, minf),
    Function::fixed("floor", &[A], |_, args| Ok(Value::Float(to_float64(any(args, 0)).floor()))),
    Function::fixed("ceil", &[A], |_, args| Ok(Value::Float(to_float64(any(args, 0)).ceil()))),
    Function::variadic("round", &[A, I], Type::Float64, round),
    Function::fixed("until", &[I], until),
    Function::fixed("untilStep", &[I, I, I], until_step),
    Function::variadic("seq", &[], I, seq),
];

/// The number that a text represents in this base. A number out of range becomes the nearest one in range.
pub(super) fn clamped(text: &[u8], base: u32) -> i64 {
    let text = std::str::from_utf8(text).unwrap_or_default();
    match strconv::parse_int(text, base) {
        Ok(number) => number,
        Err(NumError::Range) if text.starts_with('-') => i64::MIN,
        Err(NumError::Range) => i64::MAX,
        Err(_) => 0,
    }
}

fn atoi(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int(clamped(text(args, 0), 10)))
}

/// Octal digits as a number.
fn to_decimal(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let text = print(any(args, 0))?;
    let number = std::str::from_utf8(&text).ok().and_then(|text| strconv::parse_int(text, 8).ok());
    Ok(Value::Int64(number.unwrap_or(0)))
}

fn add(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(args.iter().map(to_int64).fold(0, i64::wrapping_add)))
}

fn sub(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(to_int64(any(args, 0)).wrapping_sub(to_int64(any(args, 1)))))
}

fn divisor(args: &[Value]) -> Result<i64, FuncError> {
    match to_int64(any(args, 1)) {
        0 => Err("runtime error: integer divide by zero".into()),
        divisor => Ok(divisor),
    }
}

fn div(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(to_int64(any(args, 0)).wrapping_div(divisor(args)?)))
}

fn modulo(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(to_int64(any(args, 0)).wrapping_rem(divisor(args)?)))
}

fn mul(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(args.iter().map(to_int64).fold(1, i64::wrapping_mul)))
}

fn max(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(args.iter().map(to_int64).max().unwrap_or(0)))
}

fn min(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Int64(args.iter().map(to_int64).min().unwrap_or(0)))
}

fn maxf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let larger = |a: f64, b: f64| match () {
        () if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        () if a.is_nan() || b.is_nan() => f64::NAN,
        () if a == 0.0 && b == 0.0 => {
            if a.is_sign_negative() {
                b
            } else {
                a
            }
        }
        () => a.max(b),
    };
    Ok(Value::Float(args.iter().map(to_float64).reduce(larger).unwrap_or(0.0)))
}

fn minf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let smaller = |a: f64, b: f64| match () {
        () if a == f64::NEG_INFINITY || b == f64::NEG_INFINITY => f64::NEG_INFINITY,
        () if a.is_nan() || b.is_nan() => f64::NAN,
        () if a == 0.0 && b == 0.0 => {
            if a.is_sign_negative() {
                a
            } else {
                b
            }
        }
        () => a.min(b),
    };
    Ok(Value::Float(args.iter().map(to_float64).reduce(smaller).unwrap_or(0.0)))
}

/// Rounds to a number of decimal places, up from one half, or up from the third argument.
fn round(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let up_from = if args.len() > 2 { float(args, 2) } else { 0.5 };
    let power = power_of_ten(int(args, 1));
    let digits = power * to_float64(any(args, 0));
    let fraction = digits - digits.trunc();
    let rounded = if fraction >= up_from { digits.ceil() } else { digits.floor() };
    Ok(Value::Float(rounded / power))
}

/// `math.Pow(10, n)` with the same bits as Go: by squaring, with fractions between one half and one.
fn power_of_ten(n: i64) -> f64 {
    if n == 0 || n == 1 {
        return if n == 0 { 1.0 } else { 10.0 };
    }
    let mut left = n.unsigned_abs();
    let (mut fraction, mut exponent) = (1.0_f64, 0_i64);
    let (mut base, mut base_exponent) = (0.625_f64, 4_i64); // 10 = 0.625 * 2^4
    while left != 0 {
        if base_exponent.abs() > 1 << 12 {
            // The result is beyond the range of floats already.
            exponent += base_exponent;
            break;
        }
        if left & 1 == 1 {
            fraction *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent <<= 1;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if n < 0 { times_power_of_two(1.0 / fraction, -exponent) } else { times_power_of_two(fraction, exponent) }
}

/// `math.Ldexp` for a fraction between one half and two.
fn times_power_of_two(fraction: f64, exponent: i64) -> f64 {
    let exponent = exponent.clamp(-1200, 1200) as i32;
    // In two steps, so that neither factor exceeds the range of floats if the result is subnormal.
    let first = exponent.clamp(-1000, 1000);
    fraction * 2.0_f64.powi(first) * 2.0_f64.powi(exponent - first)
}

/// The numbers from `start` up to `stop`, without `stop`.
fn counted(run: &mut Run, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    if (stop < start) != (step < 0) || step == 0 || start == stop {
        return Ok(Vec::new());
    }
    let distance = (i128::from(stop) - i128::from(start)).unsigned_abs();
    let count = distance.div_ceil(u128::from(step.unsigned_abs()));
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    run.spend(count.saturating_mul(size_of::<Value>() as u64))?;
    Ok((0..count.cast_signed()).map(|n| start.wrapping_add(n.wrapping_mul(step))).collect())
}

fn ints(numbers: Vec<i64>) -> Value {
    Value::List(List::typed(numbers.into_iter().map(Value::Int).collect(), &INTS))
}

fn until(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let count = int(args, 0);
    Ok(ints(counted(run, 0, count, if count < 0 { -1 } else { 1 })?))
}

fn until_step(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(ints(counted(run, int(args, 0), int(args, 1), int(args, 2))?))
}

/// Like the program `seq`: `end`, `start end` or `start step end`, with the end included.
fn seq(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (start, step, end) = match args.len() {
        1 => (1, None, int(args, 0)),
        2 => (int(args, 0), None, int(args, 1)),
        3 => (int(args, 0), Some(int(args, 1)), int(args, 2)),
        _ => return Ok("".into()),
    };
    let towards = if end < start { -1 } else { 1 };
    let step = match step {
        Some(step) if towards < 0 && step > 0 => return Ok("".into()),
        step => step.unwrap_or(towards),
    };
    let numbers = counted(run, start, end.wrapping_add(towards), step)?;
    let mut out = String::new();
    for (place, number) in numbers.iter().enumerate() {
        let space = if place > 0 { " " } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(out, "{space}{number}");
    }
    run.spend(out.len() as u64)?;
    Ok(out.into())
}

#[cfg(test)]
mod tests {
    use super::power_of_ten;

    #[test]
    fn powers_of_ten_are_exact_or_infinite() {
        assert_eq!(power_of_ten(3), 1000.0);
        assert_eq!(power_of_ten(-2), 0.01);
        assert_eq!(power_of_ten(400), f64::INFINITY);
        assert_eq!(power_of_ten(i64::MIN), 0.0);
    }
}
