//! The parts of a tree while it is built.

use super::super::ast::{Branch, Chain, Name, Names, Node, NodeId, Nodes, Number, Variable};
use super::super::lexer::{Token, TokenKind};
use crate::value::Str;

/// The tree that is being built.
pub(super) struct Building {
    pub(super) name: Str,
    pub(super) nodes: Vec<Node>,
    pub(super) lists: Vec<NodeId>,
    pub(super) names: Vec<Name>,
    pub(super) texts: Vec<Str>,
    pub(super) numbers: Vec<Number>,
    pub(super) branches: Vec<Branch>,
    pub(super) uses: Vec<Variable>,
    pub(super) chains: Vec<Chain>,
    /// Children of nodes that are not finished yet, the innermost last.
    pub(super) open: Vec<NodeId>,
    pub(super) variables: Vec<Str>,
    /// The variables that may be used here. Go also counts those that were only assigned to.
    pub(super) known: Vec<u32>,
    /// The variables in the order that they will have on the stack when this place is executed.
    pub(super) stack: Vec<u32>,
    /// Whether the stack depends on what was executed before, so that positions on it are not known.
    pub(super) dynamic: bool,
    /// The latest tokens, newest first. The first `peeked` of them will be returned again.
    pub(super) ahead: [Token; 3],
    pub(super) peeked: usize,
    /// The position at which the current action begins.
    pub(super) action: Option<u32>,
    pub(super) ranges: u32,
}

const NO_TOKEN: Token = Token { kind: TokenKind::Eof, start: 0, end: 0 };

impl Building {
    pub(super) fn new(name: Str) -> Self {
        Self {
            name,
            nodes: Vec::new(),
            lists: Vec::new(),
            names: Vec::new(),
            texts: Vec::new(),
            numbers: Vec::new(),
            branches: Vec::new(),
            uses: Vec::new(),
            chains: Vec::new(),
            open: Vec::new(),
            variables: vec![Str::from("$")],
            known: vec![0],
            stack: vec![0],
            dynamic: false,
            ahead: [NO_TOKEN; 3],
            peeked: 0,
            action: None,
            ranges: 0,
        }
    }

    pub(super) fn variable(&mut self, name: &[u8]) -> u32 {
        let at = self.variables.iter().position(|v| v.as_bytes() == name).unwrap_or_else(|| {
            self.variables.push(Str::new(name));
            self.variables.len() - 1
        });
        at as u32
    }

    /// Makes a run of the children that were added since `base`.
    pub(super) fn close(&mut self, base: usize) -> Nodes {
        let start = self.lists.len() as u32;
        self.lists.extend_from_slice(&self.open[base..]);
        let len = (self.open.len() - base) as u32;
        self.open.truncate(base);
        Nodes { start, len }
    }

    /// Appends names to a run of names, and returns the new run.
    pub(super) fn extend(&mut self, before: Names, names: &[Name]) -> Names {
        let mut start = before.start;
        if (before.start + before.len) as usize != self.names.len() {
            start = self.names.len() as u32;
            self.names.extend_from_within(before.start as usize..(before.start + before.len) as usize);
        }
        self.names.extend_from_slice(names);
        Names { start, len: self.names.len() as u32 - start }
    }

    pub(super) fn slot(&self, name: u32) -> Option<u32> {
        if self.dynamic {
            return None;
        }
        self.stack.iter().rposition(|v| *v == name).map(|at| at as u32)
    }
}

/// Appends an item and returns its index.
pub(super) fn put<T>(items: &mut Vec<T>, item: T) -> u32 {
    items.push(item);
    (items.len() - 1) as u32
}
