//! Parses values of flags, variables and files: durations, sizes, booleans, lists.

use std::time::Duration;

/// A duration in Go's syntax: `55s`, `1m30s`, `500ms`, `2h`; a bare number is seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time; write it as in 55s, 2m or 1m30s");
    if let Ok(seconds) = text.parse::<u32>() {
        return Ok(Duration::from_secs(seconds.into()));
    }
    let mut total = Duration::ZERO;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
        let number: f64 = rest[..digits].parse().map_err(|_| bad())?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let seconds = match &rest[..unit] {
            "ms" => number / 1000.0,
            "s" => number,
            "m" => number * 60.0,
            "h" => number * 3600.0,
            _ => return Err(bad()),
        };
        total += Duration::try_from_secs_f64(seconds).map_err(|_| bad())?;
        rest = &rest[unit..];
    }
    if text.is_empty() { Err(bad()) } else { Ok(total) }
}

/// A size in bytes as Kubernetes writes memory: `512Mi`, `1Gi`, `500M`; a bare number is bytes.
pub fn size(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 7] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("", 1),
    ];
    let bad = || format!("{text:?} is not a size; write it as in 512Mi or 2Gi");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().map_err(|_| bad())?;
    let unit = UNITS.iter().find(|(name, _)| *name == &text[digits..]).ok_or_else(bad)?.1;
    number.checked_mul(unit).filter(|bytes| *bytes > 0).ok_or_else(bad)
}

/// Whether a value is true by the rules of Go's `strconv.ParseBool`.
pub fn is_true(value: Option<&str>) -> bool {
    value.is_some_and(|v| matches!(v, "1" | "t" | "T" | "true" | "TRUE" | "True"))
}

/// The items of a list, separated by commas or white space.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|s| !s.is_empty())
}

/// A number with its noun: `1 root`, `2 roots`.
pub fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::{duration, list, size};
    use std::time::Duration;

    #[test]
    fn durations_are_read() {
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for bad in ["", "s", "5x", "m5", "-5s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_are_read() {
        assert_eq!(size("512Mi"), Ok(512 << 20));
        assert_eq!(size("2G"), Ok(2_000_000_000));
        assert_eq!(size("4096"), Ok(4096));
        for bad in ["", "Mi", "1.5Gi", "5mb", "-1", "0", "99999999999Gi"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_are_separated_by_commas_or_white_space() {
        assert_eq!(list("a, b\n c,,").collect::<Vec<_>>(), ["a", "b", "c"]);
    }
}
