//! The error of this crate.

use crate::Refusal;
use keyfill_diag::{Class, Diagnostic, Report};
use std::fmt;

/// Why a request was refused before its call began, or why the server could not start.
pub struct Error(Box<ErrorKind>);

enum ErrorKind {
    /// The configuration cannot be used.
    Config(String),
    /// The client violated the protocol, or its archive is broken.
    Request(String),
    /// The archive asks for more than is allowed.
    Limit(String),
    /// The deadline was exceeded, or the run was cancelled.
    Stopped(String),
    /// The operating system reported an error.
    Io(String, std::io::Error),
}

impl Error {
    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::Config(message.into())))
    }

    pub(crate) fn request(message: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::Request(message.into())))
    }

    pub(crate) fn limit(message: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::Limit(message.into())))
    }

    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self(Box::new(ErrorKind::Stopped(message.into())))
    }

    pub(crate) fn io(doing: impl Into<String>, error: std::io::Error) -> Self {
        Self(Box::new(ErrorKind::Io(doing.into(), error)))
    }

    /// The refusal that is sent to the client.
    pub(crate) fn refusal(&self) -> Refusal {
        Refusal { class: self.class(), message: self.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            ErrorKind::Config(message)
            | ErrorKind::Request(message)
            | ErrorKind::Limit(message)
            | ErrorKind::Stopped(message) => f.write_str(message),
            ErrorKind::Io(doing, error) => write!(f, "{doing}: {error}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

impl Report for Error {
    fn class(&self) -> Class {
        match *self.0 {
            ErrorKind::Config(_) => Class::Usage,
            ErrorKind::Request(_) => Class::Render,
            ErrorKind::Limit(_) => Class::Forbidden,
            ErrorKind::Stopped(_) | ErrorKind::Io(..) => Class::Other,
        }
    }

    fn diagnostics(&self) -> Vec<Diagnostic> {
        vec![Diagnostic::error(self.class(), self.to_string())]
    }
}
