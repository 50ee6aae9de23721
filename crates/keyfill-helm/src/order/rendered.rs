//! Shows the rendered lines around an error, since the template does not contain them.

use crate::error;
use keyfill_diag::ObjectRef;
use keyfill_yaml::{Error, locate};

/// How many lines are shown before the line of the error.
const LINES_BEFORE: usize = 3;
/// The most characters of a line that are shown.
const LONGEST_LINE: usize = 120;

/// The lines up to the position of an error, each after a newline. Empty if the position is not known.
pub(super) fn shown(document: &[u8], error: &Error) -> String {
    around(document, error.line(), error.column())
}

/// The lines up to a field of a document, or up to its first line if the field is not found.
pub(super) fn of_field(document: &[u8], path: Option<&str>) -> String {
    if let Some(mark) = path.and_then(|path| locate(document, &error::steps(path))) {
        return around(document, mark.line, mark.column);
    }
    let holds = |line: &&[u8]| !matches!(line.trim_ascii().first(), None | Some(b'#'));
    let first = document.split(|b| *b == b'\n').position(|line| holds(&line)).unwrap_or(0) + 1;
    around(document, u32::try_from(first).unwrap_or(0), 1)
}

fn around(document: &[u8], line: u32, column: u32) -> String {
    let Ok(wrong) = usize::try_from(line) else { return String::new() };
    if wrong == 0 {
        return String::new();
    }
    let is_secret = kind(document).is_some_and(|kind| kind == "Secret");
    let first = wrong.saturating_sub(LINES_BEFORE).max(1);
    let width = wrong.to_string().len();
    let mut text = String::new();
    let lines = document.split(|b| *b == b'\n');
    for (number, line) in (1..).zip(lines).skip(first - 1).take_while(|(number, _)| *number <= wrong) {
        let line = String::from_utf8_lossy(line).trim_end_matches('\r').replace('\t', " ");
        let line = if is_secret { without_value(&line) } else { line };
        let line: String = line.chars().take(LONGEST_LINE).collect();
        text.push_str(&format!("\n{number:>width$} | {line}"));
    }
    let column = column as usize;
    if (1..=LONGEST_LINE).contains(&column) && !is_secret {
        text.push_str(&format!("\n{:width$} | {:>column$}", "", "^"));
    }
    text
}

/// A line of a Secret, without its value.
fn without_value(line: &str) -> String {
    match line.split_once(':') {
        Some((key, value)) if !value.trim().is_empty() => format!("{key}: ..."),
        Some(_) => line.to_owned(),
        None => "...".to_owned(),
    }
}

/// Kind, namespace and name of a document that cannot be parsed.
pub(super) fn object(document: &[u8]) -> Option<ObjectRef> {
    let text = String::from_utf8_lossy(document);
    let metadata = text.lines().skip_while(|line| !line.starts_with("metadata:")).skip(1);
    let metadata: Vec<&str> = metadata.take_while(|line| line.starts_with(' ')).collect();
    let field = |name: &str| {
        let value = metadata.iter().find_map(|line| line.trim_start().strip_prefix(name));
        value.map(plain).unwrap_or_default()
    };
    ObjectRef::new(kind(document).unwrap_or_default(), field("namespace:"), field("name:"))
}

fn kind(document: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(document);
    let kind = text.lines().find_map(|line| line.strip_prefix("kind:")).map(plain)?;
    (!kind.is_empty()).then_some(kind)
}

/// A scalar without quotes, up to the first character that does not occur in names.
fn plain(text: &str) -> String {
    let text = text.trim().trim_matches(['"', '\'']);
    text.chars().take_while(|c| c.is_alphanumeric() || ".-_".contains(*c)).take(LONGEST_LINE).collect()
}

#[cfg(test)]
mod tests {
    use super::{object, shown};
    use keyfill_diag::ObjectRef;

    const BAD: &str = "kind: ConfigMap\nmetadata:\n  labels: {}\n  name: \"c3\"\ndata:\n  x: a: b\n";

    fn error(text: &str) -> keyfill_yaml::Error {
        keyfill_yaml::load_value(text.as_bytes(), &keyfill_yaml::Limits::default()).unwrap_err()
    }

    #[test]
    fn the_object_is_named_and_its_lines_are_shown() {
        assert_eq!(object(BAD.as_bytes()), ObjectRef::new("ConfigMap", "", "c3"));
        let lines = shown(BAD.as_bytes(), &error(BAD));
        assert!(lines.contains("\n5 | data:\n6 |   x: a: b\n"), "{lines}");
        assert!(lines.ends_with('^'), "{lines}");
    }

    #[test]
    fn the_values_of_a_secret_are_not_shown() {
        let secret = BAD.replace("ConfigMap", "Secret").replace("a: b", "hush: b");
        let lines = shown(secret.as_bytes(), &error(&secret));
        assert!(lines.contains("x: ...") && !lines.contains("hush"), "{lines}");
    }
}
