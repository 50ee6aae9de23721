//! JSON with numbers of any size, for schemas and the values that they check.

use keyfill_go::json_decode::Json as Decoded;
use keyfill_go::strconv::{Bits, Layout, format_float};
use keyfill_template::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A JSON value.
#[derive(Debug)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Number(Number),
    Str(String),
    Array(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    /// The type as schemas name it.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Str(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    pub(super) fn as_object(&self) -> Option<&BTreeMap<String, Self>> {
        if let Self::Object(entries) = self { Some(entries) } else { None }
    }

    pub(super) fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(items) = self { Some(items) } else { None }
    }

    /// A text that is the same for equal values: `1`, `1.0` and `10e-1` are equal.
    pub(super) fn canonical(&self, out: &mut String) {
        match self {
            Self::Null => out.push('n'),
            Self::Bool(b) => out.push(if *b { 't' } else { 'f' }),
            Self::Number(number) => {
                let _ = write!(out, "#{number:?}");
            }
            Self::Str(text) => {
                let _ = write!(out, "{text:?}");
            }
            Self::Array(items) => {
                out.push('[');
                for item in items {
                    item.canonical(out);
                    out.push(',');
                }
                out.push(']');
            }
            Self::Object(entries) => {
                out.push('{');
                for (key, value) in entries {
                    let _ = write!(out, "{key:?}:");
                    value.canonical(out);
                    out.push(',');
                }
                out.push('}');
            }
        }
    }

    /// A scalar of a schema as errors show it; none for arrays and objects.
    pub(super) fn shown(&self) -> Option<String> {
        Some(match self {
            Self::Null => "null".to_owned(),
            Self::Bool(b) => b.to_string(),
            Self::Number(number) => number.written.clone(),
            Self::Str(text) => format!("'{text}'"),
            Self::Array(_) | Self::Object(_) => return None,
        })
    }
}

impl From<Decoded<String>> for Json {
    fn from(decoded: Decoded<String>) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        match decoded {
            Decoded::Null => Self::Null,
            Decoded::Bool(b) => Self::Bool(b),
            Decoded::Number(written) => Self::Number(Number::new(written)),
            Decoded::Str(bytes) => Self::Str(text(bytes)),
            Decoded::Array(items) => Self::Array(items.into_iter().map(Self::from).collect()),
            Decoded::Object(entries) => {
                Self::Object(entries.into_iter().map(|(k, v)| (text(k), Self::from(v))).collect())
            }
        }
    }
}

impl From<&Value> for Json {
    /// Converts the values of a chart, which have no types that JSON lacks.
    fn from(value: &Value) -> Self {
        match value {
            Value::Bool(b) => Self::Bool(*b),
            Value::Int(n) | Value::Int64(n) => Self::Number(Number::new(n.to_string())),
            Value::Uint(n) | Value::Uint64(n) => Self::Number(Number::new(n.to_string())),
            Value::Float(f) => Self::Number(Number::new(format_float(*f, Layout::General, None, Bits::B64))),
            Value::Str(text) => Self::Str(text.to_text().into_owned()),
            Value::List(list) => Self::Array(list.iter().map(Self::from).collect()),
            Value::Map(map) => Self::Object(
                map.entries().iter().map(|(k, v)| (k.to_text().into_owned(), Self::from(v))).collect(),
            ),
            _ => Self::Null,
        }
    }
}

/// The largest exponent that Go parses.
const LARGEST_EXPONENT: i64 = 1_000_000;

/// A decimal number of any size.
#[derive(Clone)]
pub(super) struct Number {
    /// The number as it was written.
    pub(super) written: String,
    decimal: Option<Decimal>,
}

/// `digits` times ten to the power of `exponent`. The digits neither begin nor end with 0; the number 0 has no
/// digits.
#[derive(Clone, PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

impl std::fmt::Debug for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.decimal {
            Some(Decimal { negative, digits, exponent }) => {
                let digits = String::from_utf8_lossy(digits);
                write!(f, "{}{digits}e{exponent}", if *negative { "-" } else { "" })
            }
            None => f.write_str(&self.written),
        }
    }
}

impl Number {
    pub(super) fn new(written: String) -> Self {
        let decimal = Decimal::parse(&written);
        Self { written, decimal }
    }

    /// Whether Go can parse the number. Numbers with a huge exponent it cannot, and helm ignores a keyword with
    /// such a number.
    pub(super) fn is_readable(&self) -> bool {
        self.decimal.is_some()
    }

    pub(super) fn is_integer(&self) -> bool {
        self.decimal.as_ref().is_some_and(|decimal| decimal.digits.is_empty() || decimal.exponent >= 0)
    }

    /// The number as a count; none if it is not an integer. Of a number beyond 64 bits the lowest 64 bits are
    /// used, as in helm: `maxItems: 1e400` allows no item.
    pub(super) fn as_count(&self) -> Option<i64> {
        let decimal = self.decimal.as_ref().filter(|_| self.is_integer())?;
        let add = |count: i64, digit: u8| count.wrapping_mul(10).wrapping_add(i64::from(digit));
        let count = decimal.digits.iter().fold(0, |count, digit| add(count, digit - b'0'));
        // Ten to the power of 64 is a multiple of two to the power of 64.
        let zeros = usize::try_from(decimal.exponent).unwrap_or(0).min(64);
        let count = std::iter::repeat_n(0, zeros).fold(count, add);
        Some(if decimal.negative { count.wrapping_neg() } else { count })
    }

    pub(super) fn compare(&self, other: &Self) -> std::cmp::Ordering {
        match (&self.decimal, &other.decimal) {
            (Some(a), Some(b)) => a.compare(b),
            _ => std::cmp::Ordering::Equal,
        }
    }

    /// Whether the number is an integer multiple of another number.
    pub(super) fn is_multiple_of(&self, other: &Self) -> bool {
        match (&self.decimal, &other.decimal) {
            (Some(a), Some(b)) => a.is_multiple_of(b),
            _ => true,
        }
    }

    /// Whether the number is less than 0.
    pub(super) fn is_negative(&self) -> bool {
        self.decimal.as_ref().is_some_and(|decimal| decimal.negative)
    }

    /// Whether the number is larger than 0.
    pub(super) fn is_positive(&self) -> bool {
        self.decimal.as_ref().is_none_or(|decimal| !decimal.negative && !decimal.digits.is_empty())
    }
}

impl Decimal {
    /// Parses a JSON number, or a float as Go prints it.
    fn parse(text: &str) -> Option<Self> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let exponent: i64 = exponent.parse().ok().filter(|e: &i64| e.abs() <= LARGEST_EXPONENT)?;
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if digits.iter().any(|b| !b.is_ascii_digit()) {
            return None;
        }
        let mut exponent = exponent - i64::try_from(fraction.len()).ok()?;
        while digits.last() == Some(&b'0') {
            digits.pop();
            exponent += 1;
        }
        let zeros = digits.iter().take_while(|b| **b == b'0').count();
        digits.drain(..zeros);
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }

    fn compare(&self, other: &Self) -> std::cmp::Ordering {
        let sign = |d: &Self| match (d.digits.is_empty(), d.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let magnitude = |d: &Self| d.digits.len() as i64 + d.exponent;
            let larger = magnitude(self).cmp(&magnitude(other)).then_with(|| self.digits.cmp(&other.digits));
            if self.negative { larger.reverse() } else { larger }
        })
    }

    fn is_multiple_of(&self, other: &Self) -> bool {
        if self.digits.is_empty() {
            return true;
        }
        let zeros = self.exponent - other.exponent;
        // The digits do not end with 0, so a negative power of ten leaves a fraction.
        if zeros < 0 {
            return false;
        }
        let Ok(divisor) = String::from_utf8_lossy(&other.digits).parse::<u128>() else {
            return self.digits == other.digits;
        };
        if divisor == 0 || divisor > u128::MAX / 16 {
            return self.digits == other.digits;
        }
        let zeros = std::iter::repeat_n(b'0', usize::try_from(zeros).unwrap_or(0));
        let digits = self.digits.iter().copied().chain(zeros);
        digits.fold(0, |rest: u128, digit| (rest * 10 + u128::from(digit - b'0')) % divisor) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::Number;
    use std::cmp::Ordering;

    fn number(text: &str) -> Number {
        Number::new(text.into())
    }

    #[test]
    fn numbers_of_any_size_compare() {
        for (a, b, want) in [
            ("1", "1e400", Ordering::Less),
            ("-1e400", "1", Ordering::Less),
            ("100", "1e2", Ordering::Equal),
            ("0.1", "0.09", Ordering::Greater),
            ("-2", "-10", Ordering::Greater),
            ("0", "-0.0", Ordering::Equal),
            ("123456789012345678901", "123456789012345678902", Ordering::Less),
        ] {
            assert_eq!(number(a).compare(&number(b)), want, "{a} {b}");
        }
        assert!(!number("1e2000000").is_readable());
    }

    #[test]
    fn multiples_integers_and_counts_are_recognized() {
        for (a, b, want) in [("6", "3", true), ("7", "3", false), ("0.3", "0.1", true), ("1e10", "7", false)]
        {
            assert_eq!(number(a).is_multiple_of(&number(b)), want, "{a} {b}");
        }
        assert!(number("1.0").is_integer() && !number("1.5").is_integer());
        for (text, count) in [("1.2e2", 120), ("1e400", 0), ("18446744073709551618", 2), ("-3", -3)] {
            assert_eq!(number(text).as_count(), Some(count), "{text}");
        }
    }
}
