//! Splits one placeholder into its parts: the head, then modifiers, each a name and words.
//!
//! A placeholder ends at the first `>` that nothing protects. Behind the first bar quotes protect `|`, `#`,
//! `>` and white space: around a whole word they are taken off, inside a word they stay. In the template of
//! `jsonPath` quotes always stay, and braces protect as well. In the head a path template `{{ ... }}`
//! protects the bars of its filters.

use super::{Fault, PATH_PREFIX};
use memchr::{memchr, memmem};
use std::ops::Range;

/// Bytes that a placeholder may take. More is no placeholder, but text in which a bracket was forgotten.
pub const MOST_BYTES: usize = 64 << 10;

/// Modifiers that one placeholder may have.
pub const MOST_CALLS: usize = 16;

/// Placeholders inside each other.
const MOST_DEPTH: u32 = 4;

/// A placeholder's parts, as ranges of the text it was found in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexed {
    /// Behind the opening bracket, up to the first bar or the closing bracket.
    pub head: Range<usize>,
    /// The modifiers.
    pub calls: Vec<LexedCall>,
    /// Behind the closing bracket.
    pub end: usize,
}

/// One modifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexedCall {
    /// Its name; empty when there is none.
    pub name: Range<usize>,
    /// All that stands behind the name.
    pub argument: Range<usize>,
    /// The same in words.
    pub words: Vec<Word>,
}

/// A word of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where it stands; the quotes of a quoted one are left out.
    pub span: Range<usize>,
    /// What it is.
    pub kind: WordKind,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// Text as it stands.
    Plain,
    /// Text that stood in quotes.
    Quoted,
    /// A placeholder.
    Placeholder(Box<Lexed>),
}

/// What is no placeholder, and where reading it stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotLexed {
    /// What is wrong.
    pub fault: Fault,
    /// Where that was seen.
    pub at: usize,
}

/// Reads the placeholder whose opening bracket stands at `start`. With `keys` the key form counts too, also
/// inside of an argument.
pub fn lex(text: &[u8], start: usize, keys: bool) -> Result<Lexed, NotLexed> {
    // What stands behind the longest placeholder is not looked at.
    let limit = text.len().min(start.saturating_add(MOST_BYTES));
    Lexer { text: &text[..limit], cut: limit < text.len(), at: start, keys }.placeholder(0)
}

struct Lexer<'t> {
    text: &'t [u8],
    /// The text goes on behind what may be looked at.
    cut: bool,
    at: usize,
    keys: bool,
}

impl Lexer<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn fault<T>(&self, fault: Fault) -> Result<T, NotLexed> {
        // A key placeholder ends with its line, so that a cut-off line may go on to a bracket.
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

    /// The head; what ends it is not read.
    fn head(&mut self, is_path: bool) -> Result<Range<usize>, NotLexed> {
        let start = self.at;
        loop {
            match self.peek() {
                None => return self.fault(Fault::Unclosed),
                Some(b'\n') if !is_path => return self.fault(Fault::Unclosed),
                // In the path form it begins the next placeholder.
                Some(b'<') if is_path => return self.fault(Fault::Unclosed),
                Some(b'|' | b'>') => return Ok(start..self.at),
                Some(b'{') if is_path && self.text[self.at..].starts_with(b"{{") => self.template(),
                Some(_) => self.at += 1,
            }
        }
    }

    /// Steps over a path template, or over its opening braces when it does not end on its line.
    fn template(&mut self) {
        let line = &self.text[self.at..];
        let line = &line[..memchr(b'\n', line).unwrap_or(line.len())];
        // A template that were longer is refused anyway.
        let line = &line[..line.len().min(2 << 10)];
        self.at += memmem::find(line, b"}}").map_or(2, |end| end + 2);
    }

    fn blank(&mut self) {
        while self.peek().is_some_and(|b| b.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// A modifier behind its bar; what ends it is not read.
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

    /// White space; the key form ends with its line.
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
                        // In text that begins without quotes they are text: `{"a": "b"}`.
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

    /// Whether a word ends here.
    fn ends_word(&self) -> bool {
        self.peek().is_none_or(|b| b.is_ascii_whitespace() || matches!(b, b'|' | b'>'))
    }

    /// The rest of a word that began at `start` and whose quotes are text.
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

    /// A text in quotes, and what stands between them.
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

    /// Where the quote that opens here closes.
    fn closing(&self, quote: u8, is_path: bool) -> Option<usize> {
        let inner = self.at + 1;
        let end = inner + memchr(quote, self.text.get(inner..)?)?;
        (is_path || memchr(b'\n', &self.text[inner..end]).is_none()).then_some(end)
    }

    /// The template of a jsonPath: text, and actions in braces with quotes in them.
    fn raw(&mut self, is_path: bool) -> Result<(), NotLexed> {
        let mut begins = true;
        loop {
            match self.peek() {
                None => return self.fault(Fault::Unclosed),
                Some(b'\n') if !is_path => return self.fault(Fault::Unclosed),
                Some(b'|' | b'>') => return Ok(()),
                Some(b'{') => self.action(is_path)?,
                // A quote at the beginning of a word that is never closed is an apostrophe: it is text.
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

    /// An action, with its braces.
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
