//! Scanning plain and quoted scalars. A scalar on one line without escapes is borrowed from the text.

use super::chars::{PLAIN, PLAIN_FLOW, STOPS, is_blank};
use super::{Mark, Scanner, TokenKind};
use crate::{Error, Style};
use std::borrow::Cow;

/// The line breaks between two lines of a scalar, which will be folded.
#[derive(Default)]
struct Fold {
    /// Whether there was a line break, which may be an escaped one.
    passed: bool,
    /// The first line break, as it is in the value.
    first: &'static str,
    /// The line breaks after the first one.
    rest: String,
}

impl Fold {
    fn take_break(&mut self, text: &'static str) {
        if self.passed {
            self.rest.push_str(text);
        } else {
            self.first = text;
            self.passed = true;
        }
    }

    /// Appends the folded line breaks: a single line feed becomes a space, of several the first is dropped. A
    /// line or paragraph separator is kept.
    fn flush(&mut self, out: &mut String) {
        if self.first != "\n" {
            out.push_str(self.first);
            out.push_str(&self.rest);
        } else if self.rest.is_empty() {
            out.push(' ');
        } else {
            out.push_str(&self.rest);
        }
        self.passed = false;
        self.first = "";
        self.rest.clear();
    }
}

impl<'a> Scanner<'a> {
    pub(super) fn fetch_plain(&mut self) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let mark = self.mark();
        let text = self.scan_plain()?;
        self.push(TokenKind::Scalar(text, Style::Plain), mark);
        Ok(())
    }

    pub(super) fn fetch_quoted(&mut self, quote: u8) -> Result<(), Error> {
        self.save_key()?;
        self.key_allowed = false;
        let mark = self.mark();
        self.pos += 1;
        let text = match self.scan_quoted_line(quote) {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.scan_quoted(quote, mark)?),
        };
        let style = if quote == b'"' { Style::Double } else { Style::Single };
        self.push(TokenKind::Scalar(text, style), mark);
        Ok(())
    }

    fn scan_plain(&mut self) -> Result<Cow<'a, str>, Error> {
        let mut joined = String::new();
        let mut fold = Fold::default();
        // The start of the part that was not copied to `joined` yet.
        let mut from = self.pos;
        let mut end = self.pos;
        loop {
            let at_line_start = self.pos == self.line_start;
            if at_line_start && self.at_document_indicator() || self.byte(0) == b'#' {
                break;
            }
            let start = self.pos;
            self.pass_plain_run();
            if self.pos > start {
                if fold.passed {
                    joined.push_str(&self.text[from..end]);
                    fold.flush(&mut joined);
                    from = start;
                }
                end = self.pos;
            }
            if !is_blank(self.byte(0)) && self.break_len(0) == 0 {
                break;
            }
            self.pass_plain_blanks(&mut fold)?;
            if fold.passed && self.flow_level == 0 && self.icolumn() <= self.indent {
                break;
            }
        }
        if fold.passed {
            self.key_allowed = true;
        }
        let last = &self.text[from..end];
        if joined.is_empty() {
            return Ok(Cow::Borrowed(last));
        }
        joined.push_str(last);
        Ok(Cow::Owned(joined))
    }

    /// Skips the characters of a plain scalar up to white space, a line break, or the end of the scalar.
    #[inline]
    fn pass_plain_run(&mut self) {
        let stop = if self.flow_level > 0 { PLAIN_FLOW } else { PLAIN };
        loop {
            let rest = &self.bytes[self.pos..];
            let Some(n) = rest.iter().position(|b| STOPS[usize::from(*b)] & stop != 0) else {
                self.pos = self.bytes.len();
                return;
            };
            self.pos += n;
            let goes_on = match self.byte(0) {
                b':' => !self.is_blank_or_end(1),
                0xC2 | 0xE2 => self.break_len(0) == 0,
                _ => false,
            };
            if !goes_on {
                return;
            }
            self.pos += 1;
        }
    }

    fn pass_plain_blanks(&mut self, fold: &mut Fold) -> Result<(), Error> {
        loop {
            let b = self.byte(0);
            if is_blank(b) {
                if b == b'\t' && fold.passed && self.icolumn() <= self.indent {
                    let error = self.error("found a tab character that violates indentation");
                    return Err(error.hint("indent with spaces; YAML does not allow tabs there"));
                }
                self.pos += 1;
                continue;
            }
            match self.break_len(0) {
                0 => return Ok(()),
                len => {
                    fold.take_break(self.break_text(len));
                    self.pass_break(len);
                }
            }
        }
    }

    /// The text that the line break at the current position adds to the value.
    pub(super) fn break_text(&self, len: usize) -> &'static str {
        match (len, self.byte(2)) {
            (3, 0xA8) => "\u{2028}",
            (3, _) => "\u{2029}",
            _ => "\n",
        }
    }

    /// Scans a quoted scalar without line breaks and escapes, behind its opening quote; `None` if it has some.
    fn scan_quoted_line(&mut self, quote: u8) -> Option<&'a str> {
        if !self.newline_only {
            return None;
        }
        let rest = &self.bytes[self.pos..];
        let n = if quote == b'"' {
            memchr::memchr3(b'"', b'\\', b'\n', rest)?
        } else {
            memchr::memchr2(b'\'', b'\n', rest)?
        };
        if rest[n] != quote || quote == b'\'' && rest.get(n + 1) == Some(&b'\'') {
            return None;
        }
        let text = &self.text[self.pos..self.pos + n];
        self.pos += n + 1;
        Some(text)
    }

    fn scan_quoted(&mut self, quote: u8, mark: Mark) -> Result<String, Error> {
        let mut out = String::new();
        let mut fold = Fold::default();
        loop {
            if self.pos == self.line_start && self.at_document_indicator() {
                return Err(unclosed(mark, "found unexpected document indicator"));
            }
            if self.pos >= self.bytes.len() {
                return Err(unclosed(mark, "found unexpected end of stream"));
            }
            self.scan_quoted_run(quote, mark, &mut out, &mut fold)?;
            if self.byte(0) == quote {
                self.pos += 1;
                return Ok(out);
            }
            let start = self.pos;
            loop {
                if is_blank(self.byte(0)) {
                    self.pos += 1;
                    continue;
                }
                match self.break_len(0) {
                    0 => break,
                    len => {
                        fold.take_break(self.break_text(len));
                        self.pass_break(len);
                    }
                }
            }
            if fold.passed {
                fold.flush(&mut out);
            } else {
                out.push_str(&self.text[start..self.pos]);
            }
        }
    }

    /// Scans up to white space, a line break, an escaped line break or the closing quote.
    fn scan_quoted_run(
        &mut self,
        quote: u8,
        mark: Mark,
        out: &mut String,
        fold: &mut Fold,
    ) -> Result<(), Error> {
        loop {
            let start = self.pos;
            while self.pos < self.bytes.len() {
                let b = self.byte(0);
                let special = is_blank(b) || b == quote || b == b'\\' && quote == b'"';
                if special || self.break_len(0) > 0 {
                    break;
                }
                self.pos += 1;
            }
            out.push_str(&self.text[start..self.pos]);
            match self.byte(0) {
                b'\'' if quote == b'\'' && self.byte(1) == b'\'' => {
                    out.push('\'');
                    self.pos += 2;
                }
                b'\\' if quote == b'"' => {
                    let len = self.break_len(1);
                    if len > 0 {
                        self.pos += 1;
                        self.pass_break(len);
                        fold.passed = true;
                        return Ok(());
                    }
                    let c = self.scan_escape(mark)?;
                    out.push(c);
                }
                _ => return Ok(()),
            }
        }
    }

    fn scan_escape(&mut self, mark: Mark) -> Result<char, Error> {
        let problem = |message: &str| Error::at(mark.line + 1, mark.column + 1, message);
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let c = simple_escape(other).ok_or_else(|| {
                    problem("found unknown escape character").hint(
                        "inside double quotes a backslash is written \\\\; single quotes need no escapes",
                    )
                })?;
                self.pos += 2;
                return Ok(c);
            }
        };
        self.pos += 2;
        let mut value = 0u32;
        for _ in 0..digits {
            let digit = char::from(self.byte(0)).to_digit(16);
            let digit = digit.ok_or_else(|| problem("did not find expected hexdecimal number"))?;
            value = value << 4 | digit;
            self.pos += 1;
        }
        char::from_u32(value).ok_or_else(|| problem("found invalid Unicode character escape code"))
    }
}

fn unclosed(mark: Mark, message: &str) -> Error {
    Error::at(mark.line + 1, mark.column + 1, message)
        .detail(" while scanning a quoted scalar")
        .hint("the quote that begins here is not closed")
}

fn simple_escape(b: u8) -> Option<char> {
    Some(match b {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0B',
        b'f' => '\x0C',
        b'r' => '\r',
        b'e' => '\x1B',
        b' ' | b'"' | b'\'' | b'\\' => char::from(b),
        b'N' => '\u{85}',
        b'_' => '\u{A0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
