//! Durations as Go prints and parses them: `1h2m3.5s`.

use std::fmt;

/// A duration in nanoseconds: `time.Duration`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration(pub i64);

const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// Parses a sequence of decimal numbers with units; `None` if the text is none, or if the duration is too
    /// long.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (negative, mut rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        if rest == "0" {
            return Some(Self(0));
        }
        if rest.is_empty() {
            return None;
        }
        let mut total: u64 = 0;
        while !rest.is_empty() {
            let (nanoseconds, after) = part(rest)?;
            total = total.checked_add(nanoseconds).filter(|&t| t <= 1 << 63)?;
            rest = after;
        }
        if negative {
            return Some(Self(0_i64.wrapping_sub_unsigned(total)));
        }
        i64::try_from(total).ok().map(Self)
    }

    /// The nearest multiple of `to`; a half is rounded away from zero. If the result is too long, it is the
    /// longest duration.
    #[must_use]
    pub fn round(self, to: Self) -> Self {
        if to.0 <= 0 {
            return self;
        }
        let rest = self.0 % to.0;
        let towards_zero = self.0 - rest;
        if rest.unsigned_abs() < to.0.unsigned_abs() - rest.unsigned_abs() {
            return Self(towards_zero);
        }
        Self(if self.0 < 0 { towards_zero.saturating_sub(to.0) } else { towards_zero.saturating_add(to.0) })
    }

    /// The nearest multiple of `to` towards zero.
    #[must_use]
    pub fn truncate(self, to: Self) -> Self {
        if to.0 <= 0 { self } else { Self(self.0 - self.0 % to.0) }
    }
}

/// Parses a number with its unit; returns nanoseconds, and the rest of the text.
fn part(text: &str) -> Option<(u64, &str)> {
    let digits = |t: &str| t.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, rest) = text.split_at(digits(text));
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(digits(rest)),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let len = rest.bytes().take_while(|b| *b != b'.' && !b.is_ascii_digit()).count();
    let (unit, rest) = rest.split_at(len);
    let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;
    let whole = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok().filter(|&w| w <= 1 << 63)? };
    if whole > (1 << 63) / unit {
        return None;
    }
    let mut nanoseconds = whole * unit;
    let (value, scale) = fraction_of(fraction);
    if value > 0 {
        nanoseconds = nanoseconds.checked_add((value as f64 * (unit as f64 / scale)) as u64)?;
        if nanoseconds > 1 << 63 {
            return None;
        }
    }
    Some((nanoseconds, rest))
}

/// The digits after the point as a number, and the power of ten to divide it by. Digits that do not fit are
/// dropped.
fn fraction_of(digits: &str) -> (u64, f64) {
    let (mut value, mut scale) = (0_u64, 1.0);
    for digit in digits.bytes() {
        if value > ((1 << 63) - 1) / 10 {
            break;
        }
        let next = value * 10 + u64::from(digit - b'0');
        if next > 1 << 63 {
            break;
        }
        value = next;
        scale *= 10.0;
    }
    (value, scale)
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if nanoseconds == 0 {
            return f.write_str("0s");
        }
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let unit = match nanoseconds {
            0..1_000 => return write!(f, "{nanoseconds}ns"),
            1_000..1_000_000 => ("µs", 1_000),
            1_000_000..1_000_000_000 => ("ms", 1_000_000),
            _ => ("s", 1_000_000_000),
        };
        let (whole, fraction) = (nanoseconds / unit.1, nanoseconds % unit.1);
        if unit.0 == "s" {
            if whole >= 3600 {
                write!(f, "{}h", whole / 3600)?;
            }
            if whole >= 60 {
                write!(f, "{}m", whole / 60 % 60)?;
            }
        }
        write!(f, "{}", if unit.0 == "s" { whole % 60 } else { whole })?;
        if fraction > 0 {
            let places = unit.1.ilog10() as usize;
            let digits = format!("{fraction:0places$}");
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str(unit.0)
    }
}
