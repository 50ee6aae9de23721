//! JSON as Go's `encoding/json` prints it: keys in byte order, compact or indented.

use crate::emit::{Emit, Sink};
use keyfill_go::json::{Html, append_string, float};
use std::cmp::Ordering;

/// `json.Marshal`: compact, keys sorted, HTML escaped.
pub fn to_json(value: &impl Emit) -> Vec<u8> {
    write(value, Html::Escaped, None)
}

/// A `json.Encoder` with `SetEscapeHTML(false)`, without the newline at the end.
pub fn to_json_plain(value: &impl Emit) -> Vec<u8> {
    write(value, Html::Kept, None)
}

/// `json.MarshalIndent` with an empty prefix: each level is indented by `indent`.
pub fn to_json_indent(value: &impl Emit, indent: &str, html: Html) -> Vec<u8> {
    write(value, html, Some(indent))
}

fn write(value: &impl Emit, html: Html, indent: Option<&str>) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new(), html, indent, depth: 0, state: State::Value };
    value.emit(&mut writer);
    writer.out
}

/// What was written last, which decides on the separator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// A key, or nothing yet: the next value needs no separator.
    Value,
    /// An opening bracket: the next value needs no comma.
    Opened,
    /// A value: the next one needs a comma.
    After,
}

struct Writer<'a> {
    out: Vec<u8>,
    html: Html,
    indent: Option<&'a str>,
    depth: usize,
    state: State,
}

impl Writer<'_> {
    fn line(&mut self) {
        if let Some(indent) = self.indent {
            self.out.push(b'\n');
            for _ in 0..self.depth {
                self.out.extend_from_slice(indent.as_bytes());
            }
        }
    }

    fn separate(&mut self) {
        match self.state {
            State::Value => return,
            State::Opened => {}
            State::After => self.out.push(b','),
        }
        self.line();
    }

    fn text(&mut self, text: &str) {
        self.separate();
        self.out.extend_from_slice(text.as_bytes());
        self.state = State::After;
    }

    fn open(&mut self, bracket: u8) {
        self.separate();
        self.out.push(bracket);
        self.depth += 1;
        self.state = State::Opened;
    }

    fn close(&mut self, bracket: u8) {
        self.depth -= 1;
        if self.state == State::After {
            self.line();
        }
        self.out.push(bracket);
        self.state = State::After;
    }
}

impl Sink for Writer<'_> {
    fn null(&mut self) {
        self.text("null");
    }

    fn bool(&mut self, value: bool) {
        self.text(if value { "true" } else { "false" });
    }

    fn int(&mut self, value: i64) {
        self.text(&value.to_string());
    }

    fn uint(&mut self, value: u64) {
        self.text(&value.to_string());
    }

    /// NaN and the infinities, which Go cannot write, become `null`. The loaders refuse them, so they do not
    /// occur.
    fn float(&mut self, value: f64) {
        self.text(float(value).as_deref().unwrap_or("null"));
    }

    fn number(&mut self, text: &str) {
        self.text(text);
    }

    fn str(&mut self, text: &str) {
        self.separate();
        // Memory for a long text and its escapes is reserved at once: repeated growing would copy many megabytes.
        self.out.reserve(text.len() + text.len() / 16 + 2);
        append_string(&mut self.out, text, self.html);
        self.state = State::After;
    }

    fn begin_seq(&mut self) {
        self.open(b'[');
    }

    fn end_seq(&mut self) {
        self.close(b']');
    }

    fn begin_map(&mut self) {
        self.open(b'{');
    }

    fn key(&mut self, key: &str) {
        self.separate();
        append_string(&mut self.out, key, self.html);
        self.out.push(b':');
        if self.indent.is_some() {
            self.out.push(b' ');
        }
        self.state = State::Value;
    }

    fn end_map(&mut self) {
        self.close(b'}');
    }

    fn key_order(a: &str, b: &str) -> Ordering {
        a.cmp(b)
    }
}

#[cfg(test)]
mod tests {
    use super::{Html, to_json, to_json_indent, to_json_plain};
    use crate::Value;

    fn sample() -> Value {
        Value::Map(vec![
            ("b".into(), Value::Seq(vec![Value::Int(-1), Value::Float(1e21), Value::Null])),
            ("a<".into(), Value::Map(vec![])),
            ("c".into(), Value::Seq(vec![])),
        ])
    }

    #[test]
    fn compact_json_is_that_of_go() {
        assert_eq!(to_json(&sample()), br#"{"a\u003c":{},"b":[-1,1e+21,null],"c":[]}"#);
        assert_eq!(to_json_plain(&sample()), br#"{"a<":{},"b":[-1,1e+21,null],"c":[]}"#);
    }

    #[test]
    fn indented_json_is_that_of_go() {
        let text = to_json_indent(&sample(), "  ", Html::Kept);
        let expected = "{\n  \"a<\": {},\n  \"b\": [\n    -1,\n    1e+21,\n    null\n  ],\n  \"c\": []\n}";
        assert_eq!(String::from_utf8_lossy(&text), expected);
    }
}
