//! Tests of the AWS stores: with moto for answers as of AWS, with a fake server for faults and credentials.

mod batch;
mod credentials;
mod faults;
mod moto;

use keyfill_diag::Cx;
use keyfill_secrets::aws::{AwsSettings, CredentialSettings};
use keyfill_secrets::{Error, SecretData, SecretRef, SecretValue, Source};
use std::sync::Arc;
use std::time::Duration;

fn settings(endpoint: &str) -> AwsSettings {
    AwsSettings {
        region: Some("eu-west-1".into()),
        endpoint: Some(endpoint.into()),
        credentials: CredentialSettings {
            access_key_id: Some("AKIDTEST".into()),
            secret_access_key: Some("hush-key".into()),
            ..CredentialSettings::default()
        },
        ..AwsSettings::default()
    }
}

/// Runs a future on one thread, as the command line does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn read(
    source: &dyn Source,
    path: &str,
    version: Option<&str>,
    seconds: u64,
) -> Result<Arc<SecretData>, Error> {
    let secret = SecretRef { version: version.map(str::to_owned), ..SecretRef::latest(path) };
    block_on(async { source.read(&secret, &Cx::with_time(Duration::from_secs(seconds))).await })
}

fn text(data: &SecretData, key: &str) -> String {
    match data.get(key) {
        Some(SecretValue::Str(text) | SecretValue::Number(text)) => text.expose().to_owned(),
        other => panic!("{key} is {other:?}"),
    }
}

fn failure(result: Result<Arc<SecretData>, Error>) -> Error {
    let error = result.map(|_| ()).expect_err("it must fail");
    assert!(!format!("{error} {error:?} {:?}", error.advice()).contains("hush"), "{error}");
    error
}
