//! Wrapping and abbreviating text at a width in bytes, as `github.com/Masterminds/goutils` does.

/// The treatment of a word that is wider than a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LongWords {
    /// The word stays on one line, which becomes wider.
    Kept,
    /// The word is cut at the width.
    Cut,
}

/// Breaks a text at spaces into lines of at most `width` bytes, joined by `newline`.
pub fn wrap(text: &[u8], width: i64, newline: &[u8], long_words: LongWords) -> Vec<u8> {
    let newline = if newline.is_empty() { b"\n" } else { newline };
    let width = usize::try_from(width).unwrap_or(0).max(1);
    let mut out = Vec::with_capacity(text.len() + text.len() / width.min(80));
    let mut rest = text;
    while rest.len() > width {
        if rest[0] == b' ' {
            rest = &rest[1..];
            continue;
        }
        // The line may also end at a space right after the width.
        let space = match rest[..=width].iter().rposition(|&b| b == b' ') {
            None if long_words == LongWords::Cut => {
                out.extend_from_slice(&rest[..width]);
                out.extend_from_slice(newline);
                rest = &rest[width..];
                continue;
            }
            None => rest[width..].iter().position(|&b| b == b' ').map(|at| at + width),
            found => found,
        };
        let Some(space) = space else { break };
        out.extend_from_slice(&rest[..space]);
        out.extend_from_slice(newline);
        rest = &rest[space + 1..];
    }
    out.extend_from_slice(rest);
    out
}

/// At most `width` bytes of the text, from about `offset` on, with `...` for omitted text; `None` if the width is
/// too small for that.
pub fn abbreviate(text: &[u8], offset: i64, width: i64) -> Option<Vec<u8>> {
    const MARK: &[u8] = b"...";
    if text.is_empty() {
        return Some(Vec::new());
    }
    let width = usize::try_from(width).ok().filter(|&w| w >= 4)?;
    if text.len() <= width {
        return Some(text.to_vec());
    }
    let last = text.len() - (width - MARK.len());
    // As in Go, the subtraction overflows for the smallest possible offset.
    let left = (text.len() as i64).wrapping_sub(offset);
    let offset = if left < (text.len() - last) as i64 { last } else { usize::try_from(offset).unwrap_or(0) };
    if offset <= 4 {
        return Some([&text[..width - MARK.len()], MARK].concat());
    }
    if width < 7 {
        return None;
    }
    if offset < last {
        let inner = abbreviate(&text[offset..], 0, (width - MARK.len()) as i64)?;
        return Some([MARK, &inner].concat());
    }
    Some([MARK, &text[last..]].concat())
}

#[cfg(test)]
mod tests {
    use super::{LongWords, abbreviate, wrap};

    #[test]
    fn texts_are_wrapped_as_goutils_does() {
        let kept = |text: &str, width| wrap(text.as_bytes(), width, b"", LongWords::Kept);
        assert_eq!(kept("Hello world again", 5), b"Hello\nworld\nagain");
        assert_eq!(kept("abcdefgh ij", 3), b"abcdefgh\nij");
        assert_eq!(kept("  a", 1), b"a");
        assert_eq!(wrap(b"abcdefgh", 3, b"|", LongWords::Cut), b"abc|def|gh");
    }

    #[test]
    fn texts_are_abbreviated_as_goutils_does() {
        assert_eq!(abbreviate(b"hello world", 0, 8).as_deref(), Some(&b"hello..."[..]));
        assert_eq!(abbreviate(b"1234 5678 9123", 5, 10).as_deref(), Some(&b"...5678..."[..]));
        assert_eq!(abbreviate(b"hello", 0, 3), None);
    }
}
