//! Strings: sprig's functions that cut, pad, search and join text. All of them count bytes, as Go does.

use super::cast::{print, strval};
use crate::function::{FuncError, Function, any, int, text};
use crate::run::Run;
use crate::value::{List, Map, STRING_MAP, Str, Type, Value};
use keyfill_go::{quote as go_quote, unicode, utf8};
use memchr::memmem;
use std::collections::HashSet;

const S: Type = Type::String;

/// The memory of one piece of a text, in bytes: its slice, and its value in a list.
const PIECE: usize = size_of::<&[u8]>() + size_of::<Value>();

/// The functions of this family.
pub const FUNCTIONS: &[Function] = &[
    Function::fixed("hello", &[], hello),
    Function::fixed("trim", &[S], trim),
    Function::fixed("trimall", &[S, S], trim_all),
    Function::fixed("trimAll", &[S, S], trim_all),
    Function::fixed("trimSuffix", &[S, S], trim_suffix),
    Function::fixed("trimPrefix", &[S, S], trim_prefix),
    Function::fixed("upper", &[S], upper),
    Function::fixed("lower", &[S], lower),
    Function::fixed("trunc", &[Type::Int, S], trunc),
    Function::fixed("substr", &[Type::Int, Type::Int, S], substr),
    Function::fixed("repeat", &[Type::Int, S], repeat),
    Function::fixed("indent", &[Type::Int, S], indent),
    Function::fixed("nindent", &[Type::Int, S], nindent),
    Function::fixed("replace", &[S, S, S], replace),
    Function::fixed("plural", &[S, S, Type::Int], plural),
    Function::fixed("contains", &[S, S], contains),
    Function::fixed("hasPrefix", &[S, S], has_prefix),
    Function::fixed("hasSuffix", &[S, S], has_suffix),
    Function::variadic("quote", &[], Type::Any, quote),
    Function::variadic("squote", &[], Type::Any, squote),
    Function::variadic("cat", &[], Type::Any, cat),
    Function::fixed("toString", &[Type::Any], to_string),
    Function::fixed("split", &[S, S], split),
    Function::fixed("splitList", &[S, S], split_list),
    Function::fixed("splitn", &[S, Type::Int, S], splitn),
];

fn hello(_: &mut Run, _: &[Value]) -> Result<Value, FuncError> {
    Ok("Hello!".into())
}

/// The text without white space at both ends.
fn trim(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(trim_where(text(args, 0), unicode::is_space)))
}

fn trim_all(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let set: HashSet<char> = utf8::runes(text(args, 0)).map(|r| r.char).collect();
    Ok(Value::str(trim_where(text(args, 1), |c| set.contains(&c))))
}

/// The text without those characters at both ends for which `cut` is true.
pub(super) fn trim_where(mut text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    while let Some(rune) = utf8::decode(text).filter(|r| cut(r.char)) {
        text = &text[rune.len..];
    }
    while let Some(rune) = utf8::decode_last(text).filter(|r| cut(r.char)) {
        text = &text[..text.len() - rune.len];
    }
    text
}

fn trim_suffix(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let whole = text(args, 1);
    Ok(Value::str(whole.strip_suffix(text(args, 0)).unwrap_or(whole)))
}

fn trim_prefix(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let whole = text(args, 1);
    Ok(Value::str(whole.strip_prefix(text(args, 0)).unwrap_or(whole)))
}

fn upper(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(change_case(text(args, 0), u8::to_ascii_uppercase, unicode::to_upper)))
}

fn lower(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(change_case(text(args, 0), u8::to_ascii_lowercase, unicode::to_lower)))
}

fn change_case(text: &[u8], ascii: fn(&u8) -> u8, other: fn(char) -> char) -> Vec<u8> {
    if text.is_ascii() { text.iter().map(ascii).collect() } else { utf8::map(text, other) }
}

/// The first bytes; with a negative count, the last ones.
fn trunc(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (count, whole) = (int(args, 0), text(args, 1));
    let bytes = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(Value::str(match bytes < whole.len() {
        true if count < 0 => &whole[whole.len() - bytes..],
        true => &whole[..bytes],
        false => whole,
    }))
}

fn substr(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (start, end, whole) = (int(args, 0), int(args, 1), text(args, 2));
    let len = whole.len() as i64;
    let (from, to) = match (start, end) {
        (..0, end) => (0, end),
        (start, end) if end < 0 || end > len => (start, len),
        both => both,
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| whole.get(from..to)) {
        Some(part) => Ok(Value::str(part)),
        None => {
            Err(format!("runtime error: slice bounds out of range [{from}:{to}] with length {len}").into())
        }
    }
}

fn repeat(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(repeated(run, int(args, 0), text(args, 1))?))
}

fn repeated(run: &mut Run, count: i64, text: &[u8]) -> Result<Vec<u8>, FuncError> {
    let count = u64::try_from(count).map_err(|_| "strings: negative Repeat count")?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    run.spend(count.saturating_mul(text.len() as u64))?;
    Ok(text.repeat(usize::try_from(count).unwrap_or(usize::MAX)))
}

fn indent(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(indented(run, args, b"")?))
}

fn nindent(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(indented(run, args, b"\n")?))
}

/// Puts spaces in front of each line, also of empty ones.
fn indented(run: &mut Run, args: &[Value], before: &[u8]) -> Result<Vec<u8>, FuncError> {
    let (spaces, text) = (int(args, 0), text(args, 1));
    let pad = repeated(run, spaces, b" ")?;
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    run.spend(text.len() as u64 + (lines as u64).saturating_mul(pad.len() as u64))?;
    let mut out = Vec::with_capacity(before.len() + text.len() + lines * pad.len());
    out.extend_from_slice(before);
    let mut start = 0;
    for newline in memchr::memchr_iter(b'\n', text) {
        out.extend_from_slice(&pad);
        out.extend_from_slice(&text[start..=newline]);
        start = newline + 1;
    }
    out.extend_from_slice(&pad);
    out.extend_from_slice(&text[start..]);
    Ok(out)
}

fn replace(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let (old, new, whole) = (text(args, 0), text(args, 1), text(args, 2));
    if old.is_empty() {
        let runes = utf8::runes(whole).count() as u64;
        run.spend((whole.len() as u64).saturating_add((runes + 1).saturating_mul(new.len() as u64)))?;
        let mut out = new.to_vec();
        let mut rest = whole;
        while let Some(rune) = utf8::decode(rest) {
            out.extend_from_slice(&rest[..rune.len]);
            out.extend_from_slice(new);
            rest = &rest[rune.len..];
        }
        return Ok(Value::str(out));
    }
    let finder = memmem::Finder::new(old);
    // Matches are counted first: a list of their positions would take more memory than the text.
    let found = finder.find_iter(whole).count() as u64;
    if found == 0 {
        return Ok(Value::str(whole));
    }
    run.spend((whole.len() as u64).saturating_add(found.saturating_mul(new.len() as u64)))?;
    let (mut out, mut start) = (Vec::with_capacity(whole.len()), 0);
    for at in finder.find_iter(whole) {
        out.extend_from_slice(&whole[start..at]);
        out.extend_from_slice(new);
        start = at + old.len();
    }
    out.extend_from_slice(&whole[start..]);
    Ok(Value::str(out))
}

fn plural(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::str(text(args, if int(args, 2) == 1 { 0 } else { 1 })))
}

fn contains(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(memmem::find(text(args, 1), text(args, 0)).is_some()))
}

fn has_prefix(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(text(args, 1).starts_with(text(args, 0))))
}

fn has_suffix(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(text(args, 1).ends_with(text(args, 0))))
}

fn quote(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for (index, value) in args.iter().filter(|v| !v.is_nil()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        let text = strval(value)?;
        // At worst each byte becomes an escape of four bytes.
        run.room(4 * text.len() as u64)?;
        run.spend(text.len() as u64)?;
        go_quote::append(&mut out, text.as_bytes(), go_quote::Escape::Unprintable);
    }
    Ok(Value::str(out))
}

fn squote(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for (index, value) in args.iter().filter(|v| !v.is_nil()).enumerate() {
        out.extend_from_slice(if index > 0 { b" '" } else { b"'" });
        out.extend_from_slice(&print(value)?);
        out.push(b'\'');
        run.spend(out.len() as u64)?;
    }
    Ok(Value::str(out))
}

fn cat(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    let mut out = Vec::new();
    for (index, value) in args.iter().filter(|v| !v.is_nil()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(&print(value)?);
        run.spend(out.len() as u64)?;
    }
    Ok(Value::str(out))
}

fn to_string(_: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Str(strval(any(args, 0))?))
}

fn split(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(numbered(&pieces(run, text(args, 1), text(args, 0), -1)?))
}

fn split_list(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(List::strings(pieces(run, text(args, 1), text(args, 0), -1)?).into())
}

fn splitn(run: &mut Run, args: &[Value]) -> Result<Value, FuncError> {
    Ok(numbered(&pieces(run, text(args, 2), text(args, 0), int(args, 1))?))
}

/// The pieces as a map with the keys `_0`, `_1` and so on.
fn numbered(pieces: &[&[u8]]) -> Value {
    let entries = pieces.iter().enumerate();
    let entries = entries.map(|(n, piece)| (Str::from(format!("_{n}")), Value::str(*piece))).collect();
    Map::typed(entries, &STRING_MAP).into()
}

/// The pieces between separators, at most `limit`, or all if it is negative. An empty separator splits into
/// characters.
fn pieces<'a>(
    run: &mut Run,
    text: &'a [u8],
    separator: &[u8],
    limit: i64,
) -> Result<Vec<&'a [u8]>, FuncError> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (mut pieces, mut rest) = (Vec::new(), text);
    if limit == 0 {
        return Ok(pieces);
    }
    // Counted before they are created: the pieces of a text full of separators take far more memory than the text.
    let count = match separator {
        [] => text.len(),
        [byte] => memchr::memchr_iter(*byte, text).count() + 1,
        longer => memmem::find_iter(text, longer).count() + 1,
    };
    run.spend((count.min(limit) * PIECE) as u64)?;
    if separator.is_empty() {
        while let Some(rune) = utf8::decode(rest).filter(|_| pieces.len() + 1 < limit) {
            pieces.push(&rest[..rune.len]);
            rest = &rest[rune.len..];
        }
        if !rest.is_empty() {
            pieces.push(rest);
        }
        return Ok(pieces);
    }
    let finder = memmem::Finder::new(separator);
    while pieces.len() + 1 < limit
        && let Some(at) = finder.find(rest)
    {
        pieces.push(&rest[..at]);
        rest = &rest[at + separator.len()..];
    }
    pieces.push(rest);
    Ok(pieces)
}
