//! Parses a shell's script: statements, pipes, `if`, `for` and groups. Other loops, functions and background jobs
//! are refused.

use super::lex::{self, Refused, Token, TokenKind};
use super::words::Word;

/// A script: a list of statements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The statements in their order.
    pub statements: Vec<Statement>,
}

/// A pipe of commands, and the condition under which it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The condition under which the pipe runs.
    pub join: Join,
    /// Whether `!` stands before the pipe.
    pub negated: bool,
    /// The commands of the pipe; each reads the output of the one before.
    pub commands: Vec<Command>,
}

/// The condition under which a statement runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Join {
    /// Always: it is the first statement, or follows `;` or a line break.
    Then,
    /// `&&`: if the statement before succeeded.
    And,
    /// `||`: if the statement before failed.
    Or,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// A program with its arguments, or assignments.
    Simple(Simple),
    /// `{ ...; }` and `( ... )`
    Group(Script),
    /// `if`: the conditions, each with its body, and the body of `else`.
    If(Vec<(Script, Script)>, Script),
    /// `for`
    For(Loop),
}

/// `for NAME in WORDS; do BODY; done`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loop {
    /// The variable's name.
    pub name: String,
    /// The words whose values the variable takes.
    pub words: Vec<Word>,
    /// The statements that are repeated.
    pub body: Script,
    /// The first line of the loop, for messages.
    pub source: String,
    /// The line of the loop in the text, from 0.
    pub line: usize,
}

/// A program with its arguments, or assignments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Simple {
    /// Assignments before the program: `A=b`.
    pub assignments: Vec<(String, Word)>,
    /// Assignments of the output of commands: `A=$(...)`.
    pub captures: Vec<(String, Script)>,
    /// The program and its arguments.
    pub words: Vec<Word>,
    /// The redirections.
    pub redirects: Vec<Redirect>,
    /// The command as it is written.
    pub source: String,
    /// The line of the command in the text, from 0.
    pub line: usize,
}

/// A redirection, such as `> file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The number of the file descriptor before the operator.
    pub descriptor: Option<u8>,
    /// The operator, such as `>` or `>&`.
    pub sign: &'static str,
    /// The file, or the number after `>&`.
    pub target: Word,
}

/// The most bytes of a script.
const MOST_BYTES: usize = 16 << 10;
/// The most tokens of a script.
const MOST_TOKENS: usize = 2_000;
/// How deep groups, `if` and `<(...)` may nest.
const DEPTH: usize = 8;

/// Parses a script. `depth` is how deep it is nested in other scripts.
pub fn script(text: &str, depth: usize) -> Result<Script, Refused> {
    script_at(text, depth, 0)
}

/// Parses a script whose first line is line `line` of the outer script.
fn script_at(text: &str, depth: usize, line: usize) -> Result<Script, Refused> {
    let too_large = |why: &str| Refused { text: first_line(text), line, why: why.to_owned(), hint: None };
    if text.len() > MOST_BYTES {
        return Err(too_large("it is larger than 16 KiB"));
    }
    let tokens = lex::tokens(text, depth, line)?;
    if tokens.len() > MOST_TOKENS {
        return Err(too_large("it has more than 2,000 words"));
    }
    let mut parser = Parser { text, tokens: &tokens, at: 0, depth };
    let script = parser.statements(&[])?;
    match parser.peek() {
        None => Ok(script),
        Some(_) => Err(parser.refused("it stands where no command can end")),
    }
}

fn first_line(text: &str) -> String {
    text.trim().lines().next().unwrap_or_default().chars().take(80).collect()
}

struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

/// Keywords of the shell that are not supported.
const NOT_KNOWN: [&str; 6] = ["while", "until", "case", "select", "function", "time"];

impl Parser<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn refused(&self, why: &str) -> Refused {
        let token = self.peek().or(self.tokens.last());
        let (start, end, line) = token.map_or((0, self.text.len(), 0), |t| (t.start, t.end, t.line));
        Refused { text: self.text[start..end].trim().to_owned(), line, why: why.to_owned(), hint: None }
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Some(Token { kind: TokenKind::Sign(s), .. }) if *s == sign)
    }

    fn takes(&mut self, sign: &str) -> bool {
        let is_it = self.is_sign(sign);
        self.at += usize::from(is_it);
        is_it
    }

    /// The next word, if it has neither quotes nor variables.
    fn plain(&self) -> Option<&str> {
        match self.peek() {
            Some(Token { kind: TokenKind::Word(word), start, end, .. })
                if word.text().as_deref() == Some(&self.text[*start..*end]) =>
            {
                Some(&self.text[*start..*end])
            }
            _ => None,
        }
    }

    fn takes_word(&mut self, wanted: &str) -> bool {
        let is_it = self.plain() == Some(wanted);
        self.at += usize::from(is_it);
        is_it
    }

    fn skip_lines(&mut self) {
        while self.takes("\n") {}
    }

    fn expects(&mut self, wanted: &str) -> Result<(), Refused> {
        if self.takes_word(wanted) {
            Ok(())
        } else {
            Err(self.refused(&format!("{wanted} is missing before it")))
        }
    }

    /// Parses statements up to one of these words, a closing parenthesis or the end.
    fn statements(&mut self, ends: &[&str]) -> Result<Script, Refused> {
        let mut script = Script::default();
        let mut join = Join::Then;
        loop {
            self.skip_lines();
            let is_end =
                self.peek().is_none() || self.is_sign(")") || self.plain().is_some_and(|w| ends.contains(&w));
            if is_end {
                return if join == Join::Then {
                    Ok(script)
                } else {
                    Err(self.refused("a command is missing before it"))
                };
            }
            script.statements.push(self.statement(join)?);
            join = Join::Then;
            if self.takes("&&") {
                join = Join::And;
            } else if self.takes("||") {
                join = Join::Or;
            } else if self.is_sign("&") {
                return Err(self.refused("background commands (&) are not supported"));
            } else if !self.takes(";") && !self.is_sign("\n") && self.peek().is_some() && !self.is_sign(")") {
                return Err(self.refused("it is not expected here"));
            }
        }
    }

    fn statement(&mut self, join: Join) -> Result<Statement, Refused> {
        let negated = self.takes_word("!");
        let mut commands = vec![self.command()?];
        while self.takes("|") {
            self.skip_lines();
            commands.push(self.command()?);
        }
        Ok(Statement { join, negated, commands })
    }

    fn command(&mut self) -> Result<Command, Refused> {
        if self.depth >= DEPTH {
            return Err(self.refused("it is nested too deeply"));
        }
        self.depth += 1;
        let command = self.command_here();
        self.depth -= 1;
        command
    }

    fn command_here(&mut self) -> Result<Command, Refused> {
        if self.takes("(") {
            let inside = self.statements(&[])?;
            return if self.takes(")") {
                Ok(Command::Group(inside))
            } else {
                Err(self.refused("a parenthesis is not closed"))
            };
        }
        match self.plain() {
            Some("{") => {
                self.at += 1;
                let inside = self.statements(&["}"])?;
                self.expects("}")?;
                Ok(Command::Group(inside))
            }
            Some("if") => {
                self.at += 1;
                self.conditional()
            }
            Some("for") => {
                let first = self.at;
                self.at += 1;
                self.repeated(first)
            }
            Some(word) if NOT_KNOWN.contains(&word) => {
                let why = format!("{word} is not a part of what is understood");
                let refused = self.refused(&why);
                let start = self.peek().map_or(0, |token| token.start);
                let hint = match word {
                    "while" | "until" => {
                        "write for NAME in FILES; do ...; done; argocd-vault-plugin generate . takes all YAML files of \
                         the folder"
                    }
                    "case" => "write if [ ... ]; then ... elif [ ... ]; then ... fi",
                    _ => "write the commands themselves, one after the other",
                };
                Err(Refused { text: first_line(&self.text[start..]), hint: Some(hint), ..refused })
            }
            _ => self.simple().map(Command::Simple),
        }
    }

    fn conditional(&mut self) -> Result<Command, Refused> {
        let mut branches = Vec::new();
        loop {
            let condition = self.statements(&["then"])?;
            self.expects("then")?;
            let body = self.statements(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if !self.takes_word("elif") {
                break;
            }
        }
        let otherwise = if self.takes_word("else") { self.statements(&["fi"])? } else { Script::default() };
        self.expects("fi")?;
        Ok(Command::If(branches, otherwise))
    }

    fn repeated(&mut self, first: usize) -> Result<Command, Refused> {
        let name = self.plain().filter(|name| is_name(name)).map(str::to_owned);
        let Some(name) = name else { return Err(self.refused("for needs the name of a variable")) };
        self.at += 1;
        self.expects("in")?;
        let mut words = Vec::new();
        while let Some(Token { kind: TokenKind::Word(word), .. }) = self.peek() {
            words.push(self.without_commands(word.clone())?);
            self.at += 1;
        }
        if !self.takes(";") && !self.is_sign("\n") {
            return Err(self.refused("it is not expected in for"));
        }
        self.skip_lines();
        self.expects("do")?;
        let body = self.statements(&["done"])?;
        self.expects("done")?;
        let token = &self.tokens[first];
        let source = first_line(&self.text[token.start..]);
        Ok(Command::For(Loop { name, words, body, source, line: token.line }))
    }

    /// The word, or an error if it holds `$(...)`.
    fn without_commands(&self, word: Word) -> Result<Word, Refused> {
        if !word.holds_printed() {
            return Ok(word);
        }
        let text = first_line(&word.source);
        Err(Refused { text, hint: Some(lex::WRITE_THE_VALUE), ..self.refused(lex::NOTHING_IS_RUN) })
    }

    fn simple(&mut self) -> Result<Simple, Refused> {
        let first = self.at;
        let mut simple = Simple { line: self.peek().map_or(0, |token| token.line), ..Simple::default() };
        while let Some(token) = self.peek() {
            match &token.kind {
                TokenKind::Word(word) => {
                    let assignment = if simple.words.is_empty() { assignment(word) } else { None };
                    match assignment {
                        Some((name, value)) => match value.printed() {
                            Some((text, line)) => {
                                let script = script_at(text, self.depth + 1, line)?;
                                simple.captures.push((name, script));
                            }
                            None => simple.assignments.push((name, self.without_commands(value)?)),
                        },
                        None => simple.words.push(self.without_commands(word.clone())?),
                    }
                    self.at += 1;
                }
                TokenKind::Sign(sign @ (">" | ">>" | "<" | ">&" | "&>" | ">|" | "<<<")) => {
                    let (sign, start) = (*sign, token.start);
                    let descriptor = self.descriptor(&mut simple, start);
                    self.at += 1;
                    let Some(Token { kind: TokenKind::Word(target), .. }) = self.peek() else {
                        return Err(self.refused("the name of a file is missing before it"));
                    };
                    let target = self.without_commands(target.clone())?;
                    simple.redirects.push(Redirect { descriptor, sign, target });
                    self.at += 1;
                }
                // Inside of `[[ ]]`, `&&` and `||` belong to the test.
                TokenKind::Sign(sign @ ("&&" | "||")) if is_open_test(&simple) => {
                    simple.words.push(Word::literal(if *sign == "&&" { "-a" } else { "-o" }));
                    self.at += 1;
                }
                TokenKind::Sign("<<" | "<&" | "&>>") => {
                    return Err(self.refused("this redirection is not known"));
                }
                TokenKind::Sign("(") => {
                    let hint = "write the commands of a function where it is called, and a list as one variable: \
                                ARGS=\"$ARGS -f values.yaml\"; helm template NAME . $ARGS";
                    let refused = self.refused("functions, lists and expressions in brackets are not known");
                    return Err(Refused { hint: Some(hint), ..refused });
                }
                TokenKind::Sign(_) => break,
            }
        }
        if self.at == first {
            return Err(self.refused("a command is missing before it"));
        }
        let (start, end) = (self.tokens[first].start, self.tokens[self.at - 1].end);
        simple.source = self.text[start..end].to_owned();
        Ok(simple)
    }

    /// The number directly before the operator of a redirection. It was parsed as a word of the command, which is
    /// removed.
    fn descriptor(&self, simple: &mut Simple, start: usize) -> Option<u8> {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at))?;
        if before.end != start {
            return None;
        }
        let number = self.text[before.start..before.end].parse().ok()?;
        simple.words.pop();
        Some(number)
    }
}

/// Whether a command is a `[[` that is not closed yet.
fn is_open_test(simple: &Simple) -> bool {
    let is = |word: Option<&Word>, text: &str| word.is_some_and(|word| word.source == text);
    is(simple.words.first(), "[[") && !is(simple.words.last(), "]]")
}

/// Splits a word `NAME=value`; `None` if the word is something else.
pub fn assignment(word: &Word) -> Option<(String, Word)> {
    use super::words::Piece;
    let Some(Piece::Text { text, quoted: false }) = word.pieces.first() else { return None };
    let (name, value) = text.split_once('=')?;
    if !is_name(name) {
        return None;
    }
    let mut pieces = word.pieces.clone();
    pieces[0] = Piece::Text { text: value.to_owned(), quoted: false };
    let source = word.source.get(name.len() + 1..).unwrap_or_default().to_owned();
    Some((name.to_owned(), Word { pieces, source }))
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
