//! Replacement templates: `$1`, `${1}`, `$name`, `${name}`, `$$`.

use crate::{unicode, utf8};
use std::ops::Range;

/// Appends the template, with each reference replaced by what its group matched in `text`.
pub(super) fn expand(
    out: &mut Vec<u8>,
    template: &[u8],
    text: &[u8],
    groups: &[Option<Range<usize>>],
    names: &[Option<String>],
) {
    let mut rest = template;
    while let Some(dollar) = rest.iter().position(|&b| b == b'$') {
        out.extend_from_slice(&rest[..dollar]);
        rest = &rest[dollar + 1..];
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(rest) else {
            out.push(b'$');
            continue;
        };
        rest = after;
        let group = match index(name) {
            Some(index) => groups.get(index).cloned().flatten(),
            None => names
                .iter()
                .zip(groups)
                .find(|(n, g)| n.as_deref().map(str::as_bytes) == Some(name) && g.is_some())
                .and_then(|(_, g)| g.clone()),
        };
        if let Some(group) = group {
            out.extend_from_slice(&text[group]);
        }
    }
    out.extend_from_slice(rest);
}

/// Splits a name, with or without braces, from the text after it; `None` if there is no valid name.
fn reference(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (braced, text) = match text.strip_prefix(b"{") {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let mut len = 0;
    while let Some(rune) = utf8::decode(&text[len..]) {
        if !(rune.valid
            && (unicode::is_letter(rune.char) || unicode::is_digit(rune.char) || rune.char == '_'))
        {
            break;
        }
        len += rune.len;
    }
    let (name, rest) = text.split_at(len);
    match (name.is_empty(), braced) {
        (true, _) => None,
        (false, false) => Some((name, rest)),
        (false, true) => Some((name, rest.strip_prefix(b"}")?)),
    }
}

/// The number of a group, if its name is a number: digits without a leading zero, below 10^9.
fn index(name: &[u8]) -> Option<usize> {
    if name.len() > 1 && name[0] == b'0' || name.len() > 9 || !name.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(name).ok()?.parse().ok()
}
