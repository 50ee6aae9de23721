//! Why a Go program would refuse a text as YAML.

use keyfill_diag::{Class, Diagnostic, Place, Report, Stopped};
use std::fmt;

/// Why a text cannot be parsed, with line and column.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    line: u32,
    column: u32,
    message: String,
    /// How much of the message is what Go's library says.
    problem: usize,
    /// The line that Go's library names; 0 where it names none.
    go_line: u32,
    /// Whether the scanner found it.
    scanned: bool,
    hint: Option<&'static str>,
    stopped: Option<Stopped>,
}

impl Error {
    /// An error at a line and column, both counted from 1; 0 where not known.
    pub(crate) fn at(line: u32, column: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        let (problem, go_line) = (message.len(), line.saturating_sub(1));
        let kind =
            Details { line, column, message, problem, go_line, scanned: false, hint: None, stopped: None };
        Self(Box::new(kind))
    }

    /// Adds words to the message that Go's library does not have.
    pub(crate) fn detail(mut self, words: &str) -> Self {
        self.0.message.push_str(words);
        self
    }

    /// An error that the scanner found on a line, counted from 0. Go's library counts these lines from 1, all
    /// others from 0, and leaves the first line out.
    pub(crate) fn scanned_at(mut self, line: u32) -> Self {
        if !self.0.scanned {
            self.0.go_line = if line > 0 { line + 1 } else { 0 };
            self.0.scanned = true;
        }
        self
    }

    /// The same error in a text whose last line has no line end, where `mark` is its end: Go's library ends the line
    /// before it looks at what is missing.
    pub(crate) fn behind_last_line(mut self, line: u32, column: u32) -> Self {
        if !self.0.scanned && column > 0 && (self.0.line, self.0.column) == (line + 1, column + 1) {
            self.0.go_line = line + 1;
        }
        self
    }

    /// An error about a value, for which Go's library names no line.
    pub(crate) fn about_value(mut self) -> Self {
        self.0.go_line = 0;
        self
    }

    /// The run was stopped from outside while the text was parsed.
    pub(crate) fn stop(stopped: Stopped) -> Self {
        let mut error = Self::at(0, 0, stopped.to_string());
        error.0.stopped = Some(stopped);
        error
    }

    /// Why parsing was stopped from outside, when that is the reason and not the text.
    pub fn stopped(&self) -> Option<Stopped> {
        self.0.stopped
    }

    /// The same place in a text that begins `lines` further down in its file.
    pub(crate) fn moved_down(mut self, lines: u32) -> Self {
        if self.0.line > 0 {
            self.0.line += lines;
        }
        self
    }

    /// Adds what to do.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// The line in the text, counted from 1; 0 when it is about the whole text.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// The column in characters, counted from 1; 0 when it is not known.
    pub fn column(&self) -> u32 {
        self.0.column
    }

    /// The message without the place. It names keys and anchors, never the value of a scalar.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The text of Go's library: its words, and the line as it counts. Programs print this where a template asks for
    /// the error.
    pub fn go_text(&self) -> String {
        let problem = &self.0.message[..self.0.problem];
        match self.0.go_line {
            0 => problem.to_owned(),
            line => format!("line {line}: {problem}"),
        }
    }

    /// What to do about it, where there is something to say.
    pub fn help(&self) -> Option<&'static str> {
        self.0.hint
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.line > 0 {
            write!(f, "line {}: ", self.0.line)?;
        }
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    /// Its class: what cannot be parsed cannot be rendered.
    fn class(&self) -> Class {
        if self.0.stopped.is_some() { Class::Other } else { Class::Render }
    }

    /// Itself as a diagnostic; the caller adds the file.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let known = |n: u32| (n > 0).then_some(n);
        let place = Place { line: known(self.0.line), column: known(self.0.column), ..Place::default() };
        let mut diagnostic = Diagnostic::error(self.class(), self.0.message.clone()).at(place);
        diagnostic.hint = self.0.hint.map(str::to_owned);
        vec![diagnostic]
    }
}
