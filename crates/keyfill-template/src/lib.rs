//! Go's text/template and the sprig functions, as helm exposes them.
//!
//! Templates are parsed into a set once and executed as often as wanted, also by several threads:
//!
//! ```
//! use keyfill_diag::Cx;
//! use keyfill_template::funcs::{FAMILIES, Registry};
//! use keyfill_template::value::{Map, Value};
//! use keyfill_template::{Ctx, Templates};
//! use std::sync::Arc;
//!
//! let mut templates = Templates::new("set", Registry::new(FAMILIES));
//! templates.parse("greeting", b"Hello {{ .name | upper }}{{ range until 3 }}!{{ end }}")?;
//!
//! let data: Map = [("name", "world")].into_iter().collect();
//! let out = Ctx::new(&Cx::default()).render(&Arc::new(templates), "greeting", &Value::from(data))?;
//! assert_eq!(out, b"Hello WORLD!!!");
//! # Ok::<(), keyfill_template::Error>(())
//! ```
//!
//! Errors have Go's text, and know the chain of places that led to them:
//!
//! ```
//! # use keyfill_diag::Cx;
//! # use keyfill_template::funcs::{GO, Registry};
//! # use keyfill_template::value::Value;
//! # use keyfill_template::{Ctx, Templates};
//! let mut templates = Templates::new("set", Registry::new(&[GO]));
//! templates.parse("t", b"{{ define \"x\" }}{{ index . 1 }}{{ end }}\n{{ template \"x\" 5 }}")?;
//! let error = Ctx::new(&Cx::default()).render(&templates.into(), "t", &Value::Nil).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     r#"template: t:1:19: executing "x" at <index . 1>: error calling index: can't index item of type int"#
//! );
//! # Ok::<(), keyfill_template::Error>(())
//! ```
//!
//! How it is made:
//! - [`value`]: values as Go has them, shared and mutable where Go's are.
//! - [`funcs`]: how functions are registered, and all of them, a file for each family. [`funcs::GO`] are
//!   Go's own; [`funcs::FAMILIES`] all that helm has.
//! - `compiler`: from text to a tree that is never changed.
//! - `exec`: walks the tree. [`Ctx`] is one run: its limits, its clock, and what functions see of it.

#![warn(clippy::disallowed_methods)]

mod compiler;
mod error;
mod exec;
pub mod funcs;
mod templates;
pub mod value;

pub use error::{Error, Frame, Link, NilChain};
pub use exec::Ctx;
pub use templates::{MissingKey, Templates};

/// The examples of the README are run with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
