//! The command line: flags as typed. `settings` and `render::options` resolve them.

pub mod args;
pub mod later;
pub mod pflag;
#[cfg(unix)]
pub mod refresh_args;
pub mod render_args;
#[cfg(unix)]
pub mod traces_args;
