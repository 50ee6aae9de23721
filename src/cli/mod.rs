//! The command line: flags as typed, settings as meant, and the names of the environment.

pub mod args;
pub mod config;
pub mod env;
pub mod render_args;
pub mod who;
