//! Tests of stores with fake servers, which check the requests that they get.

mod azure;
mod bitwarden;
mod conjur;
mod delinea;
mod doppler;
mod gitlab;
mod google;
mod ibm;
mod infisical;
mod kubernetes;
mod onepassword;
mod yandex;

use keyfill_diag::Cx;
use keyfill_secrets::{Error, Keys, SecretData, SecretRef, SecretValue, Source};
use std::sync::Arc;
use std::time::Duration;

/// Runs a future on one thread, as the command line does.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

fn read(
    source: &dyn Source,
    path: &str,
    version: Option<&str>,
    keys: &[&str],
) -> Result<Arc<SecretData>, Error> {
    read_within(source, path, version, keys, 10)
}

fn read_within(
    source: &dyn Source,
    path: &str,
    version: Option<&str>,
    keys: &[&str],
    seconds: u64,
) -> Result<Arc<SecretData>, Error> {
    let secret = SecretRef { version: version.map(str::to_owned), ..SecretRef::latest(path) };
    let keys: Keys = keys.iter().copied().collect();
    block_on(async { source.read_keys(&secret, &keys, &Cx::with_time(Duration::from_secs(seconds))).await })
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
