//! Runes in byte strings, as Go decodes them: a byte that begins no valid rune is U+FFFD, with a length of one
//! byte.

/// A rune in a byte string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rune {
    /// The character; U+FFFD if the bytes are not valid UTF-8.
    pub char: char,
    /// Length in bytes; 1 if the bytes are not valid UTF-8.
    pub len: usize,
    /// Whether the bytes are valid UTF-8.
    pub valid: bool,
}

/// The first rune; `None` if the text is empty.
#[inline]
pub fn decode(text: &[u8]) -> Option<Rune> {
    let &first = text.first()?;
    if first < 0x80 {
        return Some(Rune { char: char::from(first), len: 1, valid: true });
    }
    let len = match first {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => 0,
    };
    let char = text.get(..len).and_then(|t| std::str::from_utf8(t).ok()).and_then(|t| t.chars().next());
    Some(match char {
        Some(char) => Rune { char, len, valid: true },
        None => Rune { char: char::REPLACEMENT_CHARACTER, len: 1, valid: false },
    })
}

/// The last rune; `None` if the text is empty.
pub fn decode_last(text: &[u8]) -> Option<Rune> {
    let end = text.len();
    (1..=4.min(end))
        .filter_map(|len| decode(&text[end - len..]).filter(|r| r.valid && r.len == len))
        .next()
        .or_else(|| (end > 0).then_some(Rune { char: char::REPLACEMENT_CHARACTER, len: 1, valid: false }))
}

/// All runes, in order.
pub fn runes(mut text: &[u8]) -> impl Iterator<Item = Rune> + '_ {
    std::iter::from_fn(move || {
        let rune = decode(text)?;
        text = &text[rune.len..];
        Some(rune)
    })
}

/// Appends a character.
#[inline]
pub fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// The text with each rune replaced by `change`. Bytes that are not part of a rune become U+FFFD, as in Go's
/// `strings.Map`.
pub fn map(text: &[u8], mut change: impl FnMut(char) -> char) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for rune in runes(text) {
        push(&mut out, change(rune.char));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_last, runes};

    #[test]
    fn each_invalid_byte_is_a_rune_of_its_own() {
        let lens: Vec<_> = runes(b"a\xe2\x82\xff\xf0\x9f\x98\x80").map(|r| (r.len, r.valid)).collect();
        assert_eq!(lens, [(1, true), (1, false), (1, false), (1, false), (4, true)]);
        assert_eq!(decode(b""), None);
        assert_eq!(decode_last("xé".as_bytes()).map(|r| r.char), Some('é'));
        assert_eq!(decode_last(b"x\x82").map(|r| r.valid), Some(false));
    }
}
