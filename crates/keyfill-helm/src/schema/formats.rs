//! The `format`s that helm's library knows.

use keyfill_go::regexp::Regexp;
use keyfill_go::time::{Time, Zone};
use keyfill_go::url;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A `format` that strings may have to match.
pub(super) struct Format {
    pub(super) name: &'static str,
    pub(super) is_valid: Check,
}

/// Whether a string matches the format.
type Check = fn(&str) -> bool;

/// The format of a name. Unknown formats demand nothing.
pub(super) fn format(name: &str) -> Option<Format> {
    let known: [(&'static str, Check); 19] = [
        ("regex", regex),
        ("json-pointer", json_pointer),
        ("relative-json-pointer", relative_json_pointer),
        ("uuid", uuid),
        ("duration", duration),
        ("period", period),
        ("ipv4", ipv4),
        ("ipv6", ipv6),
        ("hostname", hostname),
        ("email", email),
        ("date", date),
        ("time", time),
        ("date-time", date_time),
        ("uri", uri),
        ("iri", uri),
        ("uri-reference", uri_reference),
        ("iri-reference", uri_reference),
        ("uri-template", uri_template),
        ("semver", semver),
    ];
    known.into_iter().find(|(known, _)| *known == name).map(|(name, is_valid)| Format { name, is_valid })
}

/// RFC 6901
fn json_pointer(text: &str) -> bool {
    let escapes = |part: &str| part.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    text.is_empty() || text.starts_with('/') && text.split('/').all(escapes)
}

/// A number, followed by a JSON pointer or `#`.
fn relative_json_pointer(text: &str) -> bool {
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = &text[..text.len() - rest.len()];
    !digits.is_empty()
        && (digits.len() == 1 || !digits.starts_with('0'))
        && (rest == "#" || json_pointer(rest))
}

/// RFC 4122
fn uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12]) && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

/// RFC 3339, appendix A
fn duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P').filter(|rest| !rest.is_empty()) else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|b| b.is_ascii_digit());
    }
    match rest.split_once('T') {
        None => is_in_units(rest, "YMD"),
        Some((days, clock)) => is_in_units(days, "YMD") && !clock.is_empty() && is_in_units(clock, "HMS"),
    }
}

/// Whether a text consists of numbers that are each followed by a unit, in the order of the units and each at most
/// once.
fn is_in_units(mut text: &str, mut units: &str) -> bool {
    while !text.is_empty() {
        let after = text.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(unit) = after.chars().next().filter(|_| after.len() < text.len()) else { return false };
        let Some(at) = units.find(unit) else { return false };
        units = &units[at + 1..];
        text = &after[unit.len_utf8()..];
    }
    true
}

fn period(text: &str) -> bool {
    let end = |text: &str| if text.starts_with('P') { duration(text) } else { date_time(text) };
    match text.split_once('/') {
        Some((start, stop)) if start.starts_with('P') => duration(start) && date_time(stop),
        Some((start, stop)) => date_time(start) && end(stop),
        None => false,
    }
}

fn ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

/// RFC 1123. A dot at the end is accepted and not counted.
fn hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

fn email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@').filter(|_| text.len() <= 254) else { return false };
    let quoted = local.len() > 1 && local.starts_with('"') && local.ends_with('"');
    let local_fits = if quoted {
        !local[1..local.len() - 1].contains(['\\', '"'])
    } else {
        let known = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+-/=?^_`{|}~".contains(c);
        !local.starts_with('.') && !local.ends_with('.') && !local.contains("..") && local.chars().all(known)
    };
    let address = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    local.len() <= 64
        && local_fits
        && match address {
            Some(address) => address.strip_prefix("IPv6:").map_or_else(|| ipv4(address), ipv6),
            None => hostname(domain),
        }
}

fn date(text: &str) -> bool {
    Time::parse(b"2006-01-02", text.as_bytes(), &Zone::Utc).is_ok()
}

/// `hh:mm:ss`, an optional fraction, and `Z` or an offset. Second 60 is valid at 23:59 UTC, where leap seconds are
/// inserted.
fn time(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 9 || bytes[2] != b':' || bytes[5] != b':' || !text.is_ascii() {
        return false;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i32>().ok().filter(|n| *n >= 0);
    let (Some(hour), Some(minute), Some(second)) = (number(0..2), number(3..5), number(6..8)) else {
        return false;
    };
    let mut zone = &text[8..];
    if let Some(rest) = zone.strip_prefix('.') {
        zone = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if zone.len() == rest.len() {
            return false;
        }
    }
    let Some(offset) = offset_minutes(zone) else { return false };
    let utc = (hour * 60 + minute - offset).rem_euclid(24 * 60);
    hour <= 23 && minute <= 59 && second <= 60 && (second < 60 || utc == 23 * 60 + 59)
}

/// The minutes by which a zone is ahead of UTC.
fn offset_minutes(zone: &str) -> Option<i32> {
    if matches!(zone, "Z" | "z") {
        return Some(0);
    }
    let (sign, rest) = match zone.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, minutes) = rest.split_once(':').filter(|(h, m)| h.len() == 2 && m.len() == 2)?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=23).contains(&hours) && (0..=59).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

fn date_time(text: &str) -> bool {
    text.len() >= 20
        && text.is_ascii()
        && matches!(text.as_bytes()[10], b'T' | b't')
        && date(&text[..10])
        && time(&text[11..])
}

fn uri(text: &str) -> bool {
    let scheme = |rest: &str| rest.starts_with(|c: char| c.is_ascii_alphabetic());
    let has_scheme = text.split_once(':').is_some_and(|(before, _)| {
        scheme(before) && before.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    has_scheme && url::parse(text.as_bytes()).is_ok()
}

fn uri_reference(text: &str) -> bool {
    !text.contains('\\') && url::parse(text.as_bytes()).is_ok()
}

fn uri_template(text: &str) -> bool {
    let mut open = false;
    let pairs = text.chars().filter(|c| matches!(c, '{' | '}')).all(|c| {
        let fits = (c == '{') != open;
        open = c == '{';
        fits
    });
    pairs && !open && url::parse(text.as_bytes()).is_ok()
}

/// A regular expression of Go.
fn regex(text: &str) -> bool {
    Regexp::compile(text.as_bytes()).is_ok()
}

fn semver(text: &str) -> bool {
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (core, release) = text.split_once('-').map_or((text, None), |(core, release)| (core, Some(release)));
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let digits = |name: &str| name.bytes().all(|b| b.is_ascii_digit());
    let no_zero = |name: &str| name.len() == 1 || !name.starts_with('0');
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|number| !number.is_empty() && digits(number) && no_zero(number))
        && build.is_none_or(|build| build.split('.').all(is_name))
        && release.is_none_or(|release| {
            release.split('.').all(|name| is_name(name) && (!digits(name) || no_zero(name)))
        })
}

#[cfg(test)]
mod tests {
    use super::format;

    #[test]
    fn each_format_accepts_and_refuses_as_in_helm() {
        for (name, good, bad) in [
            ("hostname", "a.example.org.", "-a.org"),
            ("hostname", "x", "a..b"),
            ("uuid", "8da1a2ff-9a8d-4b6f-8a52-0d5e8f2f3a11", "8da1a2ff9a8d4b6f8a520d5e8f2f3a11"),
            ("duration", "P1Y2DT3H", "P1D2Y"),
            ("duration", "P3W", "PT"),
            ("duration", "PT5M", "P5"),
            ("regex", "^[[:alpha:]]+$", "(?!a)"),
            ("date", "2024-02-29", "2023-02-29"),
            ("time", "23:59:60Z", "22:59:60Z"),
            ("time", "08:30:06.28+01:00", "08:30:06"),
            ("date-time", "1985-04-12t23:20:50.52z", "1985-04-12 23:20:50Z"),
            ("email", "joe.bloggs@example.com", "2962"),
            ("email", "\"joe bloggs\"@[127.0.0.1]", ".x@example.com"),
            ("ipv4", "192.168.0.1", "127.0.0.01"),
            ("ipv6", "::abef", "12345::"),
            ("uri", "http://a.b/?q#f", "/relative"),
            ("uri-reference", "/relative", "a\\b"),
            ("json-pointer", "/a~1b", "/a~2b"),
            ("relative-json-pointer", "1/a", "01/a"),
            ("semver", "1.2.3-rc.1+x", "1.02.3"),
            ("period", "1963-06-19T08:30:06Z/P1D", "1963"),
        ] {
            let format = format(name).unwrap();
            assert!((format.is_valid)(good), "{name}: {good}");
            assert!(!(format.is_valid)(bad), "{name}: {bad}");
        }
        assert!(format("unheard-of").is_none());
    }
}
