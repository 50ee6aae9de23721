//! A document together with its comments, flow collections, anchors and quotes, as yaml.v3 keeps them. It is for
//! changing a field of a YAML text: the changed text has the bytes that yaml.v3 writes.
//!
//! kustomize does so if a replacement changes YAML text that is the value of a field. Aliases and merge keys are
//! not expanded, and a key may occur twice.

mod read;
mod scalars;
mod typed;
mod write;

pub use typed::Typed;

use crate::directives::CORE;
use crate::{Error, Limits, Node, Scalar, Style, Tag, Text};

/// A document with its comments.
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
    /// The root node.
    pub root: EditNode,
    head: String,
    foot: String,
}

/// A node of an [`EditDocument`].
#[derive(Clone, Debug, Default)]
pub struct EditNode {
    /// The content of the node.
    pub content: Content,
    comments: NodeComments,
    anchor: Text,
    /// The tag in its short form, such as `!!int`; empty if it was not written and is not known.
    tag: Text,
    /// Whether the tag is written in the text.
    is_tagged: bool,
    style: Style,
    is_flow: bool,
    line: u32,
}

/// The content of a node.
#[derive(Clone, Debug)]
pub enum Content {
    /// A scalar's text.
    Scalar(Text),
    /// The items of a list.
    Seq(Vec<EditNode>),
    /// The keys and values of a mapping.
    Map(Vec<(EditNode, EditNode)>),
    /// An alias: the name of its anchor.
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
    /// Parses the first document of a text; `None` if there is none. The text after it is not parsed.
    pub fn read(text: &[u8], limits: &Limits) -> Result<Option<Self>, Error> {
        read::document(text, limits)
    }

    /// Parses all documents of a text. The limits bound the nesting; aliases are not expanded.
    pub fn read_all(text: &[u8], limits: &Limits) -> Result<Vec<Self>, Error> {
        read::stream(text, limits)
    }

    /// A document whose only comments are those of its nodes.
    pub fn new(root: EditNode) -> Self {
        Self { root, ..Self::default() }
    }

    /// The comment at the document's start, if an empty line separates it from the root node.
    pub fn head_comment(&self) -> &str {
        &self.head
    }

    /// The comment at the document's end.
    pub fn foot_comment(&self) -> &str {
        &self.foot
    }

    /// Writes documents as one stream, as yaml.v3's encoder does with an indentation of `indent` columns.
    pub fn write_all(documents: &[Self], indent: u8) -> String {
        write::stream(documents, indent)
    }

    /// Writes the document as yaml.v3 does with an indentation of two columns, without indenting lists below
    /// their keys.
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

    /// Sets the text of a scalar. Style, tag and comments stay.
    pub fn set_text(&mut self, text: impl Into<Text>) {
        self.content = Content::Scalar(text.into());
    }

    /// A mutable reference to the value of a key. If the key occurs twice, the first one counts.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Self> {
        let Content::Map(entries) = &mut self.content else { return None };
        entries.iter_mut().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// The value of a key. If the key occurs twice, the first one counts.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Content::Map(entries) = &self.content else { return None };
        entries.iter().find(|(k, _)| k.text() == Some(key)).map(|(_, value)| value)
    }

    /// Whether the node is null, by its text or its tag.
    pub fn is_null(&self) -> bool {
        self.tag == "!!null"
    }

    /// Line of the node in the text, counted from 1; 0 for a node that was not parsed.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Writes the node as a document.
    pub fn write(&self) -> String {
        write::node(self)
    }
}

/// A text as yaml.v3 writes it in a `>` block, indented by two columns.
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

/// The short form `!!name` of a tag of YAML's core schema; any other tag is not changed.
fn short_tag(tag: &str) -> Text {
    tag.strip_prefix(CORE).map_or_else(|| Text::new(tag), |name| format!("!!{name}").into())
}

#[cfg(test)]
mod tests;
