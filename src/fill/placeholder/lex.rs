//! Splits one placeholder into its parts: the head, then modifiers, each a name and words.
//!
//! A placeholder ends at the first `>` that is not quoted. After the first `|`, quotes protect `|`, `#`, `>` and
//! white space: quotes around a whole word are removed, quotes inside a word stay. In the template of `jsonPath`
//! quotes always stay, and braces protect as well. In the head, a path template `{{ ... }}` protects the `|` of
//! its filters.

use super::{Fault, PATH_PREFIX};
use memchr::{memchr, memmem};
use std::ops::Range;

/// The longest placeholder, in bytes. A longer text is more likely one in which a `>` was forgotten.
pub const MOST_BYTES: usize = 64 << 10;

/// The most modifiers of one placeholder.
pub const MOST_CALLS: usize = 16;

/// The deepest nesting of placeholders.
const MOST_DEPTH: u32 = 4;

/// A placeholder's parts, as ranges of the text in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexed {
    /// The text between the opening bracket and the first `|` or the closing bracket.
    pub head: Range<usize>,
    /// The modifiers.
    pub calls: Vec<LexedCall>,
    /// The offset after the closing bracket.
    pub end: usize,
}

/// One modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexedCall {
    /// Its name; empty if none is written.
    pub name: Range<usize>,
    /// The whole text after the name.
    pub argument: Range<usize>,
    /// The argument split into words.
    pub words: Vec<Word>,
}

/// A word of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its position; for a quoted word without the quotes.
    pub span: Range<usize>,
    /// How the word is written.
    pub kind: WordKind,
}

/// How a word is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// Text without quotes around it.
    Plain,
    /// Text in quotes.
    Quoted,
    /// A placeholder.
    Placeholder(Box<Lexed>),
}

/// Why a text is not a placeholder, and where parsing stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLexed {
    /// The syntax error.
    pub fault: Fault,
    /// The offset at which the error was found.
    pub at: usize,
}

/// Parses the placeholder whose opening bracket is at `start`. With `keys` key placeholders are allowed, also
/// inside of an argument.
pub fn lex(text: &[u8], start: usize, keys: bool) -> Result<Lexed, NotLexed> {
    // Text beyond the longest possible placeholder is not read.
    let limit = text.len().min(start.saturating_add(MOST_BYTES));
    Lexer { text: &text[..limit], cut: limit < text.len(), at: start, keys }.placeholder(0)
}

struct Lexer<'t> {
    text: &'t [u8],
    /// The text was cut off at the length of the longest placeholder.
    cut: bool,
    at: usize,
    keys: bool,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn fault<T>(&self, fault: Fault) -> Result<T, NotLexed> {
        // If the text was cut off, the `>` may follow after the cut.
        let fault = if self.cut && self.at >= self.text.len() { Fault::TooLong } else { fault };
        Err(NotLexed { fault, at: self.at })
    }

    fn placeholder(&mut self, depth: u32) -> Result<Lexed, NotLexed> {
        if depth > MOST_DEPTH {
            return self.fault(Fault::NestedTooDeep);
        }
        let is_path = self.text[self.at..].starts_with(PATH_PREFIX);
        self.at += 1;
        let head = self.head(is_path)?;
        let mut calls = Vec::new();
        while self.peek() == Some(b'|') {
            self.at += 1;
            if calls.len() >= MOST_CALLS {
                return self.fault(Fault::TooManyModifiers);
            }
            calls.push(self.call(is_path, depth)?);
        }
        self.at += 1;
        Ok(Lexed { head, calls, end: self.at })
    }

    /// Parses the head, up to but not including the `|` or `>` that ends it.
    fn head(&mut self, is_path: bool) -> Result<Range<usize>, NotLexed> {
        let start = self.at;
        loop {
            match self.peek() {
                None => return self.fault(Fault::Unclosed),
                Some(b'\n') if !is_path => return self.fault(Fault::Unclosed),
                // In the path form a `<` begins the next placeholder.
                Some(b'<') if is_path => return self.fault(Fault::Unclosed),
                Some(b'|' | b'>') => return Ok(start..self.at),
                Some(b'{') if is_path && self.text[self.at..].starts_with(b"{{") => self.template(),
                Some(_) => self.at += 1,
            }
        }
    }

    /// Skips a path template, or only its opening braces if it does not end on its line.
    fn template(&mut self) {
        let line = &self.text[self.at..];
        let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
        // A longer template is refused anyway.
        let line = &line[..line.len().min(2 << 10)];
        self.at += memmem::find(line, b"}}").map_or(2, |end| end + 2);
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Parses a modifier after its `|`, up to but not including the `|` or `>` that ends it.
    fn call(&mut self, is_path: bool, depth: u32) -> Result<LexedCall, NotLexed> {
        self.blank_in_line(is_path);
        let name = self.at;
        while self.peek().is_some_and(|b| !b.is_ascii_whitespace() && !matches!(b, b'|' | b'>')) {
            self.at += 1;
        }
        let name = name..self.at;
        self.blank_in_line(is_path);
        let start = self.at;
        let words = if &self.text[name.clone()] == b"jsonPath" {
            self.raw(is_path)?;
            Vec::new()
        } else {
            self.words(is_path, depth)?
        };
        let mut argument = start..self.at;
        argument.end -=
            self.text[argument.clone()].iter().rev().take_while(|b| b.is_ascii_whitespace()).count();
        Ok(LexedCall { name, argument, words })
    }

    /// Skips white space. In the key form line ends are not skipped, since a key placeholder ends with its line.
    fn blank_in_line(&mut self, is_path: bool) {
        if is_path {
            self.blank();
        } else {
            while self.peek().is_some_and(|b| b.is_ascii_whitespace() && b != b'\n') {
                self.at += 1;
            }
        }
    }

    fn words(&mut self, is_path: bool, depth: u32) -> Result<Vec<Word>, NotLexed> {
        let mut words = Vec::new();
        loop {
            self.blank_in_line(is_path);
            match self.peek() {
                None | Some(b'\n') => return self.fault(Fault::Unclosed),
                Some(b'|' | b'>') => return Ok(words),
                Some(quote @ (b'"' | b'\'')) => {
                    let start = self.at;
                    let span = self.quoted(quote, is_path)?;
                    if holds_path_form(&self.text[span.clone()]) {
                        return self.fault(Fault::QuotedPlaceholder);
                    }
                    if self.ends_word() {
                        words.push(Word { span, kind: WordKind::Quoted });
                    } else if words.is_empty() {
                        return self.fault(Fault::BehindQuote);
                    } else {
                        // In an argument that begins without quotes, later quotes are text: `{"a": "b"}`.
                        words.push(self.plain(start, is_path)?);
                    }
                }
                Some(b'<') if self.keys || self.text[self.at..].starts_with(PATH_PREFIX) => {
                    let start = self.at;
                    let inner = self.placeholder(depth + 1)?;
                    words.push(Word { span: start..self.at, kind: WordKind::Placeholder(Box::new(inner)) });
                    if !self.ends_word() {
                        return self.fault(Fault::BesidePlaceholder);
                    }
                }
                Some(_) => words.push(self.plain(self.at, is_path)?),
            }
        }
    }

    /// Whether a word ends at the current position.
    fn ends_word(&self) -> bool {
        self.peek().is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'|' | b'>'))
    }

    /// Parses the rest of a word that began at `start`. Quotes inside of it belong to its text.
    fn plain(&mut self, start: usize, is_path: bool) -> Result<Word, NotLexed> {
        loop {
            match self.peek() {
                Some(quote @ (b'"' | b'\'')) => {
                    let span = self.quoted(quote, is_path)?;
                    if holds_path_form(&self.text[span]) {
                        return self.fault(Fault::QuotedPlaceholder);
                    }
                }
                Some(b'<') => return self.fault(Fault::BareBracket),
                Some(b) if !b.is_ascii_whitespace() && !matches!(b, b'|' | b'>') => self.at += 1,
                _ => return Ok(Word { span: start..self.at, kind: WordKind::Plain }),
            }
        }
    }

    /// Parses a quoted text and returns the range between the quotes.
    fn quoted(&mut self, quote: u8, is_path: bool) -> Result<Range<usize>, NotLexed> {
        match self.closing(quote, is_path) {
            Some(end) => {
                let span = self.at + 1..end;
                self.at = end + 1;
                Ok(span)
            }
            None => self.fault(Fault::UnbalancedQuote),
        }
    }

    /// The offset of the closing quote for the opening quote at the current position.
    fn closing(&self, quote: u8, is_path: bool) -> Option<usize> {
        let inner = self.at + 1;
        let end = inner + memchr(quote, self.text.get(inner..)?)?;
        (is_path || memchr(b'\n', &self.text[inner..end]).is_none()).then_some(end)
    }

    /// Parses the template of `jsonPath`: text, and actions in braces, which may contain quotes.
    fn raw(&mut self, is_path: bool) -> Result<(), NotLexed> {
        let mut begins = true;
        loop {
            match self.peek() {
                None => return self.fault(Fault::Unclosed),
                Some(b'\n') if !is_path => return self.fault(Fault::Unclosed),
                Some(b'|' | b'>') => return Ok(()),
                Some(b'{') => self.action(is_path)?,
                // A quote at the beginning of a word that is never closed is an apostrophe and part of the text.
                Some(quote @ (b'"' | b'\'')) if begins => match self.closing(quote, is_path) {
                    Some(end) => self.at = end + 1,
                    None => self.at += 1,
                },
                Some(b'<') if self.text[self.at..].starts_with(PATH_PREFIX) => {
                    return self.fault(Fault::BesidePlaceholder);
                }
                Some(b) => {
                    self.at += 1;
                    begins = b.is_ascii_whitespace();
                    continue;
                }
            }
            begins = false;
        }
    }

    /// Parses an action, braces included.
    fn action(&mut self, is_path: bool) -> Result<(), NotLexed> {
        let start = self.at;
        self.at += 1;
        let mut quote = None;
        while let Some(b) = self.peek() {
            if b == b'\n' && !is_path {
                break;
            }
            match (quote, b) {
                (Some(_), b'\\') => self.at += 1,
                (Some(open), b) if open == b => quote = None,
                (None, b'"' | b'\'') => quote = Some(b),
                (None, b'}') => {
                    self.at += 1;
                    return match holds_path_form(&self.text[start..self.at]) {
                        true => self.fault(Fault::QuotedPlaceholder),
                        false => Ok(()),
                    };
                }
                _ => {}
            }
            self.at += 1;
        }
        self.at = self.at.min(self.text.len());
        self.fault(if quote.is_some() { Fault::UnbalancedQuote } else { Fault::UnclosedBrace })
    }
}

fn holds_path_form(text: &[u8]) -> bool {
    memmem::find(text, PATH_PREFIX).is_some()
}
