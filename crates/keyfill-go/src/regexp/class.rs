//! Character classes by name: `\d`, `[:alpha:]`, `\p{Greek}`, with their meaning in Go.

use super::error::Error;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// The class of a letter after a backslash. Go's `\s` does not contain the vertical tab.
pub(super) fn perl(letter: u8) -> Option<ClassUnicode> {
    let mut class = ranges(match letter.to_ascii_lowercase() {
        b'd' => &[('0', '9')],
        b's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        b'w' => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        _ => return None,
    });
    if letter.is_ascii_uppercase() {
        class.negate();
    }
    Some(class)
}

/// A POSIX class by the name between `[:` and `:]`.
pub(super) fn posix(name: &[u8]) -> Option<ClassUnicode> {
    let (negated, name) = match name.strip_prefix(b"^") {
        Some(name) => (true, name),
        None => (false, name),
    };
    let mut class = ranges(match name {
        b"alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        b"alpha" => &[('A', 'Z'), ('a', 'z')],
        b"ascii" => &[('\0', '\x7f')],
        b"blank" => &[('\t', '\t'), (' ', ' ')],
        b"cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        b"digit" => &[('0', '9')],
        b"graph" => &[('!', '~')],
        b"lower" => &[('a', 'z')],
        b"print" => &[(' ', '~')],
        b"punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        b"space" => &[('\t', '\r'), (' ', ' ')],
        b"upper" => &[('A', 'Z')],
        b"word" => &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        b"xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => return None,
    });
    if negated {
        class.negate();
    }
    Some(class)
}

/// A Unicode category or script by its name, without negation. `whole` is the text to quote in an error.
pub(super) fn unicode(name: &str, whole: &[u8]) -> Result<ClassUnicode, Error> {
    let refused = || Error::new("invalid character class range", whole);
    let plain: String =
        name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect();
    match plain.as_str() {
        "any" => return Ok(ranges(&[('\0', char::MAX)])),
        "ascii" => return Ok(ranges(&[('\0', '\x7f')])),
        "assigned" => {
            let mut class = property("gc=Cn").ok_or_else(refused)?;
            class.negate();
            return Ok(class);
        }
        _ => {}
    }
    if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Err(refused());
    }
    // Go knows scripts by their names only. The library also accepts their codes, which have four letters.
    const FOUR_LETTERS: [&str; 8] = ["ahom", "cham", "kawi", "lisu", "modi", "thai", "toto", "chak"];
    property(&format!("gc={plain}"))
        .or_else(|| {
            let is_code = plain.len() == 4 && !FOUR_LETTERS.contains(&plain.as_str());
            if is_code { None } else { property(&format!("sc={plain}")) }
        })
        .ok_or_else(refused)
}

fn property(query: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!("\\p{{{query}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // The category contains a single character.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ranges(&[(c, c)]))
        }
        _ => None,
    }
}

/// The class with these ranges.
pub(super) fn ranges(of: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(of.iter().map(|&(lo, hi)| ClassUnicodeRange::new(lo, hi)))
}
