//! Go's `time`: instants with a zone, layouts for printing and parsing them, durations.
//!
//! The range of years is that of Go: seconds overflow where Go's do.

mod calendar;
mod duration;
mod layout;
mod parse;
mod zone;

pub use duration::Duration;
pub use parse::ParseError;
pub use zone::Zone;

use calendar::Civil;

/// Seconds from the start of Go's time (year 1) to 1970.
const UNIX_AT: i64 = 62_135_596_800;

/// An instant and the zone it is shown in: `time.Time`.
#[derive(Clone, Debug)]
pub struct Time {
    /// Seconds since 1970.
    seconds: i64,
    nanoseconds: u32,
    zone: Zone,
}

impl Time {
    /// The zero value: the first second of the year 1, in UTC.
    pub fn zero() -> Self {
        Self { seconds: -UNIX_AT, nanoseconds: 0, zone: Zone::Utc }
    }

    /// The instant that is `seconds` and `nanoseconds` after the start of 1970 in UTC.
    pub fn unix(seconds: i64, nanoseconds: u32, zone: Zone) -> Self {
        Self { seconds, nanoseconds, zone }
    }

    /// The current instant.
    pub fn now(zone: Zone) -> Self {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Self { seconds: since.as_secs().cast_signed(), nanoseconds: since.subsec_nanos(), zone }
    }

    /// The instant at which clocks in the zone show a date and time. `day`, and `clock` in seconds, may be
    /// outside of their ranges, and carry over.
    fn of_civil(year: i64, month: u32, day: i64, clock: i64, nanoseconds: u32, zone: Zone) -> Self {
        let days = calendar::days(year, month, day);
        let local = days.wrapping_mul(calendar::DAY).wrapping_add(clock);
        let seconds = zone.to_unix(local);
        Self { seconds, nanoseconds, zone }
    }

    /// Seconds since 1970 in UTC.
    pub fn unix_seconds(&self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn nanosecond(&self) -> u32 {
        self.nanoseconds
    }

    /// The zone that the time is shown in.
    pub fn zone(&self) -> &Zone {
        &self.zone
    }

    /// The same instant in another zone.
    #[must_use]
    pub fn in_zone(&self, zone: Zone) -> Self {
        Self { zone, ..self.clone() }
    }

    /// The instant that is later by a duration.
    #[must_use]
    pub fn add(&self, duration: Duration) -> Self {
        let nanoseconds = i64::from(self.nanoseconds) + duration.0 % 1_000_000_000;
        let carried = nanoseconds.div_euclid(1_000_000_000);
        let seconds = self.seconds.wrapping_add(duration.0 / 1_000_000_000).wrapping_add(carried);
        let nanoseconds = nanoseconds.rem_euclid(1_000_000_000) as u32;
        Self { seconds, nanoseconds, zone: self.zone.clone() }
    }

    /// The duration from the other instant to this one. If that is too long, the result is the longest duration.
    pub fn since(&self, other: &Self) -> Duration {
        let nanoseconds = |t: &Self| i128::from(t.seconds) * 1_000_000_000 + i128::from(t.nanoseconds);
        let between = nanoseconds(self) - nanoseconds(other);
        Duration(i64::try_from(between).unwrap_or(if between < 0 { i64::MIN } else { i64::MAX }))
    }

    /// Whether this is the zero value.
    pub fn is_zero(&self) -> bool {
        self.seconds == -UNIX_AT && self.nanoseconds == 0
    }

    /// Year, month, day of the month, in the zone.
    pub fn date(&self) -> (i64, u32, u32) {
        let civil = self.civil();
        (civil.year, civil.month, civil.day)
    }

    /// Hour, minute and second, in the zone.
    pub fn clock(&self) -> (u32, u32, u32) {
        let civil = self.civil();
        (civil.hour, civil.minute, civil.second)
    }

    /// The day of the week in the zone, 0 for Sunday.
    pub fn weekday(&self) -> u32 {
        self.civil().weekday
    }

    /// The day of the year in the zone, counted from 1.
    pub fn year_day(&self) -> u32 {
        self.civil().year_day
    }

    fn civil(&self) -> Civil {
        calendar::civil(self.seconds, self.zone.at(self.seconds).seconds)
    }

    /// The time that is the given number of years, months and days later, as Go's `AddDate` computes it: October
    /// 31 plus one month is December 1. Counts above a billion years are limited.
    #[must_use]
    pub fn add_date(&self, years: i64, months: i64, days: i64) -> Self {
        const MOST: i64 = 1_000_000_000;
        let now = self.civil();
        let months = i64::from(now.month) - 1 + months.clamp(-12 * MOST, 12 * MOST);
        let year = now.year + years.clamp(-MOST, MOST) + months.div_euclid(12);
        let month = months.rem_euclid(12) as u32 + 1;
        let day = i64::from(now.day) + days.clamp(-366 * MOST, 366 * MOST);
        let clock = i64::from(now.hour * 3600 + now.minute * 60 + now.second);
        let local = calendar::days(year, month, day) * calendar::DAY + clock;
        Self { seconds: self.zone.to_unix(local), ..self.clone() }
    }

    /// The time in a layout such as `2006-01-02 15:04:05`.
    pub fn format(&self, layout: &[u8]) -> Vec<u8> {
        layout::format(self, layout)
    }

    /// Parses a time in a layout. A time without a zone of its own is in `zone`.
    pub fn parse(layout: &[u8], text: &[u8], zone: &Zone) -> Result<Self, ParseError> {
        parse::parse(layout, text, zone)
    }
}

impl PartialEq for Time {
    /// Whether both are the same instant; their zones may differ.
    fn eq(&self, other: &Self) -> bool {
        (self.seconds, self.nanoseconds) == (other.seconds, other.nanoseconds)
    }
}

/// The name of a month, counted from 1.
pub fn month_name(month: u32) -> &'static str {
    layout::MONTHS.get(month.wrapping_sub(1) as usize).copied().unwrap_or("")
}

/// The name of a day of the week, 0 for Sunday.
pub fn weekday_name(weekday: u32) -> &'static str {
    layout::DAYS.get(weekday as usize).copied().unwrap_or("")
}

#[cfg(test)]
mod tests;
