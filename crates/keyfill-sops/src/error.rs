//! Why a file could not be decrypted: what went wrong, where, and what to do. It never holds a value of the file.

use keyfill_diag::{Class, Diagnostic, Place, Report};
use std::fmt;

/// Why a file could not be decrypted. It holds no value of the file.
#[derive(Clone)]
pub struct Error(Box<Diagnostic>);

impl Error {
    pub(crate) fn new(class: Class, message: impl Into<String>) -> Self {
        Self(Box::new(Diagnostic::error(class, message)))
    }

    /// An error in the file: it is not as SOPS writes it.
    pub(crate) fn file(message: impl Into<String>) -> Self {
        Self::new(Class::Render, message)
    }

    pub(crate) fn yaml(error: &keyfill_yaml::Error) -> Self {
        let known = |n: u32| (n > 0).then_some(n);
        let place = Place { line: known(error.line()), column: known(error.column()), ..Place::default() };
        Self(Box::new(Diagnostic::error(Class::Render, error.message()).at(place)))
    }

    pub(crate) fn stopped(stopped: keyfill_diag::Stopped) -> Self {
        Self::new(Class::Other, format!("stopped while decrypting: {stopped}"))
    }

    pub(crate) fn mac_unreadable() -> Self {
        Self::file("the message authentication code (mac) of the SOPS file cannot be decrypted")
            .hint("the metadata below `sops` were changed by hand; encrypt the file again with sops")
    }

    pub(crate) fn mac_differs() -> Self {
        Self::file("the message authentication code (mac) of the SOPS file does not fit its values").hint(
            "the file was changed without sops, perhaps by a merge; check it and write it again with `sops edit`",
        )
    }

    /// Adds what to do.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the path of the key in the file that the error is about.
    #[must_use]
    pub(crate) fn at_key(mut self, path: impl Into<String>) -> Self {
        self.0.place.path = Some(path.into());
        self
    }

    /// Adds the line that the error is about, counted from 1.
    #[must_use]
    pub(crate) fn at_line(mut self, line: u32) -> Self {
        self.0.place.line = Some(line);
        self
    }

    /// Adds the path of the file.
    #[must_use]
    pub fn at_file(mut self, file: impl Into<String>) -> Self {
        self.0.place.file = Some(file.into());
        self
    }

    /// What went wrong, without its place.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do, if that is known.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.0.class.name())
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    fn class(&self) -> Class {
        self.0.class
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::clone(&self.0)]
    }
}
