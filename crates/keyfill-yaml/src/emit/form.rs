//! The differences between the libraries that share libyaml's layout.

use super::analysis::{Allowed, NEWLINE, classes, v2, v3};
use crate::Style;
use crate::resolve::{Resolved, is_base60, is_of_yaml_1_1, resolve_plain};
use crate::scan::Dialect;

/// What a writer needs to know about a library.
pub(super) trait Form {
    /// Whether the values made a round trip through JSON, which changes numbers and strings.
    const IS_READ_FROM_JSON: bool;
    /// Whether long lines are folded at their spaces.
    const FOLDS: bool;
    /// Whether a sequence that is a value is not indented below its key.
    const COMPACT: bool;

    /// The styles that a text allows; `seen` are its [`classes`].
    fn allowed(text: &str, seen: u8) -> Allowed;
    /// Whether a text without quotes would be parsed as a string.
    fn is_string(text: &str) -> bool;

    /// The style of a string that is not empty.
    #[inline]
    fn style(text: &str, seen: u8, simple_key: bool) -> Style {
        let allowed = Self::allowed(text, seen);
        if seen & NEWLINE != 0 {
            return if allowed.block && !simple_key { Style::Literal } else { Style::Double };
        }
        if !Self::is_string(text) {
            return Style::Double;
        }
        match allowed {
            Allowed { plain: true, .. } => Style::Plain,
            Allowed { single: true, .. } => Style::Single,
            _ => Style::Double,
        }
    }
}

/// `sigs.k8s.io/yaml`, whose emitter is that of yaml.v2.
pub(super) struct Sigs;

impl Form for Sigs {
    const IS_READ_FROM_JSON: bool = true;
    const FOLDS: bool = true;
    const COMPACT: bool = true;

    #[inline]
    fn allowed(text: &str, seen: u8) -> Allowed {
        v2(text, seen)
    }

    fn is_string(text: &str) -> bool {
        matches!(resolve_plain(Dialect::V2, text), Resolved::Str | Resolved::Merge) && !is_base60(text)
    }
}

/// `go.yaml.in/yaml/v3`, writing Go values.
pub(super) struct V3;

impl Form for V3 {
    const IS_READ_FROM_JSON: bool = false;
    const FOLDS: bool = false;
    const COMPACT: bool = false;

    fn allowed(text: &str, _: u8) -> Allowed {
        v3(text, false)
    }

    /// The text must be a string in YAML 1.1, too: yaml.v3 considers parsers of that version.
    fn is_string(text: &str) -> bool {
        resolve_plain(Dialect::V3, text) == Resolved::Str && !is_of_yaml_1_1(text)
    }
}

/// The style in which yaml.v3 writes a string of one line outside of flow collections: double quotes if it would
/// have another type without them, single quotes if its characters require quotes.
pub fn style_of_line(text: &str) -> Style {
    if text.is_empty() { Style::Double } else { V3::style(text, classes(text), true) }
}

#[cfg(test)]
mod tests {
    use super::style_of_line;
    use crate::Style;

    #[test]
    fn strings_that_would_have_another_type_need_quotes() {
        for text in [
            "",
            "5",
            "yes",
            "12:30",
            "-1:59.5",
            "a: b",
            "x #y",
            "true",
            "- a",
            " a",
            "a ",
            "2001-12-14",
            "\t",
        ] {
            assert_ne!(style_of_line(text), Style::Plain, "{text:?}");
        }
        for text in ["a", "a:b", "a#b", "12:60", "1:2:x", "Yes!", "http://x", "-a", "é", "1.2.3"] {
            assert_eq!(style_of_line(text), Style::Plain, "{text:?}");
        }
    }
}
