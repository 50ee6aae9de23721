//! Secret stores, and how values are read from them.
//!
//! [`Source`] is the trait of all stores: it reads the keys and values that a [`SecretRef`] names. [`Reads`] collects
//! the reads of a run, so that each distinct reference is read once. Each store has a module: [`vault`], [`mod@file`],
//! [`aws`], [`gcp`], [`azure`], [`onepassword`], [`kubernetes_secret`], [`ibm`], [`yandex`], [`delinea`], [`doppler`],
//! [`infisical`], [`gitlab`], [`conjur`], [`bitwarden`]. [`kubernetes`] sends requests to the API server of the
//! cluster, for example to read settings from a Secret.
//!
//! Nothing here prints a value: [`Secret`] and [`SecretValue`] have no Display, their Debug output leaves out the
//! value, and no error contains one. Nothing here reads environment variables either: settings are plain data that
//! the caller passes.

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
