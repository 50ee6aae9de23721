//! One run: its limits and deadline, and what functions keep while it lasts.

use crate::failure::FuncError;
use keyfill_diag::Cx;
use keyfill_yaml::{Emit, Within};
use std::any::{Any, TypeId};
use std::collections::HashMap;

/// What template functions see of the run that they belong to: they get it as their first argument.
///
/// It holds the [`Cx`] of the run (deadline, cancellation, limits), counts what templates produce, and keeps
/// state for functions. What executes templates is an [`Execution`](crate::Execution), which has one.
pub struct Run {
    cx: Cx,
    /// Bytes that templates and functions may still produce.
    bytes: u64,
    /// Bytes that were worked on since the deadline was checked last.
    unchecked: u64,
    state: HashMap<TypeId, Box<dyn Any>>,
}

/// Asking for the time is cheap compared to a mebibyte of work.
const WORK_PER_CHECK: u64 = 1 << 20;

impl Run {
    /// A run with this deadline and these limits.
    pub fn new(cx: &Cx) -> Self {
        Self {
            cx: cx.clone(),
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

    /// Accounts for work on bytes that exist already: it takes time and no memory.
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

    /// What `write` makes of a tree, unless the run has to stop meanwhile.
    pub(crate) fn write<E: Emit, T>(
        &self,
        tree: &E,
        write: impl FnOnce(&Within<'_, E>) -> T,
    ) -> Result<T, FuncError> {
        let written = Within::run(&self.cx, tree).written(write);
        written.map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// State that functions keep for the length of the run, one value for each Rust type: caches of
    /// compiled expressions, the random numbers of `--seed`, what a host gave with [`Run::provide`].
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
