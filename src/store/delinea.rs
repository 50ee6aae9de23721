//! Delinea Secret Server, from `AVP_DELINEA_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::delinea::{Delinea, DelineaSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `delineasecretserver`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::DelineaSecretServer);
    Ok(Arc::new(Delinea::new(DelineaSettings {
        address: needed("AVP_DELINEA_URL")?.to_owned(),
        user: needed("AVP_DELINEA_USER")?.to_owned(),
        password: Secret::new(needed("AVP_DELINEA_PASSWORD")?),
        domain: given.owned("AVP_DELINEA_DOMAIN"),
        network: network(given),
    })))
}
