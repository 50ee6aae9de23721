//! The content of a decrypted file: keys and values in their order, with comments.

use crate::Hidden;
use std::fmt;

/// A value. Debug shows only its type.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// Null, which SOPS does not encrypt.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// A point in time, in the form of RFC 3339.
    Time(String),
    /// A text, or any bytes: the content of a binary file.
    Str(Hidden),
    /// A comment in a list.
    Comment(Comment),
    /// A list.
    List(Vec<Value>),
    /// A mapping.
    Map(Branch),
}

/// A comment without its comment character.
#[derive(Clone, PartialEq)]
pub struct Comment {
    /// The text of the comment.
    pub text: Hidden,
    /// Whether the comment follows a value on the same line.
    pub inline: bool,
}

/// An item of a mapping.
#[derive(Clone, PartialEq)]
pub enum Item {
    /// A comment on what follows.
    Comment(Comment),
    /// A key with its value. Keys are not secret: SOPS never encrypts them.
    Entry(String, Value),
}

/// Keys and values in their order, with the comments between them.
#[derive(Clone, Default, PartialEq)]
pub struct Branch(pub Vec<Item>);

impl Branch {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// Keys and values, without the comments.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().filter_map(|item| match item {
            Item::Entry(key, value) => Some((key.as_str(), value)),
            Item::Comment(_) => None,
        })
    }
}

impl Branch {
    /// Replaces each value in the branch, at any depth, for which `other` returns a text.
    pub(crate) fn disguise(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        for item in &mut self.0 {
            match item {
                Item::Comment(comment) => comment.disguise(other),
                Item::Entry(_, value) => value.disguise(other),
            }
        }
    }
}

impl Comment {
    fn disguise(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        if let Some(text) = self.text.text().and_then(other) {
            self.text = Hidden::new(text);
        }
    }
}

impl Value {
    fn disguise(&mut self, other: &dyn Fn(&str) -> Option<String>) {
        match self {
            Self::Str(text) => {
                if let Some(text) = text.text().and_then(other) {
                    *self = Self::text(text);
                }
            }
            // If the replacement is not a number, half of the number is used instead.
            Self::Int(n) => {
                if let Some(text) = other(&n.to_string()) {
                    *n = text.parse().unwrap_or(*n / 2);
                }
            }
            Self::Float(n) => {
                if let Some(text) = other(&crate::float_text(*n)) {
                    *n = text.parse().unwrap_or(*n / 2.0);
                }
            }
            Self::Time(text) => {
                if let Some(other) = other(text) {
                    *text = other;
                }
            }
            Self::Comment(comment) => comment.disguise(other),
            Self::List(items) => items.iter_mut().for_each(|item| item.disguise(other)),
            Self::Map(branch) => branch.disguise(other),
            Self::Null | Self::Bool(_) => {}
        }
    }

    /// A value that is a text.
    pub fn text(text: impl Into<Vec<u8>>) -> Self {
        Self::Str(Hidden::new(text))
    }

    /// The type of the value, in one word, as errors name it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Time(_) => "time",
            Self::Str(_) => "string",
            Self::Comment(_) => "comment",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.type_name())
    }
}

impl fmt::Debug for Comment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("comment")
    }
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Comment(comment) => comment.fmt(f),
            Self::Entry(key, value) => write!(f, "{key}: {value:?}"),
        }
    }
}

impl fmt::Debug for Branch {
    /// Shows the keys and the types of their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{Branch, Comment, Item, Value};
    use crate::Hidden;

    #[test]
    fn debug_text_shows_keys_and_types_only() {
        let comment = Comment { text: Hidden::new("hush"), inline: false };
        let branch = Branch(vec![
            Item::Comment(comment),
            Item::Entry("k".into(), Value::text("hush")),
            Item::Entry("l".into(), Value::List(vec![Value::Int(7), Value::Time("hush".into())])),
        ]);
        assert_eq!(format!("{branch:?}"), "[comment, k: string, l: list]");
    }
}
