//! Text of others on its way to a terminal, a log or a CI system: what would move the cursor, turn the
//! direction of writing or begin a line is made visible.
//!
//! Names of files, objects and keys come from whoever wrote the manifests. A raw escape could repaint a
//! terminal, a line break could forge a line of a log or a command of the CI system.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Whether a character acts on what shows the text, or is a line break that few programs know.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The text in one line: what acts is written as `\n`, `\u{1b}`.
pub fn one_line(text: &str) -> Cow<'_, str> {
    replaced(text, |c| acts(c).then(|| c.escape_default().to_string()))
}

/// The same, where line breaks and tabs are meant.
pub fn lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| (acts(c) && c != '\n' && c != '\t').then(|| c.escape_default().to_string()))
}

/// A line of a file, with as many characters as it has: a caret stands below one of them.
pub fn same_width(text: &str) -> Cow<'_, str> {
    replaced(text, |c| acts(c).then(|| if c == '\t' { " " } else { "\u{fffd}" }.to_owned()))
}

/// JSON with the same meaning: what acts can only stand in strings, which have escapes of their own.
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
