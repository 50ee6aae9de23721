//! The type of a scalar, by the rules of yaml.v2 and yaml.v3.

use crate::scan::Dialect;
use crate::timestamp::Timestamp;
use keyfill_go::strconv::{parse_float, parse_int, parse_uint};

/// The type and value of a scalar. A string has no value here: it is the scalar's text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Timestamp(Timestamp),
    /// The merge key `<<`.
    Merge,
    Str,
}

/// Resolves a plain scalar without a tag.
pub(crate) fn resolve_plain(dialect: Dialect, text: &str) -> Resolved {
    let Some(first) = text.bytes().next() else { return Resolved::Null };
    match first {
        b'0'..=b'9' | b'+' | b'-' => resolve_number(dialect, text, true),
        b'.' => resolve_word(dialect, text)
            .or_else(|| parse_float(text).ok().map(Resolved::Float))
            .unwrap_or(Resolved::Str),
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            resolve_word(dialect, text).unwrap_or(Resolved::Str)
        }
        // The Go libraries do not resolve `<<` to a type of its own, but treat it as a merge key.
        b'<' if text == "<<" => Resolved::Merge,
        _ => Resolved::Str,
    }
}

/// Resolves words such as `true` and `null`.
fn resolve_word(dialect: Dialect, text: &str) -> Option<Resolved> {
    if text.len() > 5 {
        return None;
    }
    Some(match text {
        "true" | "True" | "TRUE" => Resolved::Bool(true),
        "false" | "False" | "FALSE" => Resolved::Bool(false),
        "~" | "null" | "Null" | "NULL" => Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Resolved::Float(f64::NEG_INFINITY),
        _ if dialect == Dialect::V3 => return None,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Resolved::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Resolved::Bool(false),
        _ => return None,
    })
}

/// Resolves a text that begins with a digit or a sign.
fn resolve_number(dialect: Dialect, text: &str, timestamps: bool) -> Resolved {
    if let Some(short) = short_integer(text) {
        return Resolved::Int(short);
    }
    if let Some(word) = resolve_word(dialect, text) {
        return word;
    }
    if timestamps && let Some(stamp) = Timestamp::parse(text) {
        return Resolved::Timestamp(stamp);
    }
    // Most texts that look like a number at their start contain a byte that no number has.
    let numeric =
        |b: u8| b.is_ascii_hexdigit() || matches!(b, b'_' | b'.' | b'+' | b'-' | b'x' | b'X' | b'o' | b'O');
    if !text.bytes().all(numeric) {
        return Resolved::Str;
    }
    let joined;
    let plain = if text.contains('_') {
        joined = text.replace('_', "");
        joined.as_str()
    } else {
        text
    };
    if let Ok(n) = parse_int(plain, 0) {
        return Resolved::Int(n);
    }
    if let Ok(n) = parse_uint(plain, 0) {
        return Resolved::Uint(n);
    }
    if is_yaml_float(plain)
        && let Ok(n) = parse_float(plain)
    {
        return Resolved::Float(n);
    }
    prefixed_integer(dialect, plain).unwrap_or(Resolved::Str)
}

/// Shortcut for most integers: decimal, short, without a leading zero.
fn short_integer(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() > 18 || bytes[0] == b'0' && bytes.len() > 1 {
        return None;
    }
    let mut n = 0i64;
    for b in bytes {
        if !b.is_ascii_digit() {
            return None;
        }
        n = n * 10 + i64::from(b - b'0');
    }
    Some(n)
}

/// Integers with `0b` or `0o` that `strconv` does not accept, because a sign follows the prefix.
fn prefixed_integer(dialect: Dialect, plain: &str) -> Option<Resolved> {
    let (negative, rest) = plain.strip_prefix('-').map_or((false, plain), |r| (true, r));
    let (base, digits) = if let Some(digits) = rest.strip_prefix("0b") {
        (2, digits)
    } else if let Some(digits) = rest.strip_prefix("0o")
        && dialect == Dialect::V3
    {
        (8, digits)
    } else {
        return None;
    };
    if negative {
        return parse_int(&format!("-{digits}"), base).ok().map(Resolved::Int);
    }
    let signed = parse_int(digits, base).ok().map(Resolved::Int);
    signed.or_else(|| parse_uint(digits, base).ok().map(Resolved::Uint))
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_yaml_float(text: &str) -> bool {
    let digits = |b: &[u8]| b.iter().take_while(|b| b.is_ascii_digit()).count();
    let mut rest = text.as_bytes();
    if let [b'-' | b'+', after @ ..] = rest {
        rest = after;
    }
    let whole = digits(rest);
    rest = &rest[whole..];
    if let [b'.', after @ ..] = rest {
        let fraction = digits(after);
        if whole == 0 && fraction == 0 {
            return false;
        }
        rest = &after[fraction..];
    } else if whole == 0 {
        return false;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = if let [b'-' | b'+', signless @ ..] = after { signless } else { after };
        let exponent = digits(after);
        if exponent == 0 {
            return false;
        }
        rest = &after[exponent..];
    }
    rest.is_empty()
}

/// The tags of YAML's core schema whose text must fit them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreTag {
    Str,
    Bool,
    Int,
    Float,
    Null,
    Timestamp,
}

impl CoreTag {
    /// Whether a value has the type of this tag. Strings and null do not count.
    pub(crate) fn is_kind_of(self, value: &Resolved) -> bool {
        matches!(
            (self, value),
            (Self::Bool, Resolved::Bool(_))
                | (Self::Int, Resolved::Int(_) | Resolved::Uint(_))
                | (Self::Float, Resolved::Float(_))
                | (Self::Timestamp, Resolved::Timestamp(_))
        )
    }

    fn name(self) -> &'static str {
        match self {
            Self::Str => "!!str",
            Self::Bool => "!!bool",
            Self::Int => "!!int",
            Self::Float => "!!float",
            Self::Null => "!!null",
            Self::Timestamp => "!!timestamp",
        }
    }
}

/// Resolves a scalar with an explicit tag. The error says why the text does not fit the tag, and does not quote
/// it.
pub(crate) fn resolve_tagged(dialect: Dialect, tag: CoreTag, text: &str) -> Result<Resolved, String> {
    let resolved = match (tag, text.bytes().next()) {
        (CoreTag::Str, _) => Resolved::Str,
        (CoreTag::Timestamp, _) => resolve_plain(dialect, text),
        (_, Some(b'0'..=b'9' | b'+' | b'-')) => resolve_number(dialect, text, false),
        _ => match resolve_plain(dialect, text) {
            Resolved::Merge => Resolved::Str,
            other => other,
        },
    };
    let fits = match (&resolved, tag) {
        (Resolved::Int(n), CoreTag::Float) => return Ok(Resolved::Float(*n as f64)),
        (_, CoreTag::Str) => true,
        (Resolved::Null, tag) => tag == CoreTag::Null,
        (Resolved::Bool(_), tag) => tag == CoreTag::Bool,
        (Resolved::Int(_) | Resolved::Uint(_), tag) => tag == CoreTag::Int,
        (Resolved::Float(_), tag) => tag == CoreTag::Float,
        (Resolved::Timestamp(_), tag) => tag == CoreTag::Timestamp,
        (Resolved::Merge | Resolved::Str, _) => false,
    };
    if fits { Ok(resolved) } else { Err(format!("cannot decode the text as a {}", tag.name())) }
}

/// Whether a text is a base 60 float of YAML 1.1 (`190:20:30`). The Go libraries parse it as a string and quote
/// it.
pub(crate) fn is_base60(text: &str) -> bool {
    let Some(first) = text.bytes().next() else { return false };
    if !matches!(first, b'+' | b'-' | b'0'..=b'9') || !text.contains(':') {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let mut parts = whole.split(':');
    let head = parts.next().unwrap_or("");
    let head_fits = head.starts_with(|c: char| c.is_ascii_digit())
        && head.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    let part_fits = |part: &str| match part.as_bytes() {
        [d] => d.is_ascii_digit(),
        [b'0'..=b'5', d] => d.is_ascii_digit(),
        _ => false,
    };
    head_fits && parts.all(part_fits) && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// Whether a text is a boolean or number in YAML 1.1 that yaml.v3 parses as a string, and quotes for parsers of
/// that version.
pub(crate) fn is_of_yaml_1_1(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON")
        || matches!(text, "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
        || is_base60(text)
}

#[cfg(test)]
mod tests {
    use super::{CoreTag, Resolved, is_base60, resolve_plain, resolve_tagged};
    use crate::scan::Dialect::{V2, V3};

    #[test]
    fn words_are_resolved() {
        assert_eq!(resolve_plain(V2, "yes"), Resolved::Bool(true));
        assert_eq!(resolve_plain(V3, "yes"), Resolved::Str);
        assert_eq!(resolve_plain(V2, "Off"), Resolved::Bool(false));
        assert_eq!(resolve_plain(V3, "TRUE"), Resolved::Bool(true));
        assert_eq!(resolve_plain(V3, ""), Resolved::Null);
        assert_eq!(resolve_plain(V3, "~"), Resolved::Null);
        assert_eq!(resolve_plain(V3, "nUll"), Resolved::Str);
        assert_eq!(resolve_plain(V3, "-.Inf"), Resolved::Float(f64::NEG_INFINITY));
    }

    #[test]
    fn numbers_are_resolved() {
        for (text, expected) in [
            ("0", Resolved::Int(0)),
            ("-12", Resolved::Int(-12)),
            ("0777", Resolved::Int(511)),
            ("08", Resolved::Float(8.0)),
            ("0x1F", Resolved::Int(31)),
            ("1_000", Resolved::Int(1000)),
            ("0b101", Resolved::Int(5)),
            ("-0b101", Resolved::Int(-5)),
            ("0o17", Resolved::Int(15)),
            ("18446744073709551615", Resolved::Uint(u64::MAX)),
            ("18446744073709551616", Resolved::Float(18_446_744_073_709_551_616.0)),
            ("1e3", Resolved::Float(1000.0)),
            ("1.", Resolved::Float(1.0)),
            (".5", Resolved::Float(0.5)),
            ("1e999", Resolved::Str),
            ("81111e1", Resolved::Float(811_110.0)),
            ("1.2.3", Resolved::Str),
            ("1:20", Resolved::Str),
            ("-", Resolved::Str),
            ("+", Resolved::Str),
            (".", Resolved::Str),
            ("0x", Resolved::Str),
            ("10m", Resolved::Str),
        ] {
            assert_eq!(resolve_plain(V2, text), expected, "{text}");
            assert_eq!(resolve_plain(V3, text), expected, "{text}");
        }
        assert!(matches!(resolve_plain(V3, "2001-12-14"), Resolved::Timestamp(_)));
    }

    #[test]
    fn tags_decide_on_the_type() {
        assert_eq!(resolve_tagged(V3, CoreTag::Int, "5"), Ok(Resolved::Int(5)));
        assert_eq!(resolve_tagged(V3, CoreTag::Float, "5"), Ok(Resolved::Float(5.0)));
        assert_eq!(resolve_tagged(V3, CoreTag::Str, "5"), Ok(Resolved::Str));
        assert!(resolve_tagged(V3, CoreTag::Int, "x").is_err());
        assert!(resolve_tagged(V3, CoreTag::Bool, "yes").is_err());
        assert_eq!(resolve_tagged(V2, CoreTag::Bool, "yes"), Ok(Resolved::Bool(true)));
        assert!(resolve_tagged(V2, CoreTag::Float, "18446744073709551615").is_err());
    }

    #[test]
    fn base_60_floats_are_recognized() {
        for text in ["1:20", "190:20:30", "-1_0:59.5_", "+1:5"] {
            assert!(is_base60(text), "{text}");
        }
        for text in ["1:60", "a:1", "1", "1:2:", ":1", "1:20:30m", "_1:2"] {
            assert!(!is_base60(text), "{text}");
        }
    }
}
