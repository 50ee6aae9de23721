//! Converts text that may not be UTF-8 for the matcher.
//!
//! Go treats each byte that is not part of a rune as U+FFFD. The matcher gets a text in which these bytes are
//! replaced by that character, and positions in that text are converted to positions in the original.

use crate::utf8;
use std::borrow::Cow;
use std::ops::Range;

/// A text, converted to UTF-8.
pub(super) struct Haystack<'a> {
    bytes: Cow<'a, [u8]>,
    /// Positions in `bytes` of the replaced bytes, in order. Each replacement is two bytes longer than the
    /// original.
    replaced: Vec<usize>,
}

impl<'a> Haystack<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        if std::str::from_utf8(text).is_ok() {
            return Self { bytes: Cow::Borrowed(text), replaced: Vec::new() };
        }
        let (mut bytes, mut replaced, mut rest) = (Vec::with_capacity(text.len() + 16), Vec::new(), text);
        while let Some(rune) = utf8::decode(rest) {
            if rune.valid {
                bytes.extend_from_slice(&rest[..rune.len]);
            } else {
                replaced.push(bytes.len());
                bytes.extend_from_slice("\u{FFFD}".as_bytes());
            }
            rest = &rest[rune.len..];
        }
        Self { bytes: Cow::Owned(bytes), replaced }
    }

    /// The text as UTF-8.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A range between runes, converted to the original text.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        self.place(range.start)..self.place(range.end)
    }

    /// The position after the rune that begins at `at`. At the end of the text, one byte further.
    pub(super) fn after_rune(&self, at: usize) -> usize {
        at + utf8::decode(&self.bytes[at..]).map_or(1, |r| r.len)
    }

    fn place(&self, at: usize) -> usize {
        at - 2 * self.replaced.partition_point(|&r| r < at)
    }
}
