//! Arithmetic on decimal numbers of any length, as sprig does it with `shopspring/decimal`: `addf` and the like.

use super::cast::to_float64;
use crate::function::{FuncError, Function, any};
use crate::run::Run;
use crate::value::{Type, Value};
use num_bigint::BigInt;
use num_traits::{Signed, Zero};

const A: Type = Type::Any;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("add1f", &[A], add1f),
    Function::variadic("addf", &[], A, addf),
    Function::variadic("subf", &[A], A, subf),
    Function::variadic("mulf", &[A], A, mulf),
    Function::variadic("divf", &[A], A, divf),
];

/// Decimal places of a quotient.
const PLACES: i32 = 16;

/// `digits * 10^exponent`
#[derive(Clone)]
struct Decimal {
    digits: BigInt,
    exponent: i32,
}

impl Decimal {
    /// The shortest decimal that parses to this float.
    fn of(value: f64) -> Result<Self, FuncError> {
        if !value.is_finite() {
            let shown = match () {
                () if value.is_nan() => "NaN",
                () if value > 0.0 => "+Inf",
                () => "-Inf",
            };
            return Err(format!("Cannot create a Decimal from {shown}").into());
        }
        let shown = format!("{value:e}");
        let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent = exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32;
        Ok(Self { digits, exponent })
    }

    fn to_float(&self) -> f64 {
        // Parsing a decimal rounds to the nearest float, as Go's division of big integers does.
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }

    /// The digits of both numbers with the same exponent, which is the smaller one.
    fn aligned(a: &Self, b: &Self) -> (BigInt, BigInt, i32) {
        let exponent = a.exponent.min(b.exponent);
        let scaled = |d: &Self| &d.digits * power_of_ten(d.exponent - exponent);
        (scaled(a), scaled(b), exponent)
    }

    fn add(&self, other: &Self) -> Self {
        let (a, b, exponent) = Self::aligned(self, other);
        Self { digits: a + b, exponent }
    }

    fn sub(&self, other: &Self) -> Self {
        let (a, b, exponent) = Self::aligned(self, other);
        Self { digits: a - b, exponent }
    }

    fn mul(&self, other: &Self) -> Self {
        Self { digits: &self.digits * &other.digits, exponent: self.exponent + other.exponent }
    }

    /// The quotient with 16 decimal places, rounded half away from zero.
    fn div(&self, other: &Self) -> Result<Self, FuncError> {
        if other.digits.is_zero() {
            return Err("decimal division by 0".into());
        }
        let shift = self.exponent - other.exponent + PLACES;
        let (dividend, divisor) = if shift < 0 {
            (self.digits.clone(), &other.digits * power_of_ten(-shift))
        } else {
            (&self.digits * power_of_ten(shift), other.digits.clone())
        };
        let (mut quotient, rest) = (&dividend / &divisor, &dividend % &divisor);
        if rest.abs() * 2 >= divisor.abs() {
            quotient += if (dividend.is_negative()) == (divisor.is_negative()) { 1 } else { -1 };
        }
        Ok(Self { digits: quotient, exponent: -PLACES })
    }
}

fn power_of_ten(exponent: i32) -> BigInt {
    BigInt::from(10).pow(exponent.unsigned_abs())
}

fn fold(
    first: f64,
    rest: &[Value],
    step: impl Fn(&Decimal, &Decimal) -> Result<Decimal, FuncError>,
) -> Result<Value, FuncError> {
    let mut result = Decimal::of(first)?;
    for value in rest {
        result = step(&result, &Decimal::of(to_float64(value))?)?;
    }
    Ok(Value::Float(result.to_float()))
}

fn add1f(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    fold(to_float64(any(args, 0)), &[Value::Int(1)], |a, b| Ok(a.add(b)))
}

fn addf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    fold(0.0, args, |a, b| Ok(a.add(b)))
}

fn subf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    fold(to_float64(any(args, 0)), args.get(1..).unwrap_or_default(), |a, b| Ok(a.sub(b)))
}

fn mulf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    fold(to_float64(any(args, 0)), args.get(1..).unwrap_or_default(), |a, b| Ok(a.mul(b)))
}

fn divf(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    fold(to_float64(any(args, 0)), args.get(1..).unwrap_or_default(), Decimal::div)
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    fn of(value: f64) -> Decimal {
        Decimal::of(value).expect("finite")
    }

    #[test]
    fn decimals_do_not_drift() {
        assert_eq!(of(0.1).add(&of(0.2)).to_float(), 0.3);
        assert_eq!(of(1.1).mul(&of(1.1)).to_float(), 1.21);
        assert_eq!(of(10.0).div(&of(3.0)).map(|q| q.to_float()).ok(), Some(3.333_333_333_333_333_3));
        assert_eq!(of(-2.0).div(&of(3.0)).map(|q| q.to_float()).ok(), Some(-0.666_666_666_666_666_7));
        assert!(Decimal::of(f64::NAN).is_err() && of(1.0).div(&of(0.0)).is_err());
    }
}
