//! How stores in the network are reached: proxies are the administrator's, certificates the system's.

use super::Given;
use keyfill_secrets::{Network, Secret};
use std::sync::Arc;

/// Through `HTTPS_PROXY`, where it is set.
pub fn network(given: Given<'_>) -> Network {
    Network {
        https_proxy: given.get("HTTPS_PROXY").map(Secret::new),
        no_proxy: given.owned("NO_PROXY"),
        traffic: given.traffic.map(Arc::clone),
        ..Network::default()
    }
}
