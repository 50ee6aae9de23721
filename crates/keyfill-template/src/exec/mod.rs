//! Execution of parsed templates.

mod ctx;

pub use ctx::Ctx;
