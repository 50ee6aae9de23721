//! The template language of `kubectl -o jsonpath`, as Kubernetes' client-go implements it.
//!
//! A template is text with actions in braces: `user: {.name}, ports: {range .ports[*]}{.port} {end}`.
//! [`Template::parse`] parses one, [`Template::execute`] prints the results for a value. It differs from client-go
//! only where client-go fails or prints garbled text: numbers print without an exponent, numbers of any kind
//! compare with each other, keys in brackets may hold spaces and stand in double quotes, `range` over nothing
//! prints nothing, and maps are walked in their order.

mod ast;
mod eval;
mod parse;

#[cfg(test)]
mod tests;

use keyfill_diag::Cx;
use keyfill_yaml::Value;
use std::fmt;

/// A parsed template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<ast::Part>,
    /// For each part: if it begins a loop, the index of the part that ends the loop.
    ends: Vec<Option<usize>>,
}

/// The output of a template.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// The printed text.
    pub text: String,
    /// The template is one single action, and the value that it names is missing or null.
    pub nothing: bool,
}

/// Why a template cannot be parsed or executed. The message names parts of the template and types, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPathError {
    message: String,
    not_found: bool,
}

impl Template {
    /// Parses a template.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        let parts = parse::template(text)?;
        let ends = eval::loop_ends(&parts)?;
        Ok(Self { parts, ends })
    }

    /// Prints the results for a value. The work and the number of results are bounded, and the run's deadline
    /// applies.
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

    /// Whether the error is that the value lacks a key or an index that the template names.
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
