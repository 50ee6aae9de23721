//! Escapes in double quotes, and headers of block scalars, as all emitters derived from libyaml write them.

use super::analysis::is_break;

/// The letter that follows the backslash for a character in double quotes; `None` if it has no letter.
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

/// The text that follows the backslash for a character without a letter: `x7F`, `uFEFF`, `U0001F600`.
pub(crate) fn code(c: char) -> String {
    let code = u32::from(c);
    match code {
        0..=0xFF => format!("x{code:02X}"),
        0x100..=0xFFFF => format!("u{code:04X}"),
        _ => format!("U{code:08X}"),
    }
}

/// The header of a block scalar, which follows the `|` or `>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    /// Whether the header must give the indentation, because the text begins with white space.
    pub shows_indent: bool,
    /// The chomping indicator: `-` for a text without a line break at its end, `+` for one with empty lines there.
    pub end: Option<char>,
}

impl BlockHeader {
    /// The header for a text.
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
    fn a_block_header_shows_indentation_and_chomping() {
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
