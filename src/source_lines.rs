//! Adds the text of the source line to a diagnostic. Engines only know file and line number; the text is read when
//! a problem is reported.

use bytes::Bytes;
use keyfill_diag::{Diagnostic, without_users};
use keyfill_files::{Files, TreePath};
use std::sync::{Mutex, PoisonError};

/// The longest line that is shown, in bytes: nobody reads a longer one, and reports are bounded.
const LONGEST: usize = 64 * 1024;

/// The largest file, in bytes, of which lines are shown, since it may be read again for each of many problems.
const LARGEST: usize = 4 << 20;

/// The most files that are kept in memory for the next problem.
const MOST_FILES: usize = 8;

/// The lines of a tree's files, for the problems of one report: a file is read once for all problems that are about it.
pub struct Lines<'f> {
    files: &'f dyn Files,
    kept: Kept,
}

impl<'f> Lines<'f> {
    /// The lines of a tree's files.
    pub fn of(files: &'f dyn Files) -> Self {
        Self { files, kept: Kept::default() }
    }

    /// Adds the line's text to a diagnostic with a file of the tree and a line number. If the file does not have
    /// that line, the line number is removed.
    pub fn complete(&self, diagnostic: &mut Diagnostic) {
        let file = diagnostic.place.file.clone();
        if let Some(file) = file.as_deref().and_then(TreePath::new) {
            self.complete_from(&file, diagnostic);
        }
    }

    /// Like [`complete`](Self::complete), for a diagnostic that shows another path than the file has in the tree.
    pub fn complete_from(&self, file: &TreePath, diagnostic: &mut Diagnostic) {
        if diagnostic.place.line.is_none()
            || diagnostic.place.source_line.as_ref().is_some_and(|line| !line.is_empty())
        {
            return;
        }
        let text = self.kept.text(file.as_str(), || self.files.read(file).ok());
        if let Some(text) = text {
            complete(&text, diagnostic);
        }
    }
}

/// A cache of files that were read to show lines.
#[derive(Debug, Default)]
pub struct Kept(Mutex<Vec<(String, Option<Bytes>)>>);

impl Kept {
    /// The text of a file, which is read if it is not in the cache. `None` if it cannot be read or is too large.
    pub fn text(&self, file: &str, read: impl FnOnce() -> Option<Bytes>) -> Option<Bytes> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = kept.iter().find(|(name, _)| name == file) {
            return text.clone();
        }
        let text = read().filter(|text| text.len() <= LARGEST);
        if kept.len() == MOST_FILES {
            kept.remove(0);
        }
        kept.push((file.to_owned(), text.clone()));
        text
    }
}

/// Adds the line from a file's text.
fn complete(text: &[u8], diagnostic: &mut Diagnostic) {
    let place = &mut diagnostic.place;
    let Some(mut number) = place.line else { return };
    if let Some((last, end)) = end_before(text, number) {
        // An error one line after the end of the file is shown at the end of the last line.
        (place.line, place.column, place.width) = (Some(last), Some(end), 1);
        number = last;
    }
    let Some(line) = line_of(text, number) else {
        (place.line, place.column) = (None, None);
        return;
    };
    if line.len() > LONGEST {
        return;
    }
    // A URL in the line may contain a password.
    let mut line = without_users(String::from_utf8_lossy(line).trim_end());
    if diagnostic.object.as_ref().is_some_and(|object| object.kind == "Secret") {
        line = without_value(&line);
    }
    let count = |text: &str| u32::try_from(text.chars().count()).unwrap_or(0);
    if place.column.is_none() {
        let (indent, rest) = content(&line);
        place.column = Some(count(indent) + 1);
        place.width = count(rest).max(1);
    }
    place.source_line = Some(line);
}

/// The number of the last line and the column after its end, if `number` is the line after the last one.
fn end_before(text: &[u8], number: u32) -> Option<(u32, u32)> {
    let last = number.checked_sub(1).filter(|last| *last > 0 && line_of(text, number).is_none())?;
    let line = String::from_utf8_lossy(line_of(text, last)?);
    Some((last, u32::try_from(line.trim_end().chars().count() + 1).ok()?))
}

/// A line by its number, counted from 1. The text after the last newline is a line unless it is empty.
fn line_of(text: &[u8], number: u32) -> Option<&[u8]> {
    let index = usize::try_from(number.checked_sub(1)?).ok()?;
    let text = text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text);
    let mut start = 0;
    if index > 0 {
        start = memchr::memchr_iter(b'\n', text).nth(index - 1)? + 1;
        if start == text.len() {
            return None;
        }
    }
    let end = memchr::memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at);
    Some(&text[start..end])
}

/// Splits a line into its indentation, dashes of lists included, and its content without a comment.
fn content(line: &str) -> (&str, &str) {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    let indent = &line[..line.len() - rest.len()];
    let end = if rest.starts_with('#') { rest.len() } else { rest.find(" #").unwrap_or(rest.len()) };
    (indent, rest[..end].trim_end())
}

/// A line of a Secret with the value replaced by `...`, unless it is a placeholder or the key is a public field
/// such as `kind`.
fn without_value(line: &str) -> String {
    const PUBLIC: [&str; 9] =
        ["apiVersion", "kind", "metadata", "name", "namespace", "type", "op", "path", "behavior"];
    let (indent, rest) = content(line);
    let end = [": ", "="].iter().filter_map(|mark| Some(rest.find(mark)? + mark.len())).min();
    let (key, value) = rest.split_at(end.unwrap_or(if rest.ends_with(':') { rest.len() } else { 0 }));
    let name = key.trim_end_matches([':', '=', ' ']).trim_matches(['"', '\'']);
    let is_placeholder = value.starts_with('<') && value.ends_with('>');
    if value.is_empty() || is_placeholder || PUBLIC.contains(&name) {
        return line.to_owned();
    }
    format!("{indent}{key}...")
}

#[cfg(test)]
mod tests {
    use super::{Kept, LARGEST, Lines, MOST_FILES, without_value};
    use bytes::Bytes;
    use keyfill_diag::{Class, Diagnostic, ObjectRef, Place};
    use keyfill_files::MemoryFiles;

    fn completed(line: u32, column: Option<u32>, kind: &str) -> Place {
        let text = "a: 1\r\n  - name: x # y\npassword: hunter2\n";
        let files: MemoryFiles = [("app/k.yaml", text.to_owned())].into_iter().collect();
        let place = Place { column, ..Place::file("app/k.yaml", Some(line)) };
        let mut diagnostic =
            Diagnostic::error(Class::Render, "m").at(place).about(ObjectRef::new(kind, "", "x"));
        Lines::of(&files).complete(&mut diagnostic);
        diagnostic.place
    }

    #[test]
    fn the_line_is_shown_with_a_caret_under_what_it_says() {
        let place = completed(2, None, "ConfigMap");
        assert_eq!(place.source_line.as_deref(), Some("  - name: x # y"));
        assert_eq!((place.column, place.width), (Some(5), 7));
        let place = completed(1, Some(4), "ConfigMap");
        assert_eq!((place.source_line.as_deref(), place.column, place.width), (Some("a: 1"), Some(4), 0));
    }

    #[test]
    fn a_file_is_read_once_and_a_large_one_is_not_kept() {
        let kept = Kept::default();
        let text = Bytes::from_static(b"a: 1");
        assert_eq!(kept.text("a", || Some(text.clone())), Some(text.clone()));
        assert_eq!(kept.text("a", || panic!("it is kept")), Some(text));
        assert_eq!(kept.text("b", || Some(vec![b'x'; LARGEST + 1].into())), None);
        assert_eq!(kept.text("b", || panic!("it is known to be large")), None);
        (0..2 * MOST_FILES).for_each(|n| drop(kept.text(&n.to_string(), || None)));
        assert!(kept.0.lock().unwrap().len() <= MOST_FILES);
    }

    #[test]
    fn a_line_behind_the_end_is_not_named() {
        let place = completed(5, Some(1), "ConfigMap");
        assert_eq!((place.line, place.column, place.source_line), (None, None, None));
        let place = completed(4, Some(1), "ConfigMap");
        assert_eq!(
            (place.line, place.column),
            (Some(3), Some(18)),
            "what is missing is missing behind the last"
        );
    }

    #[test]
    fn values_of_secrets_are_not_shown() {
        let shown = completed(3, None, "Secret").source_line;
        assert_eq!(shown.as_deref(), Some("password: ..."));
        for (line, expected) in [
            ("  - pass=hunter2", "  - pass=..."),
            ("- hunter2", "- ..."),
            ("  \"a b\": 'x: y'", "  \"a b\": ..."),
            ("data:", "data:"),
            ("  name: db", "  name: db"),
            ("  pass: <path:kv/a#b>", "  pass: <path:kv/a#b>"),
            ("hunter2", "..."),
        ] {
            assert_eq!(without_value(line), expected);
        }
    }
}
