//! helm's functions that execute templates: `include` and `tpl`.

use super::{FuncError, Function, any};
use crate::Ctx;
use crate::value::{Str, Type, Value};

/// `include` and `tpl`.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("include", &[Type::String, Type::Any], include),
    Function::fixed("tpl", &[Type::String, Type::Any], tpl),
];

fn include(ctx: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let name = any(args, 0).as_str().unwrap_or(&Str::EMPTY);
    ctx.include(name, any(args, 1)).map(Value::Str)
}

fn tpl(ctx: &mut Ctx, args: &[Value]) -> Result<Value, FuncError> {
    let text = any(args, 0).as_str().unwrap_or(&Str::EMPTY);
    ctx.tpl(text, any(args, 1)).map(Value::Str)
}
