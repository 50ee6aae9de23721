//! A document with what yaml.v3 keeps of how it was written: comments, flow collections, anchors, quotes. It is for
//! changing a field of a YAML text and writing the text again with the bytes of yaml.v3.
//!
//! kustomize does so where a replacement changes YAML text that is the value of a field. Neither aliases nor merge
//! keys are expanded, and a key may occur twice.

mod read;
mod scalars;
mod typed;
mod write;

pub use typed::Typed;

use crate::directives::CORE;
use crate::{Error, Limits, Node, Scalar, Style, Tag, Text};

/// A document.
///
/// ```
/// use keyfill_yaml::{EditDocument, EditNode, Limits, Typed};
///
/// let text = b"# replicas\nreplicas: 1 # for now\nname: web\n";
/// let mut document = EditDocument::read(text, &Limits::default())?.unwrap();
/// let replicas = document.root.get_mut("replicas").unwrap();
/// assert!(replicas.typed() == Some(Typed::Int(1)));
/// replicas.set_text("3");
/// *document.root.get_mut("name").unwrap() = EditNode::string("yes");
/// assert_eq!(document.write(), "# replicas\nreplicas: 3 # for now\nname: \"yes\"\n");
/// # Ok::<(), keyfill_yaml::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct EditDocument {
    /// Its node.
    pub root: EditNode,
    head: String,
    foot: String,
}

/// A node of such a document.
#[derive(Clone, Debug, Default)]
pub struct EditNode {
    /// What it holds.
    pub content: Content,
    comments: NodeComments,
    anchor: Text,
    /// In the short form, `!!int`; empty when none was written and none is known.
    tag: Text,
    /// Whether the tag was written.
    is_tagged: bool,
    style: Style,
    is_flow: bool,
    line: u32,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar's text.
    Scalar(Text),
    /// The items of a list.
    Seq(Vec<EditNode>),
    /// Keys and values of a mapping.
    Map(Vec<(EditNode, EditNode)>),
    /// The name of an anchor.
    Alias(Text),
}

impl Default for Content {
    fn default() -> Self {
        Self::Scalar(Text::default())
    }
}

/// The comments of a node, with their `#`.
#[derive(Clone, Debug, Default)]
struct NodeComments {
    head: String,
    line: String,
    foot: String,
}

impl EditDocument {
    /// Parses the first document of a text; `None` when there is none. What follows it is not parsed.
    pub fn read(text: &[u8], limits: &Limits) -> Result<Option<Self>, Error> {
        read::document(text, limits)
    }

    /// Parses all documents of a text. The nesting is bounded by the limits; aliases are not followed.
    pub fn read_all(text: &[u8], limits: &Limits) -> Result<Vec<Self>, Error> {
        read::stream(text, limits)
    }

    /// A document without comments outside its node.
    pub fn new(root: EditNode) -> Self {
        Self { root, ..Self::default() }
    }

    /// The comment above the document's node that belongs to neither: an empty line stands below it.
    pub fn head_comment(&self) -> &str {
        &self.head
    }

    /// The comment at the document's end.
    pub fn foot_comment(&self) -> &str {
        &self.foot
    }

    /// Writes documents as one stream, as yaml.v3's encoder does with this indentation.
    pub fn write_all(documents: &[Self], indent: u8) -> String {
        write::stream(documents, indent)
    }

    /// Writes it as yaml.v3 does with an indentation of two, and lists no deeper than their keys.
    pub fn write(&self) -> String {
        write::document(self)
    }
}

impl EditNode {
    /// A scalar without quotes, tag and comments.
    pub fn plain(text: impl Into<Text>) -> Self {
        Self { content: Content::Scalar(text.into()), ..Self::default() }
    }

    /// A node without tag and comments.
    pub fn new(content: Content) -> Self {
        Self { content, ..Self::default() }
    }

    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        if let Content::Scalar(text) = &self.content { Some(text) } else { None }
    }

    /// Gives a scalar another text; quotes, tag and comments stay.
    pub fn set_text(&mut self, text: impl Into<Text>) {
        self.content = Content::Scalar(text.into());
    }

    /// The value of a key, the first of that name.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Content::Map(entries) = &mut self.content else { return None };
        entries.iter_mut().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// The value of a key, the first of that name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// Whether it is null, by its text or its tag.
    pub fn is_null(&self) -> bool {
        self.tag == "!!null"
    }

    /// Its line in the text, counted from 1; 0 for a node that was not parsed.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The node as a text of its own.
    pub fn write(&self) -> String {
        write::node(self)
    }
}

/// A text as yaml.v3 writes it when it is a `>` block, indented by two.
pub(crate) fn folded(text: &str) -> String {
    write::folded(text)
}

impl From<&Node> for EditNode {
    fn from(node: &Node) -> Self {
        match node {
            Node::Scalar(scalar) => Self::from(scalar),
            Node::Seq(seq) => Self::new(Content::Seq(seq.items.iter().map(Self::from).collect())),
            Node::Map(map) => {
                let entry = |e: &crate::Entry| (Self::from(&e.key), Self::from(&e.value));
                Self::new(Content::Map(map.entries.iter().map(entry).collect()))
            }
        }
    }
}

impl From<&Scalar> for EditNode {
    fn from(scalar: &Scalar) -> Self {
        let tag = match &scalar.tag {
            Tag::None => Text::default(),
            Tag::Str => Text::new_static("!!str"),
            Tag::Int => Text::new_static("!!int"),
            Tag::Float => Text::new_static("!!float"),
            Tag::Bool => Text::new_static("!!bool"),
            Tag::Null => Text::new_static("!!null"),
            Tag::Binary => Text::new_static("!!binary"),
            Tag::Timestamp => Text::new_static("!!timestamp"),
            Tag::Other(tag) => short_tag(tag),
        };
        Self { content: Content::Scalar(scalar.text.clone()), tag, style: scalar.style, ..Self::default() }
    }
}

/// `!!name` for a tag of YAML itself.
fn short_tag(tag: &str) -> Text {
    tag.strip_prefix(CORE).map_or_else(|| Text::new(tag), |name| format!("!!{name}").into())
}

#[cfg(test)]
mod tests;
