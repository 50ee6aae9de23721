//! The network settings of stores: the administrator's proxies, and the system's certificates.

use super::Given;
use keyfill_secrets::{Network, Secret};
use std::sync::Arc;

/// Connects through `HTTPS_PROXY`, if it is set.
pub fn network(given: Given<'_>) -> Network {
    Network {
        https_proxy: given.get("HTTPS_PROXY").map(Secret::new),
        no_proxy: given.owned("NO_PROXY"),
        traffic: given.traffic.map(Arc::clone),
        ..Network::default()
    }
}
