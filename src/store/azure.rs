//! Azure Key Vault, from `AZURE_*`.

use super::{Given, network::network};
use keyfill_secrets::Source;
use keyfill_secrets::azure::{AzureCredentials, AzureKeyVault, AzureKeys, AzureSettings};
use std::sync::Arc;

/// `azurekeyvault`
pub fn open(given: Given<'_>) -> Arc<dyn Source> {
    Arc::new(AzureKeyVault::new(settings(given)))
}

/// The keys of vaults, for data keys of encrypted files.
pub fn keys(given: Given<'_>) -> AzureKeys {
    AzureKeys::new(settings(given))
}

fn settings(given: Given<'_>) -> AzureSettings {
    let credentials = AzureCredentials {
        tenant: given.owned("AZURE_TENANT_ID"),
        client_id: given.owned("AZURE_CLIENT_ID"),
        client_secret: given.secret("AZURE_CLIENT_SECRET"),
        federated_token_file: given.path("AZURE_FEDERATED_TOKEN_FILE"),
        authority: given.owned("AZURE_AUTHORITY_HOST"),
        identity_endpoint: given.owned("IDENTITY_ENDPOINT"),
        identity_header: given.secret("IDENTITY_HEADER"),
        metadata_endpoint: given.owned("AZURE_POD_IDENTITY_AUTHORITY_HOST"),
    };
    AzureSettings { endpoint: given.owned("KEYFILL_AZURE_ENDPOINT"), credentials, network: network(given) }
}
