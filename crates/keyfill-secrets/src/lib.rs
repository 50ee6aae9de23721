//! Where secret values come from.
//!
//! [`Source`] is the one way in: it reads the keys and values under a [`SecretRef`]. [`Reads`] puts a run's
//! reads together, so that each distinct reference is read once. Twin modules hold the stores: [`vault`]
//! and [`mod@file`]; [`kubernetes`] reads a Secret of the cluster, for settings that are kept in one.
//!
//! Nothing here prints a value: [`Secret`] and [`SecretValue`] have no Display and an empty Debug, and
//! errors name paths, hosts and statuses only. Nothing here reads the environment either: settings are
//! plain data that the command line resolves.

#![warn(clippy::disallowed_methods)]

mod data;
mod error;
pub mod file;
pub mod kubernetes;
mod reads;
mod reference;
mod retry;
mod secret;
mod source;
pub mod vault;

pub use data::{SecretData, SecretValue};
pub use error::Error;
pub use reads::Reads;
pub use reference::{KvVersion, SecretRef};
pub use secret::Secret;
pub use source::{BoxFuture, Source};
