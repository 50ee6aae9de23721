//! Writing strings in each style.

use super::analysis::{NEWLINE, SPACE, SPECIAL, WIDE, classes, is_break, is_printable};
use super::escape::{BlockHeader, code, letter};
use super::form::Form;
use super::writer::{INDENT, WIDTH, Writer};
use crate::{Style, scan};
use std::borrow::Cow;

impl<F: Form> Writer<F> {
    /// Writes a string. As a simple key it stays on one line.
    pub(super) fn write_string(&mut self, text: &str, simple_key: bool) {
        let mut seen = classes(text);
        let reread;
        let mut text = text;
        if F::IS_READ_FROM_JSON && seen & WIDE != 0 && text.contains('\u{85}') {
            reread = reread_next_lines(text);
            text = &reread;
            seen = classes(text);
        }
        if text.is_empty() {
            return self.write_short_double(text);
        }
        let style = F::style(text, seen, simple_key);
        let folds = F::FOLDS && !simple_key;
        let outside = self.deepen();
        match style {
            Style::Plain => self.write_plain(text, seen, folds),
            Style::Single => self.write_single(text, seen, folds),
            Style::Literal => self.write_literal(text),
            Style::Double | Style::Folded => self.write_double(text, seen, folds),
        }
        self.indent = outside;
    }

    /// Writes base64 text, whose tag is written already.
    pub(super) fn write_binary(&mut self, lines: &str, simple_key: bool) {
        let outside = self.deepen();
        if lines.contains('\n') && !simple_key {
            self.write_literal(lines);
        } else {
            self.write_plain(lines, classes(lines), false);
        }
        self.indent = outside;
    }

    /// Increases the indentation while a string is written; returns the one of the collection.
    fn deepen(&mut self) -> Option<usize> {
        let outside = self.indent;
        self.indent = Some(outside.map_or(INDENT, |indent| indent + INDENT));
        outside
    }

    #[inline]
    fn write_plain(&mut self, text: &str, seen: u8, folds: bool) {
        if !self.whitespace {
            self.put(b' ');
        }
        self.write_folding(text, seen, folds);
        self.whitespace = false;
        self.indention = false;
    }

    fn write_single(&mut self, text: &str, seen: u8, folds: bool) {
        self.write_indicator(b'\'', true, false, false);
        let doubled =
            if text.contains('\'') { Cow::Owned(text.replace('\'', "''")) } else { Cow::Borrowed(text) };
        if seen & WIDE != 0 && doubled.contains(is_break) {
            self.write_single_lines(&doubled, folds);
        } else {
            self.write_folding(&doubled, seen, folds);
        }
        self.write_indicator(b'\'', false, false, false);
    }

    /// Writes text on one line. If lines are folded and the line is too long, a space becomes a line break,
    /// unless it is next to another space or at either end.
    #[inline]
    fn write_folding(&mut self, text: &str, seen: u8, folds: bool) {
        if seen & WIDE == 0 && (!folds || seen & SPACE == 0 || self.column + text.len() <= WIDTH) {
            self.out.extend_from_slice(text.as_bytes());
            self.column += text.len();
            return;
        }
        let bytes = text.as_bytes();
        let mut from = 0;
        let mut search = self.past_width(text, from, seen);
        while let Some(at) = memchr::memchr(b' ', &bytes[search.min(bytes.len())..]).map(|n| n + search) {
            let alone = at > 0 && bytes[at - 1] != b' ' && bytes.get(at + 1).is_some_and(|b| *b != b' ');
            if !folds || !alone {
                search = at + 1;
                continue;
            }
            self.out.extend_from_slice(&bytes[from..at]);
            self.break_line();
            from = at + 1;
            search = self.past_width(text, from, seen);
        }
        self.out.extend_from_slice(&bytes[from..]);
        self.column += width(&text[from..], seen);
    }

    fn break_line(&mut self) {
        self.put_break();
        self.pad(self.indent.unwrap_or(0));
    }

    /// The first position in `text` that is beyond the width, if the part from `from` on starts at the current
    /// column.
    fn past_width(&self, text: &str, from: usize, seen: u8) -> usize {
        let more = (WIDTH + 1).saturating_sub(self.column);
        if seen & WIDE == 0 {
            return from + more;
        }
        text[from..].char_indices().nth(more).map_or(text.len(), |(n, _)| from + n)
    }

    /// Writes a single-quoted string that contains line or paragraph separators.
    fn write_single_lines(&mut self, text: &str, folds: bool) {
        let (mut spaces, mut breaks) = (false, false);
        let mut rest = text.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            let next_space = rest.peek().is_some_and(|(_, n)| *n == ' ');
            if c == ' ' {
                let inner = at > 0 && at + 1 < text.len();
                if folds && !spaces && self.column > WIDTH && inner && !next_space {
                    self.write_indent();
                } else {
                    self.put(b' ');
                }
                spaces = true;
            } else if is_break(c) {
                self.push_char(c);
                self.column = 0;
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.push_char(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn push_char(&mut self, c: char) {
        self.out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        self.column += 1;
    }

    #[inline]
    fn write_short_double(&mut self, text: &str) {
        self.write_indicator(b'"', true, false, false);
        self.out.extend_from_slice(text.as_bytes());
        self.column += text.len();
        self.write_indicator(b'"', false, false, false);
    }

    fn write_double(&mut self, text: &str, seen: u8, folds: bool) {
        let quiet =
            seen & (SPECIAL | WIDE | NEWLINE) == 0 && memchr::memchr2(b'"', b'\\', text.as_bytes()).is_none();
        if quiet && (!folds || seen & SPACE == 0 || self.column + text.len() < WIDTH) {
            return self.write_short_double(text);
        }
        self.write_indicator(b'"', true, false, false);
        // go-yaml tests whether the text, and not each character, begins with a byte order mark.
        let all_escaped = text.starts_with('\u{FEFF}');
        let mut spaces = false;
        let mut rest = text.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            if all_escaped || !is_printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.write_escape(c);
                spaces = false;
            } else if c == ' ' {
                if folds && !spaces && self.column > WIDTH && at > 0 && at + 1 < text.len() {
                    self.write_indent();
                    if rest.peek().is_some_and(|(_, n)| *n == ' ') {
                        self.put(b'\\');
                    }
                } else {
                    self.put(b' ');
                }
                spaces = true;
            } else {
                self.push_char(c);
                spaces = false;
            }
        }
        self.write_indicator(b'"', false, false, false);
    }

    fn write_escape(&mut self, c: char) {
        self.put(b'\\');
        match letter(c) {
            Some(letter) => self.put(letter),
            None => {
                let code = code(c);
                self.out.extend_from_slice(code.as_bytes());
                self.column += code.len();
            }
        }
    }

    /// Writes a `|` block.
    fn write_literal(&mut self, text: &str) {
        self.write_indicator(b'|', true, false, false);
        let header = BlockHeader::of(text);
        if header.shows_indent {
            self.put(b'0' + INDENT as u8);
        }
        if let Some(end) = header.end {
            self.put(end as u8);
        }
        self.put_break();
        let indent = self.indent.unwrap_or(0);
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(is_literal_break).unwrap_or(rest.len());
            if end > 0 {
                self.pad(indent);
                self.out.extend_from_slice(&rest.as_bytes()[..end]);
                self.column += end;
            }
            let Some(c) = rest[end..].chars().next() else { break };
            self.push_char(c);
            self.column = 0;
            rest = &rest[end + c.len_utf8()..];
        }
        self.whitespace = true;
        self.indention = header.end != Some('-');
    }
}

/// The line breaks that a literal block can contain. A text with other ones is double-quoted.
fn is_literal_break(c: char) -> bool {
    matches!(c, '\n' | '\u{2028}' | '\u{2029}')
}

fn width(text: &str, seen: u8) -> usize {
    if seen & WIDE == 0 { text.len() } else { text.chars().count() }
}

/// JSON does not escape a next line (U+0085), and yaml.v2, which parses that JSON, folds it as a line break
/// inside a quoted string.
fn reread_next_lines(text: &str) -> String {
    let quoted = keyfill_go::json::quote(text, keyfill_go::json::Html::Escaped);
    scan::whole_scalar(&quoted).unwrap_or_else(|| text.to_owned())
}
