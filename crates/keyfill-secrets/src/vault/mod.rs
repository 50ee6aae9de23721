//! HashiCorp Vault and OpenBao.
//!
//! [`VaultSource`] handles paths and engines; [`VaultClient`] handles tokens, retries and connections. Both are made
//! from [`VaultSettings`]. [`Shared`] is for a long-running process: all of its requests with equal settings share a
//! login and a cache with a short time to live.

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
