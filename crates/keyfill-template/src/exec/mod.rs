//! Execution of parsed templates: [`walk`] executes statements, [`eval`] pipelines and operands, [`call`]
//! functions, and [`tpl`] the templates that functions execute.

mod call;
mod eval;
mod execution;
mod tpl;
mod walk;

pub use execution::Execution;

use crate::compiler::{NodeId, Tree};
use crate::error::{Error, Frame, line_of};
use crate::failure::{Failure, FuncError};
use crate::value::Value;
use keyfill_go::quote::quote;

/// The value of `.`, and whether it is in an `interface {}` (an element of a list): Go's messages and its rules
/// for nil depend on that.
#[derive(Clone, Copy)]
struct Dot<'a> {
    value: &'a Value,
    interface: bool,
}

impl<'a> Dot<'a> {
    fn plain(value: &'a Value) -> Self {
        Self { value, interface: false }
    }

    /// The value as an argument. A nil in an interface is marked as such.
    fn operand(self) -> Value {
        match self.value {
            Value::Nil if self.interface => Value::NilInterface,
            value => value.clone(),
        }
    }
}

/// The context in which a word of a template is evaluated: its tree and node, and the value of `.`.
#[derive(Clone, Copy)]
struct Site<'a> {
    tree: &'a Tree,
    node: NodeId,
    dot: Dot<'a>,
}

impl Execution {
    /// Executes a template by name, and appends what it prints to the output.
    fn execute(&mut self, name: &[u8], data: &Value) -> Result<(), Error> {
        let Some(tree) = self.templates.find(name).cloned() else {
            let set = quote(self.templates.name().as_bytes());
            let message = format!("template: no template {} associated with template {set}", quote(name));
            return Err(Error::plain(message, false).with_hint(self.near_template(name)));
        };
        self.execute_tree(&tree, data)
    }

    /// A hint with the name of a template that is similar.
    #[cold]
    fn near_template(&self, name: &[u8]) -> Option<String> {
        let names = self.templates.names();
        let near = keyfill_diag::nearest(&String::from_utf8_lossy(name), names.iter().map(String::as_str))?;
        Some(format!("did you mean {near:?}?"))
    }

    /// An error at the current node.
    #[cold]
    fn error(&self, tree: &Tree, message: impl Into<String>) -> Error {
        Error::exec(self.place(tree), message.into(), None, false)
    }

    /// An error of a function, at the current node.
    #[cold]
    fn failure(&self, tree: &Tree, error: FuncError) -> Error {
        let place = self.place(tree);
        match error.0 {
            Failure::Message(message) => Error::exec(place, message, None, false),
            Failure::Limit(message) => Error::exec(place, message, None, true),
            Failure::Template { before, error } => Error::exec(place, before, Some(error), false),
        }
    }

    fn place(&self, tree: &Tree) -> Frame {
        let (line, column) = tree.line_and_column(tree[self.at].pos);
        // `tpl` parses its texts under the name of the set.
        let is_of_tpl = *self.templates.name() == tree.source.file.as_str();
        Frame {
            file: tree.source.file.clone(),
            line,
            column,
            template: tree.name.to_text().into_owned(),
            context: tree.show(self.at),
            text: is_of_tpl.then(|| line_of(tree.source.text.as_bytes(), line)).flatten(),
        }
    }
}
