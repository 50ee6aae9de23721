//! Azure Key Vault and its login service.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::azure::{AzureCredentials, AzureKeyVault, AzureSettings};
use keyfill_testkit::{Fake, Request, Response};
use serde_json::json;

const RESOURCE: &str = "https://vault.azure.net";

fn challenge(resource: &str) -> Response {
    let header = format!(
        r#"Bearer authorization="https://login.microsoftonline.com/tenant-of-vault", resource="{resource}""#
    );
    Response::new(401, "{}").header("WWW-Authenticate", header)
}

fn error(status: u16, code: &str, inner: &str) -> Response {
    let body = json!({ "error": { "code": code, "message": "told", "innererror": { "code": inner } } });
    Response::new(status, body.to_string())
}

/// A fake server that is both the login service and the vault, and a source for it.
fn vault(
    resource: &'static str,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (Fake, AzureKeyVault) {
    let fake = Fake::start(move |request| {
        if request.path.ends_with("/oauth2/v2.0/token") {
            assert_eq!(request.path, "/tenant-1/oauth2/v2.0/token");
            assert_eq!(
                request.body,
                "grant_type=client_credentials&scope=https%3A%2F%2Fvault.azure.net%2F.default&client_id=app&client_secret=hu%26sh"
            );
            return Response::new(
                200,
                r#"{"token_type": "Bearer", "expires_in": 3599, "access_token": "token-1"}"#,
            );
        }
        match request.header("authorization") {
            "Bearer token-1" => answer(request),
            _ => challenge(resource),
        }
    });
    let credentials = AzureCredentials {
        tenant: Some("tenant-1".into()),
        client_id: Some("app".into()),
        client_secret: Some("hu&sh".into()),
        authority: Some(fake.address()),
        ..AzureCredentials::default()
    };
    let settings = AzureSettings { endpoint: Some(fake.address()), credentials, ..AzureSettings::default() };
    (fake, AzureKeyVault::new(settings))
}

#[test]
fn only_the_secrets_that_are_named_are_read() {
    let (fake, source) = vault(RESOURCE, |request| match request.path.as_str() {
        "/secrets/user/?api-version=7.4" => Response::new(200, r#"{"value": "alice", "id": "x"}"#),
        "/secrets/password/?api-version=7.4" => Response::new(200, r#"{"value": "p"}"#),
        "/secrets/user/abc123?api-version=7.4" => Response::new(200, r#"{"value": "old"}"#),
        "/secrets/off/?api-version=7.4" => error(403, "Forbidden", "SecretDisabled"),
        _ => error(404, "SecretNotFound", ""),
    });
    let data = read(&source, "team", None, &["user", "password", "off", "none"]).expect("they are there");
    assert_eq!(data.keys().collect::<Vec<_>>(), ["password", "user"]);
    assert_eq!((text(&data, "user").as_str(), text(&data, "password").as_str()), ("alice", "p"));
    assert_eq!(text(&read(&source, "team", Some("abc123"), &["user"]).expect("it is there"), "user"), "old");
    assert_eq!(fake.count("/tenant-1/"), 1);
    assert!(fake.seen().iter().all(|r| !r.path.starts_with("/secrets?")), "a vault is never listed");
}

#[test]
fn a_token_for_a_resource_of_another_domain_is_not_requested() {
    let (fake, source) = vault("https://management.azure.com", |_| Response::new(200, "{}"));
    let error = failure(read(&source, "team", None, &["user"]));
    assert!(error.to_string().contains("is not the domain of team.vault.azure.net"), "{error}");
    assert_eq!(fake.count("/tenant-1/"), 0);
}

#[test]
fn refusals_have_a_hint_and_invalid_names_are_refused() {
    let (_fake, source) = vault(RESOURCE, |_| error(403, "Forbidden", "ForbiddenByRbac"));
    let refused = failure(read(&source, "team", None, &["user"]));
    assert!(refused.advice().is_some_and(|hint| hint.contains("Key Vault Secrets User")), "{refused}");
    let (_fake, source) = vault(RESOURCE, |_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "team", None, &["user"])).to_string().contains("not JSON"));
    let (fake, source) = vault(RESOURCE, |_| Response::new(200, "{}"));
    assert_eq!(failure(read(&source, "team", None, &["a/b"])).class(), Class::Missing);
    assert_eq!(failure(read(&source, "evil.example", None, &["user"])).class(), Class::Usage);
    assert_eq!(fake.seen().len(), 0);
}

#[test]
fn a_request_that_is_answered_429_is_retried() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (fake, source) =
        vault(RESOURCE, move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Response::new(429, "").header("Retry-After", "1"),
            _ => Response::new(200, r#"{"value": "x"}"#),
        });
    assert_eq!(text(&read(&source, "team", None, &["user"]).expect("it passes"), "user"), "x");
    assert_eq!(fake.count("/secrets/"), 3, "without a token, too many, the value");
}

#[test]
fn the_token_of_a_managed_identity_comes_from_the_metadata_service() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net&client_id=app"
            if request.header("metadata") == "true" =>
        {
            Response::new(200, r#"{"access_token": "of-machine", "expires_in": "3599"}"#)
        }
        path if path.starts_with("/secrets/") && request.header("authorization") == "Bearer of-machine" => {
            Response::new(200, r#"{"value": "x"}"#)
        }
        _ => challenge(RESOURCE),
    });
    let credentials = AzureCredentials {
        client_id: Some("app".into()),
        metadata_endpoint: Some(fake.address()),
        ..AzureCredentials::default()
    };
    let settings = AzureSettings { endpoint: Some(fake.address()), credentials, ..AzureSettings::default() };
    let data = read(&AzureKeyVault::new(settings), "team", None, &["user"]).expect("it is there");
    assert_eq!(text(&data, "user"), "x");
}

#[test]
fn a_key_of_a_vault_decrypts_after_the_same_challenge() {
    use keyfill_secrets::azure::AzureKeys;
    let fake = Fake::start(|request| {
        if request.path.ends_with("/oauth2/v2.0/token") {
            return Response::new(
                200,
                r#"{"token_type": "Bearer", "expires_in": 3599, "access_token": "token-1"}"#,
            );
        }
        if request.header("authorization") != "Bearer token-1" {
            assert_eq!(request.body, "", "nothing is sent before it is known to whom");
            return challenge(RESOURCE);
        }
        assert_eq!(request.path, "/keys/sops/abc/decrypt?api-version=7.4");
        match request.body.as_str() {
            r#"{"alg":"RSA-OAEP-256","value":"Zm9v"}"# => {
                Response::new(200, r#"{"kid": "x", "value": "aHVzaA"}"#)
            }
            _ => error(403, "Forbidden", ""),
        }
    });
    let credentials = AzureCredentials {
        tenant: Some("tenant-1".into()),
        client_id: Some("app".into()),
        client_secret: Some("hu&sh".into()),
        authority: Some(fake.address()),
        ..AzureCredentials::default()
    };
    let settings = AzureSettings { endpoint: Some(fake.address()), credentials, ..AzureSettings::default() };
    let keys = AzureKeys::new(settings);
    let cx = keyfill_diag::Cx::default();
    let decrypt = |vault: &str, enc: &str| crate::block_on(keys.decrypt(vault, "sops", "abc", enc, &cx));
    assert_eq!(decrypt("https://team.vault.azure.net", "Zm9v").expect("it decrypts").expose(), b"hush");
    let refused = decrypt("https://team.vault.azure.net", "YmFy").map(|_| ()).expect_err("it is refused");
    assert!(refused.advice().is_some_and(|hint| hint.contains("Key Vault Crypto User")), "{refused}");
    assert!(decrypt("https://evil.example", "Zm9v").is_err(), "tokens go to Azure's own clouds alone");
}
