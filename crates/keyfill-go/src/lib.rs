//! What Go's standard library does and Rust's does not: strconv, fmt verbs, JSON text, regexp syntax, time layouts.

pub mod fmt;
pub mod json;
pub mod path;
pub mod quote;
pub mod regexp;
pub mod semver;
pub mod strconv;
pub mod unicode;
pub mod utf8;
pub mod words;
