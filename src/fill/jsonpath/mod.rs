//! The template language of `kubectl -o jsonpath`, as Kubernetes' client-go reads it.
//!
//! A template is text with actions in braces: `user: {.name}, ports: {range .ports[*]}{.port} {end}`.
//! [`Template::parse`] reads one, [`Template::execute`] prints the results for a value. Differences from
//! client-go, all where it fails or garbles: numbers print without an exponent, numbers of any kind compare
//! with each other, keys in brackets may hold spaces and stand in double quotes, `range` over nothing
//! prints nothing, and maps are walked in their order.

mod ast;
mod eval;
mod parse;

#[cfg(test)]
mod tests;

use keyfill_diag::Cx;
use keyfill_yaml::Value;
use std::fmt;

/// A template that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<ast::Part>,
    /// For each part that begins a loop, the part that ends it.
    ends: Vec<Option<usize>>,
}

/// What a template printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// The text.
    pub text: String,
    /// There is nothing but one action, and what it names is not there, or null.
    pub nothing: bool,
}

/// Why a template cannot be read or executed. It names parts of the template and types, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPathError {
    message: String,
    not_found: bool,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let parts = parse::template(text)?;
        let ends = eval::loop_ends(&parts)?;
        Ok(Self { parts, ends })
    }

    /// Prints the results for a value. Steps and results are bounded, and the run's deadline is kept.
    pub fn execute(&self, value: &Value, cx: &Cx) -> Result<Printed, JsonPathError> {
        eval::execute(&self.parts, &self.ends, value, cx)
    }
}

impl JsonPathError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), not_found: false }
    }

    fn not_found(message: impl Into<String>) -> Self {
        Self { message: message.into(), not_found: true }
    }

    /// Whether the value lacks what the template names.
    pub fn is_not_found(&self) -> bool {
        self.not_found
    }
}

impl fmt::Debug for Printed {
    /// The text may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Printed").field("nothing", &self.nothing).finish_non_exhaustive()
    }
}

impl fmt::Display for JsonPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for JsonPathError {}
