//! Splits template text into tokens.

use keyfill_go::quote::{is_print, quote};
use keyfill_go::unicode::{is_digit, is_letter};
use keyfill_go::utf8;
use memchr::memmem;

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// An error: the text is malformed. [`Lexer::error`] has the message.
    Error,
    Bool,
    /// A character that has no meaning of its own, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl TokenKind {
    fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: its kind and the range of the text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub kind: TokenKind,
    pub start: u32,
    pub end: u32,
}

/// Returns the tokens of a text one after the other.
pub(super) struct Lexer<'a> {
    text: &'a [u8],
    left: memmem::Finder<'static>,
    at: usize,
    start: usize,
    in_action: bool,
    parens: u32,
    /// Whether `break` and `continue` are keywords. They are not if functions have these names.
    keywords: (bool, bool),
    error: Option<String>,
}

const LEFT: &[u8; 2] = b"{{";
const RIGHT: &[u8; 2] = b"}}";

/// The classes of ASCII bytes. Bytes of other characters have no class.
const ALPHANUMERIC: u8 = 1;
const SPACE: u8 = 2;
/// A character before which a word may end.
const TERMINATOR: u8 = 4;

static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' => ALPHANUMERIC,
            b' ' | b'\t' | b'\r' | b'\n' => SPACE | TERMINATOR,
            b'.' | b',' | b'|' | b':' | b')' | b'(' => TERMINATOR,
            _ => 0,
        };
        byte += 1;
    }
    classes
};

fn is(byte: u8, class: u8) -> bool {
    CLASSES[usize::from(byte)] & class != 0
}

/// How many bytes of a class a text begins with.
fn run(text: &[u8], class: u8) -> usize {
    text.iter().position(|b| !is(*b, class)).unwrap_or(text.len())
}

impl<'a> Lexer<'a> {
    pub fn new(text: &'a [u8], break_is_keyword: bool, continue_is_keyword: bool) -> Self {
        Self {
            text,
            left: memmem::Finder::new(LEFT),
            at: 0,
            start: 0,
            in_action: false,
            parens: 0,
            keywords: (break_is_keyword, continue_is_keyword),
            error: None,
        }
    }

    /// The bytes of a token.
    pub fn text(&self, token: Token) -> &'a [u8] {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The line of a token, counted from 1.
    pub fn line(&self, pos: u32) -> u32 {
        let before = &self.text[..(pos as usize).min(self.text.len())];
        memchr::memchr_iter(b'\n', before).count() as u32 + 1
    }

    /// The message of an error token.
    pub fn error(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }

    /// A token as messages name it.
    pub fn describe(&self, token: Token) -> String {
        let text = self.text(token);
        match token.kind {
            TokenKind::Eof => "EOF".to_owned(),
            TokenKind::Error => self.error().to_owned(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ if text.len() > 10 => {
                let end: usize = utf8::runes(text).take(10).map(|rune| rune.len).sum();
                format!("{}...", quote(&text[..end]))
            }
            _ => quote(text),
        }
    }

    /// The next token. After an error or the end of the text, always that token again.
    pub fn next(&mut self) -> Token {
        if self.error.is_some() {
            return self.emit(TokenKind::Error);
        }
        if self.in_action { self.action() } else { self.outside() }
    }

    fn emit(&mut self, kind: TokenKind) -> Token {
        let token = Token { kind, start: self.start as u32, end: self.at as u32 };
        self.start = self.at;
        token
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.error = Some(message.into());
        Token { kind: TokenKind::Error, start: self.start as u32, end: self.start as u32 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    #[inline]
    fn peek(&self) -> Option<char> {
        utf8::decode(self.rest()).map(|rune| rune.char)
    }

    #[inline]
    fn bump(&mut self) -> Option<char> {
        if let Some(byte) = self.rest().first().filter(|b| b.is_ascii()) {
            self.at += 1;
            return Some(char::from(*byte));
        }
        let rune = utf8::decode(self.rest())?;
        self.at += rune.len;
        Some(rune.char)
    }

    /// Text up to the next action, comments skipped.
    fn outside(&mut self) -> Token {
        loop {
            let Some(found) = self.left.find(self.rest()) else {
                self.at = self.text.len();
                let kind = if self.at > self.start { TokenKind::Text } else { TokenKind::Eof };
                return self.emit(kind);
            };
            let delimiter = self.at + found;
            let before = &self.text[self.start..delimiter];
            let trimmed = is_left_trim(&self.text[delimiter + LEFT.len()..]);
            self.at = delimiter - if trimmed { before.len() - trim_end(before).len() } else { 0 };
            if self.at > self.start {
                let token = self.emit(TokenKind::Text);
                // The delimiter is found again by the next call, with no text before it.
                (self.at, self.start) = (delimiter, delimiter);
                return token;
            }
            (self.at, self.start) = (delimiter, delimiter);
            let after_marker = if trimmed { 2 } else { 0 };
            if !self.text[delimiter + LEFT.len() + after_marker..].starts_with(b"/*") {
                self.at += LEFT.len();
                let token = self.emit(TokenKind::LeftDelim);
                self.at += after_marker;
                self.start = self.at;
                self.in_action = true;
                self.parens = 0;
                return token;
            }
            self.at += LEFT.len() + after_marker;
            self.start = self.at;
            if let Some(token) = self.comment() {
                return token;
            }
        }
    }

    /// Skips a comment. Returns a token only if the comment is malformed.
    fn comment(&mut self) -> Option<Token> {
        let Some(end) = memmem::find(&self.rest()[2..], b"*/") else {
            return Some(self.fail("unclosed comment"));
        };
        self.at += 2 + end + 2;
        match self.right_delim() {
            None => Some(self.fail("comment ends before closing delimiter")),
            Some(trim) => {
                self.skip_right_delim(trim);
                self.start = self.at;
                None
            }
        }
    }

    /// Whether a right delimiter begins here: `Some(true)` if it trims the text that follows.
    fn right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if is_right_trim(rest) && rest[2..].starts_with(RIGHT) {
            Some(true)
        } else {
            rest.starts_with(RIGHT).then_some(false)
        }
    }

    fn skip_right_delim(&mut self, trim: bool) {
        self.at += RIGHT.len() + if trim { 2 } else { 0 };
        if trim {
            self.at += run(self.rest(), SPACE);
        }
    }

    fn end_of_action(&mut self, trim: bool) -> Token {
        if trim {
            self.at += 2;
            self.start = self.at;
        }
        self.at += RIGHT.len();
        let token = self.emit(TokenKind::RightDelim);
        if trim {
            self.at += run(self.rest(), SPACE);
            self.start = self.at;
        }
        self.in_action = false;
        token
    }

    /// A token inside an action.
    fn action(&mut self) -> Token {
        if let Some(trim) = self.right_delim() {
            if self.parens == 0 {
                return self.end_of_action(trim);
            }
            return self.fail("unclosed left paren");
        }
        let Some(c) = self.bump() else { return self.fail("unclosed action") };
        match c {
            ' ' | '\t' | '\r' | '\n' => self.space(),
            '=' => self.emit(TokenKind::Assign),
            ':' if self.bump() == Some('=') => self.emit(TokenKind::Declare),
            ':' => self.fail("expected :="),
            '|' => self.emit(TokenKind::Pipe),
            '"' => self.delimited(b'"', TokenKind::String, "unterminated quoted string"),
            '\'' => self.delimited(b'\'', TokenKind::CharConstant, "unterminated character constant"),
            '`' => self.raw_string(),
            '$' => self.name(TokenKind::Variable),
            '.' if self.rest().first().is_some_and(|b| !b.is_ascii_digit()) => self.name(TokenKind::Field),
            '.' | '+' | '-' | '0'..='9' => {
                self.at = self.start;
                self.number()
            }
            c if is_alphanumeric(c) => {
                self.at = self.start;
                self.identifier()
            }
            '(' => {
                self.parens += 1;
                self.emit(TokenKind::LeftParen)
            }
            ')' if self.parens == 0 => self.fail("unexpected right paren"),
            ')' => {
                self.parens -= 1;
                self.emit(TokenKind::RightParen)
            }
            c if c.is_ascii() && is_print(c) => self.emit(TokenKind::Char),
            c => {
                let code = code_point(c);
                self.fail(format!("unrecognized character in action: {code}"))
            }
        }
    }

    /// A run of spaces, without the one that belongs to a trimming right delimiter.
    fn space(&mut self) -> Token {
        self.at += run(self.rest(), SPACE);
        let last = &self.text[self.at - 1..];
        if is_right_trim(last) && last[2..].starts_with(RIGHT) {
            self.at -= 1;
            if self.at == self.start {
                // Inside parentheses too: the parser reports the error then.
                return self.end_of_action(true);
            }
        }
        self.emit(TokenKind::Space)
    }

    fn skip_alphanumeric(&mut self) {
        loop {
            self.at += run(self.rest(), ALPHANUMERIC);
            if self.rest().first().is_none_or(u8::is_ascii) {
                return;
            }
            match self.peek() {
                Some(c) if is_alphanumeric(c) => self.at += c.len_utf8(),
                _ => return,
            }
        }
    }

    fn identifier(&mut self) -> Token {
        self.skip_alphanumeric();
        if let Some(token) = self.bad_terminator() {
            return token;
        }
        let kind = match &self.text[self.start..self.at] {
            b"block" => TokenKind::Block,
            b"break" if self.keywords.0 => TokenKind::Break,
            b"continue" if self.keywords.1 => TokenKind::Continue,
            b"define" => TokenKind::Define,
            b"else" => TokenKind::Else,
            b"end" => TokenKind::End,
            b"if" => TokenKind::If,
            b"range" => TokenKind::Range,
            b"nil" => TokenKind::Nil,
            b"template" => TokenKind::Template,
            b"with" => TokenKind::With,
            b"true" | b"false" => TokenKind::Bool,
            _ => TokenKind::Identifier,
        };
        self.emit(kind)
    }

    /// `.name` or `$name`, after its first character.
    fn name(&mut self, kind: TokenKind) -> Token {
        if self.at_terminator() {
            // Nothing follows: `.` or `$` itself.
            return self.emit(if kind == TokenKind::Field { TokenKind::Dot } else { kind });
        }
        self.skip_alphanumeric();
        match self.bad_terminator() {
            Some(token) => token,
            None => self.emit(kind),
        }
    }

    fn bad_terminator(&mut self) -> Option<Token> {
        if self.at_terminator() {
            return None;
        }
        let code = self.peek().map_or_else(String::new, code_point);
        Some(self.fail(format!("bad character {code}")))
    }

    /// Whether a word may end here.
    fn at_terminator(&self) -> bool {
        let rest = self.rest();
        rest.first().is_none_or(|b| is(*b, TERMINATOR)) || rest.starts_with(RIGHT)
    }

    /// A string or character constant on one line, after its opening quote.
    fn delimited(&mut self, quote: u8, kind: TokenKind, message: &str) -> Token {
        loop {
            let rest = self.rest();
            let Some(found) = memchr::memchr3(quote, b'\\', b'\n', rest) else { return self.fail(message) };
            self.at += found + 1;
            match (rest[found], rest.get(found + 1)) {
                (b'\n', _) | (b'\\', None | Some(b'\n')) => return self.fail(message),
                (b'\\', _) => self.at += 1,
                _ => return self.emit(kind),
            }
        }
    }

    fn raw_string(&mut self) -> Token {
        match memchr::memchr(b'`', self.rest()) {
            Some(end) => {
                self.at += end + 1;
                self.emit(TokenKind::RawString)
            }
            None => self.fail("unterminated raw quoted string"),
        }
    }

    fn number(&mut self) -> Token {
        let mut good = self.scan_number();
        let mut kind = TokenKind::Number;
        if good && matches!(self.peek(), Some('+' | '-')) {
            // Complex: no spaces, and an i at the end.
            kind = TokenKind::Complex;
            good = self.scan_number() && self.text[self.at - 1] == b'i';
        }
        if good {
            return self.emit(kind);
        }
        let text = quote(&self.text[self.start..self.at]);
        self.fail(format!("bad number syntax: {text}"))
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|b| valid.contains(b));
        self.at += usize::from(found);
        found
    }

    fn accept_run(&mut self, valid: &[u8]) {
        self.at += self.rest().iter().take_while(|b| valid.contains(b)).count();
    }

    /// Consumes what may be a number; the parser checks whether it is one.
    fn scan_number(&mut self) -> bool {
        const DECIMAL: &[u8] = b"0123456789_";
        const HEXADECIMAL: &[u8] = b"0123456789abcdefABCDEF_";
        self.accept(b"+-");
        let mut digits = DECIMAL;
        if self.accept(b"0") {
            digits = match () {
                () if self.accept(b"xX") => HEXADECIMAL,
                () if self.accept(b"oO") => b"01234567_",
                () if self.accept(b"bB") => b"01_",
                () => DECIMAL,
            };
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        let exponent: &[u8] = match digits.len() {
            11 => b"eE",
            23 => b"pP",
            _ => b"",
        };
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(DECIMAL);
        }
        self.accept(b"i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

fn is_space(byte: u8) -> bool {
    is(byte, SPACE)
}

fn trim_end(text: &[u8]) -> &[u8] {
    let spaces = text.iter().rev().take_while(|b| is_space(**b)).count();
    &text[..text.len() - spaces]
}

fn is_left_trim(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

fn is_right_trim(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space(*space))
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || is_letter(c) || is_digit(c)
}

/// `U+0040 '@'`, as `%#U` prints it.
fn code_point(c: char) -> String {
    let code = u32::from(c);
    if is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}
