//! IBM Cloud Secrets Manager, from `AVP_IBM_*`.

use super::{Given, network::network};
use crate::settings::SourceKind;
use anyhow::Result;
use keyfill_secrets::ibm::{Ibm, IbmSettings};
use keyfill_secrets::{Secret, Source};
use std::sync::Arc;

/// `ibmsecretsmanager`
pub fn open(given: Given<'_>) -> Result<Arc<dyn Source>> {
    let needed = |name| given.needed(name, SourceKind::IbmSecretsManager);
    // argocd-vault-plugin uses `VAULT_ADDR` if no other address is set.
    let address = match given.get("VAULT_ADDR") {
        Some(address) if given.get("AVP_IBM_INSTANCE_URL").is_none() => address,
        _ => needed("AVP_IBM_INSTANCE_URL")?,
    };
    Ok(Arc::new(Ibm::new(IbmSettings {
        address: address.to_owned(),
        api_key: Secret::new(needed("AVP_IBM_API_KEY")?),
        iam: given.owned("KEYFILL_IBM_IAM_ENDPOINT"),
        network: network(given),
    })))
}
