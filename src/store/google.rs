//! Google Secret Manager, from application default credentials.

use super::{Given, network::network};
use keyfill_secrets::Source;
use keyfill_secrets::gcp::{GoogleCredentials, GoogleSecretManager, GoogleSettings};
use std::sync::Arc;

/// Where gcloud keeps its own, below the home folder.
const GCLOUD: &str = ".config/gcloud/application_default_credentials.json";

/// `gcpsecretmanager`
pub fn open(given: Given<'_>) -> Arc<dyn Source> {
    let credentials = GoogleCredentials {
        file: given.path("GOOGLE_APPLICATION_CREDENTIALS").or_else(|| given.in_home(GCLOUD)),
        metadata_host: given.owned("GCE_METADATA_HOST"),
    };
    Arc::new(GoogleSecretManager::new(GoogleSettings {
        endpoint: given.owned("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER"),
        credentials,
        network: network(given),
    }))
}
