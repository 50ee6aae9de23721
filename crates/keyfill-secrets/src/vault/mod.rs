//! HashiCorp Vault and OpenBao.
//!
//! [`VaultSource`] knows paths and engines, [`VaultClient`] tokens, retries and the wire; both are built from
//! [`VaultSettings`].

mod answers;
mod cache;
mod client;
mod endpoints;
mod session;
mod settings;
mod source;

pub use client::{Stats, VaultClient};
pub use settings::{Auth, CacheNames, Jwt, Proxy, Tls, TokenCache, VaultSettings};
pub use source::VaultSource;
