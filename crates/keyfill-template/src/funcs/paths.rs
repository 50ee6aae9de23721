//! Paths with slashes. The `os` functions are those of Linux, which are the same.

use crate::function::{FuncError, Function, text};
use crate::run::Run;
use crate::value::{Type, Value};
use keyfill_go::path;

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("base", &[S], base),
    Function::fixed("osBase", &[S], base),
    Function::fixed("dir", &[S], dir),
    Function::fixed("osDir", &[S], dir),
    Function::fixed("clean", &[S], clean),
    Function::fixed("osClean", &[S], clean),
    Function::fixed("ext", &[S], ext),
    Function::fixed("osExt", &[S], ext),
    Function::fixed("isAbs", &[S], is_abs),
    Function::fixed("osIsAbs", &[S], is_abs),
];

fn base(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(path::base(text(args, 0))))
}

fn dir(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(path::dir(text(args, 0))))
}

fn clean(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(path::clean(text(args, 0))))
}

fn ext(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(path::ext(text(args, 0))))
}

fn is_abs(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(path::is_abs(text(args, 0))))
}
