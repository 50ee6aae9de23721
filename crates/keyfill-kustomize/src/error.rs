//! Why a kustomization could not be built.

use keyfill_diag::{Class, Diagnostic, Place};
use std::fmt;

/// A failure with its place, the chain of bases that led there, and what to do.
#[derive(Debug)]
pub struct Error(Box<Kind>);

#[derive(Debug)]
struct Kind {
    diagnostic: Diagnostic,
    unsupported: bool,
}

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// A failure told in one sentence, without a full stop.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_class(Class::Render, message)
    }

    /// A failure of a class of its own.
    pub fn with_class(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Kind { diagnostic: Diagnostic::error(class, message), unsupported: false }))
    }

    /// What the official tool can do and this engine does not; the hint names the way out.
    pub fn unsupported(what: impl fmt::Display) -> Self {
        let mut error = Self::new(format!("{what} is not supported by the native engine"));
        error.0.unsupported = true;
        error.hint("render this folder with `--engine exec`, which runs the official kustomize")
    }

    /// Text of a file that is not YAML.
    pub fn yaml(file: &str, error: &keyfill_yaml::Error) -> Self {
        let mut this = Self::new(error.message());
        let known = |n: u32| (n > 0).then_some(n);
        let (line, column) = (known(error.line()), known(error.column()));
        this.0.diagnostic.place = Place { column, ..Place::file(file, line) };
        match error.help() {
            Some(help) => this.hint(help),
            None => this,
        }
    }

    /// Puts text before the message: `context: message`.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.diagnostic.message = format!("{context}: {}", self.0.diagnostic.message);
        self
    }

    /// Sets the hint unless there is one.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.diagnostic.hint.get_or_insert_with(|| hint.into());
        self
    }

    /// Sets the file and line unless a place nearer to the trouble is known.
    #[must_use]
    pub fn at(mut self, file: impl Into<String>, line: Option<u32>) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.file.is_none() {
            let path = place.path.take();
            let line = place.line.or(line).filter(|l| *l > 0);
            *place = Place { path, ..Place::file(file, line) };
        }
        self
    }

    /// Sets the line unless one is known; the file is added by who knows it.
    #[must_use]
    pub fn at_line(mut self, line: u32) -> Self {
        let place = &mut self.0.diagnostic.place;
        if place.line.is_none() && place.file.is_none() && line > 0 {
            place.line = Some(line);
        }
        self
    }

    /// Sets the path in the document unless one is known.
    #[must_use]
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.0.diagnostic.place.path.get_or_insert_with(|| path.into());
        self
    }

    /// Adds the step that led here, outside the ones already known.
    #[must_use]
    pub fn via(mut self, step: impl Into<String>) -> Self {
        self.0.diagnostic.trail.insert(0, step.into());
        self
    }

    /// The class, which picks the exit code.
    pub fn class(&self) -> Class {
        self.0.diagnostic.class
    }

    /// Whether the official tool might do what this engine does not.
    pub fn is_unsupported(&self) -> bool {
        self.0.unsupported
    }

    /// What to show to a person.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![self.0.diagnostic.clone()]
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.diagnostic.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.diagnostic.fmt(f)
    }
}

impl std::error::Error for Error {}
