//! How yaml.v3 writes a scalar: which style a text allows, and the text in that style.

use super::write::Writer;
use crate::resolve::{Resolved, resolve_plain};
use crate::scan::Dialect;
use crate::yaml::analysis::{is_break, is_printable};
use crate::{Style, Text};
use std::fmt::Write as _;

/// The tag of a plain text.
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

/// What yaml.v3 allows for a text.
#[derive(Clone, Copy)]
pub(super) struct Allowed {
    pub flow_plain: bool,
    pub block_plain: bool,
    pub single: bool,
    pub block: bool,
    pub multiline: bool,
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// Looks at a text.
pub(super) fn analyze(text: &str) -> Allowed {
    if text.is_empty() {
        let (block_plain, single) = (true, true);
        return Allowed { flow_plain: false, block_plain, single, block: false, multiline: false };
    }
    let (flow_indicators, block_indicators) = indicators(text);
    let (mut special, mut tab, mut breaks, mut break_space, mut space_break) =
        (false, false, false, false, false);
    let (mut after_space, mut after_break) = (false, false);
    for c in text.chars() {
        let (is_space, is_line_break) = (c == ' ', is_break(c));
        tab |= c == '\t';
        special |= c != '\t' && !is_printable(c);
        breaks |= is_line_break;
        break_space |= is_space && after_break;
        space_break |= is_line_break && after_space;
        (after_space, after_break) = (is_space, is_line_break);
    }
    let at_ends = text.starts_with(|c| c == ' ' || is_break(c)) || after_space || after_break;
    let single = !(break_space || space_break || tab || special);
    let plain = single && !at_ends && !breaks;
    Allowed {
        flow_plain: plain && !flow_indicators,
        block_plain: plain && !block_indicators,
        single,
        block: !(after_space || space_break || special),
        multiline: breaks,
    }
}

/// Whether characters mean something where they stand: in flow and in block collections.
fn indicators(text: &str) -> (bool, bool) {
    let (mut flow, mut block) = (false, false);
    if text.starts_with("---") || text.starts_with("...") {
        (flow, block) = (true, true);
    }
    let mut after_blank = true;
    let mut chars = text.chars().peekable();
    let mut is_first = true;
    while let Some(c) = chars.next() {
        let before_blank = chars.peek().is_none_or(|c| is_blank(*c));
        match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@'
            | '`'
                if is_first =>
            {
                (flow, block) = (true, true);
            }
            '-' if is_first && before_blank => (flow, block) = (true, true),
            '?' if is_first => {
                flow = true;
                block |= before_blank;
            }
            ',' | '?' | '[' | ']' | '{' | '}' => flow = true,
            ':' => {
                flow = true;
                block |= before_blank;
            }
            '#' if after_blank => (flow, block) = (true, true),
            _ => {}
        }
        after_blank = is_blank(c) || is_break(c);
        is_first = false;
    }
    (flow, block)
}

/// The style in which a scalar can be written that should have another.
pub(super) fn fitting(wanted: Style, text: &str, is_in_flow: bool, is_simple_key: bool) -> Style {
    let allowed = analyze(text);
    let mut style = if is_simple_key && allowed.multiline { Style::Double } else { wanted };
    if style == Style::Plain {
        let plain = if is_in_flow { allowed.flow_plain } else { allowed.block_plain };
        if !plain || text.is_empty() && (is_in_flow || is_simple_key) {
            style = Style::Single;
        }
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
        // yaml.v3 takes each character for a byte order mark when the first is one.
        let escapes_all = text.starts_with('\u{FEFF}');
        for c in text.chars() {
            if is_printable(c) && !is_break(c) && !matches!(c, '"' | '\\') && !escapes_all {
                self.put(c);
                continue;
            }
            let mut escape = String::from("\\");
            match c {
                '\0' => escape.push('0'),
                '\u{07}' => escape.push('a'),
                '\u{08}' => escape.push('b'),
                '\t' => escape.push('t'),
                '\n' => escape.push('n'),
                '\u{0B}' => escape.push('v'),
                '\u{0C}' => escape.push('f'),
                '\r' => escape.push('r'),
                '\u{1B}' => escape.push('e'),
                '"' | '\\' => escape.push(c),
                '\u{85}' => escape.push('N'),
                '\u{A0}' => escape.push('_'),
                '\u{2028}' => escape.push('L'),
                '\u{2029}' => escape.push('P'),
                c => {
                    let code = u32::from(c);
                    let _ = match code {
                        0..=0xFF => write!(escape, "x{code:02X}"),
                        0x100..=0xFFFF => write!(escape, "u{code:04X}"),
                        _ => write!(escape, "U{code:08X}"),
                    };
                }
            }
            escape.chars().for_each(|c| self.put(c));
        }
        self.indicator("\"", false, false, false);
    }

    /// The indicators of a block scalar: its indentation when it cannot be seen, and how it ends.
    fn hints(&mut self, text: &str) {
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.indicator(&self.step().to_string(), false, false, false);
        }
        let mut backwards = text.chars().rev();
        if !backwards.next().is_some_and(is_break) {
            self.indicator("-", false, false, false);
        } else if backwards.next().is_none_or(is_break) {
            self.indicator("+", false, false, false);
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

    fn folded(&mut self, text: &str) {
        self.indicator(">", true, false, false);
        self.hints(text);
        self.line_comment_or_break();
        self.whitespace = true;
        // yaml.v3 asks this of the text's beginning, not of what is behind the break.
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
