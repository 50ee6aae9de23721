//! Splits a shell's script into words and operators. Backquotes are refused; the parser decides what `$(...)` may
//! hold.

use super::words::{Form, Piece, Word};
use super::{content, parse};

/// A token and its position in the text.
#[derive(Clone, Debug)]
pub struct Token {
    /// The kind of token.
    pub kind: TokenKind,
    /// The byte at which the token begins.
    pub start: usize,
    /// The byte after the token.
    pub end: usize,
    /// The token's line in the text, from 0.
    pub line: usize,
}

/// A kind of token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A word, with its variables and quotes.
    Word(Word),
    /// An operator, such as `|` or `&&`, or a line break as `\n`.
    Sign(&'static str),
}

/// An error about a part of a script that is not supported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The part of the script.
    pub text: String,
    /// The line of that part in the text, from 0.
    pub line: usize,
    /// Why it is not supported.
    pub why: String,
    /// What to write instead.
    pub hint: Option<&'static str>,
}

/// The operators. Each one stands before those that are its beginning.
const SIGNS: [&str; 17] =
    ["&>>", "<<<", "&&", "||", ";;", ">>", "<<", ">&", "<&", "&>", ">|", "\n", "|", ";", "&", "<", ">"];

/// The variable that holds the working directory of a shell.
pub const WORKING_DIR: &str = "PWD";

/// Why `$(...)` and backquotes are refused.
pub const NOTHING_IS_RUN: &str = "what a command prints cannot be a part of another: nothing is run";

/// What to write instead of `$(...)` and backquotes.
pub const WRITE_THE_VALUE: &str = "write the value itself, or a variable of the app (ARGOCD_APP_NAME, ARGOCD_ENV_...); what is understood is \
     $(pwd), $(basename \"$PWD\"), and MANIFESTS=$(kustomize build .) with echo \"$MANIFESTS\" | argocd-vault-plugin generate -";

/// How deep `<(...)` and `${A:-${B}}` may nest.
const DEPTH: usize = 8;

/// Splits a text into tokens. `depth` is how deep the text is nested, and `line` the number of its first line.
pub fn tokens(text: &str, depth: usize, line: usize) -> Result<Vec<Token>, Refused> {
    let mut lexer = Lexer { text, at: 0, line, depth };
    let mut all = Vec::new();
    while let Some(token) = lexer.token()? {
        all.push(token);
    }
    Ok(all)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    depth: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn refused(&self, start: usize, why: &str) -> Refused {
        let text = self.text[start..self.at.max(start)].trim().to_owned();
        Refused { text, line: self.line, why: why.to_owned(), hint: None }
    }

    fn skip_space(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with("\\\n") {
                self.at += 2;
                self.line += 1;
            } else if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else if rest.starts_with('#') {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Option<Token>, Refused> {
        self.skip_space();
        let (start, line) = (self.at, self.line);
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(None);
        }
        let is_file = rest.starts_with("<(");
        let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign)).filter(|_| !is_file);
        let kind = match sign.copied().or_else(|| ["(", ")"].into_iter().find(|sign| rest.starts_with(sign)))
        {
            Some(sign) if !is_file => {
                self.at += sign.len();
                self.line += usize::from(sign == "\n");
                TokenKind::Sign(sign)
            }
            _ => TokenKind::Word(self.word(start)?),
        };
        Ok(Some(Token { kind, start, end: self.at, line }))
    }

    fn word(&mut self, start: usize) -> Result<Word, Refused> {
        let mut pieces = Vec::new();
        loop {
            match self.peek() {
                None | Some(' ' | '\t' | '\r' | '\n' | '|' | ';' | '&' | '>' | ')' | '(') => break,
                Some('<') if self.rest().starts_with("<(") => pieces.push(self.file(start)?),
                Some('<') => break,
                _ => self.piece(start, &mut pieces)?,
            }
        }
        let source = self.text[start..self.at].to_owned();
        Ok(Word { pieces, source })
    }

    fn piece(&mut self, start: usize, pieces: &mut Vec<Piece>) -> Result<(), Refused> {
        match self.peek() {
            Some('\'') => {
                self.next();
                let Some(length) = self.rest().find('\'') else {
                    return Err(self.refused(start, "a quote is not closed"));
                };
                let text = self.rest()[..length].to_owned();
                self.line += text.matches('\n').count();
                self.at += length + 1;
                push(pieces, &text, true);
            }
            Some('"') => {
                self.next();
                push(pieces, "", true);
                loop {
                    match self.peek() {
                        None => return Err(self.refused(start, "a quote is not closed")),
                        Some('"') => break,
                        Some('$') => {
                            let begins = is_empty(pieces);
                            pieces.extend(self.variable(start, true, begins)?);
                        }
                        Some('`') => return Err(self.substitution(start)),
                        Some('\\') => {
                            self.next();
                            match self.next() {
                                Some('\n') => {}
                                Some(c @ ('"' | '\\' | '$' | '`')) => {
                                    push(pieces, c.encode_utf8(&mut [0; 4]), true);
                                }
                                Some(c) => push(pieces, &format!("\\{c}"), true),
                                None => {}
                            }
                        }
                        Some(c) => {
                            self.next();
                            push(pieces, c.encode_utf8(&mut [0; 4]), true);
                        }
                    }
                }
                self.next();
            }
            Some('$') => {
                let begins = is_empty(pieces);
                pieces.extend(self.variable(start, false, begins)?);
            }
            Some('`') => return Err(self.substitution(start)),
            Some('\\') => {
                self.next();
                if let Some(c) = self.next().filter(|c| *c != '\n') {
                    push(pieces, c.encode_utf8(&mut [0; 4]), true);
                }
            }
            Some(c) => {
                self.next();
                push(pieces, c.encode_utf8(&mut [0; 4]), false);
            }
            None => {}
        }
        Ok(())
    }

    fn substitution(&mut self, start: usize) -> Refused {
        self.at = self.text.len();
        let mut refused = self.refused(start, NOTHING_IS_RUN);
        refused.hint = Some(WRITE_THE_VALUE);
        refused.text = refused.text.lines().next().unwrap_or_default().to_owned();
        refused
    }

    fn name(&mut self) -> String {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = self.rest().find(|c| !is_name(c)).unwrap_or(self.rest().len());
        let name = self.rest()[..length].to_owned();
        self.at += length;
        name
    }

    /// The pieces for a `$` and what follows it. A `$` that begins no variable is text.
    fn variable(&mut self, start: usize, quoted: bool, begins: bool) -> Result<Vec<Piece>, Refused> {
        self.next();
        match self.peek() {
            Some('(') => self.of_folder(start, quoted, begins),
            Some('{') => {
                self.next();
                match self.in_braces(start, quoted)? {
                    Piece::Variable { name, form: Form::Plain, .. } if name == WORKING_DIR => {
                        self.here(start, begins)
                    }
                    piece => Ok(vec![piece]),
                }
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let name = self.name();
                if name == WORKING_DIR {
                    return self.here(start, begins);
                }
                Ok(vec![Piece::Variable { name, quoted, form: Form::Plain }])
            }
            Some('@' | '*' | '#' | '?' | '$' | '!' | '-' | '0'..='9') => {
                self.next();
                Err(self.refused(start, "this variable of the shell has no meaning here"))
            }
            _ => Ok(vec![Piece::Text { text: "$".to_owned(), quoted: true }]),
        }
    }

    /// The pieces for `$(...)`. The output of `$(pwd)` and `$(basename "$PWD")` is known; other commands are left
    /// to the parser.
    fn of_folder(&mut self, start: usize, quoted: bool, begins: bool) -> Result<Vec<Piece>, Refused> {
        let Some(length) = closing(&self.rest()[1..], '(', ')') else {
            return Err(self.substitution(start));
        };
        let inside: Vec<&str> = self.rest()[1..=length].split_whitespace().collect();
        let is_here = |word: &str| matches!(word.trim_matches('"'), "$PWD" | "${PWD}" | "$(pwd)" | "`pwd`");
        match inside.as_slice() {
            ["pwd"] => {
                self.at += length + 2;
                self.here(start, begins)
            }
            ["basename", "--", word] | ["basename", word] if is_here(word) => {
                self.at += length + 2;
                let form = Form::Behind { text: "/".to_owned(), last: true };
                Ok(vec![Piece::Variable { name: WORKING_DIR.to_owned(), quoted, form }])
            }
            _ => {
                let (script, line) = (self.rest()[1..=length].to_owned(), self.line);
                self.line += script.matches('\n').count();
                self.at += length + 2;
                Ok(vec![Piece::Printed { script, line }])
            }
        }
    }

    /// The working directory as the beginning of a path: `.`.
    fn here(&self, start: usize, begins: bool) -> Result<Vec<Piece>, Refused> {
        let next = self.peek();
        let ends = next
            .is_none_or(|c| c == '/' || c == '"' || c.is_whitespace() || matches!(c, ';' | '|' | '&' | ')'));
        if !begins || !ends {
            let why = "the whole path of the app's folder is not known: it differs from request to request";
            return Err(Refused {
                hint: Some("write paths from the app's folder on"),
                ..self.refused(start, why)
            });
        }
        Ok(vec![Piece::Text { text: ".".to_owned(), quoted: true }])
    }

    fn in_braces(&mut self, start: usize, quoted: bool) -> Result<Piece, Refused> {
        let name = self.name();
        let Some(length) = closing(self.rest(), '{', '}') else {
            return Err(self.refused(start, "a brace is not closed"));
        };
        let rule = self.rest()[..length].to_owned();
        self.at += length + 1;
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let unknown = |lexer: &Self| lexer.refused(start, "this form of a variable is not known");
        if !begins {
            return Err(unknown(self));
        }
        let form = if rule.is_empty() {
            Form::Plain
        } else if let Some(inner) =
            [":-", ":=", "-", "="].into_iter().find_map(|sign| rule.strip_prefix(sign))
        {
            Form::Default(self.inner(inner, start, quoted)?)
        } else if let Some(inner) = rule.strip_prefix(":+").or_else(|| rule.strip_prefix('+')) {
            Form::Alternative(self.inner(inner, start, quoted)?)
        } else if let Some(form) = cut(&rule) {
            form
        } else {
            return Err(unknown(self));
        };
        Ok(Piece::Variable { name, quoted, form })
    }

    /// The pieces of the text inside of `${A:-...}`.
    fn inner(&self, text: &str, start: usize, quoted: bool) -> Result<Vec<Piece>, Refused> {
        if self.depth >= DEPTH {
            return Err(self.refused(start, "it is nested too deeply"));
        }
        let mut lexer = Lexer { text, at: 0, line: 0, depth: self.depth + 1 };
        let mut pieces = Vec::new();
        while lexer.peek().is_some() {
            lexer.piece(0, &mut pieces).map_err(|refused| Refused { line: self.line, ..refused })?;
        }
        for piece in &mut pieces {
            if let Piece::Variable { quoted: inner, .. } = piece {
                *inner |= quoted;
            }
        }
        Ok(pieces)
    }

    /// Parses `<(...)`.
    fn file(&mut self, start: usize) -> Result<Piece, Refused> {
        if self.depth >= DEPTH {
            return Err(self.refused(start, "it is nested too deeply"));
        }
        self.at += 2;
        let Some(length) = closing(self.rest(), '(', ')') else {
            return Err(self.refused(start, "a parenthesis is not closed"));
        };
        let inside = self.rest()[..length].to_owned();
        let line = self.line;
        let refused = |refused: Refused| Refused { line: line + refused.line, ..refused };
        let script = parse::script(&inside, self.depth + 1).map_err(refused)?;
        let content = content::of_script(&script).map_err(refused)?;
        self.line += inside.matches('\n').count();
        self.at += length + 1;
        Ok(Piece::File(Box::new(content)))
    }
}

/// Parses the forms that cut a value or replace a part of it; `None` for other forms.
fn cut(rule: &str) -> Option<Form> {
    let is_plain = |text: &str| !text.contains(['*', '?', '[', '$', '`', '\\', '\'', '"', '/']);
    let plain = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && is_plain(text));
    let behind = |text, last| Some(Form::Behind { text: plain(text)?, last });
    let before = |text: &str, last| Some(Form::Before { text: plain(text.strip_suffix('*')?)?, last });
    if let Some(text) = rule.strip_prefix("##*") {
        return behind(text, true);
    }
    if let Some(text) = rule.strip_prefix("#*") {
        return behind(text, false);
    }
    if let Some(text) = rule.strip_prefix("%%") {
        return before(text, false);
    }
    if let Some(text) = rule.strip_prefix('%') {
        return before(text, true).or_else(|| Some(Form::Without { text: plain(text)?, end: true }));
    }
    if let Some(text) = rule.strip_prefix('#') {
        return Some(Form::Without { text: plain(text)?, end: false });
    }
    if let Some(pair) = rule.strip_prefix('/') {
        let (pair, all) = pair.strip_prefix('/').map_or((pair, false), |pair| (pair, true));
        let (old, new) = pair.split_once('/').unwrap_or((pair, ""));
        let is_anchored = old.starts_with(['#', '%']);
        if is_anchored || !is_plain(new) {
            return None;
        }
        return Some(Form::Replaced { old: plain(old)?, new: new.to_owned(), all });
    }
    let (from, count) = rule.strip_prefix(':')?.split_once(':')?;
    Some(Form::Cut { from: from.trim().parse().ok()?, count: count.trim().parse().ok()? })
}

/// The position of the character that closes a text. Characters in quotes do not count.
fn closing(text: &str, open: char, close: char) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match quote {
            _ if escaped => escaped = false,
            Some('\'') => quote = quote.filter(|_| c != '\''),
            _ if c == '\\' => escaped = true,
            Some(_) => quote = quote.filter(|_| c != '"'),
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c == open => depth += 1,
            None if c == close && depth == 0 => return Some(at),
            None if c == close => depth -= 1,
            None => {}
        }
    }
    None
}

/// Whether the pieces of a word hold no text yet, only quotes.
fn is_empty(pieces: &[Piece]) -> bool {
    pieces.iter().all(|piece| matches!(piece, Piece::Text { text, .. } if text.is_empty()))
}

/// Adds text to the last piece if that is text with or without quotes like this one, else as a new piece.
fn push(pieces: &mut Vec<Piece>, more: &str, is_quoted: bool) {
    if let Some(Piece::Text { text, quoted }) = pieces.last_mut()
        && *quoted == is_quoted
    {
        text.push_str(more);
        return;
    }
    pieces.push(Piece::Text { text: more.to_owned(), quoted: is_quoted });
}
