//! Lists: sprig's functions that create, cut, search and sort them.
//!
//! Each `mustX` is the same as `x`: where `x` panics in Go, the template fails with the same message.

use super::cast::{self, slice, strval, texts, to_int64};
use super::deep_equal::DeepEqual;
use super::defaults::is_empty;
use crate::function::{FuncError, Function, any, int, list, text};
use crate::run::Run;
use crate::value::{ANYS, List, ListType, Str, Type, Value, no_methods};

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::variadic("list", &[], Type::Any, make),
    Function::variadic("tuple", &[], Type::Any, make),
    Function::fixed("append", &[Type::Any, Type::Any], push),
    Function::fixed("push", &[Type::Any, Type::Any], push),
    Function::fixed("mustAppend", &[Type::Any, Type::Any], push),
    Function::fixed("mustPush", &[Type::Any, Type::Any], push),
    Function::fixed("prepend", &[Type::Any, Type::Any], prepend),
    Function::fixed("mustPrepend", &[Type::Any, Type::Any], prepend),
    Function::fixed("first", &[Type::Any], first),
    Function::fixed("mustFirst", &[Type::Any], first),
    Function::fixed("last", &[Type::Any], last),
    Function::fixed("mustLast", &[Type::Any], last),
    Function::fixed("rest", &[Type::Any], rest),
    Function::fixed("mustRest", &[Type::Any], rest),
    Function::fixed("initial", &[Type::Any], initial),
    Function::fixed("mustInitial", &[Type::Any], initial),
    Function::fixed("reverse", &[Type::Any], reverse),
    Function::fixed("mustReverse", &[Type::Any], reverse),
    Function::fixed("compact", &[Type::Any], compact),
    Function::fixed("mustCompact", &[Type::Any], compact),
    Function::fixed("uniq", &[Type::Any], uniq),
    Function::fixed("mustUniq", &[Type::Any], uniq),
    Function::variadic("without", &[Type::Any], Type::Any, without),
    Function::variadic("mustWithout", &[Type::Any], Type::Any, without),
    Function::fixed("has", &[Type::Any, Type::Any], has),
    Function::fixed("mustHas", &[Type::Any, Type::Any], has),
    Function::variadic("slice", &[Type::Any], Type::Any, cut),
    Function::variadic("mustSlice", &[Type::Any], Type::Any, cut),
    Function::variadic("concat", &[], Type::Any, concat),
    Function::fixed("chunk", &[Type::Int, Type::Any], chunk),
    Function::fixed("mustChunk", &[Type::Int, Type::Any], chunk),
    Function::fixed("sortAlpha", &[Type::Any], sort_alpha),
    Function::fixed("join", &[Type::String, Type::Any], join),
    Function::fixed("toStrings", &[Type::Any], to_strings),
];

/// `[][]interface {}`
static LISTS: ListType = ListType { name: "[][]interface {}", elem: Type::List, methods: no_methods };

/// Counts the memory of a new list with this number of items.
fn spend(run: &mut Run, items: usize) -> Result<(), FuncError> {
    run.spend((items * size_of::<Value>()) as u64)
}

fn make(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::list(args.to_vec()))
}

fn push(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut items = slice(any(args, 0), "Cannot push on type")?.into_owned();
    spend(run, items.len() + 1)?;
    items.push(any(args, 1).clone());
    Ok(Value::list(items))
}

fn prepend(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot prepend on type")?;
    spend(run, items.len() + 1)?;
    Ok(Value::list(std::iter::once(any(args, 1)).chain(items.iter()).cloned().collect()))
}

fn first(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find first on type")?;
    Ok(items.first().cloned().unwrap_or_default())
}

fn last(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find last on type")?;
    Ok(items.last().cloned().unwrap_or_default())
}

fn rest(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find rest on type")?;
    spend(run, items.len())?;
    Ok(Value::List(items.get(1..).map_or_else(|| List::nil(&ANYS), |items| List::new(items.to_vec()))))
}

fn initial(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find initial on type")?;
    spend(run, items.len())?;
    Ok(Value::List(match items.split_last() {
        Some((_, items)) => List::new(items.to_vec()),
        None => List::nil(&ANYS),
    }))
}

fn reverse(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find reverse on type")?;
    spend(run, items.len())?;
    Ok(Value::list(items.iter().rev().cloned().collect()))
}

fn compact(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot compact on type")?;
    spend(run, items.len())?;
    Ok(Value::list(items.iter().filter(|v| !is_empty(v)).cloned().collect()))
}

fn uniq(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find uniq on type")?;
    spend(run, items.len())?;
    let mut compare = DeepEqual::new(run);
    let mut kept: Vec<Value> = Vec::new();
    for item in items.iter() {
        // Each item is compared with all kept items.
        run.spend(kept.len() as u64)?;
        if !compare.any(&kept, item)? {
            kept.push(item.clone());
        }
    }
    compare.finish(run)?;
    Ok(Value::list(kept))
}

fn without(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let items = slice(any(args, 0), "Cannot find without on type")?;
    let left_out = args.get(1..).unwrap_or_default();
    spend(run, items.len())?;
    let mut compare = DeepEqual::new(run);
    let mut kept = Vec::new();
    for item in items.iter() {
        run.work(left_out.len() as u64 * size_of::<Value>() as u64)?;
        if !compare.any(left_out, item)? {
            kept.push(item.clone());
        }
    }
    compare.finish(run)?;
    Ok(Value::list(kept))
}

fn has(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (needle, haystack) = (any(args, 0), any(args, 1));
    if haystack.is_nil() {
        return Ok(Value::Bool(false));
    }
    let items = slice(haystack, "Cannot find has on type")?;
    let mut compare = DeepEqual::new(run);
    let found = compare.any(&items, needle)?;
    compare.finish(run)?;
    Ok(Value::Bool(found))
}

fn cut(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    let len = slice(value, "list should be type of slice or array but")?.len();
    if len == 0 {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int64);
    let end = args.get(2).map_or(len as i64, to_int64);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some((start, end)) = range.filter(|&(start, end)| start <= end && end <= len) else {
        return Err("reflect.Value.Slice: slice index out of bounds".into());
    };
    spend(run, end - start)?;
    Ok(match value {
        Value::Bytes(bytes) => Value::Bytes(Str::new(&bytes.as_bytes()[start..end])),
        Value::List(list) => Value::List(list.slice(start, end)),
        _ => Value::Nil,
    })
}

fn concat(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut all = Vec::new();
    for value in args {
        if value.is_nil() {
            return Err(cast::nil_dereference());
        }
        let Some(items) = cast::elements(value) else {
            return Err(format!("Cannot concat type {} as list", value.kind().name()).into());
        };
        spend(run, items.len())?;
        all.extend_from_slice(&items);
    }
    Ok(Value::List(if all.is_empty() { List::nil(&ANYS) } else { List::new(all) }))
}

fn chunk(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let size = int(args, 0);
    let items = slice(any(args, 1), "Cannot chunk type")?;
    let len = items.len();
    spend(run, len)?;
    // Go computes the number of chunks with floats: sizes of 0 and below lead to these two panics, or to one chunk.
    let count = cast::truncate(((len as f64 - 1.0) / size as f64).floor() + 1.0);
    let out_of_range = || FuncError::new("runtime error: makeslice: len out of range");
    let count = usize::try_from(count).map_err(|_| out_of_range())?;
    if size > 0 {
        let chunks = items.chunks(usize::try_from(size).unwrap_or(usize::MAX));
        let chunks = chunks.map(|chunk| Value::list(chunk.to_vec())).collect();
        return Ok(Value::List(List::typed(chunks, &LISTS)));
    }
    if count != 1 {
        return if count == 0 {
            Ok(Value::List(List::typed(Vec::new(), &LISTS)))
        } else {
            Err(out_of_range())
        };
    }
    // One chunk, whose length is computed modulo the negative size.
    let last = cast::truncate((len as f64 % size as f64).floor());
    let last = usize::try_from(if last == 0 { size } else { last }).map_err(|_| out_of_range())?;
    let chunk = items.get(..last).ok_or("reflect: slice index out of range")?;
    Ok(Value::List(List::typed(vec![Value::list(chunk.to_vec())], &LISTS)))
}

fn sort_alpha(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    if cast::elements(value).is_none() {
        return Ok(Value::List(List::strings([strval(value)?])));
    }
    if let Value::List(strings) = value
        && strings.is_nil()
        && strings.ty().elem == Type::String
    {
        return Ok(value.clone());
    }
    let mut texts = texts(value)?;
    spend(run, texts.len())?;
    texts.sort_unstable();
    Ok(Value::List(List::strings(texts)))
}

fn join(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (separator, texts) = (text(args, 0), texts(any(args, 1))?);
    let bytes = texts.iter().map(Str::len).sum::<usize>() + separator.len() * texts.len();
    run.spend(bytes as u64)?;
    let parts: Vec<&[u8]> = texts.iter().map(Str::as_bytes).collect();
    Ok(Value::str(parts.join(separator)))
}

fn to_strings(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let value = any(args, 0);
    if let Value::List(strings) = value
        && strings.ty().elem == Type::String
    {
        return Ok(Value::List(list(args, 0)));
    }
    let texts = texts(value)?;
    spend(run, texts.len())?;
    Ok(Value::List(List::strings(texts)))
}
