//! Parts of Go's standard library and of libraries for it that behave differently in Rust: strconv, fmt verbs,
//! JSON text, regexp syntax, time layouts.

#![warn(clippy::disallowed_methods)]

pub mod base;
pub mod fmt;
pub mod json;
pub mod json_decode;
pub mod path;
pub mod quote;
pub mod regexp;
pub mod semver;
pub mod strconv;
pub mod time;
pub mod unicode;
pub mod url;
pub mod utf8;
pub mod words;
