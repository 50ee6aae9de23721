//! Checks before scanning: a text must be UTF-8 without control characters. Also finds out how its lines end.

use crate::Error;

/// A checked text.
#[derive(Clone, Copy)]
pub(crate) struct Input<'a> {
    /// The text, without a byte order mark.
    pub text: &'a str,
    /// Whether all characters are ASCII, so that a column is a byte count.
    pub ascii: bool,
    /// Whether `\n` is the only line end that occurs.
    pub newline_only: bool,
}

impl<'a> Input<'a> {
    /// Checks a text. Other encodings and control characters are refused, as by Go's reader.
    pub fn new(bytes: &'a [u8]) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if u32::try_from(bytes.len()).is_err() {
            return Err(Error::at(0, 0, "the text is larger than 4 GiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|e| not_utf8(bytes, e.valid_up_to()))?;
        let mut input = Self { text, ascii: true, newline_only: true };
        for (n, chunk) in bytes.chunks(CHUNK).enumerate() {
            input.look_at(bytes, n * CHUNK, chunk)?;
        }
        Ok(input)
    }

    fn look_at(&mut self, bytes: &[u8], at: usize, chunk: &[u8]) -> Result<(), Error> {
        let (mut high, mut low, mut odd) = (false, false, false);
        for b in chunk {
            high |= *b >= 0x80;
            low |= *b < 0x20 && *b != b'\n';
            odd |= *b == 0x7F;
        }
        self.ascii &= !high;
        if !(high || low || odd) {
            return Ok(());
        }
        for (i, b) in chunk.iter().enumerate() {
            let place = at + i;
            let next = |n: usize| bytes.get(place + n).copied().unwrap_or(0);
            let bad = match *b {
                b'\n' | b'\t' => false,
                b'\r' => {
                    self.newline_only = false;
                    false
                }
                0..0x20 | 0x7F => true,
                0xC2 => {
                    self.newline_only &= next(1) != 0x85;
                    next(1) < 0xA0 && next(1) != 0x85
                }
                0xE2 => {
                    self.newline_only &= !(next(1) == 0x80 && matches!(next(2), 0xA8 | 0xA9));
                    false
                }
                // U+FFFE and U+FFFF in UTF-8.
                0xEF => next(1) == 0xBF && next(2) >= 0xBE,
                _ => false,
            };
            if bad {
                return Err(control_character(bytes, place));
            }
        }
        Ok(())
    }
}

const CHUNK: usize = 256;

/// Whether YAML's reader accepts the characters that JSON leaves unescaped, in a value or in a key.
///
/// Go's libraries write JSON and parse it again as YAML. JSON leaves DEL, the C1 controls, U+FFFE and U+FFFF
/// unescaped, which the reader refuses. A next line (U+0085) ends a line, which is not allowed in a key.
pub fn is_read_from_json(text: &[u8], is_key: bool) -> bool {
    let refused = |at: usize| match text[at] {
        0x7F => true,
        0xC2 => text.get(at + 1).is_some_and(|next| *next < 0xA0 && (is_key || *next != 0x85)),
        0xEF => text.get(at + 1) == Some(&0xBF) && text.get(at + 2).is_some_and(|last| *last >= 0xBE),
        _ => false,
    };
    text.iter().all(|b| *b < 0x7F) || !(0..text.len()).any(refused)
}

fn line_of(bytes: &[u8], at: usize) -> u32 {
    1 + u32::try_from(memchr::memchr_iter(b'\n', &bytes[..at]).count()).unwrap_or(u32::MAX - 1)
}

fn not_utf8(bytes: &[u8], at: usize) -> Error {
    let wide = bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF");
    let message = if wide { "the text is UTF-16, not UTF-8" } else { "the text is not valid UTF-8" };
    Error::at(line_of(bytes, at), 0, message)
        .hint("save the file as UTF-8; binary data belongs base64-encoded in data or binaryData")
}

fn control_character(bytes: &[u8], at: usize) -> Error {
    let code = std::str::from_utf8(&bytes[at..])
        .ok()
        .and_then(|t| t.chars().next())
        .map_or_else(|| format!("0x{:02X}", bytes[at]), |c| format!("U+{:04X}", u32::from(c)));
    Error::at(line_of(bytes, at), 0, "control characters are not allowed")
        .detail(&format!(": found {code}"))
        .about_value()
        .hint("remove the character, or write it escaped in a double-quoted string")
}

#[cfg(test)]
mod tests {
    use super::{Input, is_read_from_json};

    #[test]
    fn characters_that_json_keeps_and_yaml_refuses_are_found() {
        for text in ["a", "é \u{a0}\u{fffd}", "\t\u{0}", "\u{feff}"] {
            assert!(is_read_from_json(text.as_bytes(), true), "{text:?}");
        }
        for text in ["\u{7f}", "a\u{80}", "\u{9f}", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_read_from_json(text.as_bytes(), false), "{text:?}");
        }
        let next_line = "a\u{85}b".as_bytes();
        assert!(is_read_from_json(next_line, false) && !is_read_from_json(next_line, true));
    }

    #[test]
    fn a_text_says_whether_it_is_ascii_and_how_its_lines_end() {
        let input = Input::new("\u{FEFF}a: é\r\n".as_bytes()).expect("valid");
        assert_eq!((input.text, input.ascii, input.newline_only), ("a: é\r\n", false, false));
        let input = Input::new(b"a: b\n").expect("valid");
        assert!(input.ascii && input.newline_only);
        for bad in
            [&b"a\x00"[..], b"a\n\x07", b"\x7f", "\u{80}".as_bytes(), "\u{FFFF}".as_bytes(), b"\xFF\xFEa\0"]
        {
            assert!(Input::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Input::new(b"a\n\xC3").map(|_| ()).expect_err("cut").line(), 2);
        assert!(Input::new("\u{85}\u{A0}\u{FFFD}\u{10FFFF}".as_bytes()).is_ok());
    }
}
