//! Merging of maps, by the rules of `dario.cat/mergo`: `merge`, `mergeOverwrite` and their `must` forms.

use crate::function::{FuncError, Function, map};
use crate::run::Run;
use crate::value::{Kind, Map, Type, Value, Walk, too_large};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("merge", &[Type::Map], Type::Map, merge),
    Function::variadic("mustMerge", &[Type::Map], Type::Map, must_merge),
    Function::variadic("mergeOverwrite", &[Type::Map], Type::Map, merge_overwrite),
    Function::variadic("mustMergeOverwrite", &[Type::Map], Type::Map, must_merge_overwrite),
];

/// What happens to a value that exists already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Present {
    /// The value is kept, unless it is empty (`0`, `false`, `""`, no elements).
    Kept,
    /// The value is replaced, also by an empty one.
    Replaced,
}

fn merge(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    swallow(merge_all(run, args, Present::Kept))
}

fn must_merge(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    merge_all(run, args, Present::Kept)
}

fn merge_overwrite(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    swallow(merge_all(run, args, Present::Replaced))
}

fn must_merge_overwrite(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    merge_all(run, args, Present::Replaced)
}

/// As in sprig, an empty string if the maps cannot be merged. Exceeded limits stay errors.
fn swallow(merged: Result<Value, FuncError>) -> Result<Value, FuncError> {
    match merged {
        Err(error) if error.is_limit() => Err(error),
        other => Ok(other.unwrap_or_else(|_| "".into())),
    }
}

fn merge_all(run: &mut Run, args: &[Value], present: Present) -> Result<Value, FuncError> {
    let mut into = map(args, 0);
    let mut walk = Walk::new(run.cx());
    for index in 1..args.len() {
        let from = map(args, index);
        if into.is_nil() && !from.is_nil() {
            into = Map::new();
        }
        let depth = run.cx().limits.depth;
        merge_into(run, &mut walk, &into, &from, present, depth)?;
    }
    Ok(into.into())
}

fn merge_into(
    run: &mut Run,
    walk: &mut Walk,
    into: &Map,
    from: &Map,
    present: Present,
    depth: u32,
) -> Result<(), FuncError> {
    let depth = depth.checked_sub(1).ok_or_else(too_large)?;
    walk.visit(from.len())?;
    run.spend((from.len() * size_of::<Value>()) as u64)?;
    for (key, value) in from.snapshot() {
        let old = into.get(key.as_bytes());
        if value.is_nil() {
            if present == Present::Replaced {
                into.set(key, value);
            }
            continue;
        }
        if let (Value::Map(from), Some(Value::Map(old))) = (&value, &old)
            && !old.is_nil()
        {
            merge_into(run, walk, old, from, present, depth)?;
        } else if let Some(old) = &old {
            refuse_pointer(old, &value, present)?;
        }
        // Evaluated after the inner maps were merged: a map that was empty may have entries now.
        let old_is_kept = old.as_ref().is_some_and(|old| {
            let both = |kind| old.kind() == kind && value.kind() == kind;
            let keeps_place = both(Kind::Map) || value.kind() == Kind::Slice && present == Present::Kept;
            !is_empty(old) && (keeps_place || present == Present::Kept)
        });
        if !old_is_kept {
            into.set(key, value);
        }
    }
    Ok(())
}

/// Refuses to merge a map or struct with an existing pointer, such as `semver` returns.
fn refuse_pointer(old: &Value, new: &Value, present: Present) -> Result<(), FuncError> {
    let merged = matches!(new.kind(), Kind::Map | Kind::Struct);
    if merged && old.kind() == Kind::Ptr && !old.is_nil_of_any_type() && present == Present::Kept {
        return Err("src and dst must be of same type".into());
    }
    Ok(())
}

fn is_empty(value: &Value) -> bool {
    !value.truth()
}
