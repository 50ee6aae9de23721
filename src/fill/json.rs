//! Decodes JSON.

use keyfill_yaml::Value;

/// How numbers are decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Numbers {
    /// Integers that fit 64 bits, signed or unsigned, stay exact; other numbers are floating point.
    Exact,
    /// As Kubernetes' decoder leaves them: integers that fit `i64`, else floating point.
    Signed,
    /// All numbers are floating point, as Go's `encoding/json` decodes them by default.
    Floating,
}

/// The position of a syntax error in JSON. The text itself is not shown: it may be a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotJson {
    /// Line, counted from 1.
    pub line: usize,
    /// Column, counted from 1.
    pub column: usize,
}

/// Parses one JSON value. If a key occurs twice, the last value is used.
pub fn parse(text: &[u8], numbers: Numbers) -> Result<Value, NotJson> {
    let json: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| NotJson { line: error.line(), column: error.column() })?;
    Ok(value(json, numbers))
}

fn value(json: serde_json::Value, numbers: Numbers) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => number(&n, numbers),
        serde_json::Value::String(text) => Value::Str(text.into()),
        serde_json::Value::Array(items) => {
            Value::Seq(items.into_iter().map(|item| value(item, numbers)).collect())
        }
        serde_json::Value::Object(entries) => {
            Value::Map(entries.into_iter().map(|(k, v)| (k.into(), value(v, numbers))).collect())
        }
    }
}

fn number(number: &serde_json::Number, numbers: Numbers) -> Value {
    match (numbers, number.as_i64(), number.as_u64(), number.as_f64()) {
        (Numbers::Exact | Numbers::Signed, Some(int), ..) => Value::Int(int),
        (Numbers::Exact, None, Some(uint), _) => Value::Uint(uint),
        (_, _, _, Some(float)) => Value::Float(float),
        // The reader refuses numbers that no f64 can hold.
        (_, _, _, None) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{NotJson, Numbers, parse};
    use keyfill_yaml::Value;

    #[test]
    fn numbers_are_read_by_three_rules() {
        let read = |text: &str, numbers| parse(text.as_bytes(), numbers).expect("JSON");
        assert_eq!(read("9007199254740993", Numbers::Exact), Value::Int(9_007_199_254_740_993));
        assert_eq!(read("9007199254740993", Numbers::Floating), Value::Float(9_007_199_254_740_992.0));
        assert_eq!(read("18446744073709551615", Numbers::Exact), Value::Uint(u64::MAX));
        assert_eq!(read("18446744073709551615", Numbers::Signed), Value::Float(18_446_744_073_709_551_615.0));
        assert_eq!(read("1.10", Numbers::Signed), Value::Float(1.1));
    }

    #[test]
    fn text_is_read_as_json_has_it() {
        let read = parse(br#"{"a": "\ud83d\ude00", "a": [null, true]}"#, Numbers::Signed).expect("JSON");
        assert_eq!(read, Value::Map(vec![("a".into(), Value::Seq(vec![Value::Null, Value::Bool(true)]))]));
        assert_eq!(parse(b"{\n hush}", Numbers::Exact), Err(NotJson { line: 2, column: 2 }));
    }
}
