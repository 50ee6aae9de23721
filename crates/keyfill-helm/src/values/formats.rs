//! The `format`s of schemas where helm's library reads them otherwise than ours, or checks more of them.

use keyfill_go::regexp::Regexp;

/// `hostname` (RFC 1123): a dot at the end is no part of it.
pub(super) fn hostname(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

/// `uuid` (RFC 4122): checked for all drafts.
pub(super) fn uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths = groups.iter().map(|group| group.len());
    lengths.eq([8, 4, 4, 4, 12]) && groups.concat().bytes().all(|b| b.is_ascii_hexdigit())
}

/// `duration` (RFC 3339): checked for all drafts.
pub(super) fn duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P').filter(|rest| !rest.is_empty()) else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|b| b.is_ascii_digit());
    }
    match rest.split_once('T') {
        None => is_in_units(rest, "YMD"),
        Some((days, clock)) => is_in_units(days, "YMD") && !clock.is_empty() && is_in_units(clock, "HMS"),
    }
}

/// Whether a text is numbers, each followed by a unit, in the order of the units and each at most once.
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

/// `regex`: Go's expressions.
pub(super) fn regex(text: &str) -> bool {
    Regexp::compile(text.as_bytes()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{duration, hostname, regex, uuid};

    #[test]
    fn formats() {
        for (check, good, bad) in [
            (hostname as fn(&str) -> bool, "a.example.org.", "-a.org"),
            (hostname, "x", "a..b"),
            (uuid, "8da1a2ff-9a8d-4b6f-8a52-0d5e8f2f3a11", "8da1a2ff9a8d4b6f8a520d5e8f2f3a11"),
            (duration, "P1Y2DT3H", "P1D2Y"),
            (duration, "P3W", "PT"),
            (duration, "PT5M", "P5"),
            (regex, "^[[:alpha:]]+$", "(?!a)"),
        ] {
            assert!(check(good), "{good}");
            assert!(!check(bad), "{bad}");
        }
    }
}
