//! IBM Cloud Secrets Manager.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::ibm::{Ibm, IbmSettings};
use keyfill_secrets::{Network, SecretValue};
use keyfill_testkit::{Fake, Request, Response};

const GROUP: &str = "11111111-2222-3333-4444-555555555555";

fn ibm(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, Ibm) {
    let fake = Fake::start(move |request| {
        if request.path == "/identity/token" {
            assert_eq!(request.method, "POST");
            assert_eq!(
                request.body,
                "grant_type=urn%3Aibm%3Aparams%3Aoauth%3Agrant-type%3Aapikey&apikey=hu%26sh"
            );
            return Response::new(200, r#"{"access_token": "token-1", "expires_in": 3600}"#);
        }
        assert_eq!(request.header("authorization"), "Bearer token-1");
        answer(request)
    });
    let settings = IbmSettings {
        address: format!("{}/", fake.address()),
        api_key: "hu&sh".into(),
        iam: Some(fake.address()),
        network: Network::default(),
    };
    (fake, Ibm::new(settings))
}

fn play(request: &Request) -> Response {
    let list = r#"{"secrets": [{"id": "i1", "name": "token", "secret_type": "arbitrary"},
            {"id": "i2", "name": "login", "secret_type": "username_password"},
            {"id": "i3", "name": "conf", "secret_type": "kv"},
            {"id": "i4", "name": "unused", "secret_type": "arbitrary"}]}"#;
    let of_group = |group: &str| format!("/api/v2/secrets?limit=200&offset=0&groups={group}");
    match request.path.as_str() {
        "/api/v2/secret_groups" => {
            Response::new(200, format!(r#"{{"secret_groups": [{{"id": "{GROUP}", "name": "team"}}]}}"#))
        }
        path if path == of_group(GROUP) || path == of_group("default") => Response::new(200, list),
        "/api/v2/secrets/i1" => Response::new(200, r#"{"payload": "alice", "name": "token"}"#),
        "/api/v2/secrets/i1/versions/previous" => Response::new(200, r#"{"payload": "old"}"#),
        "/api/v2/secrets/i2" => Response::new(200, r#"{"username": "u", "password": "p", "name": "login"}"#),
        "/api/v2/secrets/i3" => Response::new(200, r#"{"data": {"n": 1.10, "s": "x"}}"#),
        _ => Response::new(404, r#"{"errors": [{"code": "not_found", "message": "no such secret"}]}"#),
    }
}

#[test]
fn the_keys_are_the_secrets_of_a_group_or_the_fields_of_a_secret() {
    let (fake, source) = ibm(play);
    let data =
        read(&source, "ibmcloud/arbitrary/secrets/groups/team", None, &["token", "none"]).expect("there");
    assert_eq!((text(&data, "token").as_str(), data.len()), ("alice", 1));
    assert_eq!(fake.count("/api/v2/secrets/i4"), 0, "what no placeholder names is not read");
    let old = read(&source, "ibmcloud/arbitrary/secrets/groups/default", Some("previous"), &["token"]);
    assert_eq!(text(&old.expect("it is there"), "token"), "old");
    let login = format!("ibmcloud/username_password/secrets/groups/{GROUP}/login");
    let data = read(&source, &login, None, &["password"]).expect("it is there");
    assert_eq!((text(&data, "username").as_str(), text(&data, "password").as_str()), ("u", "p"));
    let data = read(&source, "ibmcloud/kv/secrets/groups/default/conf", None, &["n"]).expect("it is there");
    assert_eq!(text(&data, "n"), "1.10");
    let data = read(&source, "ibmcloud/kv/secrets/groups/default", None, &["conf"]).expect("it is there");
    assert!(matches!(data.get("conf"), Some(SecretValue::Map(entries)) if entries.len() == 2));
    assert_eq!(fake.count("/identity/token"), 1, "one login for all reads");
}

#[test]
fn refusals_are_reported_and_invalid_paths_are_refused() {
    let (_fake, source) = ibm(play);
    for path in ["ibmcloud/arbitrary/secrets/groups/none", "ibmcloud/kv/secrets/groups/default/none"] {
        assert!(failure(read(&source, path, None, &["k"])).is_absent(), "{path}");
    }
    let (_fake, source) = ibm(|_| Response::new(403, r#"{"errors": [{"message": "forbidden"}]}"#));
    let error = failure(read(&source, "ibmcloud/kv/secrets/groups/default", None, &["k"]));
    assert!(error.advice().is_some_and(|hint| hint.contains("SecretsReader")), "{error}");
    let (fake, source) = ibm(|_| Response::new(200, "<html>hush"));
    assert!(
        failure(read(&source, "ibmcloud/kv/secrets/groups/default", None, &["k"]))
            .to_string()
            .contains("not JSON")
    );
    let count = fake.seen().len();
    for path in [
        "kv/secrets/groups/default",
        "ibmcloud/other/secrets/groups/default",
        "ibmcloud/arbitrary/secrets/groups/default/name",
        "ibmcloud/kv/secrets/groups/a/b/c",
    ] {
        assert_eq!(failure(read(&source, path, None, &["k"])).class(), Class::Usage, "{path}");
    }
    assert_eq!(fake.seen().len(), count);
}
