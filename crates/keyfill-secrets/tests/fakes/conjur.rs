//! CyberArk Conjur.

use crate::{failure, read, text};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::conjur::{Conjur, ConjurLogin, ConjurSettings};
use keyfill_secrets::{Network, SecretRef, Source as _};
use keyfill_testkit::{Fake, Request, Response};

/// The header with the access token, which is `{"token": 1}` in base64.
const TOKEN: &str = r#"Token token="eyJ0b2tlbiI6IDF9""#;

fn conjur(
    login: ConjurLogin,
    answer: impl Fn(&Request) -> Response + Send + Sync + 'static,
) -> (Fake, Conjur) {
    let fake = Fake::start(move |request| match request.path.as_str() {
        "/authn/acct/host%2Fkeyfill/authenticate" => {
            assert_eq!((request.method.as_str(), request.body.as_str()), ("POST", "hush-key"));
            Response::new(200, r#"{"token": 1}"#)
        }
        "/authn-jwt/k8s/acct/authenticate" => {
            assert_eq!((request.method.as_str(), request.body.as_str()), ("POST", "jwt=hush.jwt"));
            Response::new(200, r#"{"token": 1}"#)
        }
        _ if request.header("authorization") != TOKEN => Response::new(401, ""),
        _ => answer(request),
    });
    let settings = ConjurSettings {
        address: format!("{}/", fake.address()),
        account: "acct".into(),
        login,
        network: Network::default(),
    };
    (fake, Conjur::new(settings))
}

fn key() -> ConjurLogin {
    ConjurLogin::ApiKey { login: "host/keyfill".into(), key: "hush-key".into() }
}

fn play(request: &Request) -> Response {
    match request.path.as_str() {
        "/secrets/acct/variable/prod%2Fdb%2Fpassword" => Response::new(200, "secret"),
        "/secrets/acct/variable/prod%2Fdb%2Fpassword?version=2" => Response::new(200, "old"),
        _ => Response::new(404, r#"{"error": {"code": "not_found", "message": "CONJ00076E"}}"#),
    }
}

#[test]
fn path_and_key_together_are_the_id_of_a_variable() {
    let (fake, source) = conjur(key(), play);
    let data = read(&source, "prod/db", None, &["password", "none"]).expect("it is there");
    assert_eq!((text(&data, "password").as_str(), data.len()), ("secret", 1));
    assert_eq!(
        text(&read(&source, "prod/db", Some("2"), &["password"]).expect("it is there"), "password"),
        "old"
    );
    assert_eq!(fake.count("/authn"), 1, "one login for all reads");
}

#[test]
fn a_jwt_from_a_file_logs_in() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "hush.jwt\n").expect("it can be written");
    let login = ConjurLogin::Jwt { service: "k8s".into(), file: file.path().into() };
    let (_fake, source) = conjur(login, play);
    assert_eq!(
        text(&read(&source, "prod/db", None, &["password"]).expect("it is there"), "password"),
        "secret"
    );
}

#[test]
fn refusals_are_reported_and_variables_are_not_listed() {
    let (_fake, source) = conjur(key(), |_| Response::new(403, ""));
    let error = failure(read(&source, "prod/db", None, &["password"]));
    assert!(error.advice().is_some_and(|hint| hint.contains("prod/db/password")), "{error}");
    let (fake, source) = conjur(key(), play);
    assert_eq!(failure(read(&source, "prod", None, &["db/password"])).class(), Class::Usage);
    assert_eq!(failure(read(&source, "prod/db", Some("x"), &["password"])).class(), Class::Usage);
    let all = crate::block_on(source.read(&SecretRef::latest("prod/db"), &Cx::default()));
    assert_eq!(failure(all).class(), Class::Usage);
    assert_eq!(fake.seen().len(), 0);
}
