//! The run of an execution: its limits and deadline, and the state that functions keep meanwhile.

use crate::failure::FuncError;
use keyfill_diag::Cx;
use keyfill_yaml::{Emit, Within};
use std::any::{Any, TypeId};
use std::collections::HashMap;

/// The run that template functions belong to. They get it as their first argument.
///
/// It has the [`Cx`] of the run (deadline, cancellation, limits), counts what templates produce, and keeps state
/// for functions. An [`Execution`](crate::Execution), which executes templates, has one.
pub struct Run {
    cx: Cx,
    /// Bytes that templates and functions may still produce.
    bytes: u64,
    /// Bytes that were processed since the deadline was checked last.
    unchecked: u64,
    state: HashMap<TypeId, Box<dyn Any>>,
}

/// The number of bytes of work between two checks of the deadline. A check is cheap compared to a mebibyte of work.
const WORK_PER_CHECK: u64 = 1 << 20;

impl Run {
    /// A run with the deadline and the limits of `cx`.
    pub fn new(cx: &Cx) -> Self {
        Self {
            cx: cx.clone(),
            bytes: cx.limits.output_bytes.saturating_mul(4),
            unchecked: 0,
            state: HashMap::new(),
        }
    }

    /// The deadline and limits of the run.
    pub fn cx(&self) -> &Cx {
        &self.cx
    }

    /// Counts output before it is produced. Call it before making a result of `bytes` that may be huge (`repeat`,
    /// `until`, padding), and in long loops with about the number of steps.
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

    /// Counts work on bytes that exist already, which takes time but no memory.
    #[inline]
    pub fn work(&mut self, bytes: u64) -> Result<(), FuncError> {
        self.unchecked = self.unchecked.saturating_add(bytes);
        if self.unchecked > WORK_PER_CHECK {
            self.unchecked = 0;
            return self.check();
        }
        Ok(())
    }

    /// Returns an error if one value must not become as large as `bytes`. Call it before making the value.
    pub fn room(&self, bytes: u64) -> Result<(), FuncError> {
        if bytes > self.cx.limits.output_bytes {
            return Err(FuncError::limit("a value of a template would be larger than the limit allows"));
        }
        if bytes < WORK_PER_CHECK {
            return Ok(());
        }
        self.cx.room(bytes).map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// Returns an error if the run has to stop: deadline exceeded, or cancelled.
    pub fn check(&self) -> Result<(), FuncError> {
        self.cx.check().map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// The result of `write` on a tree, or an error if the run has to stop meanwhile.
    pub(crate) fn write<E: Emit, T>(
        &self,
        tree: &E,
        write: impl FnOnce(&Within<'_, E>) -> T,
    ) -> Result<T, FuncError> {
        let written = Within::run(&self.cx, tree).written(write);
        written.map_err(|stopped| FuncError::limit(stopped.to_string()))
    }

    /// State that functions keep for the length of the run, one value for each Rust type: caches of compiled
    /// expressions, the random numbers of `--seed`, what a host set with [`Run::provide`].
    pub fn state<T: Any + Default>(&mut self) -> &mut T {
        let slot = self.state.entry(TypeId::of::<T>()).or_insert_with(|| Box::<T>::default());
        slot.downcast_mut().expect("the slot of a type holds a value of that type")
    }

    /// Sets the state of the Rust type `T`. Call it before templates are executed.
    pub fn provide<T: Any>(&mut self, value: T) {
        self.state.insert(TypeId::of::<T>(), Box::new(value));
    }

    /// The state of the Rust type `T`, if there is one.
    pub fn provided<T: Any>(&self) -> Option<&T> {
        self.state.get(&TypeId::of::<T>()).and_then(|value| value.downcast_ref())
    }
}
