//! Regular expressions, with Go's syntax. Compiled expressions are cached for the length of the run.

use crate::function::{FuncError, Function, int, text};
use crate::run::Run;
use crate::value::{List, STRINGS, Str, Type, Value};
use keyfill_go::regexp::{self, Regexp};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

const S: Type = Type::String;

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("regexMatch", &[S, S], is_match),
    Function::fixed("mustRegexMatch", &[S, S], must_match),
    Function::fixed("regexFind", &[S, S], find),
    Function::fixed("mustRegexFind", &[S, S], find),
    Function::fixed("regexFindAll", &[S, S, Type::Int], find_all),
    Function::fixed("mustRegexFindAll", &[S, S, Type::Int], find_all),
    Function::fixed("regexReplaceAll", &[S, S, S], replace_all),
    Function::fixed("mustRegexReplaceAll", &[S, S, S], replace_all),
    Function::fixed("regexReplaceAllLiteral", &[S, S, S], replace_all_literal),
    Function::fixed("mustRegexReplaceAllLiteral", &[S, S, S], replace_all_literal),
    Function::fixed("regexSplit", &[S, S, Type::Int], split),
    Function::fixed("mustRegexSplit", &[S, S, Type::Int], split),
    Function::fixed("regexQuoteMeta", &[S], |_, args| Ok(Value::str(regexp::quote_meta(text(args, 0))))),
];

/// The limits of the cache for compiled expressions: their number, and the bytes of all of them.
const KEPT: usize = 200;
const KEPT_BYTES: usize = 32 << 20;

/// The compiled expressions of a run, and the bytes of memory that they take.
#[derive(Default)]
struct Compiled {
    kept: HashMap<Vec<u8>, Rc<Regexp>>,
    bytes: usize,
}

fn compiled(run: &mut Run, expression: &[u8]) -> Result<Result<Rc<Regexp>, regexp::Error>, FuncError> {
    let known: &mut Compiled = run.state();
    if let Some(regexp) = known.kept.get(expression) {
        return Ok(Ok(Rc::clone(regexp)));
    }
    // A short expression may take long to compile.
    run.check()?;
    let regexp = match Regexp::compile(expression) {
        Ok(regexp) => Rc::new(regexp),
        Err(error) => return Ok(Err(error)),
    };
    let known: &mut Compiled = run.state();
    known.bytes += regexp.memory_usage();
    if known.kept.len() >= KEPT || known.bytes > KEPT_BYTES {
        known.kept.clear();
        known.bytes = regexp.memory_usage();
    }
    known.kept.insert(expression.to_vec(), Rc::clone(&regexp));
    Ok(Ok(regexp))
}

/// Argument 0, compiled. The message is that of `Compile`; Go's `MustCompile` panics with a longer one.
fn expression(run: &mut Run, args: &[Value]) -> Result<Rc<Regexp>, FuncError> {
    // The time of a search is linear in the length of the text.
    run.spend(text(args, 1).len() as u64)?;
    compiled(run, text(args, 0))?.map_err(|error| error.to_string().into())
}

fn is_match(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let found = compiled(run, text(args, 0))?.is_ok_and(|regexp| regexp.is_match(text(args, 1)));
    Ok(Value::Bool(found))
}

fn must_match(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(expression(run, args)?.is_match(text(args, 1))))
}

fn find(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let found = expression(run, args)?.find(text(args, 1)).unwrap_or(0..0);
    Ok(Value::str(&text(args, 1)[found]))
}

fn find_all(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    room_for_places(run, args)?;
    let found = expression(run, args)?.find_all(text(args, 1), int(args, 2));
    if found.is_empty() {
        return Ok(Value::List(List::nil(&STRINGS)));
    }
    pieces(run, args, found)
}

fn split(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    room_for_places(run, args)?;
    match expression(run, args)?.split(text(args, 1), int(args, 2)) {
        Some(found) => pieces(run, args, found),
        None => Ok(Value::List(List::nil(&STRINGS))),
    }
}

/// Reserves memory for the positions of matches: at worst there is one at each byte.
fn room_for_places(run: &mut Run, args: &[Value]) -> Result<(), FuncError> {
    run.room((text(args, 1).len() * size_of::<Range<usize>>()) as u64)
}

fn pieces(run: &mut Run, args: &[Value], found: Vec<Range<usize>>) -> Result<Value, FuncError> {
    run.spend((found.len() * size_of::<Value>()) as u64)?;
    let whole = text(args, 1);
    Ok(List::strings(found.into_iter().map(|range| Str::new(&whole[range]))).into())
}

fn replace_all(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let regexp = replacing(run, args)?;
    Ok(Value::str(regexp.replace_all(text(args, 1), text(args, 2))))
}

fn replace_all_literal(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let regexp = replacing(run, args)?;
    Ok(Value::str(regexp.replace_all_literal(text(args, 1), text(args, 2))))
}

/// Counts the memory of the result: at worst a replacement for each byte, in which each `$` is the whole text.
fn replacing(run: &mut Run, args: &[Value]) -> Result<Rc<Regexp>, FuncError> {
    room_for_places(run, args)?;
    let regexp = expression(run, args)?;
    let (whole, template) = (text(args, 1), text(args, 2));
    let (len, matches) = (whole.len() as u64, regexp.find_all(whole, -1).len() as u64);
    let references = template.iter().filter(|&&b| b == b'$').count() as u64;
    run.spend(len.saturating_add(matches.saturating_mul(template.len() as u64)))?;
    run.spend(len.saturating_mul(references))?;
    Ok(regexp)
}
