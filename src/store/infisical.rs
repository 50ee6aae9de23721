//! Infisical, from `INFISICAL_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::infisical::{Infisical, InfisicalLogin, InfisicalSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `infisical`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::Infisical);
    let login = match given.secret("INFISICAL_TOKEN") {
        Some(token) => InfisicalLogin::Token(token),
        None => InfisicalLogin::Universal {
            client_id: needed("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID")?.to_owned(),
            client_secret: Secret::new(needed("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET")?),
        },
    };
    let address = given.owned("INFISICAL_URL");
    Ok(Arc::new(Infisical::new(InfisicalSettings { address, login, network: network(given) })))
}
