//! The table of functions: what a function is, how it is registered and how it reports an error.
//!
//! A family of functions is a file here with a `pub const FUNCTIONS: &[Function]`. The executor checks
//! and converts the arguments by the declared types before it calls, with Go's messages, so that a
//! function may take them as declared:
//!
//! ```
//! use keyfill_template::funcs::{FuncError, Function, text};
//! use keyfill_template::value::{Type, Value};
//! use keyfill_template::Ctx;
//!
//! pub const FUNCTIONS: &[Function] = &[
//!     Function::fixed("shout", &[Type::String], shout),
//! ];
//!
//! fn shout(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
//!     let mut text = text(args, 0).to_vec();
//!     text.push(b'!');
//!     Ok(Value::str(text))
//! }
//! ```

mod builtin;
mod cast;
mod certs;
mod compare;
mod crypto;
mod dates;
mod decimal;
mod deep_equal;
mod defaults;
mod dicts;
mod durations;
mod encoding;
mod flow;
mod include;
mod json;
mod lists;
mod math;
mod merge;
mod network;
mod paths;
mod random;
mod reflection;
mod regex;
mod semver;
mod strings;
mod toml;
mod urls;
mod words;
mod yaml;
mod yaml_pretty;

pub use random::Seed;

use crate::Ctx;
use crate::error::Error;
use crate::value::{ANY_MAP, List, Map, Type, Value};
use fnv::FnvHasher;
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasherDefault;

/// The Rust side of a function.
pub type Call = fn(&mut Ctx, &[Value]) -> Result<Value, FuncError>;

/// A function, or a method (which gets its receiver as first argument, not counted in `params`).
#[derive(Clone, Copy)]
pub struct Function {
    /// The name in templates.
    pub name: &'static str,
    /// The types of the fixed parameters.
    pub params: &'static [Type],
    /// The type of the elements of the last, variadic parameter.
    pub variadic: Option<Type>,
    /// What it does.
    pub call: Call,
    /// Whether the executor does not evaluate all of its arguments.
    pub(crate) special: Special,
}

/// Functions that the executor evaluates itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    None,
    And,
    Or,
    /// `call`: its errors name the function as the template does.
    Call,
}

impl Function {
    /// A function with a fixed number of parameters.
    pub const fn fixed(name: &'static str, params: &'static [Type], call: Call) -> Self {
        Self { name, params, variadic: None, call, special: Special::None }
    }

    /// A function that takes any number of further arguments of one type.
    pub const fn variadic(name: &'static str, params: &'static [Type], rest: Type, call: Call) -> Self {
        Self { name, params, variadic: Some(rest), call, special: Special::None }
    }

    /// `call`, which calls its first argument.
    pub(crate) const fn caller(call: Call) -> Self {
        Self { special: Special::Call, ..Self::variadic("call", &[Type::Reflect], Type::Reflect, call) }
    }

    /// `and`: the first argument that is not true, or the last.
    pub(crate) const fn and() -> Self {
        Self { special: Special::And, ..Self::variadic("and", &[Type::Reflect], Type::Reflect, last) }
    }

    /// `or`: the first argument that is true, or the last.
    pub(crate) const fn or() -> Self {
        Self { special: Special::Or, ..Self::variadic("or", &[Type::Reflect], Type::Reflect, last) }
    }
}

/// What `and` and `or` give when no argument settles it; the executor sees to the rest.
fn last(_: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    Ok(args.last().cloned().unwrap_or_default())
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.name)
    }
}

/// Why a function failed. The executor adds where.
#[derive(Debug)]
pub struct FuncError(pub(crate) Failure);

#[derive(Debug)]
pub(crate) enum Failure {
    /// The function's own message.
    Message(String),
    /// A template that the function executed failed; the text stands before it, as in `errors.Wrap`.
    Template { before: String, error: Error },
    /// A limit was reached or the run was stopped: not the template's wish.
    Limit(String),
}

impl FuncError {
    /// An error with Go's message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(Failure::Message(message.into()))
    }

    /// A limit was reached.
    pub fn limit(message: impl Into<String>) -> Self {
        Self(Failure::Limit(message.into()))
    }

    /// Whether a limit was reached, or the run was stopped.
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

/// The bytes of argument `index`, declared as [`Type::String`] or [`Type::Bytes`].
pub fn text(args: &[Value], index: usize) -> &[u8] {
    args.get(index).and_then(Value::as_bytes).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Int`] or [`Type::Int64`].
pub fn int(args: &[Value], index: usize) -> i64 {
    args.get(index).and_then(Value::as_int).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Float64`].
pub fn float(args: &[Value], index: usize) -> f64 {
    args.get(index).and_then(Value::as_float).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Bool`].
pub fn boolean(args: &[Value], index: usize) -> bool {
    args.get(index).and_then(Value::as_bool).unwrap_or_default()
}

/// Argument `index`, declared as [`Type::Any`]; nil when it is not there.
pub fn any(args: &[Value], index: usize) -> &Value {
    args.get(index).unwrap_or(&Value::Nil)
}

/// Argument `index`, declared as one of the slice types. A nil slice when nil was given.
pub fn list(args: &[Value], index: usize) -> List {
    args.get(index).and_then(Value::as_list).cloned().unwrap_or_else(|| List::nil(&crate::value::ANYS))
}

/// Argument `index`, declared as `map[string]interface {}`: of that type also when the value has a name of its
/// own for it. A nil map when nil was given.
pub fn map(args: &[Value], index: usize) -> Map {
    let given = args.get(index).and_then(Value::as_map);
    given.map_or_else(|| Map::nil(&ANY_MAP), |map| map.with_type(&ANY_MAP))
}

/// Go's built-in functions: what text/template has without any other.
pub const GO: &[Function] = builtin::FUNCTIONS;

/// All functions of helm 3 by family: Go's built-in ones, those that execute templates, and those of sprig and helm.
pub const FAMILIES: &[&[Function]] = &[
    builtin::FUNCTIONS,
    include::FUNCTIONS,
    certs::FUNCTIONS,
    crypto::FUNCTIONS,
    dates::FUNCTIONS,
    decimal::FUNCTIONS,
    defaults::FUNCTIONS,
    dicts::FUNCTIONS,
    encoding::FUNCTIONS,
    flow::FUNCTIONS,
    json::FUNCTIONS,
    lists::FUNCTIONS,
    math::FUNCTIONS,
    merge::FUNCTIONS,
    network::FUNCTIONS,
    paths::FUNCTIONS,
    random::FUNCTIONS,
    reflection::FUNCTIONS,
    regex::FUNCTIONS,
    semver::FUNCTIONS,
    strings::FUNCTIONS,
    toml::FUNCTIONS,
    urls::FUNCTIONS,
    words::FUNCTIONS,
    yaml::FUNCTIONS,
    yaml_pretty::FUNCTIONS,
];

/// What helm 4 has besides [`FAMILIES`].
pub const ADDED_BY_HELM_4: &[&[Function]] =
    &[durations::FUNCTIONS, toml::ADDED_BY_HELM_4, yaml::ADDED_BY_HELM_4];

/// The functions that templates may call, by name. Made once, shared by all template sets.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    by_name: HashMap<&'static str, u32, BuildHasherDefault<FnvHasher>>,
    functions: Vec<Function>,
}

impl Registry {
    /// The functions of these families; a later one replaces an earlier one of the same name.
    pub fn new(families: &[&[Function]]) -> Self {
        let mut registry = Self::default();
        for function in families.iter().copied().flatten() {
            registry.add(*function);
        }
        registry
    }

    /// The functions of helm 3.
    pub fn helm_3() -> Self {
        Self::new(FAMILIES)
    }

    /// The functions of helm 4.
    pub fn helm_4() -> Self {
        let mut registry = Self::helm_3();
        ADDED_BY_HELM_4.iter().copied().flatten().for_each(|function| registry.add(*function));
        registry
    }

    /// Adds or replaces a function.
    pub fn add(&mut self, function: Function) {
        match self.by_name.get(function.name) {
            Some(&index) => self.functions[index as usize] = function,
            None => {
                self.by_name.insert(function.name, self.functions.len() as u32);
                self.functions.push(function);
            }
        }
    }

    /// Where the function of a name stands.
    pub fn index(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// The function that stands there.
    pub fn at(&self, index: u32) -> Option<&Function> {
        self.functions.get(index as usize)
    }

    /// All functions, in the order of their registration.
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }
}
