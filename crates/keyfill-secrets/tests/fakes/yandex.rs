//! Yandex Lockbox and its token service.

use crate::{failure, read, text};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::yandex::{YandexLockbox, YandexSettings};
use keyfill_secrets::{Network, SecretValue};
use keyfill_testkit::{Fake, Request, Response};
use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use serde_json::Value;
use std::path::Path;

fn data(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Checks the signed JWT in a request for an access token.
fn check_statement(request: &Request) {
    let body: Value = serde_json::from_str(&request.body).expect("it is JSON");
    let statement = body["jwt"].as_str().expect("it holds a statement");
    let (signed, signature) = statement.rsplit_once('.').expect("it has three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64");
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, data("service-account.der"))
        .verify(signed.as_bytes(), &signature)
        .expect("the signature is the account's");
    let part = |number| -> Value {
        let text = signed.split('.').nth(number).expect("two parts");
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON")
    };
    assert_eq!((&part(0)["alg"], &part(0)["kid"]), (&"PS256".into(), &"key-1".into()));
    assert_eq!(part(1)["iss"], "account-1");
    assert_eq!(part(1)["aud"], "https://iam.api.cloud.yandex.net/iam/v1/tokens");
}

fn lockbox(
    key: &str,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (Fake, YandexLockbox) {
    let fake = Fake::start(move |request| {
        if request.path == "/iam/v1/tokens" {
            check_statement(request);
            return Response::new(200, r#"{"iamToken": "token-1", "expiresAt": "2099-01-01T00:00:00Z"}"#);
        }
        assert_eq!(request.header("authorization"), "Bearer token-1");
        answer(request)
    });
    let settings = YandexSettings {
        service_account: "account-1".into(),
        key_id: "key-1".into(),
        private_key: key.into(),
        endpoint: Some(fake.address()),
        network: Network::default(),
    };
    (fake, YandexLockbox::new(settings))
}

fn key() -> String {
    // Yandex puts a line with a warning before the PEM text.
    format!(
        "PLEASE DO NOT REMOVE THIS LINE!\n{}",
        String::from_utf8(data("service-account.pem")).expect("text")
    )
}

#[test]
fn entries_are_read_with_one_token() {
    let (fake, source) = lockbox(&key(), |request| match request.path.as_str() {
        "/lockbox/v1/secrets/e6q/payload" => Response::new(
            200,
            r#"{"versionId": "v2", "entries": [{"key": "user", "textValue": "alice"}, {"key": "bin", "binaryValue": "AP8="}]}"#,
        ),
        "/lockbox/v1/secrets/e6q/payload?versionId=v1" => {
            Response::new(200, r#"{"entries": [{"key": "user", "textValue": "old"}]}"#)
        }
        _ => Response::new(404, r#"{"code": 5, "message": "Secret not found"}"#),
    });
    let secret = read(&source, "e6q", None, &[]).expect("it is there");
    assert_eq!(text(&secret, "user"), "alice");
    assert!(matches!(secret.get("bin"), Some(SecretValue::Bytes(bytes)) if bytes.expose() == [0, 255]));
    assert_eq!(text(&read(&source, "e6q", Some("v1"), &[]).expect("it is there"), "user"), "old");
    assert_eq!(fake.count("/iam/"), 1);
    let error = failure(read(&source, "a/../b", None, &[]));
    assert!(error.is_absent() && error.to_string().contains("Secret not found"), "{error}");
}

#[test]
fn errors_do_not_contain_the_private_key_or_an_unusable_answer() {
    let (_fake, source) = lockbox(&key(), |_| Response::new(403, r#"{"message": "Permission denied"}"#));
    let error = failure(read(&source, "e6q", None, &[]));
    assert!(error.advice().is_some_and(|hint| hint.contains("lockbox.payloadViewer")), "{error}");
    let (_fake, source) = lockbox(&key(), |_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "e6q", None, &[])).to_string().contains("not usable"));
    for key in ["hush", "-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----"] {
        let (fake, source) = lockbox(key, |_| Response::new(200, "{}"));
        assert_eq!(failure(read(&source, "e6q", None, &[])).class(), Class::Usage);
        assert_eq!(fake.seen().len(), 0);
    }
}
