//! Splitting a stream into documents as kustomize does.

use crate::Error;

/// The pieces of a stream, each with the number of lines before it. A separator is `\n---` up to the next `\n`;
/// between these there may only be a comment or white space.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Result<(&str, u32), Error>> {
    let mut from = Some(0);
    let mut line = 0u32;
    std::iter::from_fn(move || {
        let start = from?;
        let Some((end, after)) = separator(text, start) else {
            from = None;
            return Some(Ok((&text[start..], line)));
        };
        let piece = &text[start..=end];
        let piece_line = line;
        line += count_lines(piece) + 1;
        let comment = text[end + 4..after].trim();
        if !comment.is_empty() && !comment.starts_with('#') {
            from = None;
            let message = format!("invalid document separator: ---{}", text[end + 4..after].trim_end());
            return Some(Err(
                Error::at(line, 1, message).hint("only a comment may stand on the line of a separator")
            ));
        }
        from = Some(after);
        Some(Ok((piece, piece_line)))
    })
}

/// The position of the newline before the next separator, and of the text after it.
fn separator(text: &str, from: usize) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let at = from + memchr::memmem::find(&bytes[from..], b"\n---")?;
    let end = at + 4 + memchr::memchr(b'\n', &bytes[at + 4..])?;
    Some((at, end + 1))
}

fn count_lines(text: &str) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text.as_bytes()).count()).unwrap_or(u32::MAX)
}
