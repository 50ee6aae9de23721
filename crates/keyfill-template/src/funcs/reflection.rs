//! Types: the type of a value, and whether two values are equal.

use super::deep_equal::DeepEqual;
use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{Type, Value};

const A: Type = Type::Any;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("typeOf", &[A], |_, args| Ok(any(args, 0).type_name().into_owned().into())),
    Function::fixed("typeIs", &[Type::String, A], type_is),
    Function::fixed("typeIsLike", &[Type::String, A], type_is_like),
    Function::fixed("kindOf", &[A], |_, args| Ok(any(args, 0).kind().name().into())),
    Function::fixed("kindIs", &[Type::String, A], kind_is),
    Function::fixed("deepEqual", &[A, A], equal),
];

fn type_is(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(any(args, 1).type_name().as_bytes() == text(args, 0)))
}

/// Whether the type is the named one, or a pointer to it.
fn type_is_like(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let found = any(args, 1).type_name();
    let found = found.as_bytes();
    Ok(Value::Bool(found == text(args, 0) || found.strip_prefix(b"*") == Some(text(args, 0))))
}

fn kind_is(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(any(args, 1).kind().name().as_bytes() == text(args, 0)))
}

fn equal(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut compare = DeepEqual::new(run);
    let equal = compare.of(any(args, 0), any(args, 1))?;
    compare.finish(run)?;
    Ok(Value::Bool(equal))
}
