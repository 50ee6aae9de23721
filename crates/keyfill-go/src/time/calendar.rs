//! Days and dates of the Gregorian calendar, also before 1582.

/// Seconds per day.
pub(super) const DAY: i64 = 86_400;

/// Start of Go's absolute time, in seconds before 1970: March of a year about 292 billion years ago. Adding it
/// overflows exactly where Go's time does.
const ABSOLUTE_AT: u64 = 9_223_372_028_741_760_000;
/// Number of 400-year eras from that start to the year 0.
const ERAS: i128 = 730_692_556;
/// Days per 400 years.
const ERA_DAYS: i128 = 146_097;

/// A date and a time of day.
pub(super) struct Civil {
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
    pub(super) hour: u32,
    pub(super) minute: u32,
    pub(super) second: u32,
    /// Day of the week, 0 for Sunday.
    pub(super) weekday: u32,
    /// Day of the year, counted from 1.
    pub(super) year_day: u32,
}

/// Date and time of day at an instant in a zone that is `offset` seconds ahead of UTC.
pub(super) fn civil(unix: i64, offset: i32) -> Civil {
    let absolute =
        unix.cast_unsigned().wrapping_add(ABSOLUTE_AT).wrapping_add(i64::from(offset).cast_unsigned());
    let (days, clock) = (absolute / DAY.cast_unsigned(), (absolute % DAY.cast_unsigned()) as u32);
    let from_march_0 = i128::from(days) - ERAS * ERA_DAYS;
    let (year, month, day) = date(from_march_0);
    Civil {
        year,
        month,
        day,
        hour: clock / 3600,
        minute: clock / 60 % 60,
        second: clock % 60,
        weekday: (from_march_0 + 3).rem_euclid(7) as u32,
        year_day: days_before(year, month) + day,
    }
}

/// The date that is `days` days after the first of March of the year 0.
fn date(days: i128) -> (i64, u32, u32) {
    let (era, of_era) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let day_of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years begin in March here. Groups of 5 months with 31, 30, 31, 30 and 31 days have 153 days.
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + i128::from(month <= 2);
    (year as i64, month as u32, day as u32)
}

/// Days from 1970 to a date. `day` may be outside of the month.
pub(super) fn days(year: i64, month: u32, day: i64) -> i64 {
    let (year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = i64::from((153 * march_month + 2) / 5) + day - 1;
    let day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Whether a year has a February 29.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Number of days of a year before a month.
pub(super) fn days_before(year: i64, month: u32) -> u32 {
    const BEFORE: [u32; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before = BEFORE.get(month.wrapping_sub(1) as usize).copied().unwrap_or(365);
    before + u32::from(month > 2 && is_leap(year))
}

/// Number of days of a month.
pub(super) fn days_in(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
