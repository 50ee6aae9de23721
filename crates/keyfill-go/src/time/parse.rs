//! Parsing times by layouts.

use super::layout::{DAYS, Element, MONTHS, OffsetStyle, Pad, next_element};
use super::{Time, Zone, calendar};
use crate::quote::quote;
use std::fmt;

/// Why a text cannot be parsed by a layout, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError(String);

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ParseError {}

/// Why an element of the layout does not fit the text.
enum Mismatch {
    /// The text does not have the form of the element.
    Form,
    /// The value is out of range; this names the element.
    Range(&'static str),
}

#[derive(Default)]
struct Found {
    year: i64,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanoseconds: u32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: String,
}

pub(super) fn parse(layout: &[u8], text: &[u8], zone: &Zone) -> Result<Time, ParseError> {
    let (whole_layout, whole) = (layout, text);
    let out = |reason: String| ParseError(format!("parsing time {}{reason}", quote(whole)));
    let cannot = |value: &[u8], element: &[u8]| {
        let (layout, value, element) = (quote(whole_layout), quote(value), quote(element));
        out(format!(" as {layout}: cannot parse {value} as {element}"))
    };
    let (mut layout, mut found, mut reader) = (layout, Found::default(), Reader { rest: text, layout });
    while let Some((start, end, element)) = next_element(layout) {
        let prefix = &layout[..start];
        reader.skip(prefix).map_err(|at| cannot(at, prefix))?;
        let name = &layout[start..end];
        layout = &layout[end..];
        reader.layout = layout;
        let held = reader.rest;
        reader.element(element, &mut found).map_err(|mismatch| match mismatch {
            Mismatch::Form => cannot(held, name),
            Mismatch::Range(what) => out(format!(": {what} out of range")),
        })?;
    }
    reader.skip(layout).map_err(|at| cannot(at, layout))?;
    if !reader.rest.is_empty() {
        return Err(out(format!(": extra text: {}", quote(reader.rest))));
    }
    found.time(zone).map_err(|reason| out(format!(": {reason}")))
}

struct Reader<'a> {
    rest: &'a [u8],
    /// The rest of the layout after the current element.
    layout: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Skips literal text of the layout. Any number of spaces matches a run of spaces. The error is the text from
    /// the first difference on.
    fn skip(&mut self, mut prefix: &[u8]) -> Result<(), &'a [u8]> {
        let after_spaces = |text: &'_ [u8]| text.iter().take_while(|&&b| b == b' ').count();
        while let Some(&expected) = prefix.first() {
            if expected == b' ' {
                if self.rest.first().is_some_and(|&b| b != b' ') {
                    return Err(self.rest);
                }
                prefix = &prefix[after_spaces(prefix)..];
                self.rest = &self.rest[after_spaces(self.rest)..];
                continue;
            }
            if self.rest.first() != Some(&expected) {
                return Err(self.rest);
            }
            prefix = &prefix[1..];
            self.rest = &self.rest[1..];
        }
        Ok(())
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Mismatch> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Mismatch::Form)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Parses up to `most` digits; exactly `most` if `filled` is set.
    fn number(&mut self, most: usize, filled: bool) -> Result<u32, Mismatch> {
        let digits = self.rest.iter().take(most).take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 || filled && digits < most {
            return Err(Mismatch::Form);
        }
        let taken = self.take(digits)?;
        Ok(taken.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
    }

    fn in_range(&mut self, filled: bool, below: u32, what: &'static str) -> Result<u32, Mismatch> {
        let number = self.number(2, filled)?;
        if number < below { Ok(number) } else { Err(Mismatch::Range(what)) }
    }

    /// Parses a name of a table in any case, and returns its index. With `len`, only its first `len` letters are
    /// compared.
    fn name(&mut self, names: &[&str], len: Option<usize>) -> Result<u32, Mismatch> {
        for (index, name) in names.iter().enumerate() {
            let name = &name.as_bytes()[..len.unwrap_or(name.len())];
            if self.rest.get(..name.len()).is_some_and(|text| text.eq_ignore_ascii_case(name)) {
                self.take(name.len())?;
                return Ok(index as u32);
            }
        }
        Err(Mismatch::Form)
    }

    fn element(&mut self, element: Element, found: &mut Found) -> Result<(), Mismatch> {
        match element {
            Element::Year => {
                let digits = self.take(2)?;
                let year = decimal(digits).ok_or(Mismatch::Form)?;
                found.year = year + if year >= 69 { 1900 } else { 2000 };
            }
            Element::LongYear => {
                if !self.rest.first().is_some_and(u8::is_ascii_digit) {
                    return Err(Mismatch::Form);
                }
                found.year = decimal(self.take(4)?).ok_or(Mismatch::Form)?;
            }
            Element::Month => found.month = Some(self.name(&MONTHS, Some(3))? + 1),
            Element::LongMonth => found.month = Some(self.name(&MONTHS, None)? + 1),
            Element::NumberMonth(pad) => {
                let month = self.number(2, pad == Pad::Zero)?;
                if month == 0 || month > 12 {
                    return Err(Mismatch::Range("month"));
                }
                found.month = Some(month);
            }
            Element::Weekday => drop(self.name(&DAYS, Some(3))?),
            Element::LongWeekday => drop(self.name(&DAYS, None)?),
            Element::Day(pad) => {
                self.optional_spaces(pad, 1);
                found.day = Some(self.number(2, pad == Pad::Zero)?);
            }
            Element::YearDay(pad) => {
                self.optional_spaces(pad, 2);
                found.year_day = Some(self.number(3, pad == Pad::Zero)?);
            }
            Element::Hour => found.hour = self.in_range(false, 24, "hour")?,
            Element::Hour12(pad) => found.hour = self.in_range(pad == Pad::Zero, 13, "hour")?,
            Element::Minute(pad) => found.minute = self.in_range(pad == Pad::Zero, 60, "minute")?,
            Element::Second(pad) => self.second(pad, found)?,
            Element::UpperHalf => found.afternoon = Some(half(self.take(2)?, b"AM", b"PM")?),
            Element::LowerHalf => found.afternoon = Some(half(self.take(2)?, b"am", b"pm")?),
            Element::Offset(style) => self.offset(style, found)?,
            Element::ZoneName => self.zone_name(found)?,
            Element::Fraction { digits, trim: false, .. } => {
                found.nanoseconds = nanoseconds(self.take(digits + 1)?)?;
            }
            Element::Fraction { .. } => {
                if self.at_fraction() {
                    let digits = self.rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
                    found.nanoseconds = nanoseconds(self.take(digits + 1)?)?;
                }
            }
        }
        Ok(())
    }

    fn optional_spaces(&mut self, pad: Pad, most: usize) {
        if pad == Pad::Space {
            let spaces = self.rest.iter().take(most).take_while(|&&b| b == b' ').count();
            self.rest = &self.rest[spaces..];
        }
    }

    /// Parses a second. A fraction may follow it even if the layout has none.
    fn second(&mut self, pad: Pad, found: &mut Found) -> Result<(), Mismatch> {
        found.second = self.in_range(pad == Pad::Zero, 60, "second")?;
        let in_layout = matches!(next_element(self.layout), Some((.., Element::Fraction { .. })));
        if self.at_fraction() && !in_layout {
            let digits = self.rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            found.nanoseconds = nanoseconds(self.take(digits + 1)?)?;
        }
        Ok(())
    }

    fn at_fraction(&self) -> bool {
        matches!(self.rest, [b'.' | b',', b'0'..=b'9', ..])
    }

    fn offset(&mut self, style: OffsetStyle, found: &mut Found) -> Result<(), Mismatch> {
        if style.z_for_utc && self.rest.first() == Some(&b'Z') {
            self.take(1)?;
            found.utc = true;
            return Ok(());
        }
        let sign = self.take(1)?[0];
        let hours = self.take(2)?;
        let minutes = if style.minutes { self.offset_part(style.colons)? } else { b"00" };
        let seconds = if style.seconds { self.offset_part(style.colons)? } else { b"00" };
        let two = |digits: &[u8]| match digits {
            [a @ b'0'..=b'9', b @ b'0'..=b'9'] => Ok(i32::from(a - b'0') * 10 + i32::from(b - b'0')),
            _ => Err(Mismatch::Form),
        };
        let (hours, minutes, seconds) = (two(hours)?, two(minutes)?, two(seconds)?);
        for (value, most, what) in [
            (hours, 24, "time zone offset hour"),
            (minutes, 60, "time zone offset minute"),
            (seconds, 60, "time zone offset second"),
        ] {
            if value > most {
                return Err(Mismatch::Range(what));
            }
        }
        let offset = (hours * 60 + minutes) * 60 + seconds;
        found.offset = Some(match sign {
            b'+' => offset,
            b'-' => -offset,
            _ => return Err(Mismatch::Form),
        });
        Ok(())
    }

    fn offset_part(&mut self, colons: bool) -> Result<&'a [u8], Mismatch> {
        if colons && self.take(1)? != b":" {
            return Err(Mismatch::Form);
        }
        self.take(2)
    }

    fn zone_name(&mut self, found: &mut Found) -> Result<(), Mismatch> {
        if self.rest.starts_with(b"UTC") {
            self.take(3)?;
            found.utc = true;
            return Ok(());
        }
        let len = zone_name_len(self.rest).ok_or(Mismatch::Form)?;
        found.zone_name = String::from_utf8_lossy(self.take(len)?).into_owned();
        Ok(())
    }
}

/// Length of the zone's abbreviation at the start of a text.
fn zone_name_len(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(rest) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_len(rest).unwrap_or(0));
    }
    if matches!(text[0], b'+' | b'-') {
        return signed_hours_len(text);
    }
    match text.iter().take(6).take_while(|b| b.is_ascii_uppercase()).count() {
        3 => Some(3),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        5 if text[4] == b'T' => Some(5),
        _ => None,
    }
}

/// Length of a sign with a number of hours up to 23 at the start of a text.
fn signed_hours_len(text: &[u8]) -> Option<usize> {
    let digits = text.strip_prefix(b"+").or(text.strip_prefix(b"-"))?;
    let len = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let hours = std::str::from_utf8(&digits[..len]).ok()?.parse::<u64>().ok()?;
    (hours <= 23).then_some(1 + len)
}

/// Parses a whole text as a decimal number with an optional sign.
fn decimal(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

fn half(text: &[u8], before: &[u8], after: &[u8]) -> Result<bool, Mismatch> {
    match text {
        t if t == before => Ok(false),
        t if t == after => Ok(true),
        _ => Err(Mismatch::Form),
    }
}

/// Parses a separator and digits as nanoseconds. Digits after the ninth are dropped.
fn nanoseconds(text: &[u8]) -> Result<u32, Mismatch> {
    if !matches!(text.first(), Some(b'.' | b',')) {
        return Err(Mismatch::Form);
    }
    let digits = &text[1..text.len().min(10)];
    let value = decimal(digits).ok_or(Mismatch::Form)?;
    let value = u32::try_from(value).map_err(|_| Mismatch::Range("fractional second"))?;
    Ok(value * 10_u32.pow(9 - digits.len() as u32))
}

impl Found {
    fn time(mut self, zone: &Zone) -> Result<Time, &'static str> {
        match self.afternoon {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let (month, day) = self.month_and_day()?;
        if day < 1 || day > calendar::days_in(self.year, month) {
            return Err("day out of range");
        }
        let clock = i64::from((self.hour * 60 + self.minute) * 60 + self.second);
        let at = |zone: Zone| Time::of_civil(self.year, month, i64::from(day), clock, self.nanoseconds, zone);
        if self.utc {
            return Ok(at(Zone::Utc));
        }
        let utc = at(Zone::Utc);
        let name = self.zone_name.as_str();
        // Go uses -1 to say that there is no offset, so an offset of minus one second is ignored.
        if let Some(offset) = self.offset.filter(|&offset| offset != -1) {
            let time = Time { seconds: utc.seconds - i64::from(offset), ..utc };
            let here = zone.at(time.seconds);
            let is_here = here.seconds == offset && (name.is_empty() || here.name == name);
            return Ok(time.in_zone(if is_here { zone.clone() } else { Zone::Fixed(name.into(), offset) }));
        }
        if !name.is_empty() {
            if let Some(offset) = zone.offset_of(name, utc.seconds) {
                let time = Time { seconds: utc.seconds - i64::from(offset), ..utc };
                return Ok(time.in_zone(zone.clone()));
            }
            let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok()).unwrap_or(0);
            return Ok(utc.in_zone(Zone::Fixed(name.into(), hours * 3600)));
        }
        Ok(at(zone.clone()))
    }

    fn month_and_day(&self) -> Result<(u32, u32), &'static str> {
        let Some(year_day) = self.year_day else {
            return Ok((self.month.unwrap_or(1), self.day.unwrap_or(1)));
        };
        if year_day < 1 || year_day > calendar::days_before(self.year, 13) {
            return Err("day-of-year out of range");
        }
        let before = |month: u32| calendar::days_before(self.year, month);
        let month = (1..=12).rev().find(|&month| before(month) < year_day).unwrap_or(1);
        let day = year_day - before(month);
        if self.month.is_some_and(|m| m != month) {
            return Err("day-of-year does not match month");
        }
        if self.day.is_some_and(|d| d != day) {
            return Err("day-of-year does not match day");
        }
        Ok((month, day))
    }
}
