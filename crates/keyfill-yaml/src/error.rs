//! Why text is not YAML that a Go program would take.

use keyfill_diag::{Class, Diagnostic, Place};
use std::fmt;

/// A text that cannot be read, with the place of the trouble.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Kind>);

#[derive(Clone, PartialEq, Eq)]
struct Kind {
    line: u32,
    column: u32,
    message: String,
    hint: Option<&'static str>,
}

impl Error {
    /// An error at a line and column, both counted from 1; 0 where not known.
    pub(crate) fn at(line: u32, column: u32, message: impl Into<String>) -> Self {
        Self(Box::new(Kind { line, column, message: message.into(), hint: None }))
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

    /// What is wrong, without the place. It names keys and anchors, never the value of a scalar.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it, where there is something to say.
    pub fn help(&self) -> Option<&'static str> {
        self.0.hint
    }

    /// Its class: what cannot be read cannot be rendered.
    pub fn class(&self) -> Class {
        Class::Render
    }

    /// Itself as a diagnostic; the caller adds the file.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        let known = |n: u32| (n > 0).then_some(n);
        let place = Place { line: known(self.0.line), column: known(self.0.column), ..Place::default() };
        let mut diagnostic = Diagnostic::error(self.class(), self.0.message.clone()).at(place);
        diagnostic.hint = self.0.hint.map(str::to_owned);
        vec![diagnostic]
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
