//! Google Secret Manager, its token service and its metadata server.

use crate::{failure, read, read_within, text};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::gcp::{GoogleCredentials, GoogleSecretManager, GoogleSettings};
use keyfill_testkit::{Fake, Request, Response};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::json;
use std::path::Path;

const PATH: &str = "projects/p-1/secrets/app";

fn payload(text: &str) -> Response {
    let body = json!({ "name": "x", "payload": { "data": STANDARD.encode(text) } });
    Response::new(200, body.to_string())
}

fn error(status: u16, name: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": status, "message": message, "status": name } });
    Response::new(status, body.to_string())
}

/// A fake server that is both the metadata server and Secret Manager, and a source for it.
fn store(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, GoogleSecretManager) {
    let fake = Fake::start(move |request| {
        if request.path.starts_with("/computeMetadata/") {
            assert_eq!(request.header("metadata-flavor"), "Google");
            assert_eq!(request.path, "/computeMetadata/v1/instance/service-accounts/default/token");
            return Response::new(
                200,
                r#"{"access_token": "token-1", "expires_in": 3599, "token_type": "Bearer"}"#,
            );
        }
        if request.header("authorization") != "Bearer token-1" {
            return error(401, "UNAUTHENTICATED", "no token");
        }
        answer(request)
    });
    let credentials =
        GoogleCredentials { metadata_host: Some(fake.host().to_owned()), ..GoogleCredentials::default() };
    let source = GoogleSecretManager::new(GoogleSettings {
        endpoint: Some(fake.address()),
        credentials,
        ..GoogleSettings::default()
    });
    (fake, source)
}

#[test]
fn the_payload_and_its_keys_are_read_with_one_token() {
    let (fake, source) = store(|request| match request.path.as_str() {
        "/v1/projects/p-1/secrets/app/versions/latest:access" => payload(r#"{"user": "alice"}"#),
        "/v1/projects/p-1/secrets/app/versions/3:access" => payload("third"),
        "/v1/projects/p-1/locations/europe-west1/secrets/app/versions/latest:access" => payload("regional"),
        _ => error(404, "NOT_FOUND", "Secret not found"),
    });
    let latest = read(&source, PATH, None, &[]).expect("it is there");
    assert_eq!(
        (text(&latest, "app").as_str(), text(&latest, "user").as_str()),
        (r#"{"user": "alice"}"#, "alice")
    );
    assert_eq!(text(&read(&source, PATH, Some("3"), &[]).expect("it is there"), "app"), "third");
    let regional =
        read(&source, "projects/p-1/locations/europe-west1/secrets/app", None, &[]).expect("it is there");
    assert_eq!(text(&regional, "app"), "regional");
    assert_eq!(failure(read(&source, "projects/p-1/secrets/none", None, &[])).class(), Class::Missing);
    assert_eq!((fake.count("/computeMetadata/"), fake.count("/v1/")), (1, 4));
}

#[test]
fn refusals_and_unusable_answers_are_errors_with_their_reason() {
    for (answer, class, told) in [
        (error(403, "PERMISSION_DENIED", "Permission denied on resource"), Class::Store, "Permission denied"),
        (error(400, "FAILED_PRECONDITION", "it is in DISABLED state"), Class::Store, "DISABLED"),
        (Response::new(200, "<html>hush"), Class::Store, "not JSON"),
        (Response::new(407, "<html>hush"), Class::Store, "not in JSON"),
        (
            Response::new(200, r#"{"payload": {"data": "aHVzaA==", "dataCrc32c": "1"}}"#),
            Class::Store,
            "checksum",
        ),
    ] {
        let (fake, source) = store(move |_| answer.clone());
        let error = failure(read(&source, PATH, None, &[]));
        assert_eq!((error.class(), fake.count("/v1/")), (class, 1), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
}

#[test]
fn temporary_failures_are_retried_and_a_lasting_one_is_reported() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let (fake, source) = store(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => error(429, "RESOURCE_EXHAUSTED", "quota"),
        1 => error(503, "UNAVAILABLE", ""),
        _ => payload("x"),
    });
    assert_eq!(text(&read(&source, PATH, None, &[]).expect("it passes"), "app"), "x");
    assert_eq!(fake.count("/v1/"), 3);
    let (_fake, source) = store(|_| error(503, "UNAVAILABLE", ""));
    let error = failure(read_within(&source, PATH, None, &[], 2));
    assert!(error.may_pass() && error.to_string().contains("503"), "{error}");
}

#[test]
fn a_refused_token_is_replaced_once() {
    let (fake, source) = store(|_| error(401, "UNAUTHENTICATED", "expired"));
    let error = failure(read(&source, PATH, None, &[]));
    assert!(error.to_string().contains("access token"), "{error}");
    assert_eq!((fake.count("/computeMetadata/"), fake.count("/v1/")), (2, 2));
}

/// A source with a credentials file that contains `given`.
fn with_file(endpoint: &str, given: &serde_json::Value) -> (tempfile::NamedTempFile, GoogleSecretManager) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), given.to_string()).expect("it can be written");
    let credentials = GoogleCredentials { file: Some(file.path().into()), ..GoogleCredentials::default() };
    let settings =
        GoogleSettings { endpoint: Some(endpoint.to_owned()), credentials, ..GoogleSettings::default() };
    (file, GoogleSecretManager::new(settings))
}

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

#[test]
fn a_service_account_requests_its_token_with_a_signed_jwt() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/token" => {
            let assertion = request
                .body
                .strip_prefix("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=")
                .expect("the grant comes first");
            let (signed, signature) = assertion.rsplit_once('.').expect("it has three parts");
            let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64");
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, data("service-account.der"))
                .verify(signed.as_bytes(), &signature)
                .expect("the signature is the account's");
            let claims =
                URL_SAFE_NO_PAD.decode(signed.split_once('.').expect("two parts").1).expect("base64");
            let claims: serde_json::Value = serde_json::from_slice(&claims).expect("JSON");
            assert_eq!(claims["iss"], "app@p-1.iam.gserviceaccount.com");
            assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
            Response::new(200, r#"{"access_token": "of-account", "expires_in": 3599}"#)
        }
        _ if request.header("authorization") == "Bearer of-account" => payload("x"),
        _ => error(401, "UNAUTHENTICATED", ""),
    });
    let given = json!({
        "type": "service_account",
        "client_email": "app@p-1.iam.gserviceaccount.com",
        "private_key": String::from_utf8(data("service-account.pem")).expect("it is text"),
        "private_key_id": "k1",
        "token_uri": format!("{}/token", fake.address()),
    });
    let (_file, source) = with_file(&fake.address(), &given);
    assert_eq!(text(&read(&source, PATH, None, &[]).expect("it is there"), "app"), "x");
}

#[test]
fn the_token_of_a_federated_identity_is_exchanged_and_impersonates_an_account() {
    let subject = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(subject.path(), r#"{"id_token": "of.pod"}"#).expect("it can be written");
    let fake = Fake::start(|request| match request.path.as_str() {
        "/sts" => {
            assert!(request.body.contains("&subject_token=of.pod"), "{}", request.body);
            assert!(request.body.contains("audience=%2F%2Fiam%2Fpool"), "{}", request.body);
            Response::new(200, r#"{"access_token": "federated", "expires_in": 3599}"#)
        }
        "/impersonate" if request.header("authorization") == "Bearer federated" => {
            Response::new(200, r#"{"accessToken": "of-account", "expireTime": "2099-01-01T00:00:00Z"}"#)
        }
        _ if request.header("authorization") == "Bearer of-account" => payload("x"),
        _ => error(401, "UNAUTHENTICATED", ""),
    });
    let given = json!({
        "type": "external_account",
        "audience": "//iam/pool",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{}/sts", fake.address()),
        "credential_source": {
            "file": subject.path(),
            "format": { "type": "json", "subject_token_field_name": "id_token" },
        },
        "service_account_impersonation_url": format!("{}/impersonate", fake.address()),
    });
    let (_file, source) = with_file(&fake.address(), &given);
    assert_eq!(text(&read(&source, PATH, None, &[]).expect("it is there"), "app"), "x");
}

#[test]
fn errors_for_unusable_credentials_do_not_contain_them() {
    for given in [
        json!({ "type": "hush" }),
        json!("hush"),
        json!({ "type": "service_account", "client_email": "a", "private_key": "hush" }),
    ] {
        let (_file, source) = with_file("http://127.0.0.1:1", &given);
        assert_eq!(failure(read(&source, PATH, None, &[])).class(), Class::Usage);
    }
    let executable = json!({
        "type": "external_account", "audience": "a", "subject_token_type": "t", "token_url": "http://127.0.0.1:1",
        "credential_source": { "executable": { "command": "hush" } },
    });
    let (_file, source) = with_file("http://127.0.0.1:1", &executable);
    assert!(failure(read(&source, PATH, None, &[])).to_string().contains("neither a file nor a url"));
}

#[test]
fn cloud_kms_decrypts_a_key_and_its_checksum_is_checked() {
    use keyfill_secrets::gcp::GoogleKms;
    const KEY: &str = "projects/p/locations/global/keyRings/r/cryptoKeys/k";
    let fake = Fake::start(|request| {
        if request.path.starts_with("/computeMetadata/") {
            return Response::new(
                200,
                r#"{"access_token": "token-1", "expires_in": 3599, "token_type": "Bearer"}"#,
            );
        }
        assert_eq!((request.method.as_str(), request.header("authorization")), ("POST", "Bearer token-1"));
        assert_eq!(request.path, format!("/v1/{KEY}:decrypt"));
        match request.body.as_str() {
            r#"{"ciphertext":"Zm9v"}"# => Response::new(200, r#"{"plaintext": "aHVzaA=="}"#),
            r#"{"ciphertext":"YmFy"}"# => {
                Response::new(200, r#"{"plaintext": "aHVzaA==", "plaintextCrc32c": "1"}"#)
            }
            _ => {
                error(403, "PERMISSION_DENIED", "Permission 'cloudkms.cryptoKeyVersions.useToDecrypt' denied")
            }
        }
    });
    let credentials =
        GoogleCredentials { metadata_host: Some(fake.host().to_owned()), ..GoogleCredentials::default() };
    let settings =
        GoogleSettings { endpoint: Some(fake.address()), credentials, ..GoogleSettings::default() };
    let kms = GoogleKms::new(settings);
    let cx = keyfill_diag::Cx::default();
    let decrypt = |enc: &str| crate::block_on(kms.decrypt(KEY, enc, &cx));
    assert_eq!(decrypt("Zm9v").expect("it decrypts").expose(), b"hush");
    for (enc, what) in [("YmFy", "checksum"), ("YmF6", "cloudkms.cryptoKeyDecrypter")] {
        let failed = decrypt(enc).map(|_| ()).expect_err("it must fail");
        let said = format!("{failed} {}", failed.advice().unwrap_or_default());
        assert!(said.contains(what) && !said.contains("hush"), "{said}");
    }
    assert!(crate::block_on(kms.decrypt("projects/p", "Zm9v", &cx)).is_err());
}
