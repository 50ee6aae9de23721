//! Infisical.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::Network;
use keyfill_secrets::infisical::{Infisical, InfisicalLogin, InfisicalSettings};
use keyfill_testkit::{Fake, Request, Response};

fn infisical(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, Infisical) {
    let fake = Fake::start(move |request| {
        if request.path == "/api/v1/auth/universal-auth/login" {
            assert_eq!(request.method, "POST");
            assert_eq!(request.header("content-type"), "application/x-www-form-urlencoded");
            return match request.body.as_str() {
                "clientId=id&clientSecret=hu%26sh" => Response::new(
                    200,
                    r#"{"accessToken": "token-1", "expiresIn": 7200, "tokenType": "Bearer"}"#,
                ),
                _ => Response::new(401, r#"{"message": "Invalid credentials"}"#),
            };
        }
        assert_eq!(request.header("authorization"), "Bearer token-1");
        answer(request)
    });
    let login = InfisicalLogin::Universal { client_id: "id".into(), client_secret: "hu&sh".into() };
    let address = Some(fake.address());
    (fake, Infisical::new(InfisicalSettings { address, login, network: Network::default() }))
}

#[test]
fn a_folders_own_secrets_replace_imported_ones() {
    let (fake, source) = infisical(|request| {
        let query = "workspaceId=p-1&environment=prod&secretPath=%2Fteam%2Fdb&expandSecretReferences=true&include_imports=true";
        assert_eq!(request.path, format!("/api/v3/secrets/raw?{query}"));
        let one = |key: &str, value: &str| format!(r#"{{"secretKey": "{key}", "secretValue": "{value}"}}"#);
        let imports = format!(r#"[{{"secrets": [{}, {}]}}]"#, one("USER", "imported"), one("HOST", "h"));
        Response::new(200, format!(r#"{{"secrets": [{}], "imports": {imports}}}"#, one("USER", "alice")))
    });
    for _ in 0..2 {
        let data = read(&source, "p-1/prod/team/db", None, &["USER"]).expect("it is there");
        assert_eq!((text(&data, "USER").as_str(), text(&data, "HOST").as_str()), ("alice", "h"));
    }
    assert_eq!(fake.count("/api/v1/auth"), 1, "one login for all reads");
}

#[test]
fn refusals_are_reported_and_invalid_paths_are_refused() {
    let (_fake, source) = infisical(|_| Response::new(404, r#"{"message": "Folder not found"}"#));
    assert!(failure(read(&source, "p/prod", None, &[])).is_absent());
    let (_fake, source) = infisical(|_| Response::new(403, r#"{"message": "no"}"#));
    assert!(failure(read(&source, "p/prod", None, &[])).advice().is_some());
    let (fake, source) = infisical(|_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "p/prod", None, &[])).to_string().contains("not JSON"));
    let count = fake.seen().len();
    for (path, version) in [("p", None), ("p/prod", Some("1"))] {
        assert_eq!(failure(read(&source, path, version, &[])).class(), Class::Usage);
    }
    assert_eq!(fake.seen().len(), count);
}
