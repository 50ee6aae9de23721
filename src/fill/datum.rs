//! The value of a placeholder between the store and the document.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use keyfill_yaml::Value;
use std::fmt;

/// Base64 as Go's `StdEncoding` reads it: padded, unused bits of the last character not looked at.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

/// Decodes base64; line breaks in the text are skipped, as in Go.
pub fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    if text.iter().any(|b| matches!(b, b'\n' | b'\r')) {
        let joined: Vec<u8> = text.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
        BASE64.decode(joined).ok()
    } else {
        BASE64.decode(text).ok()
    }
}

/// Encodes bytes as padded standard base64.
pub fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

/// A variant of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base64Form {
    /// With `+` and `/`, padded.
    Standard,
    /// With `+` and `/`, without padding.
    StandardUnpadded,
    /// With `-` and `_`, padded.
    Url,
    /// With `-` and `_`, without padding.
    UrlUnpadded,
}

impl Base64Form {
    fn engine(self) -> &'static GeneralPurpose {
        match self {
            Self::Standard => &STANDARD,
            Self::StandardUnpadded => &STANDARD_NO_PAD,
            Self::Url => &URL_SAFE,
            Self::UrlUnpadded => &URL_SAFE_NO_PAD,
        }
    }
}

/// Decodes base64 of any variant, and says which variant it is. The text must be what encoding the bytes gives again.
pub fn decode_base64_form(text: &[u8]) -> Option<(Base64Form, Vec<u8>)> {
    use Base64Form::{Standard, StandardUnpadded, Url, UrlUnpadded};
    [Standard, StandardUnpadded, Url, UrlUnpadded]
        .into_iter()
        .find_map(|form| Some((form, form.engine().decode(text).ok()?)))
}

/// Encodes bytes in the given variant of base64.
pub fn encode_base64_form(bytes: &[u8], form: Base64Form) -> String {
    form.engine().encode(bytes)
}

/// A value, or bytes that are not text (a decoded keystore), or the fact that the key is missing.
///
/// It holds secrets, so its Debug text shows only the type.
#[derive(Clone, Default)]
pub enum Datum {
    /// The secret has no such key, or its value is null.
    #[default]
    Missing,
    /// A value that a document can hold.
    Value(Value),
    /// Bytes: from a store that distinguishes binary values from text, or the result of a modifier that is not UTF-8.
    Bytes(Vec<u8>),
}

impl Datum {
    /// Makes a string value.
    pub fn text(text: impl AsRef<str>) -> Self {
        Self::Value(Value::Str(text.as_ref().into()))
    }

    /// Makes a string value of bytes that are UTF-8, else [`Datum::Bytes`].
    pub fn bytes(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::text(text),
            Err(error) => Self::Bytes(error.into_bytes()),
        }
    }

    /// Turns bytes that are UTF-8 into a string; everything else stays as it is.
    #[must_use]
    pub fn into_text(self) -> Self {
        match self {
            Self::Bytes(bytes) => Self::bytes(bytes),
            other => other,
        }
    }

    /// The type in one word, for errors.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Value(value) => value.type_name(),
            Self::Bytes(_) => "binary",
        }
    }

    /// The bytes of a string; `None` for other types.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Value(Value::Str(text)) => Some(text.as_bytes()),
            Self::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The text of a scalar as it stands inside other text; `None` for null, lists and maps.
pub fn scalar_text(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Uint(n) => n.to_string(),
        // As JSON writes it: without an exponent up to 21 digits.
        Value::Float(_) => String::from_utf8(keyfill_yaml::to_json(value)).ok()?,
        Value::Number(text) | Value::Str(text) => text.to_string(),
        Value::Null | Value::Seq(_) | Value::Map(_) => return None,
    })
}

/// A value in the types that a document can hold: a number that is kept as text becomes a signed or unsigned
/// 64-bit integer where it fits, else a floating-point number.
pub fn settled(value: Value) -> Value {
    match value {
        Value::Number(text) => match text.parse::<i64>() {
            Ok(n) => Value::Int(n),
            Err(_) => match text.parse::<u64>() {
                Ok(n) => Value::Uint(n),
                Err(_) => text
                    .parse::<f64>()
                    .ok()
                    .filter(|n| n.is_finite())
                    .map_or(Value::Number(text), Value::Float),
            },
        },
        Value::Seq(items) => Value::Seq(items.into_iter().map(settled).collect()),
        Value::Map(entries) => Value::Map(entries.into_iter().map(|(k, v)| (k, settled(v))).collect()),
        other => other,
    }
}

impl fmt::Debug for Datum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

#[cfg(test)]
mod tests {
    use super::{Base64Form, Datum, decode_base64, decode_base64_form, encode_base64_form, settled};
    use keyfill_yaml::Value;

    #[test]
    fn base64_is_read_as_go_reads_it() {
        assert_eq!(decode_base64(b"aGVsbG8g\r\nd29ybGQ=\n").as_deref(), Some(&b"hello world"[..]));
        assert_eq!(decode_base64(b"aGk").as_deref(), None);
        assert_eq!(decode_base64(b"aGl=").as_deref(), Some(&b"hi"[..]));
        assert_eq!(decode_base64(b"").as_deref(), Some(&b""[..]));
    }

    #[test]
    fn base64_has_four_forms() {
        for (text, form) in [
            ("//5B", Base64Form::Standard),
            ("YQ", Base64Form::StandardUnpadded),
            ("__4=", Base64Form::Url),
            ("__4", Base64Form::UrlUnpadded),
        ] {
            let (found, bytes) = decode_base64_form(text.as_bytes()).expect("base64");
            assert_eq!((found, encode_base64_form(&bytes, form).as_str()), (form, text));
        }
        assert!(decode_base64_form(b"YR").is_none(), "bits that encoding would not give again");
    }

    #[test]
    fn debug_text_shows_no_value() {
        assert_eq!(format!("{:?} {:?}", Datum::text("hush"), Datum::Bytes(vec![255])), "string binary");
    }

    #[test]
    fn numbers_settle_without_losing_digits_of_64_bits() {
        let number = |text: &str| settled(Value::Number(text.into()));
        assert_eq!(number("-0"), Value::Int(0));
        assert_eq!(number("9223372036854775807"), Value::Int(i64::MAX));
        assert_eq!(number("9223372036854775808"), Value::Uint(9_223_372_036_854_775_808));
        assert_eq!(number("18446744073709551615"), Value::Uint(u64::MAX));
        assert_eq!(number("18446744073709551616"), Value::Float(18_446_744_073_709_551_616.0));
        assert_eq!(number("1.10"), Value::Float(1.1));
        assert_eq!(settled(Value::Seq(vec![Value::Number("1".into())])), Value::Seq(vec![Value::Int(1)]));
    }
}
