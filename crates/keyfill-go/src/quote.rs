//! Go's quoted strings: `strconv.Quote`, `strconv.Unquote` and related functions.

use crate::strconv::NumError;
use crate::utf8;
use regex_syntax::hir::{Class, HirKind};
use std::sync::LazyLock;

/// The characters that Go prints without an escape: letters, marks, numbers, punctuation, symbols.
static PRINTED: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    match regex_syntax::parse(r"[\p{L}\p{M}\p{N}\p{P}\p{S}]").map(regex_syntax::hir::Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => {
            class.ranges().iter().map(|r| (r.start(), r.end())).collect()
        }
        // The query is a constant, and a test checks it.
        _ => Vec::new(),
    }
});

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols and the ASCII space.
pub fn is_print(c: char) -> bool {
    if c.is_ascii() {
        return (' '..='~').contains(&c);
    }
    let at = PRINTED.partition_point(|&(_, high)| high < c);
    PRINTED.get(at).is_some_and(|&(low, _)| low <= c)
}

/// The characters that [`append`] escapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// Characters for which [`is_print`] is false.
    Unprintable,
    /// These, and all characters that are not ASCII.
    NonAscii,
}

/// `strconv.AppendQuote`, `strconv.AppendQuoteToASCII`: the text in double quotes.
pub fn append(out: &mut Vec<u8>, text: &[u8], escape: Escape) {
    out.push(b'"');
    for rune in Runes(text) {
        match rune {
            Ok(c) => append_escaped(out, c, '"', escape),
            Err(byte) => out.extend_from_slice(format!("\\x{byte:02x}").as_bytes()),
        }
    }
    out.push(b'"');
}

/// `strconv.Quote`.
pub fn quote(text: &[u8]) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    append(&mut out, text, Escape::Unprintable);
    // Bytes that are not UTF-8 are escaped.
    String::from_utf8_lossy(&out).into_owned()
}

/// `strconv.AppendQuoteRune`: the character in single quotes.
pub fn append_char(out: &mut Vec<u8>, c: char, escape: Escape) {
    out.push(b'\'');
    append_escaped(out, c, '\'', escape);
    out.push(b'\'');
}

/// The characters of a text; an `Err` is a byte that is not part of a character.
struct Runes<'a>(&'a [u8]);

impl Iterator for Runes<'_> {
    type Item = Result<char, u8>;

    fn next(&mut self) -> Option<Self::Item> {
        let rune = utf8::decode(self.0)?;
        let first = *self.0.first()?;
        self.0 = &self.0[rune.len..];
        Some(if rune.valid { Ok(rune.char) } else { Err(first) })
    }
}

fn append_escaped(out: &mut Vec<u8>, c: char, quote: char, escape: Escape) {
    if c == quote || c == '\\' {
        out.push(b'\\');
        utf8::push(out, c);
        return;
    }
    let plain = match escape {
        Escape::Unprintable => is_print(c),
        Escape::NonAscii => c.is_ascii() && is_print(c),
    };
    if plain {
        utf8::push(out, c);
        return;
    }
    let short = match c {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        _ => "",
    };
    let code = u32::from(c);
    let text = match (short, code) {
        ("", 0..=0x1f | 0x7f) => format!("\\x{code:02x}"),
        ("", 0..=0xffff) => format!("\\u{code:04x}"),
        ("", _) => format!("\\U{code:08x}"),
        (short, _) => short.to_owned(),
    };
    out.extend_from_slice(text.as_bytes());
}

/// `strconv.CanBackquote`: whether the text can be written in back quotes on one line.
pub fn can_backquote(text: &[u8]) -> bool {
    Runes(text).all(|rune| match rune {
        Ok('\u{feff}' | '`' | '\x7f') | Err(_) => false,
        Ok(c) => c >= ' ' || c == '\t',
    })
}

/// `strconv.Unquote`: the value of a Go string or character literal, given with its quotes.
pub fn unquote(literal: &[u8]) -> Result<Vec<u8>, NumError> {
    let [quote @ (b'"' | b'\'' | b'`'), middle @ .., last] = literal else { return Err(NumError::Syntax) };
    if last != quote {
        return Err(NumError::Syntax);
    }
    match quote {
        b'`' if middle.contains(&b'`') => Err(NumError::Syntax),
        b'`' => Ok(middle.iter().copied().filter(|b| *b != b'\r').collect()),
        b'"' => unquote_all(middle),
        _ => {
            let mut out = Vec::new();
            let rest = unquote_one(middle, b'\'', &mut out)?.1;
            if rest.is_empty() { Ok(out) } else { Err(NumError::Syntax) }
        }
    }
}

fn unquote_all(mut text: &[u8]) -> Result<Vec<u8>, NumError> {
    let plain = !text.iter().any(|b| matches!(b, b'\\' | b'\n' | b'"'));
    if plain && std::str::from_utf8(text).is_ok() {
        return Ok(text.to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    while !text.is_empty() {
        text = unquote_one(text, b'"', &mut out)?.1;
    }
    Ok(out)
}

/// The value of the text between two quotes of either kind, with the escapes of a Go literal, as client-go's
/// jsonpath parses it: single quotes may contain any text, too.
pub fn unquote_between(mut text: &[u8], quote: u8) -> Result<Vec<u8>, NumError> {
    let mut out = Vec::with_capacity(text.len());
    while !text.is_empty() {
        text = unquote_one(text, quote, &mut out)?.1;
    }
    Ok(out)
}

/// `strconv.UnquoteChar`: the code point of the first character of a literal, and the rest of the text.
pub fn unquote_char(text: &[u8], quote: u8) -> Result<(u32, &[u8]), NumError> {
    unquote_one(text, quote, &mut Vec::new())
}

/// Parses one character or escape, and appends its bytes to `out`.
fn unquote_one<'a>(text: &'a [u8], quote: u8, out: &mut Vec<u8>) -> Result<(u32, &'a [u8]), NumError> {
    let rune = utf8::decode(text).ok_or(NumError::Syntax)?;
    let rest = &text[rune.len..];
    if rune.char != '\\' {
        let forbidden = u32::from(rune.char) == u32::from(quote) || rune.char == '\n';
        if forbidden {
            return Err(NumError::Syntax);
        }
        utf8::push(out, rune.char);
        return Ok((u32::from(rune.char), rest));
    }
    let (&kind, rest) = rest.split_first().ok_or(NumError::Syntax)?;
    let simple = match kind {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0c,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'\\' => b'\\',
        b'\'' | b'"' if kind == quote => kind,
        b'x' => return number(rest, 2, 16, out),
        b'u' => return number(rest, 4, 16, out),
        b'U' => return number(rest, 8, 16, out),
        b'0'..=b'7' => return number(&text[rune.len..], 3, 8, out),
        _ => return Err(NumError::Syntax),
    };
    out.push(simple);
    Ok((u32::from(simple), rest))
}

/// Parses the digits of a numeric escape: two hexadecimal or three octal digits are a byte, more are a character.
fn number<'a>(
    text: &'a [u8],
    digits: usize,
    base: u32,
    out: &mut Vec<u8>,
) -> Result<(u32, &'a [u8]), NumError> {
    let (head, rest) = text.split_at_checked(digits).ok_or(NumError::Syntax)?;
    let code = head.iter().try_fold(0_u32, |code, b| {
        char::from(*b).to_digit(base).and_then(|d| code.checked_mul(base)?.checked_add(d))
    });
    let code = code.ok_or(NumError::Syntax)?;
    if digits < 4 {
        out.push(u8::try_from(code).map_err(|_| NumError::Syntax)?);
    } else {
        utf8::push(out, char::from_u32(code).ok_or(NumError::Syntax)?);
    }
    Ok((code, rest))
}

#[cfg(test)]
mod tests {
    use super::{Escape, append, can_backquote, is_print, quote, unquote, unquote_between};

    #[test]
    fn literals_in_quotes_and_backquotes_are_decoded() {
        assert_eq!(unquote_between(br#"it\x41\'s "q""#, b'\''), Ok(br#"itA's "q""#.to_vec()));
        assert!(unquote_between(br#"\'"#, b'"').is_err());
    }

    #[test]
    fn texts_are_quoted_as_in_go() {
        let cases: [(&[u8], &str); 5] = [
            (b"a\"b\\", r#""a\"b\\""#),
            (b"\n\t\x00\x7f", r#""\n\t\x00\x7f""#),
            (b"\xff\xe2\x82", r#""\xff\xe2\x82""#),
            ("é\u{200b}\u{e0001}".as_bytes(), r#""é\u200b\U000e0001""#),
            ("\u{fffd}".as_bytes(), "\"\u{fffd}\""),
        ];
        for (text, want) in cases {
            assert_eq!(quote(text), want);
            assert_eq!(unquote(want.as_bytes()).as_deref(), Ok(text));
        }
        let mut out = Vec::new();
        append(&mut out, "é😀".as_bytes(), Escape::NonAscii);
        assert_eq!(out, br#""\u00e9\U0001f600""#);
    }

    #[test]
    fn broken_literals_are_refused() {
        for text in
            ["\"", "\"a", "'ab'", "\"\\q\"", "\"\\'\"", "`a``", "\"\\ud800\"", "\"\\400\"", "\"a\nb\""]
        {
            assert!(unquote(text.as_bytes()).is_err(), "{text}");
        }
        assert_eq!(unquote(b"\"a\xff\"").as_deref(), Ok("a\u{fffd}".as_bytes()));
        assert_eq!(unquote(b"`a\r\n`").as_deref(), Ok(&b"a\n"[..]));
        assert!(can_backquote(b"a\tb") && !can_backquote(b"a\n"));
        assert!(is_print('é') && !is_print('\u{a0}') && !is_print('\u{fff0}'));
    }
}
