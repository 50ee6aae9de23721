//! The writer bug of yaml.v3 that changes folded scalars.
//!
//! kustomize prints each resource with yaml.v3 and reads it back before it prints it for good. Where a `>`
//! scalar has line breaks, yaml.v3 asks the first character of the whole text, not the one behind the break,
//! whether the break must be doubled to survive. So some texts come back changed, and the official output
//! shows it.

use crate::scan;
use crate::yaml::analysis::{self, is_break};
use crate::{Scalar, Style, Text};

/// The text of a folded scalar after one round through yaml.v3's writer and reader; `None` when it comes
/// back as it was.
pub(crate) fn after_reading_again(scalar: &Scalar) -> Option<Text> {
    let text = scalar.text.as_str();
    if scalar.style != Style::Folded || text.is_empty() {
        return None;
    }
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !analysis::has_break(body) || !stays_a_block(text) {
        return None;
    }
    let read = scan::whole_scalar(&written(text))?;
    (read != text).then(|| Text::from(read))
}

/// Whether yaml.v3 writes the text as a block and not in quotes. It lets tabs be, where yaml.v2 does not.
fn stays_a_block(text: &str) -> bool {
    let tabless = text.replace('\t', "x");
    analysis::analyze(&tabless, analysis::classes(&tabless)).block
}

/// Whether yaml.v3 writes a block scalar so that it cannot read it: one whose text begins with a tab.
pub(crate) fn is_lost(scalar: &Scalar) -> bool {
    let block = matches!(scalar.style, Style::Literal | Style::Folded);
    block && scalar.text.starts_with('\t') && stays_a_block(&scalar.text)
}

/// The scalar as yaml.v3 writes it.
fn written(text: &str) -> String {
    let mut out = String::from(">");
    if text.starts_with(|c| c == ' ' || is_break(c)) {
        out.push('2');
    }
    let mut backwards = text.chars().rev();
    if !backwards.next().is_some_and(is_break) {
        out.push('-');
    } else if backwards.next().is_none_or(is_break) {
        out.push('+');
    }
    out.push('\n');
    // The bug: this should be asked for the text behind each break.
    let doubles = !text.trim_start_matches(is_break).starts_with([' ', '\t']);
    let (mut at_line_start, mut indented) = (true, true);
    for c in text.chars() {
        if is_break(c) {
            if !at_line_start && !indented && c == '\n' && doubles {
                out.push('\n');
            }
            out.push(c);
            at_line_start = true;
            continue;
        }
        if at_line_start {
            out.push_str("  ");
            indented = matches!(c, ' ' | '\t');
        }
        out.push(c);
        at_line_start = false;
    }
    out
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
