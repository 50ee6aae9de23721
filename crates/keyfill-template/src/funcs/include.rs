//! helm's functions that execute templates. The executor does their work, since functions have no access to it.

use crate::function::Function;

/// `include` and `tpl`.
pub const FUNCTIONS: &[Function] = &[Function::include(), Function::tpl()];
