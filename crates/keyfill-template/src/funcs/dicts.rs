//! Dictionaries: sprig's functions that create, read and change maps.

use super::cast::strval;
use crate::function::{FuncError, Function, any, map, text};
use crate::run::Run;
use crate::value::{List, Map, Type, Value};
use std::collections::HashSet;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("dict", &[], Type::Any, dict),
    Function::fixed("get", &[Type::Map, Type::String], get),
    Function::fixed("set", &[Type::Map, Type::String, Type::Any], set),
    Function::fixed("unset", &[Type::Map, Type::String], unset),
    Function::fixed("hasKey", &[Type::Map, Type::String], has_key),
    Function::variadic("pluck", &[Type::String], Type::Map, pluck),
    Function::variadic("keys", &[], Type::Map, keys),
    Function::variadic("pick", &[Type::Map], Type::String, pick),
    Function::variadic("omit", &[Type::Map], Type::String, omit),
    Function::fixed("values", &[Type::Map], values),
    Function::variadic("dig", &[], Type::Any, dig),
    Function::fixed("deepCopy", &[Type::Any], deep_copy),
    Function::fixed("mustDeepCopy", &[Type::Any], deep_copy),
];

fn dict(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let made = Map::new();
    for pair in args.chunks(2) {
        let value = pair.get(1).cloned().unwrap_or_else(|| "".into());
        made.set(strval(&pair[0])?, value);
    }
    Ok(made.into())
}

fn get(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(map(args, 0).get(text(args, 1)).unwrap_or_else(|| "".into()))
}

fn set(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let changed = map(args, 0);
    if changed.is_nil() {
        return Err("assignment to entry in nil map".into());
    }
    changed.set(text(args, 1), any(args, 2).clone());
    Ok(changed.into())
}

fn unset(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let changed = map(args, 0);
    changed.remove(text(args, 1));
    Ok(changed.into())
}

fn has_key(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(map(args, 0).contains(text(args, 1))))
}

fn pluck(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let found = (1..args.len()).filter_map(|index| map(args, index).get(text(args, 0)));
    Ok(Value::list(found.collect()))
}

/// The keys in order; Go's order is random.
fn keys(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut all = Vec::new();
    for index in 0..args.len() {
        let of = map(args, index);
        run.spend((of.len() * size_of::<Value>()) as u64)?;
        all.extend(of.entries().keys().cloned());
    }
    Ok(List::strings(all).into())
}

fn pick(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let from = map(args, 0);
    let picked = Map::new();
    for key in args.iter().skip(1).filter_map(Value::as_str) {
        if let Some(value) = from.get(key.as_bytes()) {
            picked.set(key.clone(), value);
        }
    }
    Ok(picked.into())
}

fn omit(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let left_out: HashSet<&[u8]> = args.iter().skip(1).filter_map(Value::as_bytes).collect();
    let from = map(args, 0);
    run.spend((from.len() * size_of::<Value>()) as u64)?;
    let kept = from.snapshot().into_iter().filter(|(key, _)| !left_out.contains(key.as_bytes()));
    Ok(kept.collect::<Map>().into())
}

/// The values in the order of their keys; Go's order is random.
fn values(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let of = map(args, 0);
    run.spend((of.len() * size_of::<Value>()) as u64)?;
    Ok(Value::list(of.entries().values().cloned().collect()))
}

fn dig(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let [keys @ .., default, root] = args else {
        return Err("dig needs at least three arguments".into());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".into());
    }
    let mut current = plain_map(root)?;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| key.as_str().ok_or_else(|| not_a(key, "string")))
        .collect::<Result<_, FuncError>>()?;
    for (index, key) in keys.iter().enumerate() {
        match current.get(key.as_bytes()) {
            None => return Ok(default.clone()),
            Some(value) if index + 1 == keys.len() => return Ok(value),
            Some(value) => current = plain_map(&value)?,
        }
    }
    Ok(default.clone())
}

/// The map, if it is a `map[string]interface {}`: Go's type assertion accepts no named type here.
fn plain_map(value: &Value) -> Result<Map, FuncError> {
    match value {
        Value::Map(map) if map.ty().name == Type::Map.name() => Ok(map.clone()),
        other => Err(not_a(other, Type::Map.name())),
    }
}

fn not_a(value: &Value, wanted: &str) -> FuncError {
    let found = if value.is_nil() { "nil".into() } else { value.type_name() };
    FuncError::new(format!("interface conversion: interface {{}} is {found}, not {wanted}"))
}

/// A copy that shares no map or list with the original, at any level.
fn deep_copy(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    if value.is_nil() {
        return Err("reflect: call of reflect.Value.Type on zero Value".into());
    }
    value.check_walk(run.cx())?;
    copy(run, value)
}

fn copy(run: &mut Run, value: &Value) -> Result<Value, FuncError> {
    match value {
        Value::List(list) if !list.is_nil() => {
            run.spend((list.len() * size_of::<Value>()) as u64)?;
            let items = list.iter().map(|v| copy(run, v)).collect::<Result<_, _>>()?;
            Ok(List::typed(items, list.ty()).into())
        }
        Value::Map(map) if !map.is_nil() => {
            run.spend((map.len() * size_of::<Value>()) as u64)?;
            let mut entries = crate::value::Entries::new();
            for (key, value) in map.entries().iter() {
                entries.insert(key.clone(), copy(run, value)?);
            }
            Ok(Map::typed(entries, map.ty()).into())
        }
        other => Ok(other.clone()),
    }
}
