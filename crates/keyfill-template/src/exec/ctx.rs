//! What a function sees of the run that calls it.

use crate::funcs::FuncError;
use keyfill_diag::Cx;
use std::any::{Any, TypeId};
use std::collections::HashMap;

/// The run of one or several templates: limits, deadline, and state that functions keep during it.
///
/// Functions get it as their first argument.
pub struct Ctx {
    pub(super) cx: Cx,
    /// Steps that are left.
    pub(super) steps: u64,
    /// Bytes that templates and functions may still produce.
    pub(super) bytes: u64,
    state: HashMap<TypeId, Box<dyn Any>>,
}

impl Ctx {
    /// A run under these circumstances.
    pub fn new(cx: &Cx) -> Self {
        Self {
            cx: cx.clone(),
            steps: cx.limits.steps,
            bytes: cx.limits.output_bytes.saturating_mul(4),
            state: HashMap::new(),
        }
    }

    /// Deadline and limits.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// Accounts for work before it is done: call it before making a result of `bytes` that may be huge
    /// (`repeat`, `until`, padding), and with about the number of steps in long loops.
    pub fn spend(&mut self, bytes: u64) -> Result<(), FuncError> {
        self.bytes = self
            .bytes
            .checked_sub(bytes)
            .ok_or_else(|| FuncError::limit("templates produce more than the limit allows"))?;
        // Asking for the time is cheap compared to a mebibyte of work.
        if bytes > 1 << 20 { self.check() } else { Ok(()) }
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
