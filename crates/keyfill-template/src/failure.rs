//! The errors of template functions.

use crate::error::Error;
use std::fmt;

/// The error of a template function. The executor adds the place.
#[derive(Debug)]
pub struct FuncError(pub(crate) Failure);

#[derive(Debug)]
pub(crate) enum Failure {
    /// The function's own message.
    Message(String),
    /// The error of a template that the function executed, and the text before it, as in `errors.Wrap`.
    Template { before: String, error: Error },
    /// A limit was exceeded, or the run was stopped. Functions that ignore errors of a template must not ignore
    /// this.
    Limit(String),
}

impl FuncError {
    /// An error with the message that Go gives.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Failure::Message(message.into()))
    }

    /// An error for a limit that was exceeded.
    pub fn limit(message: impl Into<String>) -> Self {
        Self(Failure::Limit(message.into()))
    }

    /// Whether a limit was exceeded, or the run was stopped.
    pub fn is_limit(&self) -> bool {
        match &self.0 {
            Failure::Message(_) => false,
            Failure::Template { error, .. } => error.is_limit(),
            Failure::Limit(_) => true,
        }
    }

    /// Puts a text and `: ` before the message, as Go's `errors.Wrap` does.
    #[must_use]
    pub fn wrap(self, text: impl fmt::Display) -> Self {
        Self(match self.0 {
            Failure::Message(message) => Failure::Message(format!("{text}: {message}")),
            Failure::Template { before, error } => {
                Failure::Template { before: format!("{text}: {before}"), error }
            }
            Failure::Limit(message) => Failure::Limit(message),
        })
    }
}

impl fmt::Display for FuncError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Failure::Message(message) | Failure::Limit(message) => f.write_str(message),
            Failure::Template { before, error } => write!(f, "{before}{error}"),
        }
    }
}

impl From<&str> for FuncError {
    fn from(message: &str) -> Self {
        Self::new(message)
    }
}

impl From<String> for FuncError {
    fn from(message: String) -> Self {
        Self::new(message)
    }
}

impl From<Error> for FuncError {
    fn from(error: Error) -> Self {
        Self(Failure::Template { before: String::new(), error })
    }
}
