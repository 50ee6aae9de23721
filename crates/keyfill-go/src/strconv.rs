//! Go's `strconv`: numbers and booleans as text, and parsing them.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The layouts of [`format_float`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `d.ddde±dd`
    Exponent,
    /// `ddd.ddd`
    Fixed,
    /// `Exponent` for large and small numbers, else `Fixed` (`%g`).
    General,
}

/// Why a text cannot be parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumError {
    /// The text does not have the syntax of a number.
    Syntax,
    /// The number is too large for its type.
    Range,
}

impl std::fmt::Display for NumError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Syntax => "invalid syntax",
            Self::Range => "value out of range",
        })
    }
}

impl std::error::Error for NumError {}

/// The type of a float. It decides which digits are the shortest that are parsed as the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bits {
    /// `float32`
    B32,
    /// `float64`
    B64,
}

/// The significant decimal digits and the position of the point: `0.d1d2d3... * 10^point`.
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    point: i32,
}

impl Decimal {
    /// Parses Rust's format `d.ddde±x`.
    fn from_exponent_text(text: &str) -> Self {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |t| (true, t));
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let zero = digits.iter().all(|d| *d == b'0');
        Self { negative, point: if zero { 0 } else { exponent + 1 }, digits }
    }

    fn trimmed(mut self) -> Self {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        self
    }
}

/// `strconv.FormatFloat(value, layout, precision, bits)`. Without a precision, the fewest digits are written that
/// are parsed as the same number.
pub fn format_float(value: f64, layout: Layout, precision: Option<usize>, bits: Bits) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    let exact = match bits {
        Bits::B64 => value,
        Bits::B32 => f64::from(value as f32),
    };
    if exact.is_infinite() {
        return if exact > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    match (layout, precision) {
        (Layout::Fixed, Some(p)) => format!("{exact:.p$}"),
        (Layout::Exponent, Some(p)) => exponent_form(&rounded(exact, p), p),
        (Layout::General, Some(p)) => {
            let p = p.max(1);
            let decimal = rounded(exact, p - 1).trimmed();
            let mut limit = p;
            let digits = decimal.digits.len();
            if limit > digits && i32::try_from(digits).is_ok_and(|d| d >= decimal.point) {
                limit = digits;
            }
            general_form(&decimal, i32::try_from(limit).unwrap_or(i32::MAX))
        }
        (layout, None) => {
            let decimal = shortest(value, bits);
            match layout {
                Layout::Exponent => {
                    let precision = decimal.digits.len().max(1) - 1;
                    exponent_form(&decimal, precision)
                }
                Layout::Fixed => fixed_form(&decimal),
                Layout::General => general_form(&decimal, 6),
            }
        }
    }
}

fn rounded(value: f64, fraction_digits: usize) -> Decimal {
    Decimal::from_exponent_text(&format!("{value:.fraction_digits$e}"))
}

/// The fewest digits that are parsed as the same number. If two results are equally close, Go chooses the even
/// one and Rust the upper one.
fn shortest(value: f64, bits: Bits) -> Decimal {
    let text = match bits {
        Bits::B64 => format!("{value:e}"),
        Bits::B32 => format!("{:e}", value as f32),
    };
    let decimal = Decimal::from_exponent_text(&text).trimmed();
    // Two results can only be equally close if they have about as many digits as the type can hold.
    let (places, least) = (decimal.digits.len(), if bits == Bits::B64 { 15 } else { 6 });
    if places < least {
        return decimal;
    }
    let fraction = places - 1;
    let (even, same) = match bits {
        Bits::B64 => {
            let even = format!("{value:.fraction$e}");
            let same = even.parse() == Ok(value);
            (even, same)
        }
        Bits::B32 => {
            let even = format!("{:.fraction$e}", value as f32);
            let same = even.parse() == Ok(value as f32);
            (even, same)
        }
    };
    if same { Decimal::from_exponent_text(&even).trimmed() } else { decimal }
}

fn exponent_form(decimal: &Decimal, precision: usize) -> String {
    let mut out = String::with_capacity(precision + 8);
    if decimal.negative {
        out.push('-');
    }
    out.push(char::from(*decimal.digits.first().unwrap_or(&b'0')));
    if precision > 0 {
        out.push('.');
        for i in 1..=precision {
            out.push(char::from(*decimal.digits.get(i).unwrap_or(&b'0')));
        }
    }
    let zero = decimal.digits.iter().all(|d| *d == b'0');
    let exponent = if zero { 0 } else { decimal.point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    let _ = write!(out, "e{sign}{:02}", exponent.unsigned_abs());
    out
}

fn fixed_form(decimal: &Decimal) -> String {
    let mut out = String::new();
    if decimal.negative {
        out.push('-');
    }
    let digit = |i: i32| usize::try_from(i).ok().and_then(|i| decimal.digits.get(i)).copied().unwrap_or(b'0');
    if decimal.point > 0 {
        out.extend((0..decimal.point).map(|i| char::from(digit(i))));
    } else {
        out.push('0');
    }
    let fraction = i32::try_from(decimal.digits.len()).unwrap_or(i32::MAX) - decimal.point;
    if fraction > 0 && !decimal.digits.is_empty() {
        out.push('.');
        out.extend((0..fraction).map(|i| char::from(digit(decimal.point + i))));
    }
    out
}

fn general_form(decimal: &Decimal, limit: i32) -> String {
    let exponent = decimal.point - 1;
    if !decimal.digits.is_empty() && (exponent < -4 || exponent >= limit) {
        exponent_form(decimal, decimal.digits.len() - 1)
    } else {
        fixed_form(decimal)
    }
}

/// `strconv.ParseUint(text, base, 64)`. With base 0, the base follows from the prefix, and underscores are
/// allowed.
pub fn parse_uint(text: &str, base: u32) -> Result<u64, NumError> {
    if text.is_empty() {
        return Err(NumError::Syntax);
    }
    let from_prefix = base == 0;
    let (base, digits) = if from_prefix { split_prefix(text) } else { (base, text) };
    if digits.is_empty() || !(2..=36).contains(&base) {
        return Err(NumError::Syntax);
    }
    let mut value: u64 = 0;
    let mut underscores = false;
    let mut overflow = false;
    for c in digits.bytes() {
        if c == b'_' && from_prefix {
            underscores = true;
            continue;
        }
        let digit = char::from(c).to_digit(base).ok_or(NumError::Syntax)?;
        match value.checked_mul(u64::from(base)).and_then(|v| v.checked_add(u64::from(digit))) {
            Some(v) => value = v,
            // Go stops at the first digit that overflows, before it checks the rest of the text.
            None => {
                overflow = true;
                break;
            }
        }
    }
    if overflow {
        return Err(NumError::Range);
    }
    if underscores && !underscores_ok(text) {
        return Err(NumError::Syntax);
    }
    Ok(value)
}

fn split_prefix(text: &str) -> (u32, &str) {
    let bytes = text.as_bytes();
    if bytes[0] != b'0' {
        return (10, text);
    }
    if bytes.len() >= 3 {
        match bytes[1] | 0x20 {
            b'b' => return (2, &text[2..]),
            b'o' => return (8, &text[2..]),
            b'x' => return (16, &text[2..]),
            _ => {}
        }
    }
    if bytes.len() == 1 { (10, text) } else { (8, &text[1..]) }
}

/// `strconv.ParseInt(text, base, 64)`.
pub fn parse_int(text: &str, base: u32) -> Result<i64, NumError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        Some(_) => (false, text),
        None => return Err(NumError::Syntax),
    };
    let magnitude = parse_uint(digits, base)?;
    if negative {
        0i64.checked_sub_unsigned(magnitude).ok_or(NumError::Range)
    } else {
        i64::try_from(magnitude).map_err(|_| NumError::Range)
    }
}

/// Whether each underscore is between two digits, or between a base prefix and a digit.
fn underscores_ok(text: &str) -> bool {
    let mut bytes = text.as_bytes();
    if let [b'-' | b'+', rest @ ..] = bytes {
        bytes = rest;
    }
    // The kind of the previous byte: '^' for the start, '0' for a digit or prefix, '_' for an underscore, '!' for
    // others.
    let mut last = b'^';
    let mut hex = false;
    if let [b'0', p, rest @ ..] = bytes
        && matches!(p | 0x20, b'b' | b'o' | b'x')
    {
        hex = p | 0x20 == b'x';
        bytes = rest;
        last = b'0';
    }
    for c in bytes {
        if c.is_ascii_digit() || hex && matches!(c | 0x20, b'a'..=b'f') {
            last = b'0';
        } else if *c == b'_' {
            if last != b'0' {
                return false;
            }
            last = b'_';
        } else {
            if last == b'_' {
                return false;
            }
            last = b'!';
        }
    }
    last != b'_'
}

/// `strconv.ParseFloat(text, 64)`. A number too large for a float is [`NumError::Range`].
pub fn parse_float(text: &str) -> Result<f64, NumError> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if ["inf", "infinity"].iter().any(|n| rest.eq_ignore_ascii_case(n)) {
        return Ok(if negative { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Ok(f64::NAN);
    }
    if rest.len() > 2 && rest.as_bytes()[0] == b'0' && rest.as_bytes()[1] | 0x20 == b'x' {
        if rest.contains('_') && !underscores_ok(rest) {
            return Err(NumError::Syntax);
        }
        let value = parse_hex_float(&rest[2..])?;
        return Ok(if negative { -value } else { value });
    }
    let shaped = rest.bytes().all(|c| matches!(c, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-' | b'_'))
        && rest.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let underscores = rest.contains('_');
    if !shaped || underscores && !underscores_ok(rest) {
        return Err(NumError::Syntax);
    }
    let digits = if underscores { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
    let value: f64 = digits.parse().map_err(|_| NumError::Syntax)?;
    if value.is_infinite() { Err(NumError::Range) } else { Ok(value) }
}

/// Parses the part of a hexadecimal float after `0x`. As in Go, a binary exponent is required.
fn parse_hex_float(text: &str) -> Result<f64, NumError> {
    let at = text.find(['p', 'P']).ok_or(NumError::Syntax)?;
    let (mantissa, exponent) = (&text[..at], &text[at + 1..]);
    let signless = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if signless.is_empty() || !signless.bytes().all(|c| c.is_ascii_digit()) {
        return Err(NumError::Syntax);
    }
    let exponent: i64 =
        exponent.parse().unwrap_or(if exponent.starts_with('-') { -100_000 } else { 100_000 });
    // A mantissa of 64 bits whose last bit is set if a lower bit was is rounded correctly to 53 bits.
    let (mut bits, mut shift, mut seen_point, mut any) = (0u64, 0i64, false, false);
    for c in mantissa.bytes() {
        match c {
            b'_' => {}
            b'.' if !seen_point => seen_point = true,
            _ => {
                let digit = u64::from(char::from(c).to_digit(16).ok_or(NumError::Syntax)?);
                any = true;
                if bits >> 59 == 0 {
                    bits = bits << 4 | digit;
                    shift -= if seen_point { 4 } else { 0 };
                } else {
                    bits |= u64::from(digit != 0);
                    shift += if seen_point { 0 } else { 4 };
                }
            }
        }
    }
    if !any {
        return Err(NumError::Syntax);
    }
    let value = scale(bits, exponent.saturating_add(shift));
    if value.is_infinite() { Err(NumError::Range) } else { Ok(value) }
}

/// `bits * 2^exponent`, rounded once to the nearest even float.
fn scale(bits: u64, exponent: i64) -> f64 {
    if bits == 0 {
        return 0.0;
    }
    let top = 63 - i64::from(bits.leading_zeros());
    // A subnormal number has fewer bits: the others are dropped here, so that the multiplication is exact.
    let keep = (top + exponent + 1075).clamp(0, 53);
    let drop = top + 1 - keep;
    let mut mantissa = bits;
    let mut exponent = exponent;
    if drop > 0 {
        let drop = u32::try_from(drop).unwrap_or(64);
        let (high, low) = if drop >= 64 { (0, bits) } else { (bits >> drop, bits & ((1 << drop) - 1)) };
        let half = 1u64 << (drop - 1).min(63);
        let up = low > half || low == half && high & 1 == 1;
        mantissa = high + u64::from(up && drop <= 64);
        exponent += i64::from(drop);
    }
    let mut value = mantissa as f64;
    while exponent > 0 && value.is_finite() {
        let step = exponent.min(1000);
        value *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    while exponent < 0 && value != 0.0 {
        let step = exponent.max(-1000);
        value *= 2f64.powi(i32::try_from(step).unwrap_or(0));
        exponent -= step;
    }
    value
}

/// `strconv.ParseBool(text)`.
pub fn parse_bool(text: &str) -> Result<bool, NumError> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => Err(NumError::Syntax),
    }
}

#[cfg(test)]
mod tests {
    use super::{Bits, Layout, NumError, format_float, parse_bool, parse_float, parse_int, parse_uint};

    fn g(value: f64) -> String {
        format_float(value, Layout::General, None, Bits::B64)
    }

    #[test]
    fn shortest_floats_print_as_in_go() {
        assert_eq!(g(0.0), "0");
        assert_eq!(g(-0.0), "-0");
        assert_eq!(g(1.0), "1");
        assert_eq!(g(100_000.0), "100000");
        assert_eq!(g(1_000_000.0), "1e+06");
        assert_eq!(g(1_234_567.5), "1.2345675e+06");
        assert_eq!(g(0.0001), "0.0001");
        assert_eq!(g(0.000_012_5), "1.25e-05");
        assert_eq!(g(5e-324), "5e-324");
        assert_eq!(g(1e100), "1e+100");
        assert_eq!(g(1_823_419_333_333_333.2), "1.8234193333333332e+15");
        assert_eq!(g(f64::INFINITY), "+Inf");
        assert_eq!(g(f64::NAN), "NaN");
        assert_eq!(format_float(0.1, Layout::General, None, Bits::B32), "0.1");
        assert_eq!(format_float(1e-7, Layout::Fixed, None, Bits::B64), "0.0000001");
        assert_eq!(format_float(1e21, Layout::Fixed, None, Bits::B64), "1000000000000000000000");
        assert_eq!(format_float(1e21, Layout::Exponent, None, Bits::B64), "1e+21");
        assert_eq!(format_float(1.5, Layout::Exponent, None, Bits::B64), "1.5e+00");
        assert_eq!(format_float(0.0, Layout::Exponent, None, Bits::B64), "0e+00");
    }

    #[test]
    fn floats_with_a_precision_print_as_in_go() {
        assert_eq!(format_float(2.5, Layout::Fixed, Some(0), Bits::B64), "2");
        assert_eq!(format_float(1.005, Layout::Fixed, Some(2), Bits::B64), "1.00");
        assert_eq!(format_float(123.456, Layout::Exponent, Some(2), Bits::B64), "1.23e+02");
        assert_eq!(format_float(123.456, Layout::General, Some(4), Bits::B64), "123.5");
        assert_eq!(format_float(1_234_567.0, Layout::General, Some(3), Bits::B64), "1.23e+06");
        assert_eq!(format_float(100_000.0, Layout::General, Some(17), Bits::B64), "100000");
        assert_eq!(format_float(0.0, Layout::General, Some(3), Bits::B64), "0");
        assert_eq!(format_float(0.0, Layout::Exponent, Some(3), Bits::B64), "0.000e+00");
    }

    #[test]
    fn integers_are_read_as_in_go() {
        assert_eq!(parse_int("0x1F", 0), Ok(31));
        assert_eq!(parse_int("-0b101", 0), Ok(-5));
        assert_eq!(parse_int("0o17", 0), Ok(15));
        assert_eq!(parse_int("0777", 0), Ok(511));
        assert_eq!(parse_int("08", 0), Err(NumError::Syntax));
        assert_eq!(parse_int("1_000", 0), Ok(1000));
        assert_eq!(parse_int("0x_1", 0), Ok(1));
        assert_eq!(parse_int("0_7", 0), Ok(7));
        assert_eq!(parse_int("1__0", 0), Err(NumError::Syntax));
        assert_eq!(parse_int("1_000", 10), Err(NumError::Syntax));
        assert_eq!(parse_int("-9223372036854775808", 10), Ok(i64::MIN));
        assert_eq!(parse_int("9223372036854775808", 10), Err(NumError::Range));
        assert_eq!(parse_uint("18446744073709551615", 0), Ok(u64::MAX));
        assert_eq!(parse_uint("18446744073709551616", 0), Err(NumError::Range));
        assert_eq!(parse_int("+5", 10), Ok(5));
        assert_eq!(parse_int("0x", 0), Err(NumError::Syntax));
        assert_eq!(parse_int("", 0), Err(NumError::Syntax));
        assert_eq!(parse_int("-", 0), Err(NumError::Syntax));
    }

    #[test]
    fn floats_are_read_as_in_go() {
        assert_eq!(parse_float("1e3"), Ok(1000.0));
        assert_eq!(parse_float(".5"), Ok(0.5));
        assert_eq!(parse_float("5."), Ok(5.0));
        assert_eq!(parse_float("."), Err(NumError::Syntax));
        assert_eq!(parse_float("1e999"), Err(NumError::Range));
        assert_eq!(parse_float("+Inf"), Ok(f64::INFINITY));
        assert!(parse_float("nan").is_ok_and(f64::is_nan));
        assert_eq!(parse_float("-nan"), Err(NumError::Syntax));
        assert_eq!(parse_float("0x1p-2"), Ok(0.25));
        assert_eq!(parse_float("0x1.8p1"), Ok(3.0));
        assert_eq!(parse_float("0x1p-1074"), Ok(5e-324));
        assert_eq!(parse_float("0x1p-1075"), Ok(0.0));
        assert_eq!(parse_float("0x1p1024"), Err(NumError::Range));
        assert_eq!(parse_float("0x10"), Err(NumError::Syntax));
        assert_eq!(parse_float("+1_000.0_5e1_0"), Ok(10_000_500_000_000.0));
        for misplaced in ["1__0", "_1", "1_", "1_.5", "1._5", "1_e5"] {
            assert_eq!(parse_float(misplaced), Err(NumError::Syntax), "{misplaced}");
        }
        assert_eq!(parse_float("--1"), Err(NumError::Syntax));
    }

    #[test]
    fn booleans_are_read_as_in_go() {
        assert_eq!(parse_bool("T"), Ok(true));
        assert_eq!(parse_bool("0"), Ok(false));
        assert_eq!(parse_bool("yes"), Err(NumError::Syntax));
    }
}
