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

use keyfill_yaml::Value;
use std::fmt;

/// A template that has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<ast::Part>);

/// Why a template cannot be read or executed. It names parts of the template and types, never a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPathError(String);

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Self, JsonPathError> {
        parse::template(text).map(Self)
    }

    /// Prints the results for a value.
    pub fn execute(&self, value: &Value) -> Result<String, JsonPathError> {
        eval::execute(&self.0, value)
    }
}

impl JsonPathError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for JsonPathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonPathError {}
