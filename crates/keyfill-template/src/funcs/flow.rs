//! Functions that end a template with an error on purpose.

use crate::function::{FuncError, Function, any, text};
use crate::run::Run;
use crate::value::{Type, Value};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("fail", &[Type::String], fail),
    Function::fixed("required", &[Type::String, Type::Any], required),
];

fn fail(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Err(message(args))
}

/// The value, or an error with the message if it is nil or an empty string.
fn required(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 1);
    if value.is_nil() || value.as_str().is_some_and(crate::value::Str::is_empty) {
        return Err(message(args));
    }
    Ok(value.clone())
}

fn message(args: &[Value]) -> FuncError {
    FuncError::new(String::from_utf8_lossy(text(args, 0)))
}
