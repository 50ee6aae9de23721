//! Double quotes and block scalars, as all of libyaml's emitters write them.

use super::analysis::is_break;

/// The letter that stands behind the backslash for a character in double quotes, where it has one.
pub(crate) fn letter(c: char) -> Option<u8> {
    Some(match c {
        '\0' => b'0',
        '\x07' => b'a',
        '\x08' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\x0B' => b'v',
        '\x0C' => b'f',
        '\r' => b'r',
        '\x1B' => b'e',
        '"' => b'"',
        '\\' => b'\\',
        '\u{85}' => b'N',
        '\u{A0}' => b'_',
        '\u{2028}' => b'L',
        '\u{2029}' => b'P',
        _ => return None,
    })
}

/// What stands behind the backslash for any other character: `x7F`, `uFEFF`, `U0001F600`.
pub(crate) fn code(c: char) -> String {
    let code = u32::from(c);
    match code {
        0..=0xFF => format!("x{code:02X}"),
        0x100..=0xFFFF => format!("u{code:04X}"),
        _ => format!("U{code:08X}"),
    }
}

/// What stands behind the `|` or `>` of a block scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// Whether the indentation must be said, since the text begins with a blank or a line break.
    pub shows_indent: bool,
    /// `-` for a text that does not end its last line, `+` for one with empty lines at its end.
    pub end: Option<char>,
}

impl BlockHeader {
    /// That of a text.
    pub fn of(text: &str) -> Self {
        let mut backwards = text.chars().rev();
        let end = if !backwards.next().is_some_and(is_break) {
            Some('-')
        } else if backwards.next().is_none_or(is_break) {
            Some('+')
        } else {
            None
        };
        Self { shows_indent: text.starts_with(|c| c == ' ' || is_break(c)), end }
    }
}

#[cfg(test)]
mod tests {
    use super::{BlockHeader, code, letter};

    #[test]
    fn characters_have_a_letter_or_a_code() {
        assert_eq!(letter('\u{85}'), Some(b'N'));
        assert_eq!((letter('\x7F'), code('\x7F').as_str()), (None, "x7F"));
        assert_eq!(code('\u{1F600}'), "U0001F600");
    }

    #[test]
    fn a_block_says_how_it_begins_and_ends() {
        let header = |text| {
            let BlockHeader { shows_indent, end } = BlockHeader::of(text);
            (shows_indent, end)
        };
        assert_eq!(header("a\nb\n"), (false, None));
        assert_eq!(header("a\nb"), (false, Some('-')));
        assert_eq!(header(" a\n\n"), (true, Some('+')));
        assert_eq!(header("\n"), (true, Some('+')));
    }
}
