//! The tree of one document, with its scalars as they are written.

use crate::Text;
use crate::location::Location;
use std::num::NonZeroU32;

/// The style in which a scalar is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Style {
    /// Without quotes: without a tag, its type is resolved from its text.
    #[default]
    Plain,
    /// `'...'`
    Single,
    /// `"..."`
    Double,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// An explicit tag. Without one, a plain scalar is resolved from its text, and any other style is a string.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tag {
    /// No tag is written.
    #[default]
    None,
    /// `!!str`
    Str,
    /// `!!int`
    Int,
    /// `!!float`
    Float,
    /// `!!bool`
    Bool,
    /// `!!null`
    Null,
    /// `!!binary`
    Binary,
    /// `!!timestamp`
    Timestamp,
    /// Any other tag in its long form (`tag:yaml.org,2002:set`, `!local`).
    Other(Box<str>),
}

/// Whether a scalar without a tag has a fixed type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typing {
    /// The scalar was made or set without a type: its type is resolved again each time its text changes.
    #[default]
    Open,
    /// The scalar was read, and keeps the type that its text had then.
    Read,
}

/// A mark that several scalars of a tree share. Its meaning is up to the user of the tree.
pub type Twin = NonZeroU32;

/// A scalar: its text after unescaping and folding, its style and its location.
#[derive(Clone, Debug, Default)]
pub struct Scalar {
    /// The text after unescaping and folding.
    pub text: Text,
    /// The style in which it is written.
    pub style: Style,
    /// The explicit tag.
    pub tag: Tag,
    /// Whether the type is fixed although there is no tag.
    pub typing: Typing,
    /// The mark that this scalar shares with those that change together with it.
    pub twin: Option<Twin>,
    /// Where the scalar was read.
    pub location: Location,
}

/// A sequence.
#[derive(Clone, Debug, Default)]
pub struct Seq {
    /// The items.
    pub items: Vec<Node>,
    /// Whether it is written as `[..]`.
    pub flow: bool,
    /// Where the sequence was read.
    pub location: Location,
}

/// One key of a mapping with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key. The loader refuses keys that are not scalars.
    pub key: Scalar,
    /// The value.
    pub value: Node,
}

/// A mapping in the order in which it is written. The loader refuses a key that occurs twice.
#[derive(Clone, Debug, Default)]
pub struct Map {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// Whether it is written as `{..}`.
    pub flow: bool,
    /// Where the mapping was read.
    pub location: Location,
}

/// A node of a document. Aliases and merge keys are already expanded.
#[derive(Clone, Debug)]
pub enum Node {
    /// A scalar.
    Scalar(Scalar),
    /// A sequence.
    Seq(Seq),
    /// A mapping.
    Map(Map),
}

impl Scalar {
    /// A string that stays a string whatever its text is (`"true"`, `"1"`).
    pub fn string(text: impl Into<Text>) -> Self {
        Self { text: text.into(), tag: Tag::Str, ..Self::default() }
    }

    /// A plain scalar whose type is resolved from its text, as if it were unquoted in a file.
    pub fn plain(text: impl Into<Text>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}

impl Node {
    /// A string that stays a string whatever its text is.
    pub fn string(text: impl Into<Text>) -> Self {
        Self::Scalar(Scalar::string(text))
    }

    /// A plain scalar whose type is resolved from its text.
    pub fn plain(text: impl Into<Text>) -> Self {
        Self::Scalar(Scalar::plain(text))
    }

    /// `null`.
    pub fn null() -> Self {
        Self::Scalar(Scalar { text: Text::new_static("null"), tag: Tag::Null, ..Scalar::default() })
    }

    /// An empty mapping.
    pub fn map() -> Self {
        Self::Map(Map::default())
    }

    /// An empty sequence.
    pub fn seq() -> Self {
        Self::Seq(Seq::default())
    }

    /// Where the node was read.
    pub fn location(&self) -> Location {
        match self {
            Self::Scalar(s) => s.location,
            Self::Seq(s) => s.location,
            Self::Map(m) => m.location,
        }
    }

    /// The line on which the node was read, counted from 1; 0 for a node that was made.
    pub fn line(&self) -> u32 {
        self.location().line()
    }

    /// Replaces the location of each node and key of the tree by the result of `change`.
    pub(crate) fn relocate(&mut self, change: &impl Fn(Location) -> Location) {
        match self {
            Self::Scalar(scalar) => scalar.location = change(scalar.location),
            Self::Seq(seq) => {
                seq.location = change(seq.location);
                seq.items.iter_mut().for_each(|item| item.relocate(change));
            }
            Self::Map(map) => {
                map.location = change(map.location);
                for entry in &mut map.entries {
                    entry.key.location = change(entry.key.location);
                    entry.value.relocate(change);
                }
            }
        }
    }

    /// The scalar, if it is one.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        if let Self::Scalar(s) = self { Some(s) } else { None }
    }

    /// The text of a scalar, whatever its type; `None` for sequences and mappings.
    pub fn text(&self) -> Option<&str> {
        self.as_scalar().map(|s| s.text.as_str())
    }

    /// The mapping, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        if let Self::Map(m) = self { Some(m) } else { None }
    }

    /// A mutable reference to the mapping, if it is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        if let Self::Map(m) = self { Some(m) } else { None }
    }

    /// The sequence, if it is one.
    pub fn as_seq(&self) -> Option<&Seq> {
        if let Self::Seq(s) = self { Some(s) } else { None }
    }

    /// A mutable reference to the sequence, if it is one.
    pub fn as_seq_mut(&mut self) -> Option<&mut Seq> {
        if let Self::Seq(s) = self { Some(s) } else { None }
    }

    /// The value of a key; `None` if this is not a mapping or does not have the key.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.get(key)
    }

    /// A mutable reference to the value of a key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        self.as_map_mut()?.get_mut(key)
    }

    /// The node at a path of keys.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }
}

impl Map {
    /// The value of a key, by the key's text.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|e| e.key.text == key).map(|e| &e.value)
    }

    /// A mutable reference to the value of a key.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|e| e.key.text == key).map(|e| &mut e.value)
    }

    /// Whether the mapping has a key.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key, which is appended if it is new. A new key is plain: `5` is a number.
    pub fn set(&mut self, key: impl Into<Text>, value: Node) {
        let key = key.into();
        match self.entries.iter_mut().find(|e| e.key.text == key) {
            Some(entry) => entry.value = value,
            None => self.entries.push(Entry { key: Scalar::plain(key), value }),
        }
    }

    /// Removes a key and returns its value. The others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Node> {
        let at = self.entries.iter().position(|e| e.key.text == key)?;
        Some(self.entries.remove(at).value)
    }

    /// A mutable reference to the value of a key. If the key is new, it is appended as a plain key with the value
    /// of `make`.
    pub fn get_or_insert_with(&mut self, key: &str, make: impl FnOnce() -> Node) -> &mut Node {
        let at = self.entries.iter().position(|e| e.key.text == key).unwrap_or_else(|| {
            self.entries.push(Entry { key: Scalar::plain(key), value: make() });
            self.entries.len() - 1
        });
        &mut self.entries[at].value
    }

    /// The keys as text, in order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|e| e.key.text.as_str())
    }

    /// Keys and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries.iter().map(|e| (e.key.text.as_str(), &e.value))
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}
