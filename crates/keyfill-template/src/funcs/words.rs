//! Words: the case styles, wrapping and abbreviation of sprig.

use crate::function::{FuncError, Function, int, text};
use crate::run::Run;
use crate::value::{Type, Value};
use keyfill_go::words::{self, LongWords};

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("title", &[S], |_, args| Ok(Value::str(words::title(text(args, 0))))),
    Function::fixed("untitle", &[S], |_, args| Ok(Value::str(words::untitle(text(args, 0))))),
    Function::fixed("swapcase", &[S], |_, args| Ok(Value::str(words::swap_case(text(args, 0))))),
    Function::fixed("initials", &[S], |_, args| Ok(Value::str(words::initials(text(args, 0))))),
    Function::fixed("nospace", &[S], |_, args| Ok(Value::str(words::without_space(text(args, 0))))),
    Function::fixed("snakecase", &[S], |_, args| Ok(Value::str(words::snake_case(text(args, 0))))),
    Function::fixed("kebabcase", &[S], |_, args| Ok(Value::str(words::kebab_case(text(args, 0))))),
    Function::fixed("camelcase", &[S], |_, args| Ok(Value::str(words::pascal_case(text(args, 0))))),
    Function::fixed("wrap", &[Type::Int, S], wrap),
    Function::fixed("wrapWith", &[Type::Int, S, S], wrap_with),
    Function::fixed("abbrev", &[Type::Int, S], abbrev),
    Function::fixed("abbrevboth", &[Type::Int, Type::Int, S], abbrevboth),
];

fn wrap(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let whole = text(args, 1);
    run.spend(2 * whole.len() as u64)?;
    Ok(Value::str(words::wrap(whole, int(args, 0), b"", LongWords::Kept)))
}

fn wrap_with(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (width, newline, whole) = (int(args, 0), text(args, 1), text(args, 2));
    // At worst each line of that width is followed by the separator.
    let lines = whole.len() as u64 / width.max(1).unsigned_abs() + 1;
    run.spend((whole.len() as u64).saturating_add(lines.saturating_mul(2 * newline.len() as u64)))?;
    Ok(Value::str(words::wrap(whole, width, newline, LongWords::Cut)))
}

fn abbrev(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (width, whole) = (int(args, 0), text(args, 1));
    if width < 4 {
        return Ok(Value::str(whole));
    }
    Ok(Value::str(words::abbreviate(whole, 0, width).unwrap_or_default()))
}

fn abbrevboth(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (left, right, whole) = (int(args, 0), int(args, 1), text(args, 2));
    if right < 4 || left > 0 && right < 7 {
        return Ok(Value::str(whole));
    }
    Ok(Value::str(words::abbreviate(whole, left, right).unwrap_or_default()))
}
