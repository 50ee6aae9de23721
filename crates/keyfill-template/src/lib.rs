//! Go's text/template and the sprig functions, as helm exposes them.
//!
//! Templates are parsed into a set once, and executed any number of times, also by several threads:
//!
//! ```
//! use keyfill_template::{Templates, function::Registry, funcs::FAMILIES};
//!
//! #[derive(serde::Serialize)]
//! struct Greeting {
//!     name: &'static str,
//!     times: u32,
//! }
//!
//! let mut templates = Templates::new("set", Registry::new(FAMILIES));
//! templates.parse("greeting", "Hello {{ .name | upper }}{{ range until .times }}!{{ end }}")?;
//! assert_eq!(templates.render("greeting", &Greeting { name: "world", times: 3 })?, "Hello WORLD!!!");
//! # Ok::<(), keyfill_template::Error>(())
//! ```
//!
//! [`Templates::render`] accepts data that serde can serialize. An [`Execution`] has its own deadline and limits,
//! and accepts a [`Value`](value::Value): Go's types, maps that templates change, objects with methods.
//!
//! ```
//! use keyfill_diag::{Cx, Limits};
//! use keyfill_template::{Execution, Templates, function::Registry, funcs::GO, value::{Map, Value}};
//! use std::{sync::Arc, time::Duration};
//!
//! let mut templates = Templates::new("set", Registry::new(&[GO]));
//! templates.parse("item", "{{ .name }}\n")?;
//! templates.parse("endless", "{{ define `a` }}{{ template `a` }}{{ end }}{{ template `a` }}")?;
//! let templates = Arc::new(templates);
//!
//! let limits = Limits { depth: 50, ..Limits::default() };
//! let mut execution = Execution::new(&Cx { limits, ..Cx::with_time(Duration::from_secs(2)) });
//! let data: Map = [("name", "web")].into_iter().collect();
//! assert_eq!(execution.render(&templates, "item", &Value::from(data))?, b"web\n");
//! assert!(execution.render(&templates, "endless", &Value::Nil).unwrap_err().is_limit());
//! # Ok::<(), keyfill_template::Error>(())
//! ```
//!
//! Errors have Go's message, and the chain of places that led to them:
//!
//! ```
//! # use keyfill_template::{Templates, function::Registry, funcs::GO};
//! let mut templates = Templates::new("set", Registry::new(&[GO]));
//! templates.parse("t", "{{ define \"x\" }}{{ index . 1 }}{{ end }}\n{{ template \"x\" 5 }}")?;
//! let error = templates.render("t", &()).unwrap_err();
//! assert_eq!(
//!     error.to_string(),
//!     r#"template: t:1:19: executing "x" at <index . 1>: error calling index: can't index item of type int"#
//! );
//! # Ok::<(), keyfill_template::Error>(())
//! ```
//!
//! # Where things are
//! - [`function`]: what a template function is, and how to write one of your own.
//! - [`funcs`]: the functions, a file for each family. [`funcs::GO`] are Go's own, [`funcs::FAMILIES`] those of helm 3.
//! - [`value`]: values like those of Go, shared and mutable where Go's are.
//! - [`Run`]: what functions can use of an execution: limits, deadline, state.
//! - `compiler`: parses text into a tree that never changes; `exec`: executes the tree.
//!
//! Each of these uses only those before it in this order: errors, `run`, `value`, `function`, `compiler`,
//! `templates`, `exec`. The functions use `value`, `run` and `function`, and none of these uses the functions.

#![warn(clippy::disallowed_methods)]

mod compiler;
mod error;
mod exec;
mod failure;
pub mod funcs;
pub mod function;
mod run;
mod templates;
pub mod value;

pub use error::{Error, Frame, Link, NilChain};
pub use exec::Execution;
pub use run::Run;
pub use templates::{MissingKey, Templates};

/// Runs the examples of the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
