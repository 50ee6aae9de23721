//! The error of this crate: why a request could not be taken, or the server not started.

use crate::Refusal;
use keyfill_diag::{Class, Diagnostic};
use std::fmt;

/// Why a request could not be taken, or the server not started.
pub struct Error(Box<Kind>);

enum Kind {
    /// The configuration cannot be followed.
    Config(String),
    /// The client broke the protocol, or its archive is broken.
    Request(String),
    /// The archive asks for more than is allowed.
    Limit(String),
    /// The run was stopped from outside.
    Stopped(String),
    /// The operating system said no.
    Io(String, std::io::Error),
}

impl Error {
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Config(message.into())))
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Request(message.into())))
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Limit(message.into())))
    }

    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self(Box::new(Kind::Stopped(message.into())))
    }

    pub(crate) fn io(doing: impl Into<String>, error: std::io::Error) -> Self {
        Self(Box::new(Kind::Io(doing.into(), error)))
    }

    /// What kind of trouble.
    pub fn class(&self) -> Class {
        match *self.0 {
            Kind::Config(_) => Class::Usage,
            Kind::Request(_) => Class::Render,
            Kind::Limit(_) => Class::Forbidden,
            Kind::Stopped(_) | Kind::Io(..) => Class::Other,
        }
    }

    /// The error as a diagnostic.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::error(self.class(), self.to_string())]
    }

    /// As the client is told.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal { class: self.class(), message: self.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Kind::Config(message)
            | Kind::Request(message)
            | Kind::Limit(message)
            | Kind::Stopped(message) => f.write_str(message),
            Kind::Io(doing, error) => write!(f, "{doing}: {error}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}
