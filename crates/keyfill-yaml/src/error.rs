//! Errors of Go's YAML libraries.

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
    /// Length in bytes of the part of the message that Go's library has, too.
    problem: usize,
    /// The line that Go's library names; 0 if it names none.
    go_line: u32,
    /// Whether the scanner found the error.
    scanned: bool,
    hint: Option<&'static str>,
    stopped: Option<Stopped>,
}

impl Error {
    /// An error at a line and column, both counted from 1; 0 if unknown.
    pub(crate) fn at(line: u32, column: u32, message: impl Into<String>) -> Self {
        let message = message.into();
        let (problem, go_line) = (message.len(), line.saturating_sub(1));
        let kind =
            Details { line, column, message, problem, go_line, scanned: false, hint: None, stopped: None };
        Self(Box::new(kind))
    }

    /// Appends words to the message that Go's library does not have.
    pub(crate) fn detail(mut self, words: &str) -> Self {
        self.0.message.push_str(words);
        self
    }

    /// Marks the error as one of the scanner; `line` is counted from 0. Go's library prints the lines of these
    /// errors counted from 1, those of all others counted from 0, and does not print the first line.
    pub(crate) fn scanned_at(mut self, line: u32) -> Self {
        if !self.0.scanned {
            self.0.go_line = if line > 0 { line + 1 } else { 0 };
            self.0.scanned = true;
        }
        self
    }

    /// The error in a text whose last line has no line break, if it is at the end of the text: Go's library ends
    /// that line before it finds the error.
    pub(crate) fn behind_last_line(mut self, line: u32, column: u32) -> Self {
        if !self.0.scanned && column > 0 && (self.0.line, self.0.column) == (line + 1, column + 1) {
            self.0.go_line = line + 1;
        }
        self
    }

    /// Marks the error as one about a value, for which Go's library names no line.
    pub(crate) fn about_value(mut self) -> Self {
        self.0.go_line = 0;
        self
    }

    /// An error that says that the run was stopped while the text was parsed.
    pub(crate) fn stop(stopped: Stopped) -> Self {
        let mut error = Self::at(0, 0, stopped.to_string());
        error.0.stopped = Some(stopped);
        error
    }

    /// The reason if the run was stopped; `None` if the text is the cause.
    pub fn stopped(&self) -> Option<Stopped> {
        self.0.stopped
    }

    /// The error for a text that begins `lines` lines further down in its file.
    pub(crate) fn moved_down(mut self, lines: u32) -> Self {
        if self.0.line > 0 {
            self.0.line += lines;
        }
        self
    }

    /// Adds a hint.
    pub(crate) fn hint(mut self, hint: &'static str) -> Self {
        self.0.hint = Some(hint);
        self
    }

    /// Line in the text, counted from 1; 0 if the error is about the whole text.
    pub fn line(&self) -> u32 {
        self.0.line
    }

    /// Column in characters, counted from 1; 0 if unknown.
    pub fn column(&self) -> u32 {
        self.0.column
    }

    /// The message without the place. It names keys and anchors, never the value of a scalar.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The error as Go's library prints it: its words, and the line as it counts lines. Templates that ask for
    /// the error get this text.
    pub fn go_text(&self) -> String {
        let problem = &self.0.message[..self.0.problem];
        match self.0.go_line {
            0 => problem.to_owned(),
            line => format!("line {line}: {problem}"),
        }
    }

    /// The hint, if there is one.
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
    /// Render errors, unless the run was stopped.
    fn class(&self) -> Class {
        if self.0.stopped.is_some() { Class::Other } else { Class::Render }
    }

    /// The error as one diagnostic without a file; the caller adds the file.
    fn diagnostics(&self) -> Vec<Diagnostic> {
        let known = |n: u32| (n > 0).then_some(n);
        let place = Place { line: known(self.0.line), column: known(self.0.column), ..Place::default() };
        let mut diagnostic = Diagnostic::error(self.class(), self.0.message.clone()).at(place);
        diagnostic.hint = self.0.hint.map(str::to_owned);
        vec![diagnostic]
    }
}
