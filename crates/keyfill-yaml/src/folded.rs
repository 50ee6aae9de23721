//! The bug in yaml.v3's writer that changes folded scalars.
//!
//! kustomize writes each resource with yaml.v3 and parses it again before it prints it. For each line break in a
//! `>` scalar, yaml.v3 must decide whether to double it, so that parsing does not fold it. It tests the first
//! character of the whole text for that, instead of the one after the line break. Therefore some texts change in
//! this round trip, and the official output shows it.

use crate::emit::analysis::{has_break, v3};
use crate::{Scalar, Style, Text, edit, scan};

/// The text of a folded scalar after one round trip through yaml.v3's writer and parser; `None` if it does not
/// change.
pub(crate) fn after_reading_again(scalar: &Scalar) -> Option<Text> {
    let text = scalar.text.as_str();
    if scalar.style != Style::Folded || text.is_empty() {
        return None;
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !has_break(body) || !v3(text, false).block {
        return None;
    }
    let read = scan::whole_scalar(&edit::folded(text))?;
    (read != text).then(|| Text::from(read))
}

/// Whether yaml.v3 writes a block scalar that its parser refuses: one whose text begins with a tab.
pub(crate) fn is_lost(scalar: &Scalar) -> bool {
    let block = matches!(scalar.style, Style::Literal | Style::Folded);
    block && scalar.text.starts_with('\t') && v3(&scalar.text, false).block
}

#[cfg(test)]
mod tests {
    use super::after_reading_again;
    use crate::{Scalar, Style};

    fn again(text: &str) -> String {
        let scalar = Scalar { style: Style::Folded, ..Scalar::plain(text) };
        after_reading_again(&scalar).map_or_else(|| text.to_owned(), |t| t.to_string())
    }

    #[test]
    fn indented_lines_get_an_empty_line_before_them() {
        assert_eq!(again("a b\nc\n"), "a b\nc\n");
        assert_eq!(again("a\n  b\nc\n"), "a\n\n  b\nc\n");
        assert_eq!(again("a\n\n"), "a\n\n\n");
        assert_eq!(again(" a\nb\n"), " a\nb\n");
        assert_eq!(again("a\n"), "a\n");
    }
}
