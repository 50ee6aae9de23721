//! Timestamps as Go's YAML libraries parse them, and as `encoding/json` prints them.

use std::fmt::Write as _;

/// A date and time as written, with the offset of its time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Timestamp {
    date: (u32, u32, u32),
    time: (u32, u32, u32),
    nanoseconds: u32,
    /// Offset from UTC in minutes; positive is east.
    offset: i32,
}

impl Timestamp {
    /// Parses the four layouts that the Go libraries try, with the variations that `time.Parse` accepts: months,
    /// days, hours, minutes and seconds of one digit, a comma before the fraction, several spaces.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() < 8 || bytes[4] != b'-' || !bytes[..4].iter().all(u8::is_ascii_digit) {
            return None;
        }
        let mut rest = &bytes[5..];
        let year = number(&bytes[..4]);
        let month = short_number(&mut rest)?;
        literal(&mut rest, b'-')?;
        let day = short_number(&mut rest)?;
        if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
            return None;
        }
        let date = (year, month, day);
        let mut stamp = Self { date, time: (0, 0, 0), nanoseconds: 0, offset: 0 };
        match rest.first() {
            None => return Some(stamp),
            Some(b'T' | b't') => {
                rest = &rest[1..];
                stamp.read_time(&mut rest)?;
                stamp.offset = zone(&mut rest)?;
            }
            Some(b' ') => {
                while rest.first() == Some(&b' ') {
                    rest = &rest[1..];
                }
                stamp.read_time(&mut rest)?;
            }
            Some(_) => return None,
        }
        rest.is_empty().then_some(stamp)
    }

    fn read_time(&mut self, rest: &mut &[u8]) -> Option<()> {
        let hour = short_number(rest)?;
        literal(rest, b':')?;
        let minute = short_number(rest)?;
        literal(rest, b':')?;
        let second = short_number(rest)?;
        if hour >= 24 || minute >= 60 || second >= 60 {
            return None;
        }
        self.time = (hour, minute, second);
        if let [b'.' | b',', fraction @ ..] = *rest
            && fraction.first().is_some_and(u8::is_ascii_digit)
        {
            let len = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
            let kept = len.min(9);
            let scale = 10u32.pow(u32::try_from(9 - kept).unwrap_or(0));
            self.nanoseconds = number(&fraction[..kept]) * scale;
            *rest = &fraction[len..];
        }
        Some(())
    }

    /// The timestamp as RFC 3339, with its fraction. `None` if Go refuses to print it: for an offset of a day or
    /// more.
    pub fn to_json_text(&self) -> Option<String> {
        if self.offset.abs() >= 24 * 60 {
            return None;
        }
        let (year, month, day) = self.date;
        let (hour, minute, second) = self.time;
        let mut out = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
        if self.nanoseconds > 0 {
            let fraction = format!("{:09}", self.nanoseconds);
            let _ = write!(out, ".{}", fraction.trim_end_matches('0'));
        }
        if self.offset == 0 {
            out.push('Z');
        } else {
            let sign = if self.offset < 0 { '-' } else { '+' };
            let minutes = self.offset.abs();
            let _ = write!(out, "{sign}{:02}:{:02}", minutes / 60, minutes % 60);
        }
        Some(out)
    }
}

fn number(digits: &[u8]) -> u32 {
    digits.iter().fold(0, |n, d| n * 10 + u32::from(d - b'0'))
}

/// Parses one or two digits.
fn short_number(rest: &mut &[u8]) -> Option<u32> {
    let len = rest.iter().take(2).take_while(|b| b.is_ascii_digit()).count();
    if len == 0 {
        return None;
    }
    let (digits, after) = rest.split_at(len);
    *rest = after;
    Some(number(digits))
}

fn literal(rest: &mut &[u8], expected: u8) -> Option<()> {
    let (first, after) = rest.split_first()?;
    *rest = after;
    (*first == expected).then_some(())
}

/// Parses `Z` or `±hh:mm`, and returns minutes.
fn zone(rest: &mut &[u8]) -> Option<i32> {
    if let [b'Z', after @ ..] = *rest {
        *rest = after;
        return Some(0);
    }
    let [sign, h1, h2, b':', m1, m2, after @ ..] = *rest else { return None };
    if ![h1, h2, m1, m2].iter().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = (number(&[*h1, *h2]), number(&[*m1, *m2]));
    // Go accepts 24 hours and 60 minutes.
    if hours > 24 || minutes > 60 {
        return None;
    }
    *rest = after;
    let offset = i32::try_from(hours * 60 + minutes).ok()?;
    match sign {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    fn json(text: &str) -> Option<String> {
        Timestamp::parse(text)?.to_json_text()
    }

    #[test]
    fn the_layouts_of_go_are_parsed() {
        let same = |text: &str, expected: &str| assert_eq!(json(text).as_deref(), Some(expected), "{text}");
        same("2001-12-14", "2001-12-14T00:00:00Z");
        same("2001-1-2", "2001-01-02T00:00:00Z");
        same("2001-12-14T21:59:43.10-05:00", "2001-12-14T21:59:43.1-05:00");
        same("2001-12-14t1:2:3Z", "2001-12-14T01:02:03Z");
        same("2001-12-15   2:59:43,000000001", "2001-12-15T02:59:43.000000001Z");
        same("2024-02-29", "2024-02-29T00:00:00Z");
        same("2001-12-14T21:59:43+01:60", "2001-12-14T21:59:43+02:00");
    }

    #[test]
    fn timestamps_that_go_refuses_are_refused() {
        for text in [
            "2001-13-01",
            "2001-02-29",
            "2001-12-14T21:59:43",
            "2001-12-14 21:59:43Z",
            "01-12-14",
            "2001-12",
            "2001-12-14T24:00:00Z",
            "2001-12-14T1:2:3+1:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
        assert_eq!(json("2001-12-14T21:59:43+24:00"), None);
    }
}
