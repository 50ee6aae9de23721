//! Worker processes: the same program started anew, with nothing of its parent's but one socket.
//!
//! The supervisor's side is [`Pool`], which keeps workers ready and hands them out, and [`Worker`], which is one
//! of them for the time of one request. The worker's side is [`sandbox`], which gives everything up that rendering
//! does not need, and [`Channel`], on which its orders come. Both sides exchange messages: a [`Frame`], at times with
//! a tail of plain bytes behind it, and at times with one file descriptor. What the bytes mean is not this crate's
//! business.
//!
//! [`limits`] says how much memory the container has.

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

/// The exit code of a worker that could not get memory. The allocator ends the process with it.
pub const OUT_OF_MEMORY: i32 = 86;
