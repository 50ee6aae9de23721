//! The parsed template. Its nodes are in one array, so that the executor stores its position as an index. What
//! belongs to nodes (names, texts, numbers) is in further arrays.
//!
//! A tree is never changed once parsed and may be shared between threads.

use crate::value::Str;
use std::sync::Arc;

/// The index of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub u32);

impl NodeId {
    /// No node.
    pub const NONE: Self = Self(u32::MAX);
}

/// A run of nodes in [`Tree::lists`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Nodes {
    pub start: u32,
    pub len: u32,
}

/// The name of a field: a range of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub start: u32,
    pub len: u32,
}

/// A run of names in [`Tree::names`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    pub start: u32,
    pub len: u32,
}

impl Names {
    pub fn is_empty(self) -> bool {
        self.len == 0
    }
}

/// The text that was parsed: a file of a chart. One text gives several trees if it has definitions.
#[derive(Debug)]
pub(crate) struct Source {
    pub file: String,
    pub text: Str,
}

/// One template: the text itself, or the body of a `define` or `block` in it.
///
/// Nodes own no memory: what belongs to them is in the tree's arrays.
#[derive(Debug)]
pub(crate) struct Tree {
    pub name: Str,
    pub source: Arc<Source>,
    pub nodes: Box<[Node]>,
    /// The children of nodes. Those of one node are adjacent.
    pub lists: Box<[NodeId]>,
    /// The names of fields. Those of one node are adjacent.
    pub names: Box<[Name]>,
    /// The names of templates that are called, and the texts of string constants.
    pub texts: Box<[Str]>,
    pub numbers: Box<[Number]>,
    pub branches: Box<[Branch]>,
    pub uses: Box<[Variable]>,
    pub chains: Box<[Chain]>,
    /// The statements of the template.
    pub root: Nodes,
    /// Names of variables with their `$`; nodes hold the index. The first is `$` itself.
    pub variables: Box<[Str]>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Where the node begins in the text, in bytes.
    pub pos: u32,
    pub kind: NodeKind,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum NodeKind {
    /// Text between actions: this range of the source.
    Text(u32, u32),
    /// A pipeline whose value is printed.
    Action(NodeId),
    Break,
    Continue,
    /// An index in [`Tree::branches`].
    If(u32),
    /// An index in [`Tree::branches`].
    With(u32),
    /// An index in [`Tree::branches`].
    Range(u32),
    /// A call of the template that [`Tree::texts`] has at this index. [`NodeId::NONE`] without a pipeline.
    Template {
        name: u32,
        pipe: NodeId,
    },
    Pipe {
        /// The commands, and behind them the variables.
        parts: Nodes,
        /// How many variables there are.
        declared: u8,
        /// Whether existing variables get a new value (`=`), instead of being declared (`:=`).
        assign: bool,
    },
    /// The first word and its arguments.
    Command(Nodes),
    Dot,
    Nil,
    Bool(bool),
    /// An index in [`Tree::numbers`].
    Number(u32),
    /// A string constant: its index in [`Tree::texts`], and its length in the source with its quotes.
    String {
        text: u32,
        len: u32,
    },
    /// `.A.B`
    Field(Names),
    /// An index in [`Tree::uses`].
    Variable(u32),
    /// An index in [`Tree::chains`].
    Chain(u32),
    /// A function, by its index in the registry, and the length of its name.
    Identifier {
        function: u32,
        len: u32,
    },
}

/// `if`, `with`, `range`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branch {
    pub pipe: NodeId,
    pub body: Nodes,
    pub otherwise: Option<Nodes>,
}

/// `$name.A.B`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variable {
    /// Index in [`Tree::variables`].
    pub name: u32,
    /// The position of the value on the stack of the template; `None` if it is known only when the template is
    /// executed.
    pub slot: Option<u32>,
    pub fields: Names,
}

/// `(pipeline).A.B`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chain {
    pub node: NodeId,
    pub fields: Names,
}

/// A number constant, with its value as each type that can hold it.
#[derive(Debug, Default)]
pub(crate) struct Number {
    pub text: String,
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
    pub ideal: Ideal,
}

/// The type of a number constant in a place that accepts any type.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Ideal {
    Int(i64),
    Float(f64),
    Complex(f64, f64),
    /// An integer that no `int` can hold.
    #[default]
    Overflow,
}

impl std::ops::Index<NodeId> for Tree {
    type Output = Node;

    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}

impl Tree {
    /// Whether the tree has only white space: such a definition does not replace another.
    pub fn is_empty(&self) -> bool {
        self.list(self.root).iter().all(|id| match self[*id].kind {
            NodeKind::Text(start, end) => self.text(start, end).trim_ascii().is_empty(),
            _ => false,
        })
    }

    /// A range of the source.
    pub fn text(&self, start: u32, end: u32) -> &[u8] {
        self.source.text.as_bytes().get(start as usize..end as usize).unwrap_or_default()
    }

    /// The nodes of a run.
    pub fn list(&self, nodes: Nodes) -> &[NodeId] {
        self.lists.get(nodes.start as usize..(nodes.start + nodes.len) as usize).unwrap_or_default()
    }

    /// The names of a run.
    pub fn names(&self, names: Names) -> &[Name] {
        self.names.get(names.start as usize..(names.start + names.len) as usize).unwrap_or_default()
    }

    /// The name of a field.
    pub fn name(&self, name: Name) -> &[u8] {
        self.text(name.start, name.start + name.len)
    }

    /// The name of a called template, or the text of a string constant.
    pub fn constant(&self, index: u32) -> &Str {
        &self.texts[index as usize]
    }

    /// The parts of `if`, `with` or `range`.
    pub fn branch(&self, index: u32) -> &Branch {
        &self.branches[index as usize]
    }

    /// The variable of a [`NodeKind::Variable`].
    pub fn variable(&self, index: u32) -> &Variable {
        &self.uses[index as usize]
    }

    /// The pipeline and fields of a [`NodeKind::Chain`].
    pub fn chain(&self, index: u32) -> Chain {
        self.chains[index as usize]
    }

    /// The commands of a pipeline and the variables that it sets, from the parts of its node.
    pub fn pipe(&self, parts: Nodes, declared: u8) -> (&[NodeId], &[NodeId]) {
        let parts = self.list(parts);
        parts.split_at(parts.len() - usize::from(declared))
    }

    /// A number constant.
    pub fn number(&self, index: u32) -> &Number {
        &self.numbers[index as usize]
    }

    /// The source text of a node that has this length.
    pub fn source_of(&self, id: NodeId, len: u32) -> &[u8] {
        let start = self[id].pos;
        self.text(start, start + len)
    }

    /// The line (from 1) and column (from 0) of a position in the source, as Go counts them.
    pub fn line_and_column(&self, pos: u32) -> (u32, u32) {
        let text = self.source.text.as_bytes();
        let before = &text[..(pos as usize).min(text.len())];
        let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (line, (before.len() - start) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn nodes_are_small() {
        assert_eq!(size_of::<Node>(), 16);
    }
}
