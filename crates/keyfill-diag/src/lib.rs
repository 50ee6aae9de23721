//! Diagnostics with a position, a message, a hint and a class; and a run's deadline, cancellation and limits.
//!
//! Every crate of the workspace reports problems as [`Diagnostic`] values, so that the command line can print them
//! all in one form and choose the exit code from the [`Class`]. A diagnostic never contains a secret value:
//! messages name paths and keys, and the source line is the line as it is in git.

#![warn(clippy::disallowed_methods)]

mod address;
mod cx;
mod diagnostic;
mod near;
mod report;

pub use address::without_users;
pub use cx::{Cancel, Cx, Flag, Limits, Memory, Stopped};
pub use diagnostic::{Class, Diagnostic, ObjectRef, Place, Severity};
pub use near::nearest;
pub use report::{Remedy, Report};
