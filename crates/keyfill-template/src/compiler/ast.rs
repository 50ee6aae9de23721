//! The parsed template: nodes in one array, so that the executor marks its place with an index.
//!
//! A tree is never changed once parsed and may be shared between threads.

use crate::value::Str;
use std::sync::Arc;

/// The index of a node in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(pub u32);

/// The text that was parsed: a file of a chart. Several trees come from one text.
#[derive(Debug)]
pub(crate) struct Source {
    pub file: String,
    pub text: Arc<[u8]>,
}

/// One template: the text itself, or what a `define` or `block` in it holds.
#[derive(Debug)]
pub(crate) struct Tree {
    pub name: Str,
    pub source: Arc<Source>,
    pub nodes: Vec<Node>,
    /// The statements.
    pub root: Box<[NodeId]>,
    /// Names of variables with their `$`; nodes hold the index. The first is `$` itself.
    pub variables: Vec<Str>,
}

#[derive(Debug)]
pub(crate) struct Node {
    /// Where it begins in the text, in bytes.
    pub pos: u32,
    pub kind: NodeKind,
}

#[derive(Debug)]
pub(crate) enum NodeKind {
    /// Text between actions: this range of the source.
    Text(u32, u32),
    /// A pipeline whose value is printed.
    Action(NodeId),
    Break,
    Continue,
    If(Branch),
    With(Branch),
    Range(Branch),
    Template {
        name: Str,
        pipe: Option<NodeId>,
    },
    Pipe {
        declared: Box<[NodeId]>,
        /// The variables exist and get a new value.
        assign: bool,
        commands: Box<[NodeId]>,
    },
    /// The first word and its arguments.
    Command(Box<[NodeId]>),
    Dot,
    Nil,
    Bool(bool),
    Number(Box<Number>),
    /// A string constant, and the range of the source that holds it with its quotes.
    String {
        text: Str,
        quoted: (u32, u32),
    },
    /// `.A.B`
    Field(Box<[Str]>),
    Variable(Variable),
    /// `(pipeline).A.B`
    Chain {
        node: NodeId,
        fields: Box<[Str]>,
    },
    /// A function, by its index in the registry.
    Identifier {
        name: Str,
        function: u32,
    },
}

/// `if`, `with`, `range`.
#[derive(Debug)]
pub(crate) struct Branch {
    pub pipe: NodeId,
    pub body: Box<[NodeId]>,
    pub otherwise: Option<Box<[NodeId]>>,
}

/// `$name.A.B`
#[derive(Debug)]
pub(crate) struct Variable {
    /// Index in [`Tree::variables`].
    pub name: u32,
    /// Where its value stands on the stack of the template; `None` when only a search can tell.
    pub slot: Option<u32>,
    pub fields: Box<[Str]>,
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

/// The type of a number constant where none is asked for.
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
    /// Whether there is nothing but space: such a definition does not replace another.
    pub fn is_empty(&self) -> bool {
        self.root.iter().all(|id| match self[*id].kind {
            NodeKind::Text(start, end) => self.text(start, end).trim_ascii().is_empty(),
            _ => false,
        })
    }

    /// A range of the source.
    pub fn text(&self, start: u32, end: u32) -> &[u8] {
        self.source.text.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Line from 1 and column from 0 of a place in the source, as Go counts them.
    pub fn line_and_column(&self, pos: u32) -> (u32, u32) {
        let before = &self.source.text[..(pos as usize).min(self.source.text.len())];
        let line = memchr::memchr_iter(b'\n', before).count() as u32 + 1;
        let start = memchr::memrchr(b'\n', before).map_or(0, |at| at + 1);
        (line, (before.len() - start) as u32)
    }
}
