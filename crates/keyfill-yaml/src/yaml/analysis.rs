//! What a string may be written as: libyaml's look at its characters.

use crate::Style;
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;

/// What stands in a string, seen in one cheap pass over its bytes.
pub(super) const SPACE: u8 = 1;
/// `:`
pub(super) const COLON: u8 = 2;
/// `#`
pub(super) const HASH: u8 = 4;
/// A line feed.
pub(super) const NEWLINE: u8 = 8;
/// What cannot be written as it is: other control characters, DEL.
pub(super) const SPECIAL: u8 = 16;
/// Part of a character that is not ASCII.
pub(super) const WIDE: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = match i as u8 {
            b' ' => SPACE,
            b':' => COLON,
            b'#' => HASH,
            b'\n' => NEWLINE,
            0..0x20 | 0x7F => SPECIAL,
            0x80.. => WIDE,
            _ => 0,
        };
        i += 1;
    }
    table
};

/// The classes that occur in a text.
#[inline]
pub(crate) fn classes(text: &str) -> u8 {
    text.bytes().fold(0, |seen, b| seen | CLASSES[usize::from(b)])
}

/// What libyaml allows for a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub plain: bool,
    pub single: bool,
    pub block: bool,
}

/// Looks at a text, not an empty one, as libyaml does in block context.
pub(crate) fn analyze(text: &str, seen: u8) -> Allowed {
    if seen & (SPECIAL | WIDE) != 0 {
        return analyze_all(text);
    }
    let bytes = text.as_bytes();
    let indicators = has_indicators(bytes, seen);
    let leading = matches!(bytes[0], b' ' | b'\n');
    let last = bytes[bytes.len() - 1];
    let breaks = seen & NEWLINE != 0;
    let both = breaks && seen & SPACE != 0;
    let break_space = both && memchr::memmem::find(bytes, b"\n ").is_some();
    let space_break = both && memchr::memmem::find(bytes, b" \n").is_some();
    Allowed {
        plain: !(indicators || leading || breaks || last == b' '),
        single: !(break_space || space_break),
        block: !(last == b' ' || space_break),
    }
}

/// Characters that mean something in YAML, where they stand.
fn has_indicators(bytes: &[u8], seen: u8) -> bool {
    let blank = |at: usize| bytes.get(at).is_none_or(|b| matches!(b, b' ' | b'\t'));
    if bytes.starts_with(b"---") || bytes.starts_with(b"...") {
        return true;
    }
    match bytes[0] {
        b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%'
        | b'@' | b'`' => return true,
        b'?' | b':' | b'-' if blank(1) => return true,
        _ => {}
    }
    if seen & COLON != 0 && memchr::memchr_iter(b':', bytes).any(|at| blank(at + 1)) {
        return true;
    }
    seen & HASH != 0 && memchr::memchr_iter(b'#', bytes).any(|at| at > 0 && ends_blank(&bytes[..at]))
}

/// Whether a text ends in a blank or a line break.
fn ends_blank(bytes: &[u8]) -> bool {
    matches!(bytes.last(), Some(b' ' | b'\t' | b'\n' | b'\r' | 0))
        || bytes.ends_with("\u{85}".as_bytes())
        || bytes.ends_with("\u{2028}".as_bytes())
        || bytes.ends_with("\u{2029}".as_bytes())
}

/// The whole look, character by character.
fn analyze_all(text: &str) -> Allowed {
    let seen = classes(text);
    let indicators = has_indicators(text.as_bytes(), seen);
    let (mut special, mut breaks, mut break_space, mut space_break) = (false, false, false, false);
    let (mut after_space, mut after_break) = (false, false);
    for c in text.chars() {
        special |= !is_printable(c);
        let (space, line_break) = (c == ' ', is_break(c));
        breaks |= line_break;
        break_space |= space && after_break;
        space_break |= line_break && after_space;
        (after_space, after_break) = (space, line_break);
    }
    let leading = text.starts_with(|c| c == ' ' || is_break(c));
    let trailing = after_space || after_break;
    Allowed {
        plain: !(indicators || leading || trailing || breaks || special),
        single: !(break_space || space_break || special),
        block: !(after_space || space_break || special),
    }
}

/// How yaml.v3 writes a string of one line, outside of flow collections: in double quotes what would be
/// something else without them, in single quotes what cannot stand without.
pub fn style_of_line(text: &str) -> Style {
    let means_itself = !text.is_empty()
        && resolve_plain(Dialect::V3, text) == Resolved::Str
        && !is_old_bool(text)
        && !is_sexagesimal(text);
    if !means_itself {
        return Style::Double;
    }
    match analyze(text, classes(text)) {
        Allowed { plain: true, .. } => Style::Plain,
        Allowed { single: true, .. } => Style::Single,
        _ => Style::Double,
    }
}

/// Words for truth in YAML 1.1, which yaml.v3 does not know but keeps apart.
fn is_old_bool(text: &str) -> bool {
    matches!(text, "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON")
        || matches!(text, "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF")
}

/// Numbers of YAML 1.1 such as `12:30`.
fn is_sexagesimal(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let is_first = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_digit())
            && part.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    };
    let is_next = |part: &str| match part.as_bytes() {
        [b] => b.is_ascii_digit(),
        [a, b] => matches!(a, b'0'..=b'5') && b.is_ascii_digit(),
        _ => false,
    };
    parts.next().is_some_and(is_first)
        && whole.contains(':')
        && parts.all(is_next)
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}

/// Whether libyaml in Go writes a character as it is. It escapes all beyond the basic plane: emoji.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

/// A line break to libyaml.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a text holds a line break.
pub(crate) fn has_break(text: &str) -> bool {
    let seen = classes(text);
    seen & NEWLINE != 0 || seen & (SPECIAL | WIDE) != 0 && text.contains(is_break)
}

#[cfg(test)]
mod tests {
    use super::{Allowed, analyze, analyze_all, classes, style_of_line};
    use crate::Style;

    /// The short look and the whole one must agree; where the short one applies, at least.
    fn allowed(text: &str) -> Allowed {
        let allowed = analyze(text, classes(text));
        assert_eq!(allowed, analyze_all(text), "{text:?}");
        allowed
    }

    #[test]
    fn strings_that_would_be_something_else_need_quotes() {
        for text in [
            "",
            "5",
            "yes",
            "12:30",
            "-1:59.5",
            "a: b",
            "x #y",
            "true",
            "- a",
            " a",
            "a ",
            "2001-12-14",
            "\t",
        ] {
            assert_ne!(style_of_line(text), Style::Plain, "{text:?}");
        }
        for text in ["a", "a:b", "a#b", "12:60", "1:2:x", "Yes!", "http://x", "-a", "é", "1.2.3"] {
            assert_eq!(style_of_line(text), Style::Plain, "{text:?}");
        }
    }

    #[test]
    fn what_strings_allow() {
        let all = Allowed { plain: true, single: true, block: true };
        let quoted = Allowed { plain: false, ..all };
        for text in ["a", "a b", "a:b", "a#b", "-a", "?a", ":a", "a,b", "é", "a\u{A0}"] {
            assert_eq!(allowed(text), all, "{text:?}");
        }
        for text in
            ["a: b", "a:", "a #b", "# a", "- a", "-", "[a", "---", "...a", "@a", "a\nb", " a", "a\u{2028}b"]
        {
            assert_eq!(allowed(text), quoted, "{text:?}");
        }
        assert_eq!(allowed("a "), Allowed { plain: false, single: true, block: false });
        assert_eq!(allowed("a\n b"), Allowed { plain: false, single: false, block: true });
        for text in ["a \nb", "a\tb", "\u{1F600}", "\u{85}", "\u{FEFF}", "\r"] {
            assert_eq!(allowed(text), Allowed::default(), "{text:?}");
        }
    }
}
