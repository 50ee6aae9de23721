//! Types of scalars, and comments, for programs that parse a document, change values and write it again, as Go
//! programs do with `yaml.Node.Decode` and `Encode`.

use super::{Content, EditNode, scalars};
use crate::resolve::{Resolved, is_of_yaml_1_1, resolve_plain};
use crate::scan::Dialect;
use crate::{Style, Text, binary};
use keyfill_go::strconv::{Bits, Layout, format_float};

/// A scalar with its type, by the rules of yaml.v3.
#[derive(Clone, PartialEq)]
pub enum Typed {
    /// `null`
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer that fits 64 bits with a sign.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint(u64),
    /// A floating point number.
    Float(f64),
    /// A timestamp as RFC 3339, with as many digits of the fraction as it needs.
    Time(String),
    /// A string.
    Str(Text),
    /// Bytes, written in base64 (`!!binary`).
    Binary(Vec<u8>),
}

impl EditNode {
    /// The scalar with its type; `None` for collections and aliases, and for a text that does not fit its tag.
    pub fn typed(&self) -> Option<Typed> {
        let Content::Scalar(text) = &self.content else { return None };
        if self.is_tagged {
            return tagged(&self.tag, text);
        }
        if self.style != Style::Plain {
            return Some(Typed::Str(text.clone()));
        }
        from_resolved(resolve_plain(Dialect::V3, text), text)
    }

    /// A scalar that is parsed as this string: it is quoted where its text would resolve to another type, and a
    /// block where it has several lines.
    pub fn string(text: impl Into<Text>) -> Self {
        let text = text.into();
        if text == "<<" {
            // yaml.v3 does not quote the merge key `<<`, but writes it with a tag.
            return Self {
                content: Content::Scalar(text),
                tag: Text::new_static("!!merge"),
                ..Self::default()
            };
        }
        let style = if text.contains('\n') {
            Style::Literal
        } else if scalars::tag_of(&text) != "!!str" || is_of_yaml_1_1(&text) {
            Style::Double
        } else {
            Style::Plain
        };
        Self { content: Content::Scalar(text), tag: Text::new_static("!!str"), style, ..Self::default() }
    }

    /// Bytes in base64; a long text is a block with lines of 70 characters.
    pub fn binary(bytes: &[u8]) -> Self {
        let text = binary::encode_lines(bytes);
        let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
        let (content, tag) = (Content::Scalar(text.into()), Text::new_static("!!binary"));
        Self { content, tag, is_tagged: true, style, ..Self::default() }
    }

    /// A floating point number.
    pub fn float(value: f64) -> Self {
        let text = match format_float(value, Layout::General, None, Bits::B64).as_str() {
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            "NaN" => ".nan".to_owned(),
            text => text.to_owned(),
        };
        Self::plain(text)
    }

    /// The comment above the node, with its `#`.
    pub fn head_comment(&self) -> &str {
        &self.comments.head
    }

    /// The comment behind the node on its line, with its `#`.
    pub fn line_comment(&self) -> &str {
        &self.comments.line
    }

    /// The comment below the node, with its `#`.
    pub fn foot_comment(&self) -> &str {
        &self.comments.foot
    }

    /// Sets the comment above the node.
    pub fn set_head_comment(&mut self, comment: String) {
        self.comments.head = comment;
    }

    /// Sets the comment behind the node on its line.
    pub fn set_line_comment(&mut self, comment: String) {
        self.comments.line = comment;
    }

    /// Sets the comment below the node.
    pub fn set_foot_comment(&mut self, comment: String) {
        self.comments.foot = comment;
    }
}

fn from_resolved(resolved: Resolved, text: &Text) -> Option<Typed> {
    Some(match resolved {
        Resolved::Null => Typed::Null,
        Resolved::Bool(value) => Typed::Bool(value),
        Resolved::Int(value) => Typed::Int(value),
        Resolved::Uint(value) => Typed::Uint(value),
        Resolved::Float(value) => Typed::Float(value),
        Resolved::Timestamp(stamp) => Typed::Time(stamp.to_json_text()?),
        Resolved::Merge | Resolved::Str => Typed::Str(text.clone()),
    })
}

fn tagged(tag: &str, text: &Text) -> Option<Typed> {
    match tag {
        "!!str" => Some(Typed::Str(text.clone())),
        "!!binary" => binary::bytes(text).map(Typed::Binary),
        "!!null" | "!!bool" | "!!int" | "!!float" | "!!timestamp" => {
            let resolved = resolve_plain(Dialect::V3, text);
            let fits = scalars::tag_of(text) == tag;
            match resolved {
                Resolved::Int(value) if tag == "!!float" => Some(Typed::Float(value as f64)),
                _ if fits => from_resolved(resolved, text),
                _ => None,
            }
        }
        _ => from_resolved(resolve_plain(Dialect::V3, text), text),
    }
}

#[cfg(test)]
mod tests {
    use super::Typed;
    use crate::{Content, EditDocument, EditNode, Limits};

    #[test]
    fn a_written_string_is_parsed_as_the_same_string() {
        let texts =
            ["", "a", "yes", "0x1F", "1:30", "1e3", "~", "null", "<<", "2020-01-02", "a: b", "two\nlines"];
        for text in texts {
            let document = EditDocument::new(EditNode::string(text));
            let written = EditDocument::write_all(&[document], 4);
            let read =
                EditDocument::read_all(written.as_bytes(), &Limits::default()).expect("it can be read");
            assert!(read[0].root.typed() == Some(Typed::Str(text.into())), "{text}: {written}");
        }
    }

    #[test]
    fn a_stream_is_indented_as_asked_and_its_documents_are_set_apart() {
        let text = "a:\n    b:\n        - 1\n        - c: |-\n            x\n            y\n---\nd: {}\n";
        let read = EditDocument::read_all(text.as_bytes(), &Limits::default()).expect("it can be read");
        assert_eq!(EditDocument::write_all(&read, 4), text);
        assert!(
            matches!(read[1].root.get("d").map(|d| &d.content), Some(Content::Map(entries)) if entries.is_empty())
        );
    }
}
