//! Google Secret Manager and Cloud KMS, from application default credentials.

use super::{Given, network::network};
use keyfill_secrets::Source;
use keyfill_secrets::gcp::{GoogleCredentials, GoogleKms, GoogleSecretManager, GoogleSettings};
use std::sync::Arc;

/// gcloud's file of application default credentials, below the home folder.
const GCLOUD: &str = ".config/gcloud/application_default_credentials.json";

/// `gcpsecretmanager`
pub fn open(given: Given<'_>) -> Arc<dyn Source> {
    let endpoint = given.owned("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER");
    Arc::new(GoogleSecretManager::new(settings(given, endpoint)))
}

/// Cloud Key Management Service, for data keys of encrypted files.
pub fn kms(given: Given<'_>) -> GoogleKms {
    GoogleKms::new(settings(given, given.owned("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS")))
}

fn settings(given: Given<'_>, endpoint: Option<String>) -> GoogleSettings {
    let credentials = GoogleCredentials {
        file: given.path("GOOGLE_APPLICATION_CREDENTIALS").or_else(|| given.in_home(GCLOUD)),
        metadata_host: given.owned("GCE_METADATA_HOST"),
    };
    GoogleSettings { endpoint, credentials, network: network(given) }
}
