//! Layouts: they show how Go's reference time, Mon Jan 2 15:04:05 MST 2006, would be written.

use super::Time;

pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
pub(super) const DAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// How a number is padded to its width.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pad {
    None,
    Space,
    Zero,
}

/// How an offset from UTC is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OffsetStyle {
    /// Whether `Z` is written for UTC.
    pub(super) z_for_utc: bool,
    pub(super) minutes: bool,
    pub(super) seconds: bool,
    pub(super) colons: bool,
}

/// An element of a layout that stands for a part of the time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Element {
    LongMonth,
    Month,
    NumberMonth(Pad),
    LongWeekday,
    Weekday,
    Day(Pad),
    YearDay(Pad),
    Hour,
    Hour12(Pad),
    Minute(Pad),
    Second(Pad),
    LongYear,
    Year,
    UpperHalf,
    LowerHalf,
    ZoneName,
    Offset(OffsetStyle),
    /// Digits of the fractional second after a point or comma. With `trim`, trailing zeros are removed.
    Fraction {
        digits: usize,
        separator: u8,
        trim: bool,
    },
}

const fn offset(z_for_utc: bool, minutes: bool, seconds: bool, colons: bool) -> Element {
    Element::Offset(OffsetStyle { z_for_utc, minutes, seconds, colons })
}

/// The texts of the elements. A longer text comes before one that it begins with.
const ELEMENTS: [(&str, Element); 34] = [
    ("January", Element::LongMonth),
    ("Jan", Element::Month),
    ("Monday", Element::LongWeekday),
    ("Mon", Element::Weekday),
    ("MST", Element::ZoneName),
    ("002", Element::YearDay(Pad::Zero)),
    ("01", Element::NumberMonth(Pad::Zero)),
    ("02", Element::Day(Pad::Zero)),
    ("03", Element::Hour12(Pad::Zero)),
    ("04", Element::Minute(Pad::Zero)),
    ("05", Element::Second(Pad::Zero)),
    ("06", Element::Year),
    ("15", Element::Hour),
    ("1", Element::NumberMonth(Pad::None)),
    ("2006", Element::LongYear),
    ("2", Element::Day(Pad::None)),
    ("__2", Element::YearDay(Pad::Space)),
    ("_2", Element::Day(Pad::Space)),
    ("3", Element::Hour12(Pad::None)),
    ("4", Element::Minute(Pad::None)),
    ("5", Element::Second(Pad::None)),
    ("PM", Element::UpperHalf),
    ("pm", Element::LowerHalf),
    ("-070000", offset(false, true, true, false)),
    ("-07:00:00", offset(false, true, true, true)),
    ("-0700", offset(false, true, false, false)),
    ("-07:00", offset(false, true, false, true)),
    ("-07", offset(false, false, false, false)),
    ("Z070000", offset(true, true, true, false)),
    ("Z07:00:00", offset(true, true, true, true)),
    ("Z0700", offset(true, true, false, false)),
    ("Z07:00", offset(true, true, false, true)),
    ("Z07", offset(true, false, false, false)),
    // Listed so that its start is not parsed as `_2`, a day that is padded with a space.
    ("_2006", Element::LongYear),
];

/// The next element, with the start and end of its text.
pub(super) fn next_element(layout: &[u8]) -> Option<(usize, usize, Element)> {
    (0..layout.len()).find_map(|at| {
        let (len, element) = element_at(&layout[at..])?;
        // The underscore before a year is literal text.
        let at = if layout[at..].starts_with(b"_2006") { at + 1 } else { at };
        let len = if element == Element::LongYear { 4 } else { len };
        Some((at, at + len, element))
    })
}

fn element_at(layout: &[u8]) -> Option<(usize, Element)> {
    if matches!(layout[0], b'.' | b',') {
        return fraction(layout);
    }
    if layout.starts_with(b"_2006") {
        return Some((5, Element::LongYear));
    }
    let &(text, element) = ELEMENTS.iter().find(|(text, _)| layout.starts_with(text.as_bytes()))?;
    // `Jan` in a word such as `Janet` is literal text. Go does not check this for the long names.
    let in_word = matches!(text, "Jan" | "Mon") && layout.get(3).is_some_and(u8::is_ascii_lowercase);
    (!in_word).then_some((text.len(), element))
}

/// Parses `.000` or `,999`, if no other digit follows.
fn fraction(layout: &[u8]) -> Option<(usize, Element)> {
    let &digit = layout.get(1).filter(|b| matches!(b, b'0' | b'9'))?;
    let digits = layout[1..].iter().take_while(|&&b| b == digit).count();
    if layout.get(1 + digits).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((1 + digits, Element::Fraction { digits, separator: layout[0], trim: digit == b'9' }))
}

pub(super) fn format(time: &Time, mut layout: &[u8]) -> Vec<u8> {
    let mut writer = Writer { time, out: Vec::with_capacity(layout.len() + 16) };
    while let Some((start, end, element)) = next_element(layout) {
        writer.out.extend_from_slice(&layout[..start]);
        writer.element(element);
        layout = &layout[end..];
    }
    writer.out.extend_from_slice(layout);
    writer.out
}

struct Writer<'a> {
    time: &'a Time,
    out: Vec<u8>,
}

impl Writer<'_> {
    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, number: u32, width: usize, pad: Pad) {
        let text = match pad {
            Pad::None => number.to_string(),
            Pad::Space => format!("{number:width$}"),
            Pad::Zero => format!("{number:0width$}"),
        };
        self.text(&text);
    }

    fn element(&mut self, element: Element) {
        let civil = self.time.civil();
        match element {
            Element::LongMonth => self.text(super::month_name(civil.month)),
            Element::Month => self.text(&super::month_name(civil.month)[..3]),
            Element::NumberMonth(pad) => self.number(civil.month, 2, pad),
            Element::LongWeekday => self.text(super::weekday_name(civil.weekday)),
            Element::Weekday => self.text(&super::weekday_name(civil.weekday)[..3]),
            Element::Day(pad) => self.number(civil.day, 2, pad),
            Element::YearDay(pad) => self.number(civil.year_day, 3, pad),
            Element::Hour => self.number(civil.hour, 2, Pad::Zero),
            Element::Hour12(pad) => self.number((civil.hour + 11) % 12 + 1, 2, pad),
            Element::Minute(pad) => self.number(civil.minute, 2, pad),
            Element::Second(pad) => self.number(civil.second, 2, pad),
            Element::LongYear => {
                let sign = if civil.year < 0 { "-" } else { "" };
                self.text(&format!("{sign}{:04}", civil.year.unsigned_abs()));
            }
            Element::Year => self.text(&format!("{:02}", civil.year.unsigned_abs() % 100)),
            Element::UpperHalf => self.text(if civil.hour >= 12 { "PM" } else { "AM" }),
            Element::LowerHalf => self.text(if civil.hour >= 12 { "pm" } else { "am" }),
            Element::ZoneName => self.zone_name(),
            Element::Offset(style) => self.offset(style),
            Element::Fraction { digits, separator, trim } => self.fraction(digits, separator, trim),
        }
    }

    fn zone_name(&mut self) {
        let zone = self.time.zone.at(self.time.seconds);
        if zone.name.is_empty() {
            self.signed(zone.seconds / 60, zone.seconds / 60 % 60, false, true);
        } else {
            self.text(&zone.name);
        }
    }

    fn signed(&mut self, minutes: i32, rest: i32, colons: bool, with_minutes: bool) {
        self.text(if minutes < 0 { "-" } else { "+" });
        self.number(minutes.unsigned_abs() / 60, 2, Pad::Zero);
        if colons {
            self.text(":");
        }
        if with_minutes {
            self.number(rest.unsigned_abs(), 2, Pad::Zero);
        }
    }

    fn offset(&mut self, style: OffsetStyle) {
        let seconds = self.time.zone.at(self.time.seconds).seconds;
        if style.z_for_utc && seconds == 0 {
            return self.text("Z");
        }
        let minutes = seconds / 60;
        self.signed(minutes, minutes % 60, style.colons, style.minutes);
        if style.seconds {
            if style.colons {
                self.text(":");
            }
            // Go takes the sign from the whole minutes, which are 0 for an offset of less than one minute.
            let rest = if minutes < 0 { -seconds } else { seconds };
            self.text(&format!("{:02}", rest % 60));
        }
    }

    fn fraction(&mut self, digits: usize, separator: u8, trim: bool) {
        let all = format!("{:09}", self.time.nanoseconds);
        let shown = &all[..digits.min(9)];
        let shown = if trim { shown.trim_end_matches('0') } else { shown };
        if shown.is_empty() && trim {
            return;
        }
        self.out.push(separator);
        self.text(shown);
    }
}
