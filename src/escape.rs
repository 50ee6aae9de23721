//! Escapes untrusted text before it is printed to a terminal, a log or a CI system: characters that move the
//! cursor, change the direction of writing or begin a new line are made visible.
//!
//! Names of files, objects and keys are chosen by authors of manifests. A raw escape sequence could overwrite a
//! terminal, and a line break could forge a log line or a command of the CI system.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character controls the display of the text (control characters, bidirectional marks), or is a Unicode
/// line break.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text in one line: control characters are written as `\n`, `\u{1b}`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    replaced(text, |c| acts(c).then(|| c.escape_default().to_string()))
}

/// The same, but line breaks and tabs stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| (acts(c) && c != '\n' && c != '\t').then(|| c.escape_default().to_string()))
}

/// A line of a file without control characters, but with the same number of characters, so that a caret below it
/// points to the right one.
pub fn same_width(text: &str) -> Cow<'_, str> {
    replaced(text, |c| acts(c).then(|| if c == '\t' { " " } else { "\u{fffd}" }.to_owned()))
}

/// JSON with the same meaning: control characters, which valid JSON has only in strings, are written as JSON escapes.
pub fn json(text: &str) -> Cow<'_, str> {
    replaced(text, |c| {
        (acts(c) && c != '\n').then(|| {
            let mut units = [0; 2];
            let mut escaped = String::new();
            for unit in c.encode_utf16(&mut units) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
            escaped
        })
    })
}

fn replaced(text: &str, change: impl Fn(char) -> Option<String>) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match change(c) {
            Some(visible) => out.push_str(&visible),
            None => out.push(c),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::{json, lines, one_line, same_width};

    const HOSTILE: &str = "a\n::warning\u{1b}[31m\u{9b}1m\u{202e}\u{2028}\tb\u{7f}";

    #[test]
    fn what_acts_is_made_visible() {
        assert_eq!(one_line(HOSTILE), "a\\n::warning\\u{1b}[31m\\u{9b}1m\\u{202e}\\u{2028}\\tb\\u{7f}");
        assert!(lines(HOSTILE).starts_with("a\n::warning\\u{1b}") && lines(HOSTILE).contains("\tb"));
        assert_eq!(same_width(HOSTILE).chars().count(), HOSTILE.chars().count());
        assert_eq!(one_line("naïve — 日本 👩‍💻"), "naïve — 日本 👩‍💻");
    }

    #[test]
    fn json_keeps_its_meaning() {
        let written = serde_json::to_string(HOSTILE).expect("a string");
        let safe = json(&written);
        assert!(safe.chars().all(|c| !super::acts(c)), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).expect("JSON"), HOSTILE);
    }
}
