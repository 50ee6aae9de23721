//! Scanning block scalars: `|` and `>`.

use super::chars::is_blank;
use super::{Mark, Scanner, TokenKind};
use crate::{Error, Style};
use std::borrow::Cow;

/// The chomping indicator, which decides on the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    /// `-`: all line breaks are removed.
    Strip,
    /// No indicator: one line break is kept.
    Clip,
    /// `+`: all line breaks are kept.
    Keep,
}

impl Scanner<'_> {
    pub(super) fn fetch_block_scalar(&mut self, literal: bool) -> Result<(), Error> {
        self.forget_key()?;
        self.key_allowed = true;
        let mark = self.mark();
        self.pos += 1;
        let (chomping, increment) = self.scan_block_header(mark)?;
        let text = self.scan_block_lines(literal, chomping, increment)?;
        let style = if literal { Style::Literal } else { Style::Folded };
        self.push(TokenKind::Scalar(Cow::Owned(text), style), mark);
        Ok(())
    }

    /// Scans the header behind `|` or `>`, and the rest of its line.
    fn scan_block_header(&mut self, mark: Mark) -> Result<(Chomping, usize), Error> {
        let mut chomping = self.scan_chomping();
        let mut increment = 0;
        if self.byte(0).is_ascii_digit() {
            increment = usize::from(self.byte(0) - b'0');
            if increment == 0 {
                return Err(problem(mark, "found an indentation indicator equal to 0"));
            }
            self.pos += 1;
            if chomping.is_none() {
                chomping = self.scan_chomping();
            }
        }
        while is_blank(self.byte(0)) {
            self.pos += 1;
        }
        if self.byte(0) == b'#' {
            self.scan_comment_on_line(i64::from(mark.offset));
            self.pass_comment();
        }
        match self.break_len(0) {
            0 if self.byte(0) != 0 => {
                return Err(problem(mark, "did not find expected comment or line break"));
            }
            0 => {}
            len => self.pass_break(len),
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    fn scan_chomping(&mut self) -> Option<Chomping> {
        let chomping = match self.byte(0) {
            b'+' => Chomping::Keep,
            b'-' => Chomping::Strip,
            _ => return None,
        };
        self.pos += 1;
        Some(chomping)
    }

    fn scan_block_lines(
        &mut self,
        literal: bool,
        chomping: Chomping,
        increment: usize,
    ) -> Result<String, Error> {
        let parent = usize::try_from(self.indent).unwrap_or(0);
        let mut indent = if increment > 0 { parent + increment } else { 0 };
        let mut out = String::new();
        let mut breaks = String::new();
        let mut line_end = "";
        let mut after_blank = false;
        self.pass_block_breaks(&mut indent, &mut breaks)?;
        while self.pos - self.line_start == indent && self.pos < self.bytes.len() {
            let blank = is_blank(self.byte(0));
            if !literal && line_end == "\n" && !after_blank && !blank {
                if breaks.is_empty() {
                    out.push(' ');
                }
            } else {
                out.push_str(line_end);
            }
            out.push_str(&breaks);
            breaks.clear();
            after_blank = blank;
            let start = self.pos;
            self.pass_comment();
            out.push_str(&self.text[start..self.pos]);
            line_end = match self.break_len(0) {
                0 => "",
                len => {
                    let text = self.break_text(len);
                    self.pass_break(len);
                    text
                }
            };
            self.pass_block_breaks(&mut indent, &mut breaks)?;
        }
        if chomping != Chomping::Strip {
            out.push_str(line_end);
        }
        if chomping == Chomping::Keep {
            out.push_str(&breaks);
        }
        Ok(out)
    }

    /// Skips indentation and empty lines. If the indentation is not known yet (0), the first line that is not
    /// empty determines it.
    fn pass_block_breaks(&mut self, indent: &mut usize, breaks: &mut String) -> Result<(), Error> {
        let mut deepest = 0;
        loop {
            while (*indent == 0 || self.pos - self.line_start < *indent) && self.byte(0) == b' ' {
                self.pos += 1;
            }
            let column = self.pos - self.line_start;
            deepest = deepest.max(column);
            if (*indent == 0 || column < *indent) && self.byte(0) == b'\t' {
                let error = self.error("found a tab character where an indentation space is expected");
                return Err(error.hint("indent with spaces; YAML does not allow tabs there"));
            }
            let len = self.break_len(0);
            if len == 0 {
                break;
            }
            breaks.push_str(self.break_text(len));
            self.pass_break(len);
        }
        if *indent == 0 {
            let least = usize::try_from(self.indent + 1).unwrap_or(0).max(1);
            *indent = deepest.max(least);
        }
        Ok(())
    }
}

fn problem(mark: Mark, message: &str) -> Error {
    Error::at(mark.line + 1, mark.column + 1, message).detail(" while scanning a block scalar")
}
