//! Functions as values: types have methods, and `call` calls a function that it gets as an argument.

use super::{Type, Value};
use crate::failure::FuncError;
use crate::run::Run;
use std::fmt;

/// The Rust implementation of a function. It gets the run and the arguments.
pub type Call = fn(&mut Run, &[Value]) -> Result<Value, FuncError>;

/// A function, or a method. A method gets its receiver as first argument, which `params` does not include.
#[derive(Clone, Copy)]
pub struct Function {
    /// The name in templates.
    pub name: &'static str,
    /// The types of the fixed parameters.
    pub params: &'static [Type],
    /// The type of the elements of the last, variadic parameter.
    pub variadic: Option<Type>,
    /// The implementation.
    pub call: Call,
    /// The part that the executor itself does when it calls the function.
    pub(crate) special: Special,
}

/// Functions that the executor evaluates itself, whole or in part.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    None,
    And,
    Or,
    /// `call`: its errors name the function as the template does.
    Call,
    /// `include`: executes a template of the set.
    Include,
    /// `tpl`: executes a text as a template.
    Tpl,
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

    /// `include`: returns the output of a template of the set.
    pub(crate) const fn include() -> Self {
        Self { special: Special::Include, ..Self::fixed("include", &[Type::String, Type::Any], only_by_name) }
    }

    /// `tpl`: returns the output of a text that is executed as a template.
    pub(crate) const fn tpl() -> Self {
        Self { special: Special::Tpl, ..Self::fixed("tpl", &[Type::String, Type::Any], only_by_name) }
    }
}

/// The executor does the work of `include` and `tpl`, since functions have no access to it.
fn only_by_name(_: &mut Run, _: &[Value]) -> Result<Value, FuncError> {
    Err("functions that execute templates are called by their name only".into())
}

/// The value of `and` and `or` if no argument decides. The executor evaluates the arguments.
fn last(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(args.last().cloned().unwrap_or_default())
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "function {}", self.name)
    }
}
