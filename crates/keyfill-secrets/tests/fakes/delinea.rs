//! Delinea Secret Server.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::delinea::{Delinea, DelineaSettings};
use keyfill_secrets::{Network, SecretValue};
use keyfill_testkit::{Fake, Request, Response};

fn delinea(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, Delinea) {
    let fake = Fake::start(move |request| {
        if request.path == "/SecretServer/oauth2/token" {
            assert_eq!(request.method, "POST");
            assert_eq!(request.body, "username=app&password=hu%26sh&grant_type=password&domain=corp");
            return Response::new(
                200,
                r#"{"access_token": "token-1", "token_type": "bearer", "expires_in": 1199}"#,
            );
        }
        assert_eq!(request.header("authorization"), "Bearer token-1");
        answer(request)
    });
    let settings = DelineaSettings {
        address: format!("{}/SecretServer/", fake.address()),
        user: "app".into(),
        password: "hu&sh".into(),
        domain: Some("corp".into()),
        network: Network::default(),
    };
    (fake, Delinea::new(settings))
}

fn play(request: &Request) -> Response {
    match request.path.as_str() {
        "/SecretServer/api/v1/secrets/42" => Response::new(
            200,
            r#"{"id": 42, "items": [
                {"fieldName": "User Name", "slug": "user-name", "itemValue": "alice", "isFile": false},
                {"fieldName": "Key", "slug": "key", "itemValue": null, "isFile": true, "fileAttachmentId": 7, "filename": "k"},
                {"fieldName": "Empty", "slug": "empty", "itemValue": null}]}"#,
        ),
        "/SecretServer/api/v1/secrets/42/fields/key" => Response::new(200, vec![0, 255]),
        _ => Response::new(404, r#"{"message": "Secret not found"}"#),
    }
}

#[test]
fn a_field_has_two_keys_and_a_file_is_read_only_if_its_key_is_needed() {
    let (fake, source) = delinea(play);
    let data = read(&source, "42", None, &["user-name"]).expect("it is there");
    assert_eq!((text(&data, "User Name").as_str(), text(&data, "user-name").as_str()), ("alice", "alice"));
    assert_eq!(text(&data, "empty"), "");
    assert_eq!(fake.count("/SecretServer/api/v1/secrets/42/fields"), 0);
    let data = read(&source, "42", None, &["key"]).expect("it is there");
    assert!(matches!(data.get("key"), Some(SecretValue::Bytes(bytes)) if bytes.expose() == [0, 255]));
    assert_eq!(fake.count("/SecretServer/oauth2"), 1, "one login for all reads");
}

#[test]
fn refusals_are_reported_and_invalid_paths_are_refused() {
    let (_fake, source) = delinea(play);
    assert!(failure(read(&source, "43", None, &[])).is_absent());
    let (_fake, source) = delinea(|_| Response::new(403, r#"{"message": "Access Denied"}"#));
    assert!(failure(read(&source, "42", None, &[])).to_string().contains("Access Denied"));
    let (fake, source) = delinea(|_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "42", None, &[])).to_string().contains("not JSON"));
    let count = fake.seen().len();
    for path in ["", "x", "42/../43", "-1"] {
        assert_eq!(failure(read(&source, path, None, &[])).class(), Class::Usage, "{path}");
    }
    assert_eq!(fake.seen().len(), count);
}
