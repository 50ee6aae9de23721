//! Reads JSON as Go's `encoding/json` does into an `interface{}`, with its error texts.

use crate::strconv;
use std::fmt;

/// What a number is read as.
pub trait Number: Sized {
    /// The number that a text is; none where it is too large.
    fn read(text: &str) -> Option<Self>;
}

impl Number for f64 {
    fn read(text: &str) -> Option<Self> {
        strconv::parse_float(text).ok()
    }
}

/// A number as it is written: Go's `json.Number`.
impl Number for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// A decoded value. Strings are UTF-8, for what was not stands U+FFFD.
#[derive(Clone, PartialEq)]
pub enum Json<N = f64> {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(N),
    /// A string.
    Str(Vec<u8>),
    /// An array.
    Array(Vec<Json<N>>),
    /// An object, in the order of the text; a later key replaces an earlier one of the same name.
    Object(Vec<(Vec<u8>, Json<N>)>),
}

impl<N> Json<N> {
    /// What Go calls it in errors.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Number(_) => "number",
            Self::Str(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }
}

impl<N> fmt::Debug for Json<N> {
    /// The kind only: the content may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// Why a text is no JSON, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// What was read.
#[derive(Debug, PartialEq)]
pub struct Decoded<N = f64> {
    /// The value, with null for numbers that are too large for a float.
    pub value: Json<N>,
    /// The error for the first of these numbers: Go reads on, and fails in the end.
    pub error: Option<Error>,
}

impl<N> Decoded<N> {
    /// The value, unless there was an error.
    pub fn into_result(self) -> Result<Json<N>, Error> {
        self.error.map_or(Ok(self.value), Err)
    }
}

/// Reads a text that holds one value. Arrays and objects may be nested `depth` deep.
pub fn decode(text: &[u8], depth: u32) -> Result<Decoded, Error> {
    decode_as(text, depth)
}

/// Reads a text that holds one value, with numbers as they are written.
pub fn decode_exactly(text: &[u8], depth: u32) -> Result<Json<String>, Error> {
    decode_as(text, depth).map(|decoded| decoded.value)
}

fn decode_as<N: Number>(text: &[u8], depth: u32) -> Result<Decoded<N>, Error> {
    let mut reader = Reader { text, at: 0, out_of_range: None };
    let value = reader.value(depth)?;
    reader.spaces();
    if reader.at < text.len() {
        return Err(reader.unexpected("after top-level value"));
    }
    Ok(reader.decoded(value))
}

/// Reads the value that a text begins with, as Go's `Decoder` does, and says how many bytes it took.
pub fn decode_first(text: &[u8], depth: u32) -> Result<(Decoded, usize), Error> {
    let mut reader = Reader { text, at: 0, out_of_range: None };
    let value = reader.value(depth)?;
    let length = reader.at;
    Ok((reader.decoded(value), length))
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    /// The first number that is too large for a float.
    out_of_range: Option<String>,
}

impl Reader<'_> {
    fn decoded<N>(self, value: Json<N>) -> Decoded<N> {
        let message =
            |number| format!("json: cannot unmarshal number {number} into Go value of type float64");
        Decoded { value, error: self.out_of_range.map(|number| Error(message(number))) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The byte here is not what should stand here.
    fn unexpected(&self, context: &str) -> Error {
        // At its end Go reads a space: only where one may stand the end is the problem.
        let space_may_stand = matches!(context, "in string literal" | "after top-level value")
            || context.starts_with("looking for")
            || context.starts_with("after object")
            || context.starts_with("after array");
        let byte = match self.peek() {
            None if space_may_stand => return Error("unexpected end of JSON input".into()),
            byte => byte.unwrap_or(b' '),
        };
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            _ => {
                let quoted = crate::quote::quote(char::from(byte).to_string().as_bytes());
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        };
        Error(format!("invalid character {shown} {context}"))
    }

    fn value<N: Number>(&mut self, depth: u32) -> Result<Json<N>, Error> {
        self.spaces();
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => self.string().map(Json::Str),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal(b"true", Json::Bool(true)),
            Some(b'f') => self.literal(b"false", Json::Bool(false)),
            Some(b'n') => self.literal(b"null", Json::Null),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn deeper(&self, depth: u32) -> Result<u32, Error> {
        depth.checked_sub(1).ok_or_else(|| Error("exceeded max depth".into()))
    }

    fn literal<N>(&mut self, word: &[u8], value: Json<N>) -> Result<Json<N>, Error> {
        for &expected in word {
            if self.peek() != Some(expected) {
                let word = String::from_utf8_lossy(word);
                let expected = char::from(expected);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{expected}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn array<N: Number>(&mut self, depth: u32) -> Result<Json<N>, Error> {
        self.at += 1;
        let mut items = Vec::new();
        self.spaces();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.unexpected("after array element")),
            }
        }
        self.at += 1;
        Ok(Json::Array(items))
    }

    fn object<N: Number>(&mut self, depth: u32) -> Result<Json<N>, Error> {
        self.at += 1;
        let mut entries = Vec::new();
        self.spaces();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Json::Object(entries));
        }
        loop {
            self.spaces();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.spaces();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            entries.push((key, self.value(depth)?));
            self.spaces();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
        self.at += 1;
        Ok(Json::Object(entries))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - start
    }

    fn number<N: Number>(&mut self) -> Result<Json<N>, Error> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if self.digits() == 0 {
            return Err(self.unexpected("in numeric literal"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return Err(self.unexpected("after decimal point in numeric literal"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(self.unexpected("in exponent of numeric literal"));
            }
        }
        let text = String::from_utf8_lossy(&self.text[start..self.at]);
        Ok(N::read(&text).map_or_else(
            || {
                self.out_of_range.get_or_insert_with(|| text.into_owned());
                Json::Null
            },
            Json::Number,
        ))
    }

    fn string(&mut self) -> Result<Vec<u8>, Error> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                None | Some(0..=0x1f) => return Err(self.unexpected("in string literal")),
                Some(_) => {
                    let rest = &self.text[self.at..];
                    if let Some(rune) = crate::utf8::decode(rest) {
                        crate::utf8::push(&mut out, rune.char);
                        self.at += rune.len;
                    }
                }
            }
        }
        self.at += 1;
        Ok(out)
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), Error> {
        let byte = match self.peek() {
            Some(b @ (b'"' | b'\\' | b'/')) => b,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let c = self.unicode_escape()?;
                crate::utf8::push(out, c);
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        out.push(byte);
        Ok(())
    }

    /// The character of `\uXXXX`, or of two of them that are a surrogate pair; U+FFFD for half a pair.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.four_digits()?;
        if let Some(c) = char::from_u32(first) {
            return Ok(c);
        }
        let before = self.at;
        if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with(br"\u") {
            self.at += 2;
            let second = self.four_digits()?;
            if (0xDC00..0xE000).contains(&second) {
                let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = before;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn four_digits(&mut self) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{Json, decode};

    fn refused(text: &str) -> String {
        let read = decode(text.as_bytes(), 10).and_then(super::Decoded::into_result);
        read.expect_err("refused").to_string()
    }

    #[test]
    fn json_values_are_decoded_as_in_go() {
        let read = |text: &[u8]| decode(text, 10).and_then(super::Decoded::into_result);
        let value = read(br#" {"a": [1, -2.5e1, "x\u00e9\ud83d\ude00\ud800", true, null]} "#);
        let items = vec![
            Json::Number(1.0),
            Json::Number(-25.0),
            Json::Str("xé😀\u{FFFD}".into()),
            Json::Bool(true),
            Json::Null,
        ];
        assert_eq!(value, Ok(Json::Object(vec![(b"a".to_vec(), Json::Array(items))])));
        assert_eq!(read(b"\"\xff\xfe\""), Ok(Json::Str("\u{FFFD}\u{FFFD}".into())));
    }

    #[test]
    fn errors_have_the_words_of_go() {
        assert_eq!(refused(""), "unexpected end of JSON input");
        assert_eq!(refused("{a"), "invalid character 'a' looking for beginning of object key string");
        assert_eq!(refused("tru"), "invalid character ' ' in literal true (expecting 'e')");
        assert_eq!(refused("[1 2]"), "invalid character '2' after array element");
        assert_eq!(refused("tru-"), "invalid character '-' in literal true (expecting 'e')");
        assert_eq!(refused("\"\n\""), "invalid character '\\n' in string literal");
        assert_eq!(refused("01"), "invalid character '1' after top-level value");
        assert_eq!(refused("[[[[[[[[[[[1]]]]]]]]]]]"), "exceeded max depth");
        assert_eq!(refused("1e999"), "json: cannot unmarshal number 1e999 into Go value of type float64");
    }
}
