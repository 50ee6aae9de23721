//! The smaller stores through the binary: their settings reach them, and a missing one is named.

use crate::{generate, printed, refused, secret};
use keyfill_testkit::{Fake, Request, Response};
use std::sync::atomic::{AtomicUsize, Ordering};

/// One read over a fake that plays a store: `{}` in a variable is the fake's address.
fn reads(vars: &[(&str, &str)], placeholder: &str, answer: fn(&Request) -> Response) {
    let fake = Fake::start(answer);
    let address = fake.address();
    let vars: Vec<(&str, String)> =
        vars.iter().map(|(name, value)| (*name, value.replace("{}", &address))).collect();
    let vars: Vec<(&str, &str)> = vars.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let manifest = secret(&format!("  k: {placeholder}\n"));
    let outcome = generate(&vars, &manifest).run();
    assert!(printed(&outcome).contains("  k: alice\n"), "{}", outcome.text());
    trouble(&vars, &manifest, &address, answer);
    // Without its last setting it says which one that is.
    let (last, rest) = vars.split_last().expect("there are some");
    let outcome = generate(rest, &manifest).run();
    let said = refused(&outcome, 2);
    assert!(said.contains(last.0), "{said}");
    // None of them is an author's.
    for (name, _) in &vars[1..] {
        let authors = format!("ARGOCD_ENV_{name}");
        let outcome = generate(&[&vars[..], &[(authors.as_str(), "theirs")]].concat(), &manifest).run();
        assert!(refused(&outcome, 6).contains(name), "{}", outcome.stderr);
    }
}

/// Any store waits out what passes, and tells what does not.
fn trouble(vars: &[(&str, &str)], manifest: &str, address: &str, answer: fn(&Request) -> Response) {
    let at = |other: &str| -> Vec<(String, String)> {
        vars.iter().map(|(name, value)| ((*name).to_owned(), value.replace(address, other))).collect()
    };
    let run = |vars: &[(String, String)]| {
        let vars: Vec<(&str, &str)> = vars.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        generate(&vars, manifest).args(["--deadline", "4s"]).run()
    };
    let outcome = run(&at("http://127.0.0.1:1"));
    assert!(refused(&outcome, 5).contains("is not reachable"), "{}", outcome.stderr);
    let count = AtomicUsize::new(0);
    let busy = Fake::start(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Response::new(429, "").header("Retry-After", "0"),
        1 => Response::new(503, "busy"),
        _ => answer(request),
    });
    assert!(printed(&run(&at(&busy.address()))).contains("  k: alice\n"));
    for (status, body) in [(200, "<html>hush</html>"), (403, "<html>hush</html>"), (500, "hush")] {
        let other = Fake::start(move |_| Response::new(status, body));
        let outcome = run(&at(&other.address()));
        let text_is_a_value = vars[0].1 == "conjur" && status == 200;
        if text_is_a_value {
            continue;
        }
        assert!(!refused(&outcome, 5).is_empty(), "{}", outcome.stderr);
    }
}

#[test]
fn doppler_is_read() {
    let vars = [("AVP_TYPE", "doppler"), ("DOPPLER_API_HOST", "{}"), ("DOPPLER_TOKEN", "hush-token")];
    reads(&vars, "<path:team/prd#USER>", |request| {
        assert_eq!(request.header("authorization"), "Bearer hush-token");
        Response::new(200, r#"{"secrets": {"USER": {"computed": "alice"}}}"#)
    });
}

#[test]
fn gitlab_is_read() {
    let vars = [("AVP_TYPE", "gitlab"), ("GITLAB_URL", "{}"), ("GITLAB_TOKEN", "hush-token")];
    reads(&vars, "<path:projects/7#USER>", |request| {
        assert_eq!(request.header("private-token"), "hush-token");
        assert!(request.path.starts_with("/api/v4/projects/7/variables/USER?"), "{}", request.path);
        Response::new(200, r#"{"key": "USER", "value": "alice"}"#)
    });
}

#[test]
fn infisical_is_read() {
    let vars = [
        ("AVP_TYPE", "infisical"),
        ("INFISICAL_URL", "{}"),
        ("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "id"),
        ("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "hush"),
    ];
    reads(&vars, "<path:p-1/prod/db#USER>", |request| match request.path.as_str() {
        "/api/v1/auth/universal-auth/login" => {
            Response::new(200, r#"{"accessToken": "token-1", "expiresIn": 7200}"#)
        }
        _ => {
            assert_eq!(request.header("authorization"), "Bearer token-1");
            Response::new(200, r#"{"secrets": [{"secretKey": "USER", "secretValue": "alice"}]}"#)
        }
    });
}

#[test]
fn delinea_is_read() {
    let vars = [
        ("AVP_TYPE", "delineasecretserver"),
        ("AVP_DELINEA_URL", "{}"),
        ("AVP_DELINEA_USER", "app"),
        ("AVP_DELINEA_PASSWORD", "hush"),
    ];
    reads(&vars, "<path:42#user-name>", |request| match request.path.as_str() {
        "/oauth2/token" => Response::new(200, r#"{"access_token": "token-1", "expires_in": 1199}"#),
        path => {
            assert_eq!((path, request.header("authorization")), ("/api/v1/secrets/42", "Bearer token-1"));
            Response::new(
                200,
                r#"{"items": [{"fieldName": "User Name", "slug": "user-name", "itemValue": "alice"}]}"#,
            )
        }
    });
}

#[test]
fn ibm_is_read() {
    let vars = [
        ("AVP_TYPE", "ibmsecretsmanager"),
        ("AVP_IBM_INSTANCE_URL", "{}"),
        ("KEYFILL_IBM_IAM_ENDPOINT", "{}"),
        ("AVP_IBM_API_KEY", "hush"),
    ];
    reads(&vars, "<path:ibmcloud/arbitrary/secrets/groups/default#user>", |request| {
        match request.path.as_str() {
            "/identity/token" => Response::new(200, r#"{"access_token": "token-1", "expires_in": 3600}"#),
            "/api/v2/secrets/i1" => Response::new(200, r#"{"payload": "alice"}"#),
            _ => Response::new(
                200,
                r#"{"secrets": [{"id": "i1", "name": "user", "secret_type": "arbitrary"}]}"#,
            ),
        }
    });
}

#[test]
fn conjur_is_read() {
    let vars = [
        ("AVP_TYPE", "conjur"),
        ("CONJUR_APPLIANCE_URL", "{}"),
        ("CONJUR_ACCOUNT", "acct"),
        ("CONJUR_AUTHN_LOGIN", "host/keyfill"),
        ("CONJUR_AUTHN_API_KEY", "hush"),
    ];
    reads(&vars, "<path:prod/db#user>", |request| match request.path.as_str() {
        "/authn/acct/host%2Fkeyfill/authenticate" => Response::new(200, "{}"),
        "/secrets/acct/variable/prod%2Fdb%2Fuser" => Response::new(200, "alice"),
        path => panic!("{path}"),
    });
}

#[test]
fn yandex_lockbox_is_read() {
    let key = keyfill_testkit::workspace().join("crates/keyfill-secrets/tests/data/service-account.pem");
    let key = std::fs::read_to_string(key).expect("it is there");
    let vars = [
        ("AVP_TYPE", "yandexcloudlockbox"),
        ("KEYFILL_YANDEX_ENDPOINT", "{}"),
        ("AVP_YCL_SERVICE_ACCOUNT_ID", "account-1"),
        ("AVP_YCL_KEY_ID", "key-1"),
        ("AVP_YCL_PRIVATE_KEY", &key),
    ];
    reads(&vars, "<path:e6q#user>", |request| match request.path.as_str() {
        "/iam/v1/tokens" => Response::new(200, r#"{"iamToken": "token-1"}"#),
        path => {
            assert_eq!(path, "/lockbox/v1/secrets/e6q/payload");
            Response::new(200, r#"{"entries": [{"key": "user", "textValue": "alice"}]}"#)
        }
    });
}
