//! Compiles template text: [`lexer`] returns tokens, [`parser`] builds a tree of [`ast`] nodes from them.

pub(crate) mod ast;
mod lexer;
mod number;
mod parser;
mod show;

pub(crate) use ast::{Branch, Chain, Ideal, Name, NodeId, NodeKind, Nodes, Number, Tree, Variable};
pub(crate) use parser::parse;
