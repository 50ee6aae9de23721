//! A service that is down, slow, throttles or refuses requests, or is not AWS.

use crate::{failure, read, settings, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::aws::SecretsManager;
use keyfill_testkit::{Fake, Response};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const GOOD: &str = r#"{"Name": "app", "SecretString": "{\"user\":\"alice\"}"}"#;

fn refusal(kind: &str, message: &str) -> Response {
    let body = serde_json::json!({ "__type": format!("com.amazonaws#{kind}"), "Message": message });
    Response::new(400, body.to_string()).header("Content-Type", "application/x-amz-json-1.1")
}

/// A server that answers the first `times` requests with `other`, and later ones with a secret.
fn first(times: usize, other: impl Fn() -> Response + Send + Sync + 'static) -> Fake {
    let count = AtomicUsize::new(0);
    Fake::start(
        move |_| {
            if count.fetch_add(1, Ordering::SeqCst) < times { other() } else { Response::new(200, GOOD) }
        },
    )
}

#[test]
fn requests_are_signed_and_name_the_secret() {
    let fake = first(0, || Response::new(500, ""));
    read(&SecretsManager::new(settings(&fake.address())), "app", Some("AWSPREVIOUS"), 10)
        .expect("it is there");
    let seen = fake.seen();
    let [request] = &seen[..] else { panic!("one request") };
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    assert_eq!(request.header("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(request.header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(request.header("host"), fake.host());
    let body: serde_json::Value = serde_json::from_str(&request.body).expect("JSON");
    assert_eq!(body, serde_json::json!({ "SecretId": "app", "VersionStage": "AWSPREVIOUS" }));
    let signed = request.header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"), "{signed}");
    assert!(signed.contains(
        "/eu-west-1/secretsmanager/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,"
    ));
    assert!(!format!("{request:?}").contains("hush"));
}

#[test]
fn requests_are_retried_after_temporary_failures() {
    for other in [
        || refusal("ThrottlingException", "Rate exceeded"),
        || Response::new(503, "<html>"),
        || Response::new(429, ""),
        || refusal("InternalServiceError", ""),
    ] {
        let fake = first(2, other);
        let data = read(&SecretsManager::new(settings(&fake.address())), "app", None, 10).expect("it passes");
        assert_eq!((text(&data, "user").as_str(), fake.seen().len()), ("alice", 3));
    }
}

#[test]
fn requests_are_not_retried_after_final_answers() {
    for (other, class, told) in [
        (
            refusal("AccessDeniedException", "User: x is not authorized"),
            Class::Store,
            "User: x is not authorized",
        ),
        (refusal("ResourceNotFoundException", "no"), Class::Missing, "has no app"),
        (
            refusal("InvalidRequestException", "it was marked for deletion"),
            Class::Store,
            "marked for deletion",
        ),
        (refusal("DecryptionFailure", "key"), Class::Store, "cannot decrypt"),
        (refusal("UnrecognizedClientException", "bad token"), Class::Store, "does not take the credentials"),
        (Response::new(200, "<html>hush</html>"), Class::Store, "not JSON"),
        (Response::new(404, "<html>hush</html>"), Class::Store, "not in JSON"),
        (Response::new(302, "").header("Location", "http://127.0.0.1:1/"), Class::Store, "302"),
    ] {
        let fake = Fake::start(move |_| other.clone());
        let error = failure(read(&SecretsManager::new(settings(&fake.address())), "app", None, 5));
        assert_eq!((error.class(), fake.seen().len()), (class, 1), "{error}");
        assert!(error.to_string().contains(told), "{error}");
        assert!(error.to_string().starts_with("cannot read app: "), "{error}");
    }
}

#[test]
fn a_service_that_is_down_or_slow_is_reported_before_the_deadline() {
    let nobody = "http://127.0.0.1:1";
    let started = Instant::now();
    let error = failure(read(&SecretsManager::new(settings(nobody)), "app", None, 2));
    assert!(error.to_string().contains("not reachable") && error.may_pass(), "{error}");
    let slow = Fake::start(|_| {
        std::thread::sleep(Duration::from_secs(5));
        Response::new(200, GOOD)
    });
    let error = failure(read(&SecretsManager::new(settings(&slow.address())), "app", None, 2));
    assert!(error.to_string().contains("too slow"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_path_cannot_contain_another_host() {
    let fake = first(0, || Response::new(500, ""));
    let source = SecretsManager::new(settings(&fake.address()));
    let error = failure(read(&source, "arn:aws:secretsmanager:evil.example/x:1:secret:app", None, 5));
    assert_eq!((error.class(), fake.seen().len()), (Class::Usage, 0));
}
