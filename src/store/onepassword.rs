//! 1Password Connect, from `OP_CONNECT_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::onepassword::{OnePassword, OnePasswordSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `1passwordconnect`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::OnePasswordConnect);
    Ok(Arc::new(OnePassword::new(OnePasswordSettings {
        host: needed("OP_CONNECT_HOST")?.to_owned(),
        token: Secret::new(needed("OP_CONNECT_TOKEN")?),
        network: network(given),
    })))
}
