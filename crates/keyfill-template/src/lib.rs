//! Go's text/template and the sprig functions, as helm exposes them.
//!
//! - [`value`]: values as Go has them.
//! - [`funcs`]: how functions are registered, and all of them, a file for each family.
//! - [`Ctx`]: the run that functions see.

mod compiler;
mod error;
mod exec;
pub mod funcs;
mod templates;
pub mod value;

pub use error::{Error, Frame};
pub use exec::Ctx;
pub use templates::{MissingKey, Templates};
