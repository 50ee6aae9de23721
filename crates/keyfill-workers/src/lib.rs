//! Worker processes: the same program, started as a new process that inherits nothing but one socket.
//!
//! The supervisor has a [`Pool`], which keeps workers ready, and takes a [`Worker`] from it for each request. The
//! worker has the [`sandbox`], which gives up everything that rendering does not need, and a [`Channel`], on which
//! it receives orders. Both sides exchange messages: a [`Frame`], which may be followed by plain bytes, the tail,
//! and by one file descriptor. This crate does not interpret the content of messages.
//!
//! [`limits`] finds out how much memory the container may use.

#![cfg(unix)]

mod channel;
mod frame;
pub mod limits;
mod pool;
mod process;
pub mod sandbox;
mod start;

pub use channel::{Channel, Received};
pub use frame::{Frame, Lengths};
pub use pool::{Counts, Pool, PoolOptions, Scope, Worker};
pub use process::{Lost, Why};
pub use start::Program;

/// The exit code with which the allocator ends a worker that reached its limit of memory.
pub const OUT_OF_MEMORY: i32 = 86;
