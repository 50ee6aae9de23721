//! Where secret values come from.
//!
//! [`Source`] is the one way in: it reads the keys and values under a [`SecretRef`]. [`Reads`] puts a run's
//! reads together, so that each distinct reference is read once. A module holds each store: [`vault`],
//! [`mod@file`], [`aws`], [`gcp`], [`azure`], [`onepassword`], [`kubernetes_secret`], [`ibm`], [`yandex`], [`delinea`],
//! [`doppler`], [`infisical`], [`gitlab`], [`conjur`], [`bitwarden`]. [`kubernetes`] reads a Secret of the cluster, for settings that are
//! kept in one.
//!
//! Nothing here prints a value: [`Secret`] and [`SecretValue`] have no Display and an empty Debug, and
//! errors name paths, hosts and statuses only. Nothing here reads the environment either: settings are
//! plain data that the command line resolves.

#![warn(clippy::disallowed_methods)]

pub mod aws;
pub mod azure;
pub mod bitwarden;
mod cached;
pub mod conjur;
mod data;
pub mod delinea;
pub mod doppler;
mod error;
pub mod file;
mod gate;
pub mod gcp;
pub mod gitlab;
pub mod ibm;
pub mod infisical;
mod kept;
pub mod kubernetes;
pub mod kubernetes_secret;
pub mod onepassword;
mod reads;
mod reference;
mod rest;
mod retry;
mod secret;
mod source;
mod token;
mod traffic;
pub mod vault;
mod web;
pub mod yandex;

pub use cached::{CacheOptions, CacheStats, Cached};
pub use data::{SecretData, SecretValue};
pub use error::Error;
pub use kept::Room;
pub use keyfill_http::Addresses;
pub use reads::Reads;
pub use reference::{Keys, KvVersion, SecretRef};
pub use rest::Network;
pub use secret::{Secret, SecretBytes};
pub use source::{BoxFuture, Source};
pub use traffic::{Traffic, TrafficStats};
