//! From template text to a tree: [`lexer`] makes tokens, [`parser`] a tree of [`ast`] nodes.

pub(crate) mod ast;
mod lexer;
mod number;
mod parser;
mod show;

pub(crate) use ast::{Branch, Chain, Ideal, Name, NodeId, NodeKind, Nodes, Number, Tree, Variable};
pub(crate) use parser::parse;
