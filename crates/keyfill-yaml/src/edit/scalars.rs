//! Writing scalars as yaml.v3 does: choosing a style that the text allows, and the text in that style.

use super::write::Writer;
use crate::emit::analysis::{has_break, is_break, is_printable, v3};
use crate::emit::escape::{BlockHeader, code, letter};
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use crate::{Style, Text};

/// The tag of a plain scalar with the given text.
pub(super) fn tag_of(text: &str) -> Text {
    Text::new_static(match resolve_plain(Dialect::V3, text) {
        Resolved::Null => "!!null",
        Resolved::Bool(_) => "!!bool",
        Resolved::Int(_) | Resolved::Uint(_) => "!!int",
        Resolved::Float(_) => "!!float",
        Resolved::Timestamp(_) => "!!timestamp",
        Resolved::Merge | Resolved::Str => "!!str",
    })
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// The style for a text: the wanted one, or another one if the text does not allow it.
pub(super) fn fitting(wanted: Style, text: &str, is_in_flow: bool, is_simple_key: bool) -> Style {
    let allowed = v3(text, is_in_flow);
    let mut style = if is_simple_key && has_break(text) { Style::Double } else { wanted };
    if style == Style::Plain && (!allowed.plain || text.is_empty() && (is_in_flow || is_simple_key)) {
        style = Style::Single;
    }
    if style == Style::Single && !allowed.single {
        style = Style::Double;
    }
    let is_block = matches!(style, Style::Literal | Style::Folded);
    if is_block && (!allowed.block || is_in_flow || is_simple_key) { Style::Double } else { style }
}

impl Writer {
    pub(super) fn scalar(&mut self, text: &str, style: Style) {
        match style {
            Style::Plain => self.plain(text),
            Style::Single => self.single(text),
            Style::Double => self.double(text),
            Style::Literal => self.literal(text),
            Style::Folded => self.folded(text),
        }
    }

    fn plain(&mut self, text: &str) {
        if !text.is_empty() && !self.whitespace {
            self.put(' ');
        }
        for c in text.chars() {
            self.put(c);
        }
        if !text.is_empty() {
            self.whitespace = false;
        }
        self.indention = false;
    }

    fn single(&mut self, text: &str) {
        self.indicator("'", true, false, false);
        let mut breaks = false;
        for c in text.chars() {
            if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
                continue;
            }
            if c == ' ' {
                self.put(c);
                continue;
            }
            if std::mem::take(&mut breaks) {
                self.write_indent();
            }
            if c == '\'' {
                self.put(c);
            }
            self.put(c);
            self.indention = false;
        }
        self.indicator("'", false, false, false);
    }

    fn double(&mut self, text: &str) {
        self.indicator("\"", true, false, false);
        // If the first character is a byte order mark, yaml.v3 escapes all characters as if each were one.
        let escapes_all = text.starts_with('\u{FEFF}');
        for c in text.chars() {
            if is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') && !escapes_all {
                self.put(c);
                continue;
            }
            self.put('\\');
            match letter(c) {
                Some(letter) => self.put(char::from(letter)),
                None => code(c).chars().for_each(|c| self.put(c)),
            }
        }
        self.indicator("\"", false, false, false);
    }

    /// The header of a block scalar: its indentation, if the first line does not show it, and the chomping
    /// indicator.
    fn hints(&mut self, text: &str) {
        let header = BlockHeader::of(text);
        if header.shows_indent {
            self.indicator(&self.step().to_string(), false, false, false);
        }
        if let Some(end) = header.end {
            self.indicator(end.encode_utf8(&mut [0; 4]), false, false, false);
        }
    }

    fn literal(&mut self, text: &str) {
        self.indicator("|", true, false, false);
        self.hints(text);
        self.line_comment_or_break();
        self.whitespace = true;
        let mut breaks = true;
        for c in text.chars() {
            if is_break(c) {
                self.write_break(c);
                breaks = true;
                continue;
            }
            if std::mem::take(&mut breaks) {
                self.write_indent();
            }
            self.put(c);
            self.indention = false;
        }
    }

    /// Writes a `>` block, with the bug of yaml.v3 that changes some texts: see [`crate::folded`].
    pub(super) fn folded(&mut self, text: &str) {
        self.indicator(">", true, false, false);
        self.hints(text);
        self.line_comment_or_break();
        self.whitespace = true;
        // yaml.v3 tests the first character of the whole text here, not the one after the line break.
        let doubles = !text.trim_start_matches(is_break).starts_with(is_blank)
            && !text.trim_start_matches(is_break).is_empty();
        let (mut breaks, mut leading_spaces) = (true, true);
        for c in text.chars() {
            if is_break(c) {
                if !breaks && !leading_spaces && c == '\n' && doubles {
                    self.put_break();
                }
                self.write_break(c);
                breaks = true;
                continue;
            }
            if std::mem::take(&mut breaks) {
                self.write_indent();
                leading_spaces = is_blank(c);
            }
            self.put(c);
            self.indention = false;
        }
    }
}
