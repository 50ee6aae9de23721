//! Go's `path`: paths with slashes, which are processed as text only, and the patterns of `path.Match`.

use crate::utf8;
use std::fmt;

/// The shortest equivalent path: without `.`, without `..` after a name, without double slashes. `.` if it is
/// empty.
pub fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.first() == Some(&b'/');
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let mut out = if rooted { vec![b'/'] } else { Vec::new() };
    out.extend_from_slice(&parts.join(&b'/'));
    if out.is_empty() {
        out.push(b'.');
    }
    out
}

/// The last element; `.` for an empty path, `/` for one that consists of slashes.
pub fn base(path: &[u8]) -> &[u8] {
    if path.is_empty() {
        return b".";
    }
    let end = path.iter().rposition(|&b| b != b'/').map_or(0, |at| at + 1);
    let trimmed = &path[..end];
    if trimmed.is_empty() {
        return b"/";
    }
    &trimmed[after_last_slash(trimmed)..]
}

/// All but the last element, cleaned with [`clean`].
pub fn dir(path: &[u8]) -> Vec<u8> {
    clean(&path[..after_last_slash(path)])
}

/// The extension of the last element, from its last dot on; empty if there is none.
pub fn ext(path: &[u8]) -> &[u8] {
    let name = &path[after_last_slash(path)..];
    name.iter().rposition(|&b| b == b'.').map_or(b"", |at| &name[at..])
}

/// Whether a path begins with a slash.
pub fn is_abs(path: &[u8]) -> bool {
    path.first() == Some(&b'/')
}

/// The elements that are not empty, joined by slashes and cleaned with [`clean`]; empty if there are none.
pub fn join(elements: &[&[u8]]) -> Vec<u8> {
    let full: Vec<&[u8]> = elements.iter().copied().filter(|e| !e.is_empty()).collect();
    if full.is_empty() { Vec::new() } else { clean(&full.join(&b'/')) }
}

fn after_last_slash(path: &[u8]) -> usize {
    path.iter().rposition(|&b| b == b'/').map_or(0, |at| at + 1)
}

/// The error for a malformed pattern of [`matches()`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPattern;

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("syntax error in pattern")
    }
}

impl std::error::Error for BadPattern {}

/// Whether a pattern matches the whole name. `*` and `?` do not match slashes; `[a-z]` and `[^a]` are classes;
/// `\` escapes.
pub fn matches(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
    let tokens = tokens(pattern)?;
    let (mut at, mut rest) = (0, name);
    // The tokens and the text to continue with if the tokens after the last star do not match: the star then
    // covers one character more.
    let mut again: Option<(usize, &[u8])> = None;
    loop {
        match tokens.get(at) {
            None if rest.is_empty() => return Ok(true),
            Some(Token::Star) => {
                at += 1;
                again = Some((at, rest));
                continue;
            }
            Some(token) => {
                if let Some(len) = token.fits(rest) {
                    at += 1;
                    rest = &rest[len..];
                    continue;
                }
            }
            None => {}
        }
        let Some((star, from)) = again else { return Ok(false) };
        match utf8::decode(from) {
            Some(rune) if rune.char != '/' => {
                again = Some((star, &from[rune.len..]));
                (at, rest) = (star, &from[rune.len..]);
            }
            _ => return Ok(false),
        }
    }
}

enum Token {
    Star,
    Any,
    Byte(u8),
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Token {
    /// The length in bytes of the character at the start of the text, if the token matches it.
    fn fits(&self, text: &[u8]) -> Option<usize> {
        let rune = utf8::decode(text)?;
        match self {
            Self::Star => None,
            Self::Any => (rune.char != '/').then_some(rune.len),
            Self::Byte(b) => (text[0] == *b).then_some(1),
            Self::Class { negated, ranges } => {
                let inside = ranges.iter().any(|&(lo, hi)| (lo..=hi).contains(&rune.char));
                (inside != *negated).then_some(rune.len)
            }
        }
    }
}

fn tokens(mut pattern: &[u8]) -> Result<Vec<Token>, BadPattern> {
    let mut tokens = Vec::new();
    while let Some((&first, rest)) = pattern.split_first() {
        pattern = rest;
        tokens.push(match first {
            b'*' => Token::Star,
            b'?' => Token::Any,
            b'\\' => {
                let (&escaped, rest) = pattern.split_first().ok_or(BadPattern)?;
                pattern = rest;
                Token::Byte(escaped)
            }
            b'[' => class(&mut pattern)?,
            b => Token::Byte(b),
        });
    }
    Ok(tokens)
}

fn class(pattern: &mut &[u8]) -> Result<Token, BadPattern> {
    let negated = pattern.first() == Some(&b'^');
    if negated {
        *pattern = &pattern[1..];
    }
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty()
            && let Some(rest) = pattern.strip_prefix(b"]")
        {
            *pattern = rest;
            return Ok(Token::Class { negated, ranges });
        }
        let low = class_character(pattern)?;
        let mut high = low;
        if let Some(rest) = pattern.strip_prefix(b"-") {
            *pattern = rest;
            high = class_character(pattern)?;
        }
        ranges.push((low, high));
    }
}

fn class_character(pattern: &mut &[u8]) -> Result<char, BadPattern> {
    if matches!(pattern.first(), None | Some(b'-' | b']')) {
        return Err(BadPattern);
    }
    if pattern[0] == b'\\' {
        *pattern = &pattern[1..];
    }
    let rune = utf8::decode(pattern).filter(|r| r.valid).ok_or(BadPattern)?;
    *pattern = &pattern[rune.len..];
    // Only a `]` ends a class, so the pattern must continue.
    if pattern.is_empty() { Err(BadPattern) } else { Ok(rune.char) }
}

#[cfg(test)]
mod tests {
    use super::{base, clean, dir, ext, join, matches};

    #[test]
    fn paths_are_cleaned_and_split_as_in_go() {
        for (path, cleaned) in [("", "."), ("/../a//b/./c/..", "/a/b"), ("../../a", "../../a"), ("a/..", ".")]
        {
            assert_eq!(clean(path.as_bytes()), cleaned.as_bytes(), "{path}");
        }
        assert_eq!((base(b"/a/b/"), base(b""), base(b"//")), (&b"b"[..], &b"."[..], &b"/"[..]));
        assert_eq!((dir(b"/a/b"), dir(b"a"), ext(b"a.b/c")), (b"/a".to_vec(), b".".to_vec(), &b""[..]));
        assert_eq!(join(&[b"a", b"", b"../b"]), b"b");
    }

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, name, fits) in [
            ("*.yaml", "a.yaml", true),
            ("*.yaml", "d/a.yaml", false),
            ("a*b*c", "axbxbc", true),
            ("[a-c]?", "bz", true),
            ("[^a]", "a", false),
            (r"\*", "*", true),
            ("*", "", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), Ok(fits), "{pattern} {name}");
        }
        for bad in ["[", "[]a]", "[a", r"a\", "[-]"] {
            assert!(matches(bad.as_bytes(), b"x").is_err(), "{bad}");
        }
    }
}
