//! Scanning comments, for programs that write a document again.
//!
//! yaml.v3 assigns each comment to a node: above the node (head), behind it on its line (line), or below it
//! (foot). Which of these a comment is follows from empty lines, columns and the tokens before it. The scanner
//! notes the token that each comment belongs to; the builder in the module `edit` takes the comments of each
//! token.

use super::chars::is_blank;
use super::{Mark, Scanner, TokenKind};

/// How many bytes yaml.v3 looks ahead for the next comment.
const LOOKAHEAD: usize = 512;

/// A comment that was scanned and not taken yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Comment {
    /// The comment belongs to the first token at or behind this byte offset.
    pub token: i64,
    /// Where the search that found the comment began, where the comment begins, and where it ends. The columns of
    /// comments on lines of their own are counted from 1.
    scan: i64,
    start: Mark,
    end: i64,
    pub head: String,
    pub line: String,
    pub foot: String,
}

/// The kind of a token before a comment, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Before {
    #[default]
    Other,
    BlockSequenceStart,
    BlockEntry,
    FlowEntry,
    Value,
}

impl Before {
    fn of(kind: &TokenKind<'_>) -> Self {
        match kind {
            TokenKind::BlockSequenceStart => Self::BlockSequenceStart,
            TokenKind::BlockEntry => Self::BlockEntry,
            TokenKind::FlowEntry => Self::FlowEntry,
            TokenKind::Value => Self::Value,
            _ => Self::Other,
        }
    }
}

/// The comments that were scanned so far.
#[derive(Debug)]
pub(crate) struct Comments {
    read: Vec<Comment>,
    /// Index of the first comment that was not taken.
    head: usize,
    /// The last two tokens of the queue, with their positions. The start of the stream counts as one.
    recent: [Option<(Before, Mark)>; 2],
}

impl Comments {
    pub fn new() -> Self {
        Self { read: Vec::new(), head: 0, recent: [None, Some((Before::Other, Mark::default()))] }
    }

    /// Notes a token that was inserted into the queue before the last `behind` tokens.
    pub fn saw(&mut self, kind: &TokenKind<'_>, mark: Mark, behind: usize) {
        let token = Some((Before::of(kind), mark));
        match behind {
            0 => self.recent = [self.recent[1], token],
            1 => self.recent[0] = token,
            _ => {}
        }
    }

    fn last(&self) -> (Before, Mark) {
        self.recent[1].unwrap_or_default()
    }

    /// Whether the last token is the dash of an item. A dash has no comments: they belong to the node behind it.
    fn is_behind_dash(&self) -> bool {
        self.last().0 == Before::BlockEntry
    }

    /// The next comment that belongs to the token at `offset`. A head comment never belongs to the end of a block.
    pub fn take_for(&mut self, offset: i64, is_block_end: bool) -> Option<Comment> {
        let comment = self.read.get_mut(self.head)?;
        if offset < comment.token || is_block_end && !comment.head.is_empty() {
            return None;
        }
        self.head += 1;
        Some(std::mem::take(comment))
    }

    /// The position at which a block ends, for its comments: before the comments right before the current
    /// position that begin in the block's column. `place` is where the search began, or the result for an inner
    /// block.
    pub fn block_end(&self, place: (i64, Mark), indent: i32) -> (i64, Mark) {
        let (mut stop, mut found) = (place.0, place);
        for comment in self.read.iter().rev() {
            if comment.end < stop {
                break;
            }
            if i64::from(comment.start.column) == i64::from(indent) + 1 {
                found = (i64::from(comment.start.offset), comment.start);
            }
            stop = comment.scan;
        }
        found
    }
}

impl Scanner<'_> {
    /// The number of line breaks between the last character that is not white space and the current position.
    fn newlines(&self) -> u32 {
        let mut count = 0;
        let mut at = self.pos;
        loop {
            let before = &self.bytes[..at];
            at -= match before {
                [.., b'\r', b'\n'] => {
                    count += 1;
                    2
                }
                [.., b'\n' | b'\r'] => {
                    count += 1;
                    1
                }
                [.., 0xC2, 0x85] => {
                    count += 1;
                    2
                }
                [.., 0xE2, 0x80, 0xA8 | 0xA9] => {
                    count += 1;
                    3
                }
                [.., b' ' | b'\t'] => 1,
                _ => return count,
            };
        }
    }

    /// Skips to a position.
    fn pass_to(&mut self, target: usize) {
        while self.pos < target {
            match self.break_len(0) {
                0 => self.pos += 1,
                len => self.pass_break(len),
            }
        }
    }

    /// Scans up to the end of the line.
    fn read_comment(&mut self) -> String {
        let start = self.pos;
        self.pass_comment();
        self.text[start..self.pos].to_owned()
    }

    /// The offset of the token that a comment behind the next token belongs to: the token before a `:` or `,`, or
    /// the next token itself.
    pub(super) fn line_comment_token(&mut self) -> i64 {
        let here = i64::from(self.mark().offset);
        let Some(comments) = &self.comments else { return here };
        let to_last = if self.flow_level == 0 { b':' } else { b',' };
        if self.byte(0) == to_last { i64::from(comments.last().1.offset) } else { here }
    }

    /// Scans a comment behind the last token on its line, unless that token is a dash.
    pub(super) fn scan_line_comment(&mut self, token: i64) {
        let Some(comments) = &self.comments else { return };
        if comments.is_behind_dash() {
            return;
        }
        self.scan_comment_on_line(token);
    }

    /// As [`Self::scan_line_comment`], behind any token.
    pub(super) fn scan_comment_on_line(&mut self, token: i64) {
        if self.comments.is_none() || self.newlines() > 0 {
            return;
        }
        let ahead = (0..LOOKAHEAD).find(|n| !is_blank(self.byte(*n)));
        let Some(ahead) = ahead.filter(|n| self.byte(*n) == b'#') else { return };
        self.pass_to(self.pos + ahead);
        let start = self.mark();
        let line = self.read_comment();
        if let Some(comments) = &mut self.comments {
            comments.read.push(Comment { token, start, line, ..Comment::default() });
        }
    }

    /// A comment behind the first dash of a list becomes a head comment if the item begins on a line of its own.
    pub(super) fn lift_comment_behind_dash(&mut self) {
        if self.comments.is_none() || self.break_len(0) > 0 {
            return;
        }
        let mark = self.mark();
        let Some(comments) = &mut self.comments else { return };
        let is_first_dash =
            matches!(comments.recent, [Some((Before::BlockSequenceStart, _)), Some((Before::BlockEntry, _))]);
        if let Some(comment) = comments.read.last_mut()
            && is_first_dash
            && !comment.line.is_empty()
        {
            comment.head = std::mem::take(&mut comment.line);
            if comment.start.line + 1 == mark.line {
                comment.token = i64::from(mark.offset);
            }
        }
    }

    /// Scans consecutive comments, each on a line of its own, and decides which node they belong to. `scan` is
    /// where the search for the next token began.
    pub(super) fn scan_comments(&mut self, scan: Mark) {
        let Some(comments) = &self.comments else { return };
        let [second, last] = comments.recent;
        let (kind, mark) = match (second, last) {
            (Some(second), Some((Before::FlowEntry, _))) => second,
            (_, last) => last.unwrap_or_default(),
        };
        let here = self.mark();
        let newlines = self.newlines();
        let foot_line = (scan.line > 0).then(|| {
            i64::from(here.line) - i64::from(newlines) + 1 + i64::from(newlines == 0 && here.column > 1)
        });
        let mut block = Block {
            token: i64::from(mark.offset),
            scan: i64::from(scan.offset),
            start: Mark::default(),
            text: String::new(),
            is_after_value: kind == Before::Value,
            foot_line,
            first_empty: newlines <= 1,
            recent_empty: false,
            line: here.line,
            column: here.column,
        };
        let end = self.scan_block_of_comments(&mut block);
        if !block.text.is_empty() {
            let head = std::mem::take(&mut block.text);
            let token = i64::from(block.start.offset);
            self.keep(Comment {
                token,
                scan: block.scan,
                start: block.start,
                end: end - 1,
                head,
                ..Comment::default()
            });
        }
    }

    fn keep(&mut self, comment: Comment) {
        if let Some(comments) = &mut self.comments {
            comments.read.push(comment);
        }
    }

    /// Scans white space, empty lines and comments; returns the offset at which that ended.
    fn scan_block_of_comments(&mut self, block: &mut Block) -> i64 {
        let mut ahead = 0;
        while ahead < LOOKAHEAD {
            block.column += 1;
            let c = self.byte(ahead);
            if is_blank(c) {
                ahead += 1;
                continue;
            }
            let at = i64::try_from(self.pos + ahead).unwrap_or(i64::MAX);
            let next_indent = self.indent.max(0);
            let closes = self.flow_level > 0 && matches!(c, b']' | b'}');
            let is_break = self.break_len(ahead) > 0;
            if closes || is_break || c == 0 {
                if closes || !block.recent_empty {
                    if block.ends_as_foot(closes, next_indent) {
                        if !block.text.is_empty() {
                            if block.is_dedented(next_indent) {
                                block.token = i64::from(block.start.offset);
                            }
                            let foot = block.take_foot(at);
                            self.keep(foot);
                        }
                    } else if !block.text.is_empty() && c != 0 {
                        block.text.push('\n');
                    }
                }
                if !is_break {
                    return at;
                }
                block.end_line();
                ahead += 1;
                continue;
            }
            let column = i64::from(block.column);
            let is_shallow = column - 1 < i64::from(next_indent) && block.column != block.start.column;
            if !block.text.is_empty() && is_shallow {
                let foot = block.take_foot(at);
                self.keep(foot);
            }
            if c != b'#' {
                return at;
            }
            if block.text.is_empty() {
                let offset = u32::try_from(at).unwrap_or(u32::MAX);
                block.start = Mark { line: block.line, column: block.column, offset };
            } else {
                block.text.push('\n');
            }
            block.recent_empty = false;
            self.pass_to(self.pos + ahead);
            let text = self.read_comment();
            block.text.push_str(&text);
            // The line break was handled already.
            ahead = 1;
            block.column = 0;
            block.line = self.line;
        }
        i64::try_from(self.pos + ahead).unwrap_or(i64::MAX)
    }
}

/// Consecutive comment lines that are being scanned.
struct Block {
    /// Offset of the token that a foot comment belongs to.
    token: i64,
    scan: i64,
    /// Where the text begins. The column is counted from 1.
    start: Mark,
    text: String,
    is_after_value: bool,
    /// The line on which a comment must begin to be the foot comment of the node before it.
    foot_line: Option<i64>,
    /// Whether there was no empty line before or between the comments.
    first_empty: bool,
    recent_empty: bool,
    line: u32,
    column: u32,
}

impl Block {
    fn is_dedented(&self, indent: i32) -> bool {
        i64::from(self.start.column) - 1 < i64::from(indent)
    }

    /// Whether the comments so far are the foot comment of the node before them.
    fn ends_as_foot(&self, closes: bool, indent: i32) -> bool {
        let is_right_below =
            self.foot_line.unwrap_or(-1) == i64::from(self.start.line) && !self.is_after_value;
        closes || self.first_empty && (is_right_below || self.is_dedented(indent))
    }

    fn take_foot(&mut self, at: i64) -> Comment {
        let foot = std::mem::take(&mut self.text);
        let comment = Comment {
            token: self.token,
            scan: self.scan,
            start: self.start,
            end: at,
            foot,
            ..Comment::default()
        };
        (self.scan, self.token) = (at, at);
        comment
    }

    fn end_line(&mut self) {
        self.first_empty = false;
        self.recent_empty = true;
        self.column = 0;
        self.line += 1;
    }
}
