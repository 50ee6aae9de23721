//! HashiCorp Vault and OpenBao.
//!
//! [`VaultSource`] knows paths and engines, [`VaultClient`] tokens, retries and the wire; both are built from
//! [`VaultSettings`]. [`Shared`] is for a process that stays: one login and one short-lived cache for all of its
//! requests.

mod answers;
mod cache;
mod client;
mod endpoints;
mod foreign;
mod identity;
mod metadata;
mod route;
mod session;
mod settings;
mod shared;
mod source;
mod transit;

pub use client::{Stats, VaultClient};
pub use metadata::{Health, Known, Metadata, TokenInfo, Version};
pub use settings::{Auth, CacheNames, Jwt, Proxy, Tls, TokenCache, VaultSettings};
pub use shared::{Shared, SharedOptions, SharedStats};
pub use source::VaultSource;
pub(crate) use source::stopped;
