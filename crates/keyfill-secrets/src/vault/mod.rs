//! HashiCorp Vault (and OpenBao): settings, the client, the source over it.

mod settings;

pub use settings::{Auth, CacheNames, Jwt, Proxy, Tls, TokenCache, VaultSettings};
