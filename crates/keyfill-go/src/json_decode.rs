//! Parses JSON as Go's `encoding/json` does into an `interface{}`, with its error texts.
//!
//! Go 1.27 has different error texts: for a malformed escape or number they name characters instead of bytes, and
//! for a number that is too large they name its path. Such a number becomes infinity there.

use crate::strconv;
use std::fmt;

/// The type that numbers are parsed into.
pub trait Number: Sized {
    /// Parses a number; `None` if it is too large.
    fn read(text: &str) -> Option<Self>;

    /// The value that a number which is too large has in Go 1.27.
    fn beyond(text: &str) -> Self;
}

impl Number for f64 {
    fn read(text: &str) -> Option<Self> {
        strconv::parse_float(text).ok()
    }

    fn beyond(text: &str) -> Self {
        if text.starts_with('-') { Self::NEG_INFINITY } else { Self::INFINITY }
    }
}

/// The text of a number, as it is written: Go's `json.Number`.
impl Number for String {
    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn beyond(text: &str) -> Self {
        text.to_owned()
    }
}

/// The Go version whose error texts are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoVersion {
    /// Those of Go 1.26 and before.
    UpTo126,
    /// Those of Go 1.27 and later.
    From127,
}

/// A step of the path to a value.
enum Step {
    Key(Vec<u8>),
    Index(usize),
}

/// A parsed value. Strings are UTF-8; invalid bytes are replaced by U+FFFD.
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
    /// An object, in the order of the text. If a key occurs twice, the later value replaces the earlier one.
    Object(Vec<(Vec<u8>, Json<N>)>),
}

impl<N> Json<N> {
    /// The name of the type in Go's errors.
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
    /// Prints only the type, since the content may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

/// Why a text is not valid JSON, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The result of parsing a text.
#[derive(Debug, PartialEq)]
pub struct Decoded<N = f64> {
    /// The value. A number that is too large is null for [`GoVersion::UpTo126`], and [`Number::beyond`] for
    /// [`GoVersion::From127`].
    pub value: Json<N>,
    /// The error for the first such number. Go continues to parse, and returns this error at the end.
    pub error: Option<Error>,
}

impl<N> Decoded<N> {
    /// The value, or the error if there is one.
    pub fn into_result(self) -> Result<Json<N>, Error> {
        self.error.map_or(Ok(self.value), Err)
    }
}

/// Parses a text that consists of one value. Arrays and objects may be nested at most `depth` levels deep.
pub fn decode(text: &[u8], depth: u32) -> Result<Decoded, Error> {
    decode_as(text, depth, GoVersion::UpTo126)
}

/// As [`decode`], with the behavior and error texts of the given Go version.
pub fn decode_as_of(text: &[u8], depth: u32, version: GoVersion) -> Result<Decoded, Error> {
    decode_as(text, depth, version)
}

/// As [`decode`], with numbers as they are written.
pub fn decode_exactly(text: &[u8], depth: u32) -> Result<Json<String>, Error> {
    decode_as(text, depth, GoVersion::UpTo126).map(|decoded| decoded.value)
}

fn decode_as<N: Number>(text: &[u8], depth: u32, version: GoVersion) -> Result<Decoded<N>, Error> {
    let mut reader = Reader { text, at: 0, version, steps: Vec::new(), out_of_range: None };
    let value = reader.value(depth)?;
    reader.spaces();
    if reader.at < text.len() {
        return Err(reader.unexpected("after top-level value"));
    }
    Ok(reader.decoded(value))
}

/// Parses the value at the start of a text, as Go's `Decoder` does; returns its length in bytes, too.
pub fn decode_first(text: &[u8], depth: u32) -> Result<(Decoded, usize), Error> {
    let mut reader =
        Reader { text, at: 0, version: GoVersion::UpTo126, steps: Vec::new(), out_of_range: None };
    let value = reader.value(depth)?;
    let length = reader.at;
    Ok((reader.decoded(value), length))
}

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    version: GoVersion,
    /// The path to the current value, for errors that name it.
    steps: Vec<Step>,
    /// The first number that is too large for a float, and its path as Go names it in the error.
    out_of_range: Option<(String, String)>,
}

impl Reader<'_> {
    fn decoded<N>(self, value: Json<N>) -> Decoded<N> {
        let message =
            |(number, place)| format!("json: cannot unmarshal number {number} into {place} of type float64");
        Decoded { value, error: self.out_of_range.map(|found| Error(message(found))) }
    }

    fn is_new(&self) -> bool {
        self.version == GoVersion::From127
    }

    /// The path in Go's errors: each step follows a dot, and is escaped as in a JSON pointer.
    fn place(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            path.push('.');
            match step {
                Step::Key(key) => {
                    path.push_str(&String::from_utf8_lossy(key).replace('~', "~0").replace('/', "~1"));
                }
                Step::Index(index) => path.push_str(&index.to_string()),
            }
        }
        match self.steps.last() {
            _ if matches!(path.as_str(), "" | ".") => "Go value".to_owned(),
            Some(Step::Key(_)) => format!("Go struct field {path}"),
            _ => path,
        }
    }

    /// Parses a value of an array or object, with the path extended by `step`.
    fn inside<N: Number>(&mut self, step: impl FnOnce() -> Step, depth: u32) -> Result<Json<N>, Error> {
        if !self.is_new() {
            return self.value(depth);
        }
        self.steps.push(step());
        let value = self.value(depth)?;
        self.steps.pop();
        Ok(value)
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn spaces(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The error for a byte that is not allowed at the current position.
    fn unexpected(&self, context: &str) -> Error {
        // Go reads a space at the end of the text. Only where a space is allowed, the error is about the end.
        let space_may_stand = matches!(context, "in string literal" | "after top-level value")
            || context.starts_with("looking for")
            || context.starts_with("after object")
            || context.starts_with("after array");
        let byte = match self.peek() {
            None if space_may_stand || self.is_new() => return Error("unexpected end of JSON input".into()),
            byte => byte.unwrap_or(b' '),
        };
        let shown = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            _ => {
                let rune = crate::utf8::decode(&self.text[self.at.min(self.text.len())..]);
                let quoted = match rune {
                    // A byte that is not part of a character is shown as a byte.
                    Some(rune) if self.is_new() && !rune.valid => crate::quote::quote(&[byte]),
                    Some(rune) if self.is_new() => crate::quote::quote(rune.char.to_string().as_bytes()),
                    _ => crate::quote::quote(char::from(byte).to_string().as_bytes()),
                };
                format!("'{}'", &quoted[1..quoted.len() - 1])
            }
        };
        let context = match context {
            "in string literal" if self.is_new() => "in string",
            context if self.is_new() && context.ends_with("numeric literal") => "in numeric literal",
            context => context,
        };
        Error(format!("invalid character {shown} {context}"))
    }

    /// The error for an invalid escape, whose backslash is at `start`.
    fn no_escape(&self, start: usize, context: &str) -> Error {
        if !self.is_new() || self.peek().is_none() {
            return self.unexpected(context);
        }
        let length = if self.text.get(start + 1) == Some(&b'u') { 6 } else { 2 };
        let escape = &self.text[start..self.text.len().min(start + length)];
        let shown = match std::str::from_utf8(escape) {
            Ok(text) if !text.contains(|c: char| c == '`' || c == '\u{7f}' || c < ' ' && c != '\t') => {
                format!("`{text}`")
            }
            _ => crate::quote::quote(escape),
        };
        Error(format!("invalid escape sequence {shown} in string"))
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
            let index = items.len();
            items.push(self.inside(|| Step::Index(index), depth)?);
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
            let value = self.inside(|| Step::Key(key.clone()), depth)?;
            entries.push((key, value));
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
        if let Some(number) = N::read(&text) {
            return Ok(Json::Number(number));
        }
        let read = if self.is_new() { Json::Number(N::beyond(&text)) } else { Json::Null };
        if self.out_of_range.is_none() {
            self.out_of_range = Some((text.into_owned(), self.place()));
        }
        Ok(read)
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
            _ => return Err(self.no_escape(self.at - 1, "in string escape code")),
        };
        self.at += 1;
        out.push(byte);
        Ok(())
    }

    /// The character of `\uXXXX`, or of two of these that are a surrogate pair; U+FFFD for half of a pair.
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
        // `\u` precedes the digits.
        let start = self.at - 2;
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.no_escape(start, "in \\u hexadecimal character escape"));
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
        let newer = |text: &str| match super::decode_as_of(text.as_bytes(), 10, super::GoVersion::From127) {
            Ok(read) => format!("{}", read.into_result().expect_err("refused")),
            Err(error) => error.to_string(),
        };
        for (text, want) in [
            ("tru", "unexpected end of JSON input"),
            ("[1.]", "invalid character ']' in numeric literal"),
            ("[é]", "invalid character 'é' looking for beginning of value"),
            ("\"\n\"", "invalid character '\\n' in string"),
            (r#""\x41""#, r"invalid escape sequence `\x` in string"),
            (r#"["\u12"]"#, r#"invalid escape sequence `\u12"]` in string"#),
            (r#""\é""#, r#"invalid escape sequence "\\\xc3" in string"#),
            (r#""\u1"#, "unexpected end of JSON input"),
            ("[1e999]", "json: cannot unmarshal number 1e999 into .0 of type float64"),
            (
                r#"{"a/b":[{"c":-1e999}]}"#,
                "json: cannot unmarshal number -1e999 into Go struct field .a~1b.0.c of type float64",
            ),
            ("1e999", "json: cannot unmarshal number 1e999 into Go value of type float64"),
        ] {
            assert_eq!(newer(text), want, "{text}");
        }
        assert_eq!(refused("1e999"), "json: cannot unmarshal number 1e999 into Go value of type float64");
    }
}
