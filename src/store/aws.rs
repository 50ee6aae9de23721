//! AWS Secrets Manager, Parameter Store and Key Management Service, built from the settings `AWS_*`.

use super::{Given, network::network};
use crate::values;
use keyfill_secrets::Source;
use keyfill_secrets::aws::{AwsSettings, CredentialSettings, Kms, ParameterStore, SecretsManager};
use std::sync::Arc;

/// `awssecretsmanager`
pub fn secrets_manager(given: Given<'_>) -> Arc<dyn Source> {
    Arc::new(SecretsManager::new(settings(given)))
}

/// `awsssm`
pub fn parameter_store(given: Given<'_>) -> Arc<dyn Source> {
    Arc::new(ParameterStore::new(settings(given)))
}

/// The Key Management Service, for data keys of encrypted files.
pub fn kms(given: Given<'_>) -> Kms {
    Kms::new(settings(given))
}

fn settings(given: Given<'_>) -> AwsSettings {
    const ENDPOINTS: [&str; 4] = ["KMS", "SECRETS_MANAGER", "SSM", "STS"];
    let endpoint =
        |service: &str| Some((service.to_owned(), given.owned(&format!("AWS_ENDPOINT_URL_{service}"))?));
    AwsSettings {
        region: given.owned("AWS_REGION"),
        endpoints: ENDPOINTS.into_iter().filter_map(endpoint).collect(),
        endpoint: given.owned("AWS_ENDPOINT_URL"),
        credentials: credentials(given),
        network: network(given),
    }
}

fn credentials(given: Given<'_>) -> CredentialSettings {
    CredentialSettings {
        access_key_id: given.owned("AWS_ACCESS_KEY_ID"),
        secret_access_key: given.secret("AWS_SECRET_ACCESS_KEY"),
        session_token: given.secret("AWS_SESSION_TOKEN"),
        role_arn: given.owned("AWS_ROLE_ARN"),
        role_session_name: given.owned("AWS_ROLE_SESSION_NAME"),
        web_identity_token_file: given.path("AWS_WEB_IDENTITY_TOKEN_FILE"),
        container_relative_uri: given.owned("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
        container_full_uri: given.owned("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        container_token: given.secret("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        container_token_file: given.path("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        metadata_endpoint: given.owned("AWS_EC2_METADATA_SERVICE_ENDPOINT"),
        metadata_disabled: values::is_true(given.get("AWS_EC2_METADATA_DISABLED")),
        profile: given.owned("AWS_PROFILE"),
        config_file: given.path("AWS_CONFIG_FILE").or_else(|| given.in_home(".aws/config")),
        credentials_file: given
            .path("AWS_SHARED_CREDENTIALS_FILE")
            .or_else(|| given.in_home(".aws/credentials")),
    }
}
