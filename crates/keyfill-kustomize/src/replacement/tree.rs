//! The trees that the path of a replacement's target can lead through: an object, or YAML text in one of its
//! fields.

use super::fields::NodeKind;
use crate::filters::scalar::is_null;
use keyfill_yaml::{Content, EditNode, Location, Map, Node, Scalar, Seq};

/// A node of either kind of tree.
pub trait Tree: Sized {
    /// The kind of the node; `None` for an alias.
    fn kind(&self) -> Option<NodeKind>;
    /// Whether the node is null.
    fn is_null(&self) -> bool;
    /// Where the node was read, if that is known.
    fn location(&self) -> Location;
    /// A new, empty node.
    fn empty(kind: NodeKind) -> Self;
    /// A new mapping with one entry; a new scalar if `field` is empty.
    fn item(field: &str, value: &str) -> Self;
    /// The text of a scalar.
    fn text(&self) -> Option<&str>;
    /// The value of a key of a mapping.
    fn child(&self, name: &str) -> Option<&Self>;
    /// The value of a key of a mapping, to change it.
    fn child_mut(&mut self, name: &str) -> Option<&mut Self>;
    /// Appends an entry to a mapping.
    fn add_child(&mut self, name: &str, value: Self);
    /// The items of a list.
    fn items(&mut self) -> Option<&mut Vec<Self>>;
    /// The node as YAML in the style of `go.yaml.in/yaml/v3`, without blanks at both ends.
    fn yaml_text(&self) -> String;
}

impl Tree for Node {
    fn kind(&self) -> Option<NodeKind> {
        Some(NodeKind::of(self))
    }

    fn is_null(&self) -> bool {
        is_null(self)
    }

    fn location(&self) -> Location {
        Self::location(self)
    }

    fn empty(kind: NodeKind) -> Self {
        match kind {
            NodeKind::Scalar => Self::Scalar(Scalar::plain("")),
            NodeKind::Seq => Self::Seq(Seq::default()),
            NodeKind::Map => Self::Map(Map::default()),
        }
    }

    fn item(field: &str, value: &str) -> Self {
        super::path::new_item(field, value)
    }

    fn text(&self) -> Option<&str> {
        Self::text(self)
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.get_mut(name)
    }

    fn add_child(&mut self, name: &str, value: Self) {
        if let Self::Map(map) = self {
            map.set(name, value);
        }
    }

    fn items(&mut self) -> Option<&mut Vec<Self>> {
        self.as_seq_mut().map(|seq| &mut seq.items)
    }

    fn yaml_text(&self) -> String {
        EditNode::from(self).yaml_text()
    }
}

impl Tree for EditNode {
    fn kind(&self) -> Option<NodeKind> {
        match self.content {
            Content::Scalar(_) => Some(NodeKind::Scalar),
            Content::Seq(_) => Some(NodeKind::Seq),
            Content::Map(_) => Some(NodeKind::Map),
            Content::Alias(_) => None,
        }
    }

    fn is_null(&self) -> bool {
        Self::is_null(self)
    }

    /// None: its line number is one within the text of a field and not one of the file.
    fn location(&self) -> Location {
        Location::NONE
    }

    fn empty(kind: NodeKind) -> Self {
        Self::new(match kind {
            NodeKind::Scalar => Content::default(),
            NodeKind::Seq => Content::Seq(Vec::new()),
            NodeKind::Map => Content::Map(Vec::new()),
        })
    }

    fn item(field: &str, value: &str) -> Self {
        match field {
            "" => Self::plain(value),
            field => Self::new(Content::Map(vec![(Self::plain(field), Self::plain(value))])),
        }
    }

    fn text(&self) -> Option<&str> {
        Self::text(self)
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.get(name)
    }

    fn child_mut(&mut self, name: &str) -> Option<&mut Self> {
        self.get_mut(name)
    }

    fn add_child(&mut self, name: &str, value: Self) {
        if let Content::Map(entries) = &mut self.content {
            entries.push((Self::plain(name), value));
        }
    }

    fn items(&mut self) -> Option<&mut Vec<Self>> {
        if let Content::Seq(items) = &mut self.content { Some(items) } else { None }
    }

    fn yaml_text(&self) -> String {
        self.write().trim().to_owned()
    }
}
