//! Bitwarden Secrets Manager, from `BWS_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::bitwarden::{Bitwarden, BitwardenSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `bitwardensecretsmanager`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    Ok(Arc::new(Bitwarden::new(&BitwardenSettings {
        access_token: Secret::new(given.needed("BWS_ACCESS_TOKEN", SourceKind::Bitwarden)?),
        server: given.owned("BWS_SERVER_URL"),
        network: network(given),
    })?))
}
