//! The run: what executes templates, and what functions see of it.

use super::tpl::Parsed;
use crate::compiler::NodeId;
use crate::funcs::{FuncError, Registry};
use crate::templates::Templates;
use crate::value::{Str, Value};
use keyfill_diag::Cx;
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

/// The run of one or several templates: limits, deadline, and state that functions keep during it.
///
/// It executes templates ([`Ctx::render`]), and functions get it as their first argument.
pub struct Ctx {
    pub(super) cx: Cx,
    pub(super) templates: Arc<Templates>,
    pub(super) out: Vec<u8>,
    /// The variables of all templates that are being executed; those of the innermost begin at `frame`.
    pub(super) variables: Vec<Variable>,
    pub(super) frame: usize,
    /// The node that is being executed, for errors.
    pub(super) at: NodeId,
    /// How many templates are being executed, one inside the other.
    pub(super) depth: u32,
    /// How often each template is being included, one inside the other.
    pub(super) included: HashMap<Str, u32>,
    pub(super) parsed: HashMap<Str, Parsed>,
    /// How long the texts of `parsed` are.
    pub(super) parsed_bytes: usize,
    /// Steps that are left.
    pub(super) steps: u64,
    /// Bytes that templates and functions may still produce.
    bytes: u64,
    /// Bytes that were worked on since the last look at the clock.
    unchecked: u64,
    state: HashMap<TypeId, Box<dyn Any>>,
}

/// Asking for the time is cheap compared to a mebibyte of work.
const WORK_PER_CHECK: u64 = 1 << 20;

/// A variable on the stack.
pub(super) struct Variable {
    /// Index in the tree's names.
    pub name: u32,
    /// Whether the value is held in an `interface {}`: an element of a list.
    pub interface: bool,
    pub value: Value,
}

impl Ctx {
    /// A run under these circumstances.
    pub fn new(cx: &Cx) -> Self {
        Self {
            cx: cx.clone(),
            templates: Arc::new(Templates::new("", Registry::default())),
            out: Vec::new(),
            variables: Vec::new(),
            frame: 0,
            at: NodeId(0),
            depth: 0,
            included: HashMap::new(),
            parsed: HashMap::new(),
            parsed_bytes: 0,
            steps: cx.limits.steps,
            bytes: cx.limits.output_bytes.saturating_mul(4),
            unchecked: 0,
            state: HashMap::new(),
        }
    }

    /// Deadline and limits.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// Accounts for work before it is done: call it before making a result of `bytes` that may be huge
    /// (`repeat`, `until`, padding), and with about the number of steps in long loops.
    #[inline]
    pub fn spend(&mut self, bytes: u64) -> Result<(), FuncError> {
        self.bytes = self
            .bytes
            .checked_sub(bytes)
            .ok_or_else(|| FuncError::limit("templates produce more than the limit allows"))?;
        if bytes > WORK_PER_CHECK {
            self.room(bytes)?;
        }
        self.work(bytes)
    }

    /// Accounts for work on bytes that are there already: it takes time and no memory.
    #[inline]
    pub fn work(&mut self, bytes: u64) -> Result<(), FuncError> {
        self.unchecked = self.unchecked.saturating_add(bytes);
        if self.unchecked > WORK_PER_CHECK {
            self.unchecked = 0;
            return self.check();
        }
        Ok(())
    }

    /// Whether one value may become so large. Ask before it is made.
    pub fn room(&self, bytes: u64) -> Result<(), FuncError> {
        if bytes > self.cx.limits.output_bytes {
            return Err(FuncError::limit("a value of a template would be larger than the limit allows"));
        }
        if bytes < WORK_PER_CHECK {
            return Ok(());
        }
        self.cx.room(bytes).map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// Whether the run may go on: deadline and cancellation.
    pub fn check(&self) -> Result<(), FuncError> {
        self.cx.check().map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// State that functions keep for the length of the run, one value for each Rust type: caches of
    /// compiled expressions, the random numbers of `--seed`, what a host gave with [`Ctx::provide`].
    pub fn state<T: Any + Default>(&mut self) -> &mut T {
        let slot = self.state.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        slot.downcast_mut().expect("the slot of a type holds a value of that type")
    }

    /// Sets the state of a Rust type before the run.
    pub fn provide<T: Any>(&mut self, value: T) {
        self.state.insert(TypeId::of::<T>(), Box::new(value));
    }

    /// The state of a Rust type, if there is one.
    pub fn provided<T: Any>(&self) -> Option<&T> {
        self.state.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }
}
