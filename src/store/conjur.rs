//! CyberArk Conjur, from `CONJUR_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::conjur::{Conjur, ConjurLogin, ConjurSettings};
use keyfill_secrets::kubernetes::SERVICE_ACCOUNT;
use keyfill_secrets::{Secret, Source};
use std::path::Path;
use std::sync::Arc;

/// `conjur`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::Conjur);
    let login = match given.owned("CONJUR_AUTHN_JWT_SERVICE_ID") {
        Some(service) => {
            let file = given.path("CONJUR_AUTHN_JWT_TOKEN_PATH");
            ConjurLogin::Jwt {
                service,
                file: file.unwrap_or_else(|| Path::new(SERVICE_ACCOUNT).join("token")),
            }
        }
        None => ConjurLogin::ApiKey {
            login: needed("CONJUR_AUTHN_LOGIN")?.to_owned(),
            key: Secret::new(needed("CONJUR_AUTHN_API_KEY")?),
        },
    };
    Ok(Arc::new(Conjur::new(ConjurSettings {
        address: needed("CONJUR_APPLIANCE_URL")?.to_owned(),
        account: needed("CONJUR_ACCOUNT")?.to_owned(),
        login,
        network: network(given),
    })))
}
