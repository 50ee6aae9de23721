//! Splitting a stream at its `---` lines, without parsing it.

use memchr::memmem;
use std::ops::Range;

/// One document of a stream, as ranges of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The separator before the document: empty before the first `---` line, else that line with its newline.
    pub before: Range<usize>,
    /// The text of the document, up to the next `---` line.
    pub body: Range<usize>,
    /// The line on which the body begins, counted from 1.
    pub line: u32,
}

/// Splits a stream into documents. A line is a separator if it begins with `---` and then ends or continues with
/// white space. If a document starts on that line (`--- {a: 1}`, `--- !tag`), the rest of the line belongs to its
/// body. A stream that begins with a separator has no empty document before it.
///
/// ```
/// let stream = b"a: 1\n--- # second\nb: 2\n";
/// let bodies: Vec<&[u8]> = keyfill_yaml::split_stream(stream).map(|part| &stream[part.body]).collect();
/// assert_eq!(bodies, [&b"a: 1\n"[..], b"b: 2\n"]);
/// ```
pub fn split_stream(text: &[u8]) -> impl Iterator<Item = Part> + '_ {
    Parts { text, next: 0, done: false, line: 1, first: true }
}

struct Parts<'a> {
    text: &'a [u8],
    /// Where the separator of the next document begins, or the body of the first one.
    next: usize,
    line: u32,
    first: bool,
    done: bool,
}

/// The end of a separator that begins at `at`, if there is one: behind its newline, or before the content on the
/// same line.
fn separator_end(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?.strip_prefix(b"---")?;
    let line_end = memchr::memchr(b'\n', rest).map_or(rest.len(), |n| n + 1);
    let after = &rest[..line_end];
    if !matches!(after.first(), None | Some(b' ' | b'\t' | b'\r' | b'\n')) {
        return None;
    }
    let blank = after.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let bare = matches!(after.get(blank), None | Some(b'\r' | b'\n' | b'#'));
    Some(at + 3 + if bare { line_end } else { blank })
}

/// The end of the separator behind directives such as `%YAML`, at which the first document begins; `None` without
/// directives.
fn behind_directives(text: &[u8]) -> Option<usize> {
    let mut at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    let mut seen = false;
    while at < text.len() {
        if let Some(end) = separator_end(text, at) {
            return seen.then_some(end);
        }
        let line = &text[at..];
        let length = memchr::memchr(b'\n', line).map_or(line.len(), |n| n + 1);
        match line[..length].trim_ascii().first() {
            Some(b'%') if line[0] == b'%' => seen = true,
            None | Some(b'#') => {}
            Some(_) => return None,
        }
        at += length;
    }
    None
}

impl Iterator for Parts<'_> {
    type Item = Part;

    fn next(&mut self) -> Option<Part> {
        loop {
            if self.done {
                return None;
            }
            let start = self.next;
            let mut body = separator_end(self.text, start).unwrap_or(start);
            if body == 0 {
                body = behind_directives(self.text).unwrap_or(0);
            }
            let end = next_separator(self.text, body);
            let part_line = self.line + newlines(&self.text[start..body]);
            self.line = part_line + newlines(&self.text[body..end]);
            self.done = end == self.text.len();
            self.next = end;
            let lead = std::mem::take(&mut self.first) && body == start && end == start;
            if lead {
                // The stream is empty or ends here.
                continue;
            }
            return Some(Part { before: start..body, body: body..end, line: part_line });
        }
    }
}

fn next_separator(text: &[u8], from: usize) -> usize {
    // The next document may be empty: `---` twice in a row.
    if from > 0 && text[from - 1] == b'\n' && separator_end(text, from).is_some() {
        return from;
    }
    let mut at = from;
    while let Some(found) = memmem::find(&text[at..], b"\n---") {
        let line = at + found + 1;
        if separator_end(text, line).is_some() {
            return line;
        }
        at = line;
    }
    text.len()
}

fn newlines(text: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::split_stream;

    fn split(text: &str) -> Vec<(&str, &str, u32)> {
        let parts: Vec<_> = split_stream(text.as_bytes()).collect();
        let whole: String =
            parts.iter().flat_map(|p| [&text[p.before.clone()], &text[p.body.clone()]]).collect();
        assert_eq!(whole, text, "nothing is lost");
        parts.iter().map(|p| (&text[p.before.clone()], &text[p.body.clone()], p.line)).collect()
    }

    #[test]
    fn parts_end_at_separator_lines() {
        assert_eq!(split(""), []);
        assert_eq!(split("a: 1\n"), [("", "a: 1\n", 1)]);
        assert_eq!(split("---\na: 1\n---\nb: 2"), [("---\n", "a: 1\n", 2), ("---\n", "b: 2", 4)]);
        assert_eq!(
            split("# c\n--- # x\na\n---\n---\n"),
            [("", "# c\n", 1), ("--- # x\n", "a\n", 3), ("---\n", "", 5), ("---\n", "", 6)]
        );
        assert_eq!(split("a\n----\n---b\n"), [("", "a\n----\n---b\n", 1)]);
        assert_eq!(split("--- {a: 1}\n--- |\n x"), [("--- ", "{a: 1}\n", 1), ("--- ", "|\n x", 2)]);
        assert_eq!(split("---\r\na\r\n---"), [("---\r\n", "a\r\n", 2), ("---", "", 3)]);
    }

    #[test]
    fn directives_stand_before_the_first_document() {
        assert_eq!(
            split("# c\n%YAML 1.1\n%TAG ! !\n---\na: 1\n---\nb: 2\n"),
            [("# c\n%YAML 1.1\n%TAG ! !\n---\n", "a: 1\n", 5), ("---\n", "b: 2\n", 7)]
        );
        assert_eq!(split("%a: 1\nb\n---\n"), [("", "%a: 1\nb\n", 1), ("---\n", "", 4)]);
        assert_eq!(split("a: 1\n%b\n---\n"), [("", "a: 1\n%b\n", 1), ("---\n", "", 4)]);
    }
}
