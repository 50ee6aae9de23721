//! Go's built-in functions, except the comparisons.

use super::compare;
use crate::function::{FuncError, Function, any};
use crate::run::Run;
use crate::value::{Kind, List, Str, Type, Value};
use keyfill_go::fmt::{Arg, sprint, sprintf, sprintln};
use keyfill_go::quote::is_print;
use keyfill_go::utf8;

/// Go's built-in functions.
pub const FUNCTIONS: &[Function] = &[
    Function::and(),
    Function::or(),
    Function::caller(call),
    Function::variadic("eq", &[Type::Reflect], Type::Reflect, compare::eq),
    Function::fixed("ge", &[Type::Reflect, Type::Reflect], compare::ge),
    Function::fixed("gt", &[Type::Reflect, Type::Reflect], compare::gt),
    Function::variadic("html", &[], Type::Any, html),
    Function::variadic("index", &[Type::Reflect], Type::Reflect, index),
    Function::variadic("js", &[], Type::Any, js),
    Function::fixed("le", &[Type::Reflect, Type::Reflect], compare::le),
    Function::fixed("len", &[Type::Reflect], len),
    Function::fixed("lt", &[Type::Reflect, Type::Reflect], compare::lt),
    Function::fixed("ne", &[Type::Reflect, Type::Reflect], compare::ne),
    Function::fixed("not", &[Type::Reflect], not),
    Function::variadic("print", &[], Type::Any, print),
    Function::variadic("printf", &[Type::String], Type::Any, printf),
    Function::variadic("println", &[], Type::Any, println),
    Function::variadic("slice", &[Type::Reflect], Type::Reflect, slice),
    Function::variadic("urlquery", &[], Type::Any, urlquery),
];

fn not(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(!any(args, 0).truth()))
}

fn call(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (function, args) = match args {
        [Value::Func(function), args @ ..] => (function, args),
        [Value::Nil | Value::NilInterface, ..] | [] => return Err("call of nil".into()),
        [value, ..] => return Err(format!("non-function of type {}", value.type_name()).into()),
    };
    let wanted = function.params.len();
    let (name, given) = (function.name, args.len());
    match function.variadic {
        Some(_) if given < wanted => {
            return Err(format!("wrong number of args for {name}: got {given} want at least {wanted}").into());
        }
        None if given != wanted => {
            return Err(format!("wrong number of args for {name}: got {given} want {wanted}").into());
        }
        _ => {}
    }
    for (place, arg) in args.iter().enumerate() {
        let ty = function.params.get(place).copied().or(function.variadic).unwrap_or(Type::Any);
        let fits = arg.is_nil() && ty.kind().can_be_nil() || arg.is_assignable_to(ty);
        if !fits {
            let got = arg.type_name();
            return Err(format!("arg {place}: value has type {got}; should be {}", ty.name()).into());
        }
    }
    (function.call)(run, args)
}

fn len(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let len = match any(args, 0) {
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Map(map) => map.len(),
        Value::Nil => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::NilInterface => return Err("len of nil pointer".into()),
        Value::Object(object) if object.is_nil() => return Err("len of nil pointer".into()),
        other => return Err(format!("len of type {}", other.type_name()).into()),
    };
    Ok(Value::Int(len as i64))
}

/// `index x 1 "a"` is `x[1]["a"]`.
fn index(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (item, keys) = args.split_first().ok_or("index of untyped nil")?;
    if item.is_nil() {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for key in keys {
        item = index_one(&item, key)?;
    }
    // An element of a list or map is in an interface: a nil there is still a value.
    Ok(if keys.is_empty() || !item.is_nil() { item } else { Value::NilInterface })
}

fn index_one(item: &Value, key: &Value) -> Result<Value, FuncError> {
    let out_of_range = || FuncError::new("reflect: slice index out of range");
    match item {
        Value::Nil | Value::NilInterface => Err("index of nil pointer".into()),
        Value::Object(object) if object.is_nil() => Err("index of nil pointer".into()),
        Value::List(list) => list.get(place(key, list.len())?).cloned().ok_or_else(out_of_range),
        Value::Bytes(bytes) => {
            let at = place(key, bytes.len())?;
            bytes.as_bytes().get(at).map(|byte| Value::Uint8(*byte)).ok_or_else(out_of_range)
        }
        Value::Str(text) => {
            let at = place(key, text.len())?;
            let byte = text.as_bytes().get(at);
            byte.map(|byte| Value::Uint8(*byte)).ok_or_else(|| "reflect: string index out of range".into())
        }
        Value::Map(map) => match key {
            Value::Str(key) => Ok(map.get(key.as_bytes()).unwrap_or_else(|| zero(map.ty().elem))),
            Value::Nil | Value::NilInterface => Err("value is nil; should be of type string".into()),
            other => Err(format!("value has type {}; should be string", other.type_name()).into()),
        },
        other => Err(format!("can't index item of type {}", other.type_name()).into()),
    }
}

/// The value of a key that a map does not have.
fn zero(elem: Type) -> Value {
    match elem.kind() {
        Kind::String => Value::Str(Str::EMPTY),
        Kind::Bool => Value::Bool(false),
        Kind::Int => Value::Int(0),
        Kind::Slice if elem == Type::Bytes => Value::Bytes(Str::EMPTY),
        _ => Value::Nil,
    }
}

/// An index as a number from 0 to `end`.
fn place(key: &Value, end: usize) -> Result<usize, FuncError> {
    let number = match (key, key.as_int(), key.as_uint()) {
        (Value::Nil | Value::NilInterface, ..) => return Err("cannot index slice/array with nil".into()),
        (_, Some(number), _) => number,
        (_, None, Some(number)) => number.cast_signed(),
        _ => return Err(format!("cannot index slice/array with type {}", key.type_name()).into()),
    };
    usize::try_from(number)
        .ok()
        .filter(|at| *at <= end)
        .ok_or_else(|| format!("index out of range: {number}").into())
}

/// `slice x 1 2` is `x[1:2]`.
fn slice(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (item, indexes) = args.split_first().ok_or("slice of untyped nil")?;
    if item.is_nil() {
        return Err("slice of untyped nil".into());
    }
    if indexes.len() > 3 {
        return Err(format!("too many slice indexes: {}", indexes.len()).into());
    }
    let len = match item {
        Value::Str(_) if indexes.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(text) | Value::Bytes(text) => text.len(),
        Value::List(list) => list.len(),
        Value::Object(object) if object.is_nil() => return Err("slice of nil pointer".into()),
        other => return Err(format!("can't slice item of type {}", other.type_name()).into()),
    };
    let mut bounds = [0, len, len];
    for (bound, index) in bounds.iter_mut().zip(indexes) {
        *bound = place(index, len)?;
    }
    let [start, end, cap] = bounds;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    if end > cap {
        return Err(format!("invalid slice index: {end} > {cap}").into());
    }
    Ok(match item {
        Value::Str(text) => Value::Str(Str::new(&text.as_bytes()[start..end])),
        Value::Bytes(bytes) => Value::Bytes(Str::new(&bytes.as_bytes()[start..end])),
        Value::List(list) => Value::List(List::slice(list, start, end)),
        _ => Value::Nil,
    })
}

/// The arguments in the form that the printer needs.
fn arguments(args: &[Value]) -> Vec<&dyn Arg> {
    args.iter().map(|arg| arg as &dyn Arg).collect()
}

fn finished(run: &mut Run, out: Vec<u8>) -> Result<Value, FuncError> {
    run.spend(out.len() as u64)?;
    Ok(Value::str(out))
}

fn print(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    sprint(&mut out, &arguments(args))?;
    finished(run, out)
}

fn println(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    sprintln(&mut out, &arguments(args))?;
    finished(run, out)
}

fn printf(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (format, args) = args.split_first().ok_or("printf needs a format")?;
    let mut out = Vec::new();
    sprintf(&mut out, format.as_bytes().unwrap_or_default(), &arguments(args))?;
    finished(run, out)
}

/// The arguments as `Sprint` prints them, but `<no value>` for nil: the input of `html`, `js` and `urlquery`.
fn text(args: &[Value]) -> Result<Str, FuncError> {
    if let [Value::Str(text)] = args {
        return Ok(text.clone());
    }
    let shown: Vec<Value> =
        args.iter().map(|arg| if arg.is_nil() { Value::from("<no value>") } else { arg.clone() }).collect();
    let mut out = Vec::new();
    sprint(&mut out, &arguments(&shown))?;
    Ok(Str::from(out))
}

/// The most bytes that an escape makes of one byte.
const MOST_OF_ONE: u64 = 6;

fn html(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let text = text(args)?;
    run.room(MOST_OF_ONE * text.len() as u64)?;
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        let escape = match byte {
            0 => "\u{fffd}",
            b'"' => "&#34;",
            b'\'' => "&#39;",
            b'&' => "&amp;",
            b'<' => "&lt;",
            b'>' => "&gt;",
            _ => {
                out.push(*byte);
                continue;
            }
        };
        out.extend_from_slice(escape.as_bytes());
    }
    finished(run, out)
}

fn js(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let text = text(args)?;
    run.room(MOST_OF_ONE * text.len() as u64)?;
    let mut out = Vec::with_capacity(text.len());
    let special = |rune: &utf8::Rune| {
        matches!(rune.char, '\\' | '\'' | '"' | '<' | '>' | '&' | '=')
            || rune.char < ' '
            || !rune.char.is_ascii()
    };
    if !utf8::runes(text.as_bytes()).any(|rune| special(&rune)) {
        return Ok(Value::Str(text));
    }
    let mut rest = text.as_bytes();
    while let Some(rune) = utf8::decode(rest) {
        match rune.char {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\'' => out.extend_from_slice(b"\\'"),
            '"' => out.extend_from_slice(b"\\\""),
            c @ ('<' | '>' | '&' | '=' | '\0'..='\x1f') => {
                out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes());
            }
            // A byte that is not valid UTF-8 is kept: Go tests whether U+FFFD is printable, which it is.
            c if c.is_ascii() || is_print(c) => out.extend_from_slice(&rest[..rune.len]),
            c => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
        }
        rest = &rest[rune.len..];
    }
    finished(run, out)
}

fn urlquery(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let text = text(args)?;
    run.room(MOST_OF_ONE * text.len() as u64)?;
    let mut out = Vec::with_capacity(text.len());
    for byte in text.as_bytes() {
        match byte {
            b' ' => out.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => out.push(*byte),
            byte if byte.is_ascii_alphanumeric() => out.push(*byte),
            byte => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    finished(run, out)
}
