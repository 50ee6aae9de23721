//! Errors of expressions.

use std::fmt;

/// Why an expression was refused, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    reason: &'static str,
    part: String,
}

impl Error {
    pub(super) fn new(reason: &'static str, part: &[u8]) -> Self {
        Self { reason, part: String::from_utf8_lossy(part).into_owned() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error parsing regexp: {}: `{}`", self.reason, self.part)
    }
}

impl std::error::Error for Error {}
