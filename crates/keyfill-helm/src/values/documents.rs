//! The documents of a values file. helm 3 uses the first. helm 4 splits the file at lines that begin with `---`,
//! before it parses YAML, and merges all documents in order.

use super::{Text, not_a_map, unreadable};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use keyfill_yaml::{Limits, Value};
use memchr::memmem;

const SEPARATOR: &[u8] = b"---";

/// A values file as errors name it.
#[derive(Clone, Copy)]
pub(crate) struct File<'a> {
    /// The content of the file: `the values`.
    pub(crate) what: &'a str,
    /// The beginning of the message if the file cannot be parsed: `cannot load values.yaml`.
    pub(crate) failed: &'a str,
    /// The path of the file, or the name of a text.
    pub(crate) place: &'a str,
}

/// The values of a file, document by document: mappings, or null for an empty document.
pub(crate) fn load(text: &[u8], file: File<'_>, helm: HelmCompat, limits: &Limits) -> Result<Vec<Value>> {
    let parts = match helm {
        HelmCompat::V3 => vec![Part { text, line: 0 }],
        HelmCompat::V4 => parts(text).map_err(|wrong| wrong.into_error(file))?,
    };
    let read = |part: Part<'_>| {
        let value = keyfill_yaml::load_value(part.text, limits).map_err(|e| {
            unreadable(Text { text: part.text, line: part.line, what: file.failed, place: file.place }, &e)
        })?;
        match value {
            Value::Map(_) | Value::Null => Ok(value),
            other => Err(not_a_map(file.what, file.place, &other)),
        }
    };
    parts.into_iter().map(read).collect()
}

/// A document of a file.
#[derive(Debug, PartialEq, Eq)]
struct Part<'a> {
    text: &'a [u8],
    /// The number of lines before the document.
    line: u32,
}

/// A separator that is followed on its line by text that is not a comment.
#[derive(Debug, PartialEq, Eq)]
struct BadSeparator {
    line: u32,
    rest: String,
}

impl BadSeparator {
    fn into_error(self, file: File<'_>) -> Error {
        let File { failed, place, .. } = file;
        let rest = &self.rest;
        Error::render(format!("{failed}: {rest:?} follows the document separator `---` on its line"))
            .in_file(place)
            .at(self.line, Some(4))
            .hint("write what follows `---` on the next line; --helm-compat 3 reads it as it is")
    }
}

/// Splits a text at separators. A separator at the beginning of a document is part of it. Any other ends the
/// document before it and is dropped.
fn parts(text: &[u8]) -> std::result::Result<Vec<Part<'_>>, BadSeparator> {
    let mut parts = Vec::new();
    let (mut begin, mut begin_line, mut seen, mut line) = (0, 0, 0, 0);
    let mut next = if text.starts_with(SEPARATOR) { Some(0) } else { next_separator(text, 0) };
    while let Some(at) = next {
        line += count_lines(&text[seen..at]);
        seen = at;
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |end| at + end + 1);
        let rest = String::from_utf8_lossy(&text[at + SEPARATOR.len()..end]).trim().to_owned();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(BadSeparator { line: line + 1, rest });
        }
        if at > begin {
            parts.push(Part { text: &text[begin..at], line: begin_line });
            (begin, begin_line) = (end, line + 1);
        }
        next = if text[end..].starts_with(SEPARATOR) && end < text.len() {
            Some(end)
        } else {
            next_separator(text, end.saturating_sub(1))
        };
    }
    if begin < text.len() {
        parts.push(Part { text: &text[begin..], line: begin_line });
    }
    Ok(parts)
}

/// The offset of the next line that begins with a separator.
fn next_separator(text: &[u8], from: usize) -> Option<usize> {
    memmem::find(&text[from..], b"\n---").map(|at| from + at + 1)
}

fn count_lines(text: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', text).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{BadSeparator, parts};

    #[test]
    fn documents_are_cut_at_separators() {
        let cut = |text: &'static str| -> Vec<(&str, u32)> {
            let parts = parts(text.as_bytes()).unwrap();
            parts.into_iter().map(|p| (std::str::from_utf8(p.text).unwrap(), p.line)).collect()
        };
        assert_eq!(cut(""), []);
        assert_eq!(cut("a: 1\n"), [("a: 1\n", 0)]);
        assert_eq!(cut("---\na: 1\n"), [("---\na: 1\n", 0)]);
        assert_eq!(cut("a: 1\n--- # next\nb: 2\n---\n"), [("a: 1\n", 0), ("b: 2\n", 2)]);
        assert_eq!(cut("---\n---\r\na: 1"), [("---\n", 0), ("a: 1", 2)]);
        assert_eq!(cut("a: 1\n---\n---\nb: 2"), [("a: 1\n", 0), ("---\nb: 2", 2)]);
        assert_eq!(cut("a: 1\n ---\n"), [("a: 1\n ---\n", 0)]);
    }

    #[test]
    fn text_after_a_separator_is_refused() {
        let wrong = BadSeparator { line: 2, rest: "{b: 2}".into() };
        assert_eq!(parts(b"a: 1\n--- {b: 2}\n"), Err(wrong));
        assert!(parts(b"----\n").is_err());
    }
}
