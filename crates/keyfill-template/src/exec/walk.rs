//! Executes statements: text, actions, `if`, `with`, `range`, `template`.

use super::execution::Variable;
use super::{Dot, Execution};
use crate::compiler::{Branch, NodeId, NodeKind, Nodes, Tree};
use crate::error::Error;
use crate::failure::FuncError;
use crate::value::{Type, Value};
use keyfill_go::quote::quote;

/// How a statement ended.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

/// The number of steps between two checks of the deadline.
const STEPS_PER_CHECK: u64 = 1 << 12;

/// The work that one entry of a map counts in a range, in bytes.
const WORK_OF_ENTRY: u64 = 64;

/// If less stack than this is left, in bytes, more is allocated on the heap.
const STACK_LEFT: usize = 512 << 10;
/// The number of bytes that are allocated then.
const STACK_MORE: usize = 4 << 20;

impl Execution {
    /// Executes a tree with `.` and `$` being `data`.
    pub(super) fn execute_tree(&mut self, tree: &Tree, data: &Value) -> Result<(), Error> {
        if self.depth >= self.cx().limits.depth {
            let limit = self.cx().limits.depth;
            return Err(Error::plain(format!("exceeded maximum template depth ({limit})"), true));
        }
        let outer = (self.frame, self.at);
        self.depth += 1;
        self.frame = self.variables.len();
        // The limit of steps may be reached before the first statement: the error's place is then in this tree.
        self.at = tree.list(tree.root).first().copied().unwrap_or(NodeId(0));
        self.variables.push(Variable { name: 0, interface: false, value: data.clone() });
        let result =
            stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.list(tree, tree.root, Dot::plain(data)));
        self.variables.truncate(self.frame);
        (self.frame, self.at) = outer;
        self.depth -= 1;
        result.map(|_| ())
    }

    /// Counts a step. Every `STEPS_PER_CHECK` steps it checks the limit and the deadline.
    #[inline]
    pub(super) fn step(&mut self, tree: &Tree) -> Result<(), Error> {
        self.steps = self.steps.wrapping_sub(1);
        if self.steps.is_multiple_of(STEPS_PER_CHECK) { self.check_steps(tree) } else { Ok(()) }
    }

    #[cold]
    fn check_steps(&mut self, tree: &Tree) -> Result<(), Error> {
        // No steps are left, or the count wrapped below zero.
        if self.steps == 0 || self.steps > self.cx().limits.steps {
            self.steps = 1;
            return Err(
                self.failure(tree, FuncError::limit("templates take more steps than the limit allows"))
            );
        }
        self.run.check().map_err(|error| self.failure(tree, error))
    }

    fn list(&mut self, tree: &Tree, list: Nodes, dot: Dot<'_>) -> Result<Flow, Error> {
        for id in tree.list(list) {
            match self.statement(tree, *id, dot)? {
                Flow::Next => {}
                jump => return Ok(jump),
            }
        }
        Ok(Flow::Next)
    }

    fn statement(&mut self, tree: &Tree, id: NodeId, dot: Dot<'_>) -> Result<Flow, Error> {
        self.step(tree)?;
        self.at = id;
        match tree[id].kind {
            NodeKind::Text(start, end) => self.write(tree, tree.text(start, end))?,
            NodeKind::Action(pipe) => {
                let value = self.pipeline(tree, pipe, dot)?;
                if !matches!(tree[pipe].kind, NodeKind::Pipe { declared: 1.., .. }) {
                    self.at = id;
                    self.print_value(tree, &value)?;
                }
            }
            NodeKind::If(branch) => return self.branch(tree, tree.branch(branch), dot, false),
            NodeKind::With(branch) => return self.branch(tree, tree.branch(branch), dot, true),
            NodeKind::Range(branch) => return self.range(tree, tree.branch(branch), dot),
            NodeKind::Template { name, pipe } => {
                self.call_template(tree, tree.constant(name).as_bytes(), pipe, dot)?;
            }
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
            _ => return Err(self.error(tree, format!("unknown node: {}", tree.show(id)))),
        }
        Ok(Flow::Next)
    }

    /// Appends a text to the output.
    fn write(&mut self, tree: &Tree, text: &[u8]) -> Result<(), Error> {
        self.run.spend(text.len() as u64).map_err(|error| self.failure(tree, error))?;
        if self.out.capacity() - self.out.len() < text.len() {
            // While the output grows, the old buffer and one of twice its size exist.
            let grown = 2 * self.out.capacity() + text.len();
            let room = self.cx().room(grown as u64);
            room.map_err(|stopped| self.failure(tree, FuncError::limit(stopped.to_string())))?;
        }
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn print_value(&mut self, tree: &Tree, value: &Value) -> Result<(), Error> {
        match value {
            Value::Str(text) => return self.write(tree, text.as_bytes()),
            Value::Nil | Value::NilInterface => return self.write(tree, b"<no value>"),
            Value::Func(_) => {
                let message = format!("can't print {} of type {}", tree.show(self.at), value.type_name());
                return Err(self.error(tree, message));
            }
            Value::Object(object) => {
                if let Some(text) = object.shown() {
                    return self.write(tree, text.as_bytes());
                }
            }
            _ => {}
        }
        let before = self.out.len();
        let printed = value.print(&mut self.out);
        let written = (self.out.len() - before) as u64;
        printed.and_then(|()| self.run.spend(written)).map_err(|error| self.failure(tree, error))
    }

    /// `if` and `with`.
    fn branch(&mut self, tree: &Tree, branch: &Branch, dot: Dot<'_>, with: bool) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let value = self.pipeline(tree, branch.pipe, dot)?;
        let flow = match (value.truth(), branch.otherwise) {
            (true, _) => {
                let dot = if with { Dot::plain(&value) } else { dot };
                self.nested_list(tree, branch.body, dot)?
            }
            (false, Some(otherwise)) => self.nested_list(tree, otherwise, dot)?,
            (false, None) => Flow::Next,
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn nested_list(&mut self, tree: &Tree, list: Nodes, dot: Dot<'_>) -> Result<Flow, Error> {
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.list(tree, list, dot))
    }

    fn range(&mut self, tree: &Tree, branch: &Branch, dot: Dot<'_>) -> Result<Flow, Error> {
        let mark = self.variables.len();
        let value = self.pipeline(tree, branch.pipe, dot)?;
        let mut turns = Turns { tree, branch, mark: self.variables.len(), some: false };
        match &value {
            Value::Nil => {}
            Value::List(list) => {
                let interface = list.ty().elem == Type::Any;
                for (index, item) in list.iter().enumerate() {
                    let item = Dot { value: item, interface };
                    if !self.turn(&mut turns, &Value::Int(index as i64), item)? {
                        break;
                    }
                }
            }
            Value::Bytes(bytes) => {
                for (index, byte) in bytes.as_bytes().iter().enumerate() {
                    let item = Value::Uint8(*byte);
                    if !self.turn(&mut turns, &Value::Int(index as i64), Dot::plain(&item))? {
                        break;
                    }
                }
            }
            Value::Map(map) => {
                let interface = map.ty().elem == Type::Any;
                // The body may change the map, so the range is over a snapshot.
                let work = self.run.work(map.len() as u64 * WORK_OF_ENTRY);
                work.map_err(|error| self.failure(tree, error))?;
                for (key, item) in map.snapshot() {
                    let item = Dot { value: &item, interface };
                    if !self.turn(&mut turns, &Value::Str(key), item)? {
                        break;
                    }
                }
            }
            number => self.range_over_number(&mut turns, number)?,
        }
        let some = turns.some;
        let flow = match branch.otherwise {
            Some(otherwise) if !some => self.nested_list(tree, otherwise, dot)?,
            _ => Flow::Next,
        };
        self.variables.truncate(mark);
        // A `break` in the `else` of a range ends that range, although the parser counts it as one of the outer
        // range.
        Ok(if let Flow::Break = flow { Flow::Next } else { flow })
    }

    fn range_over_number(&mut self, turns: &mut Turns<'_>, value: &Value) -> Result<(), Error> {
        let end = match (value.as_int(), value.as_uint()) {
            (Some(n), _) => u64::try_from(n).unwrap_or(0),
            (None, Some(n)) => n,
            (None, None) => {
                let message = format!("range can't iterate over {}", self.shown(turns.tree, value)?);
                return Err(self.error(turns.tree, message));
            }
        };
        if turns.declared().len() > 1 {
            let shown = self.shown(turns.tree, value)?;
            let message = format!("can't use {shown} to iterate over more than one variable");
            return Err(self.error(turns.tree, message));
        }
        for n in 0..end {
            let item = match value {
                Value::Int32(_) => Value::Int32(n as i32),
                Value::Int64(_) => Value::Int64(n as i64),
                Value::Uint(_) => Value::Uint(n),
                Value::Uint8(_) => Value::Uint8(n as u8),
                Value::Uint32(_) => Value::Uint32(n as u32),
                Value::Uint64(_) => Value::Uint64(n),
                _ => Value::Int(n as i64),
            };
            if !self.turn(turns, &Value::Nil, Dot::plain(&item))? {
                break;
            }
        }
        Ok(())
    }

    /// Executes the body of a range once. Returns false if the range has to end.
    fn turn(&mut self, turns: &mut Turns<'_>, index: &Value, item: Dot<'_>) -> Result<bool, Error> {
        let (tree, mark) = (turns.tree, turns.mark);
        self.step(tree)?;
        turns.some = true;
        let assign = turns.assigns();
        match turns.declared() {
            [] => {}
            [one] if assign => self.assign(tree, *one, item)?,
            [first, second] if assign => {
                self.assign(tree, *first, Dot::plain(index))?;
                self.assign(tree, *second, item)?;
            }
            declared => {
                self.set_top(1, item);
                if declared.len() > 1 {
                    self.set_top(2, Dot::plain(index));
                }
            }
        }
        let flow = self.nested_list(tree, turns.branch.body, item)?;
        self.variables.truncate(mark);
        Ok(!matches!(flow, Flow::Break))
    }

    fn set_top(&mut self, from_top: usize, value: Dot<'_>) {
        let at = self.variables.len().wrapping_sub(from_top);
        if let Some(variable) = self.variables.get_mut(at) {
            variable.interface = value.interface;
            variable.value = value.value.clone();
        }
    }

    fn shown(&self, tree: &Tree, value: &Value) -> Result<String, Error> {
        let mut out = Vec::new();
        value.print(&mut out).map_err(|error| self.failure(tree, error))?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    fn call_template(&mut self, tree: &Tree, name: &[u8], pipe: NodeId, dot: Dot<'_>) -> Result<(), Error> {
        let Some(called) = self.templates.find(name).cloned() else {
            let error = self.error(tree, format!("template {} not defined", quote(name)));
            return Err(error.with_hint(self.near_template(name)));
        };
        if self.depth >= self.cx().limits.depth {
            let message = format!("exceeded maximum template depth ({})", self.cx().limits.depth);
            return Err(self.failure(tree, FuncError::limit(message)));
        }
        let data = if pipe == NodeId::NONE { Value::Nil } else { self.pipeline(tree, pipe, dot)? };
        self.execute_tree(&called, &data)
    }
}

/// What all iterations of a range share.
struct Turns<'a> {
    tree: &'a Tree,
    branch: &'a Branch,
    /// The height of the variable stack at the start of each iteration.
    mark: usize,
    /// Whether there was an iteration.
    some: bool,
}

impl<'a> Turns<'a> {
    fn declared(&self) -> &'a [NodeId] {
        match self.tree[self.branch.pipe].kind {
            NodeKind::Pipe { parts, declared, .. } => self.tree.pipe(parts, declared).1,
            _ => &[],
        }
    }

    fn assigns(&self) -> bool {
        matches!(self.tree[self.branch.pipe].kind, NodeKind::Pipe { assign: true, .. })
    }
}
