//! The line of the input that a diagnostic points at, read when it is shown. Engines know files and lines;
//! the text of a line they need not keep.

use keyfill_diag::{Diagnostic, without_users};
use keyfill_files::{Files, TreePath};

/// A line that is longer is not shown: nobody reads it, and reports are bounded.
const LONGEST: usize = 64 * 1024;

/// Adds the line to a diagnostic that names a file of the tree and a line of it. A line that the file does not
/// have is not named either.
pub fn complete(files: &dyn Files, diagnostic: &mut Diagnostic) {
    let file = diagnostic.place.file.clone();
    if let Some(file) = file.as_deref().and_then(TreePath::new) {
        complete_from(files, &file, diagnostic);
    }
}

/// As [`complete`], for a diagnostic whose file is shown under another name than it has in the tree.
pub fn complete_from(files: &dyn Files, file: &TreePath, diagnostic: &mut Diagnostic) {
    let place = &mut diagnostic.place;
    let Some(mut number) = place.line else { return };
    if place.source_line.as_ref().is_some_and(|line| !line.is_empty()) {
        return;
    }
    let Ok(text) = files.read(file) else { return };
    if let Some((last, end)) = end_before(&text, number) {
        // What is missing at the end of a file is missing behind its last line.
        (place.line, place.column, place.width) = (Some(last), Some(end), 1);
        number = last;
    }
    let Some(line) = line_of(&text, number) else {
        (place.line, place.column) = (None, None);
        return;
    };
    if line.len() > LONGEST {
        return;
    }
    // An author may have written a password into an address.
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

/// The last line of a text, and the column behind it, when the number is the next one.
fn end_before(text: &[u8], number: u32) -> Option<(u32, u32)> {
    let last = number.checked_sub(1).filter(|last| *last > 0 && line_of(text, number).is_none())?;
    let line = String::from_utf8_lossy(line_of(text, last)?);
    Some((last, u32::try_from(line.trim_end().chars().count() + 1).ok()?))
}

/// A line by its number, counted from 1. One after the last newline is a line when something stands on it.
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

/// The indentation of a line with the dashes of lists, and what stands behind it without a comment.
fn content(line: &str) -> (&str, &str) {
    let mut rest = line.trim_start();
    while let Some(item) = rest.strip_prefix("- ") {
        rest = item.trim_start();
    }
    let indent = &line[..line.len() - rest.len()];
    let end = if rest.starts_with('#') { rest.len() } else { rest.find(" #").unwrap_or(rest.len()) };
    (indent, rest[..end].trim_end())
}

/// A line of a Secret without what may be secret: what stands behind its key, unless it is a placeholder or
/// says what the object is.
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
    use super::{complete, without_value};
    use keyfill_diag::{Class, Diagnostic, ObjectRef, Place};
    use keyfill_files::MemoryFiles;

    fn completed(line: u32, column: Option<u32>, kind: &str) -> Place {
        let text = "a: 1\r\n  - name: x # y\npassword: hunter2\n";
        let files: MemoryFiles = [("app/k.yaml", text.to_owned())].into_iter().collect();
        let place = Place { column, ..Place::file("app/k.yaml", Some(line)) };
        let mut diagnostic =
            Diagnostic::error(Class::Render, "m").at(place).about(ObjectRef::new(kind, "", "x"));
        complete(&files, &mut diagnostic);
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
