//! The styles in which a string may be written, found by libyaml's analysis of its characters. yaml.v2 and
//! yaml.v3 share the analysis and differ in what they allow.

/// The classes of bytes in a string, as flags that one pass over the bytes collects. This one: a space.
pub(super) const SPACE: u8 = 1;
/// `:`
pub(super) const COLON: u8 = 2;
/// `#`
pub(super) const HASH: u8 = 4;
/// A line feed.
pub(super) const NEWLINE: u8 = 8;
/// Bytes that cannot be written without an escape: control characters other than a line feed, and DEL.
pub(super) const SPECIAL: u8 = 16;
/// A byte of a character that is not ASCII.
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

/// The classes of all bytes in a text.
#[inline]
pub(crate) fn classes(text: &str) -> u8 {
    text.bytes().fold(0, |seen, b| seen | CLASSES[usize::from(b)])
}

/// The styles that libyaml allows for a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allowed {
    pub plain: bool,
    pub single: bool,
    pub block: bool,
}

/// The styles that yaml.v2 allows for a text in block collections. The text must not be empty.
pub(crate) fn v2(text: &str, seen: u8) -> Allowed {
    if seen & (SPECIAL | WIDE) != 0 {
        return Look::at(text, seen).v2();
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

/// The styles that yaml.v3 allows for a text, in a flow collection or in block collections.
pub(crate) fn v3(text: &str, in_flow: bool) -> Allowed {
    if text.is_empty() {
        return Allowed { plain: !in_flow, single: true, block: false };
    }
    let look = Look::at(text, classes(text));
    let allowed = look.v3();
    let means_something = in_flow && text.contains([',', '?', '[', ']', '{', '}', ':']);
    Allowed { plain: allowed.plain && !means_something, ..allowed }
}

/// Whether a text contains characters that would be YAML syntax at their position.
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

/// Whether a text ends with white space.
fn ends_blank(bytes: &[u8]) -> bool {
    matches!(bytes.last(), Some(b' ' | b'\t' | b'\n' | b'\r' | 0))
        || bytes.ends_with("\u{85}".as_bytes())
        || bytes.ends_with("\u{2028}".as_bytes())
        || bytes.ends_with("\u{2029}".as_bytes())
}

/// The result of libyaml's analysis of all characters.
struct Look {
    /// Whether there are characters that would be syntax outside of flow collections.
    indicators: bool,
    /// Whether there is white space at the start or at the end.
    at_ends: bool,
    ends_in_space: bool,
    breaks: bool,
    break_space: bool,
    space_break: bool,
    tab: bool,
    /// Whether there are characters that must be escaped. Tabs have a flag of their own.
    special: bool,
}

impl Look {
    fn at(text: &str, seen: u8) -> Self {
        let (mut special, mut tab, mut breaks) = (false, false, false);
        let (mut break_space, mut space_break) = (false, false);
        let (mut after_space, mut after_break) = (false, false);
        for c in text.chars() {
            tab |= c == '\t';
            special |= c != '\t' && !is_printable(c);
            let (space, line_break) = (c == ' ', is_break(c));
            breaks |= line_break;
            break_space |= space && after_break;
            space_break |= line_break && after_space;
            (after_space, after_break) = (space, line_break);
        }
        Self {
            indicators: has_indicators(text.as_bytes(), seen),
            at_ends: text.starts_with(|c| c == ' ' || is_break(c)) || after_space || after_break,
            ends_in_space: after_space,
            breaks,
            break_space,
            space_break,
            tab,
            special,
        }
    }

    /// In yaml.v2 a tab must be escaped.
    fn v2(&self) -> Allowed {
        let special = self.special || self.tab;
        Allowed {
            plain: !(self.indicators || self.at_ends || self.breaks || special),
            single: !(self.break_space || self.space_break || special),
            block: !(self.ends_in_space || self.space_break || special),
        }
    }

    /// In yaml.v3 a block may contain tabs.
    fn v3(&self) -> Allowed {
        let single = !(self.break_space || self.space_break || self.special || self.tab);
        Allowed {
            plain: single && !(self.indicators || self.at_ends || self.breaks),
            single,
            block: !(self.ends_in_space || self.space_break || self.special),
        }
    }
}

/// Whether go-yaml writes a character without an escape. Characters beyond U+FFFF, such as emoji, are escaped.
pub(crate) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{A0}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

/// Whether libyaml treats a character as a line break.
pub(crate) fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a text contains a line break.
pub(crate) fn has_break(text: &str) -> bool {
    let seen = classes(text);
    seen & NEWLINE != 0 || seen & (SPECIAL | WIDE) != 0 && text.contains(is_break)
}

#[cfg(test)]
mod tests {
    use super::{Allowed, Look, classes, v2, v3};

    /// Checks that the fast analysis and the full one agree.
    fn allowed(text: &str) -> Allowed {
        let allowed = v2(text, classes(text));
        assert_eq!(allowed, Look::at(text, classes(text)).v2(), "{text:?}");
        allowed
    }

    #[test]
    fn texts_allow_the_styles_that_libyaml_allows() {
        let all = Allowed { plain: true, single: true, block: true };
        let quoted = Allowed { plain: false, ..all };
        for text in ["a", "a b", "a:b", "a#b", "-a", "?a", ":a", "a,b", "é", "a\u{A0}"] {
            assert_eq!(allowed(text), all, "{text:?}");
            assert_eq!(v3(text, false), all, "{text:?}");
        }
        for text in
            ["a: b", "a:", "a #b", "# a", "- a", "-", "[a", "---", "...a", "@a", "a\nb", " a", "a\u{2028}b"]
        {
            assert_eq!(allowed(text), quoted, "{text:?}");
            assert_eq!(v3(text, false), quoted, "{text:?}");
        }
        assert_eq!(allowed("a "), Allowed { plain: false, single: true, block: false });
        assert_eq!(allowed("a\n b"), Allowed { plain: false, single: false, block: true });
        for text in ["a \nb", "a\tb", "\u{1F600}", "\u{85}", "\u{FEFF}", "\r"] {
            assert_eq!(allowed(text), Allowed::default(), "{text:?}");
        }
    }

    #[test]
    fn yaml_v3_allows_tabs_in_blocks_and_fewer_plain_texts_in_flow() {
        assert_eq!(v3("a\tb", false), Allowed { plain: false, single: false, block: true });
        assert_eq!(v3("a\tb\u{7F}", false), Allowed::default());
        for text in ["a,b", "a]", "a:b", "a?", ""] {
            assert!(v3(text, false).plain && !v3(text, true).plain, "{text:?}");
        }
        assert!(v3("a-b", true).plain);
    }
}
