//! The scanner: turns text into tokens, by the grammar of libyaml as go-yaml implements it.
//!
//! Only the `:` behind a scalar shows that the scalar is a key. Then a [`TokenKind::Key`] token is inserted into
//! the queue before tokens that were scanned earlier. Therefore tokens are returned only up to the first scalar
//! that may still be a key.

mod block;
mod chars;
mod comments;
mod directive;
mod flow;
mod token;

use crate::input::Input;
use crate::{Error, Style};
use chars::{is_blank, is_break_at};
pub(crate) use comments::Comment;
use comments::Comments;
use std::borrow::Cow;
pub(crate) use token::{Mark, Token, TokenKind, at};

/// The Go library whose behavior is followed where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// `go.yaml.in/yaml/v2`
    V2,
    /// `go.yaml.in/yaml/v3`: it scans two tokens ahead, and skips a block of comments at once.
    V3,
}

/// A position at which a key may have begun.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// Whether only a key is allowed here: in block context, at the column of the mapping.
    required: bool,
    /// Whether the token waits in the queue until it is known whether it is a key. go-yaml does not wait after an
    /// empty flow collection.
    awaited: bool,
    /// The number of the token that would be the key. Tokens are numbered in the order of the queue.
    token: usize,
    mark: Mark,
}

/// The most characters between the start of a key and its `:`.
const KEY_LENGTH: u32 = 1024;

pub(crate) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    ascii: bool,
    newline_only: bool,
    dialect: Dialect,

    pos: usize,
    line: u32,
    line_start: usize,
    /// The byte position up to which `column` was counted; at first the start of the line.
    column_pos: usize,
    column: u32,

    tokens: Vec<Token<'a>>,
    /// Index of the first token in `tokens` that was not taken.
    head: usize,
    /// The number of tokens that were taken.
    taken: usize,
    /// Whether the token at `head` can be taken without scanning further.
    ready: bool,
    ended: bool,

    indent: i32,
    indents: Vec<i32>,
    flow_level: usize,
    key_allowed: bool,
    /// One possible key for block context, and one for each flow level.
    keys: Vec<SimpleKey>,
    depth_limit: usize,

    /// The comments, if they are kept; otherwise they are skipped.
    comments: Option<Box<Comments>>,
}

impl<'a> Scanner<'a> {
    pub fn new(input: &Input<'a>, dialect: Dialect, depth_limit: u32) -> Self {
        Self {
            text: input.text,
            bytes: input.text.as_bytes(),
            ascii: input.ascii,
            newline_only: input.newline_only,
            dialect,
            pos: 0,
            line: 0,
            line_start: 0,
            column_pos: 0,
            column: 0,
            tokens: Vec::with_capacity(16),
            head: 0,
            taken: 0,
            ready: false,
            ended: false,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            depth_limit: depth_limit as usize,
            comments: None,
        }
    }

    /// Makes the scanner keep comments.
    pub fn with_comments(mut self) -> Self {
        self.comments = Some(Box::new(Comments::new()));
        self
    }

    /// The next comment that belongs to the token that `peek` returned.
    pub fn take_comment(&mut self) -> Option<Comment> {
        let token = &self.tokens[self.head];
        let is_block_end = matches!(token.kind, TokenKind::BlockEnd);
        self.comments.as_mut()?.take_for(i64::from(token.mark.offset), is_block_end)
    }

    /// The next token, without taking it. At the end of the stream it is always the same.
    #[inline]
    pub fn peek(&mut self) -> Result<&Token<'a>, Error> {
        if !self.ready {
            self.fetch_more()?;
        }
        Ok(&self.tokens[self.head])
    }

    /// Takes the next token and returns it.
    pub fn next(&mut self) -> Result<Token<'a>, Error> {
        if !self.ready {
            self.fetch_more()?;
        }
        let at_end = Token { kind: TokenKind::StreamEnd, mark: self.tokens[self.head].mark };
        if matches!(self.tokens[self.head].kind, TokenKind::StreamEnd) {
            return Ok(at_end);
        }
        let token = std::mem::replace(&mut self.tokens[self.head], at_end);
        self.skip();
        Ok(token)
    }

    /// Takes the token that `peek` returned. It must not be the end of the stream.
    #[inline]
    pub fn skip(&mut self) {
        self.head += 1;
        self.taken += 1;
        self.ready = false;
        if self.head == self.tokens.len() {
            self.tokens.clear();
            self.head = 0;
        } else if self.head >= 64 {
            self.tokens.drain(..self.head);
            self.head = 0;
        }
    }

    /// The content of the scalar that `peek` returned; `None` if that is no scalar.
    #[inline]
    pub fn take_scalar(&mut self) -> Option<(Cow<'a, str>, Style)> {
        let TokenKind::Scalar(text, style) = &mut self.tokens[self.head].kind else { return None };
        let scalar = (std::mem::take(text), *style);
        self.skip();
        Some(scalar)
    }

    fn fetch_more(&mut self) -> Result<(), Error> {
        let ahead = if self.dialect == Dialect::V3 { 2 } else { 0 };
        while !self.ended {
            if self.tokens.len() - self.head > ahead && !self.head_may_be_key()? {
                break;
            }
            self.fetch().map_err(|error| error.scanned_at(self.line))?;
        }
        self.ready = true;
        Ok(())
    }

    /// Whether the token at `head` may still be a key.
    fn head_may_be_key(&mut self) -> Result<bool, Error> {
        let taken = self.taken;
        // Possible keys of deeper levels have higher token numbers.
        let level = if self.keys.len() == 1 { 0 } else { self.keys.partition_point(|k| k.token < taken) };
        match self.keys.get(level) {
            Some(key) if key.possible && key.awaited && key.token == taken => {
                self.key_is_valid(level).map_err(|error| error.scanned_at(self.line))
            }
            _ => Ok(false),
        }
    }

    /// Whether a possible key still is one: its `:` must follow on the same line, within `KEY_LENGTH`.
    fn key_is_valid(&mut self, level: usize) -> Result<bool, Error> {
        let key = self.keys[level];
        if !key.possible {
            return Ok(false);
        }
        if key.mark.line == self.line && self.column() <= key.mark.column + KEY_LENGTH {
            return Ok(true);
        }
        if key.required {
            return Err(self.missing_colon(key.mark));
        }
        self.keys[level].possible = false;
        Ok(false)
    }

    fn missing_colon(&self, mark: Mark) -> Error {
        Error::at(mark.line + 1, mark.column + 1, "could not find expected ':'")
            .hint("a line of a mapping is `key: value`; text that goes on over lines is indented deeper than its key")
    }

    /// The current column in characters. Counting continues from the last counted position, so that it is cheap
    /// on long lines.
    fn column(&mut self) -> u32 {
        let passed = &self.bytes[self.column_pos..self.pos];
        let count =
            if self.ascii { passed.len() } else { passed.iter().filter(|b| **b & 0xC0 != 0x80).count() };
        self.column += u32::try_from(count).unwrap_or(u32::MAX);
        self.column_pos = self.pos;
        self.column
    }

    fn mark(&mut self) -> Mark {
        let column = self.column();
        Mark { line: self.line, column, offset: u32::try_from(self.pos).unwrap_or(u32::MAX) }
    }

    fn icolumn(&mut self) -> i32 {
        i32::try_from(self.column()).unwrap_or(i32::MAX)
    }

    /// The byte `ahead` bytes after the current position; 0 behind the end of the text. Checked text contains no
    /// 0.
    #[inline]
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.pos + ahead).copied().unwrap_or(0)
    }

    /// Length in bytes of the line break `ahead` bytes after the current position; 0 if there is none.
    #[inline]
    fn break_len(&self, ahead: usize) -> usize {
        is_break_at(self.bytes, self.pos + ahead)
    }

    #[inline]
    fn is_blank_or_end(&self, ahead: usize) -> bool {
        let b = self.byte(ahead);
        is_blank(b) || b == 0 || self.break_len(ahead) > 0
    }

    /// Skips the line break at the current position, which has `len` bytes.
    #[inline]
    fn pass_break(&mut self, len: usize) {
        self.pos += len;
        self.line += 1;
        self.column = 0;
        self.line_start = self.pos;
        self.column_pos = self.pos;
    }

    /// The current position: line and column, counted from 0.
    pub fn place(&mut self) -> (u32, u32) {
        let mark = self.mark();
        (mark.line, mark.column)
    }

    fn error(&mut self, message: impl Into<String>) -> Error {
        let mark = self.mark();
        Error::at(mark.line + 1, mark.column + 1, message)
    }

    fn push(&mut self, kind: TokenKind<'a>, mark: Mark) {
        if let Some(comments) = &mut self.comments {
            comments.saw(&kind, mark, 0);
        }
        self.tokens.push(Token { kind, mark });
    }

    /// The number of the next token that is pushed.
    fn next_number(&self) -> usize {
        self.taken + self.tokens.len() - self.head
    }

    /// Inserts a token before the one with the given number; if that one was taken already, after all others.
    fn insert(&mut self, number: usize, kind: TokenKind<'a>, mark: Mark) {
        match number.checked_sub(self.taken) {
            Some(ahead) => {
                let at = self.head + ahead;
                if let Some(comments) = &mut self.comments {
                    comments.saw(&kind, mark, self.tokens.len() - at);
                }
                self.tokens.insert(at, Token { kind, mark });
            }
            None => self.push(kind, mark),
        }
    }

    fn fetch(&mut self) -> Result<(), Error> {
        let scan = self.comment_scan();
        self.skip_to_token(scan)?;
        let column = self.icolumn();
        self.unroll(column, scan);
        let b = self.byte(0);
        if column == 0 {
            match b {
                b'%' => return self.fetch_directive(),
                b'-' if self.at_document_indicator() => {
                    return self.fetch_indicator(TokenKind::DocumentStart);
                }
                b'.' if self.at_document_indicator() => return self.fetch_indicator(TokenKind::DocumentEnd),
                _ => {}
            }
        }
        let flow = self.flow_level > 0;
        let takes_comment = scan.map(|_| self.line_comment_token());
        match b {
            0 => self.fetch_end(),
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if flow || self.is_blank_or_end(1) => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(b),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !flow => self.fetch_block_scalar(b == b'|'),
            b'\'' | b'"' => self.fetch_quoted(b),
            b'\t' => Err(self
                .error("found character that cannot start any token")
                .detail(": a tab")
                .hint("indent with spaces; YAML does not allow tabs there")),
            b'%' | b'@' | b'`' | b'#' | b'|' | b'>' => {
                let found = format!(": {}", char::from(b));
                let error = self.error("found character that cannot start any token").detail(&found);
                Err(error.hint("put the text into quotes"))
            }
            _ => self.fetch_plain(),
        }?;
        if let Some(token) = takes_comment {
            self.scan_line_comment(token);
        }
        Ok(())
    }

    /// The current position, at which the search for the next token begins; `None` if comments are not kept.
    fn comment_scan(&mut self) -> Option<Mark> {
        self.comments.is_some().then(|| self.mark())
    }

    /// Skips white space, line breaks and comments. If `scan` is given, the position where that began, comments
    /// are kept.
    fn skip_to_token(&mut self, scan: Option<Mark>) -> Result<(), Error> {
        loop {
            let tabs = self.flow_level > 0 || !self.key_allowed;
            while self.byte(0) == b' ' || tabs && self.byte(0) == b'\t' {
                self.pos += 1;
            }
            if let Some(scan) = scan {
                self.lift_comment_behind_dash();
                if self.byte(0) == b'#' {
                    self.scan_comments(scan);
                }
            } else if self.byte(0) == b'#' {
                self.pass_comment();
                if self.dialect == Dialect::V3 {
                    self.pass_comment_block();
                }
            }
            let len = self.break_len(0);
            if len == 0 {
                return Ok(());
            }
            self.pass_break(len);
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn pass_comment(&mut self) {
        if self.newline_only {
            let rest = &self.bytes[self.pos..];
            self.pos += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        } else {
            while self.byte(0) != 0 && self.break_len(0) == 0 {
                self.pos += 1;
            }
        }
    }

    /// yaml.v3 skips consecutive comment lines at once, whatever their indentation.
    fn pass_comment_block(&mut self) {
        loop {
            let mut ahead = 0;
            while ahead < 512 && (is_blank(self.byte(ahead)) || self.break_len(ahead) > 0) {
                ahead += self.break_len(ahead).max(1);
            }
            if ahead >= 512 || self.byte(ahead) != b'#' {
                return;
            }
            let target = self.pos + ahead;
            while self.pos < target {
                match self.break_len(0) {
                    0 => self.pos += 1,
                    len => self.pass_break(len),
                }
            }
            self.pass_comment();
        }
    }

    /// Whether `---` or `...`, followed by white space, is at the current position.
    fn at_document_indicator(&self) -> bool {
        let b = self.byte(0);
        matches!(b, b'-' | b'.') && self.byte(1) == b && self.byte(2) == b && self.is_blank_or_end(3)
    }

    /// Opens a block collection if `mark` is in a deeper column than the current collection.
    fn roll(&mut self, number: Option<usize>, kind: TokenKind<'a>, mark: Mark) -> Result<(), Error> {
        let column = i32::try_from(mark.column).unwrap_or(i32::MAX);
        if self.flow_level > 0 || self.indent >= column {
            return Ok(());
        }
        if self.indents.len() >= self.depth_limit {
            return Err(self.too_deep(mark));
        }
        self.indents.push(self.indent);
        self.indent = column;
        match number {
            Some(number) => self.insert(number, kind, mark),
            None => self.push(kind, mark),
        }
        Ok(())
    }

    fn too_deep(&self, mark: Mark) -> Error {
        let message = format!("the document is nested deeper than {} levels", self.depth_limit);
        Error::at(mark.line + 1, mark.column + 1, message)
    }

    /// Closes the block collections that are deeper than `column`. If `scan` is given, the position where the
    /// search for the next token began, they end before the comments that do not belong to them.
    fn unroll(&mut self, column: i32, scan: Option<Mark>) {
        if self.flow_level > 0 {
            return;
        }
        let mut place = scan.map(|mark| (i64::from(mark.offset) - 1, mark));
        while self.indent > column {
            let mut mark = self.mark();
            if let (Some(comments), Some(place)) = (&self.comments, &mut place) {
                *place = comments.block_end(*place, self.indent);
                mark.offset = u32::try_from(place.0).unwrap_or(0);
            }
            self.push(TokenKind::BlockEnd, mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    /// Notes that a key may begin at the current position.
    fn save_key(&mut self) -> Result<(), Error> {
        if self.key_allowed {
            let mark = self.mark();
            let required =
                self.flow_level == 0 && self.indent == i32::try_from(mark.column).unwrap_or(i32::MAX);
            self.forget_key()?;
            let key = SimpleKey { possible: true, required, awaited: true, token: self.next_number(), mark };
            if let Some(last) = self.keys.last_mut() {
                *last = key;
            }
        }
        Ok(())
    }

    /// Drops the possible key of the current level; it is an error if only a key was allowed there.
    fn forget_key(&mut self) -> Result<(), Error> {
        let Some(key) = self.keys.last_mut() else { return Ok(()) };
        if key.possible && key.required {
            let mark = key.mark;
            return Err(self.missing_colon(mark));
        }
        key.possible = false;
        Ok(())
    }

    fn fetch_end(&mut self) -> Result<(), Error> {
        let mark = self.mark();
        let scan = self.comment_scan();
        self.unroll(-1, scan);
        // Go's library ends the last line before it reports the error.
        let line = self.line + u32::from(mark.column > 0);
        self.forget_key().map_err(|error| error.scanned_at(line))?;
        self.key_allowed = false;
        self.ended = true;
        self.push(TokenKind::StreamEnd, mark);
        Ok(())
    }

    fn fetch_indicator(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        let scan = self.comment_scan();
        self.unroll(-1, scan);
        self.forget_key()?;
        self.key_allowed = false;
        self.push_indicator(kind, 3);
        Ok(())
    }

    fn push_indicator(&mut self, kind: TokenKind<'a>, len: usize) {
        let mark = self.mark();
        self.pos += len;
        self.push(kind, mark);
    }

    fn fetch_flow_start(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        self.save_key()?;
        let mark = self.mark();
        if self.flow_level >= self.depth_limit {
            return Err(self.too_deep(mark));
        }
        let token = self.next_number();
        self.keys.push(SimpleKey { token, mark, ..SimpleKey::default() });
        self.flow_level += 1;
        self.key_allowed = true;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind<'a>) -> Result<(), Error> {
        self.forget_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let inner = self.keys.pop();
            if let (Some(outer), Some(inner)) = (self.keys.last_mut(), inner) {
                outer.awaited &= outer.token != inner.token;
            }
        }
        self.key_allowed = false;
        self.push_indicator(kind, 1);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Error> {
        self.forget_key()?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::FlowEntry, 1);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(self
                    .error("block sequence entries are not allowed in this context")
                    .hint("begin the list on the line after its key"));
            }
            let mark = self.mark();
            self.roll(None, TokenKind::BlockSequenceStart, mark)?;
        }
        self.forget_key()?;
        self.key_allowed = true;
        self.push_indicator(TokenKind::BlockEntry, 1);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Error> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(self.error("mapping keys are not allowed in this context"));
            }
            let mark = self.mark();
            self.roll(None, TokenKind::BlockMappingStart, mark)?;
        }
        self.forget_key()?;
        self.key_allowed = self.flow_level == 0;
        self.push_indicator(TokenKind::Key, 1);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Error> {
        let level = self.keys.len() - 1;
        if self.key_is_valid(level)? {
            let key = self.keys[level];
            self.insert(key.token, TokenKind::Key, key.mark);
            self.roll(Some(key.token), TokenKind::BlockMappingStart, key.mark)?;
            self.keys[level].possible = false;
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return Err(self
                        .error("mapping values are not allowed in this context")
                        .hint("text that holds `: ` is put into quotes"));
                }
                let mark = self.mark();
                self.roll(None, TokenKind::BlockMappingStart, mark)?;
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.push_indicator(TokenKind::Value, 1);
        Ok(())
    }
}

/// The value of a text that consists of one scalar; `None` if it does not.
pub(crate) fn whole_scalar(text: &str) -> Option<String> {
    let input = Input::new(text.as_bytes()).ok()?;
    match Scanner::new(&input, Dialect::V2, 1).next().ok()?.kind {
        TokenKind::Scalar(value, _) => Some(value.into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
