//! Defaults: which values are empty, and which value is used instead.

use crate::function::{FuncError, Function, any, boolean};
use crate::run::Run;
use crate::value::{Type, Value};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("default", &[Type::Any], Type::Any, default),
    Function::fixed("empty", &[Type::Any], empty),
    Function::variadic("coalesce", &[], Type::Any, coalesce),
    Function::variadic("all", &[], Type::Any, all),
    Function::variadic("any", &[], Type::Any, some),
    Function::fixed("ternary", &[Type::Any, Type::Any, Type::Bool], ternary),
];

/// Whether a value is the zero value of its type, or has no elements. Structs are never empty.
pub(super) fn is_empty(value: &Value) -> bool {
    !value.truth()
}

fn default(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let given = args.get(1).filter(|given| !is_empty(given));
    Ok(given.unwrap_or_else(|| any(args, 0)).clone())
}

fn empty(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(is_empty(any(args, 0))))
}

fn coalesce(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(args.iter().find(|v| !is_empty(v)).cloned().unwrap_or_default())
}

fn all(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(!args.iter().any(is_empty)))
}

fn some(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(!args.iter().all(is_empty)))
}

fn ternary(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(any(args, if boolean(args, 2) { 0 } else { 1 }).clone())
}
