//! A store that is down, slow, busy, refuses, has no such secret, or is something else; an author who would choose one.

use crate::{aws_at, checked, generate, printed, refusal, refused, secret, secrets_manager};
use keyfill_testkit::{Fake, Outcome, Response};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const ONE: &str = "  k: <path:team/app#user>\n";

/// One run over a fake that answers so.
fn over(answer: impl Fn(usize) -> Response + Send + Sync + 'static) -> (Outcome, usize) {
    let count = AtomicUsize::new(0);
    let fake = Fake::start(move |request| {
        checked(request, "eu-west-1");
        answer(count.fetch_add(1, Ordering::SeqCst))
    });
    let address = fake.address();
    let outcome = generate(&aws_at(&address), &secret(ONE)).args(["--deadline", "3s"]).run();
    (outcome, fake.seen().len())
}

fn good() -> Response {
    Response::new(200, json!({ "SecretString": r#"{"user": "alice"}"# }).to_string())
}

#[test]
fn a_store_that_is_down_is_told_with_its_address() {
    let outcome = generate(&aws_at("http://127.0.0.1:1"), &secret(ONE)).args(["--deadline", "2s"]).run();
    let said = refused(&outcome, 5);
    assert!(said.contains("AWS Secrets Manager in eu-west-1 is not reachable"), "{said}");
    assert!(said.contains("k: <path:team/app#user>"), "the placeholder is shown: {said}");
    assert!(outcome.time < Duration::from_secs(4), "{:?}", outcome.time);
}

#[test]
fn a_store_that_is_slow_is_given_up_at_the_deadline() {
    let (outcome, _) = over(|_| {
        std::thread::sleep(Duration::from_secs(8));
        good()
    });
    let said = refused(&outcome, 5);
    assert!(said.contains("too slow"), "{said}");
    assert!(outcome.time < Duration::from_secs(5), "{:?}", outcome.time);
}

#[test]
fn trouble_that_passes_is_waited_out() {
    let (outcome, requests) = over(|count| match count {
        0 => refusal("ThrottlingException", "Rate exceeded"),
        1 => Response::new(503, "busy"),
        _ => good(),
    });
    assert!(printed(&outcome).contains("  k: alice\n"));
    assert_eq!(requests, 3);
}

#[test]
fn refusals_say_what_to_do() {
    for (kind, message, code, hint) in [
        (
            "AccessDeniedException",
            "User: arn:aws:iam::1:role/app is not authorized",
            5,
            "allow secretsmanager:GetSecretValue",
        ),
        (
            "ResourceNotFoundException",
            "Secrets Manager can't find it",
            4,
            "check the name, the region (AWS_REGION)",
        ),
        ("DecryptionFailure", "no access to the key", 5, "kms:Decrypt"),
        ("InvalidRequestException", "it was marked for deletion", 5, "can be restored"),
        (
            "ExpiredTokenException",
            "The security token included in the request is expired",
            5,
            "check the AWS credentials",
        ),
    ] {
        let (outcome, requests) = over(move |_| refusal(kind, message));
        let said = refused(&outcome, code);
        assert!(said.contains(hint) && said.contains("team/app"), "{kind}: {said}");
        assert_eq!(requests, 1, "{kind}: static keys do not change, and the answer is final");
    }
    let (outcome, _) = over(|_| Response::new(404, "<html>hush</html>"));
    let said = refused(&outcome, 5);
    assert!(said.contains("not in JSON") && said.contains("HTTPS_PROXY"), "{said}");
    let (outcome, _) = over(|_| Response::new(200, "<html>hush</html>"));
    assert!(refused(&outcome, 5).contains("not usable"));
}

#[test]
fn an_identity_that_expires_in_the_middle_is_fetched_anew_once() {
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "web-identity").expect("it can be written");
    for (expires_for, code) in [(1, 0), (9, 5)] {
        let (sessions, reads) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let fake = Fake::start(move |request| {
            if request.header("x-amz-target").is_empty() {
                let key = format!("ASIA{}", sessions.fetch_add(1, Ordering::SeqCst));
                return Response::new(
                    200,
                    format!(
                        "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>{key}</AccessKeyId>\
                         <SecretAccessKey>hush</SecretAccessKey><SessionToken>session-{key}</SessionToken>\
                         <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResponse>"
                    ),
                );
            }
            match reads.fetch_add(1, Ordering::SeqCst) < expires_for {
                true => {
                    refusal("ExpiredTokenException", "The security token included in the request is expired")
                }
                false => good(),
            }
        });
        let (address, file) = (fake.address(), token.path().to_string_lossy().into_owned());
        let vars = [
            ("AVP_TYPE", "awssecretsmanager"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ENDPOINT_URL", &address),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/app"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &file),
        ];
        let outcome = generate(&vars, &secret(ONE)).run();
        if code == 0 {
            assert!(printed(&outcome).contains("  k: alice\n"));
        } else {
            let said = refused(&outcome, code);
            assert!(said.contains("ExpiredTokenException") && said.contains("team/app"), "{said}");
            assert!(!said.contains("web-identity") && !said.contains("session-"), "{said}");
        }
        let seen = fake.seen();
        let logins = seen.iter().filter(|request| request.header("x-amz-target").is_empty()).count();
        assert_eq!((logins, seen.len()), (2, 4), "one more login, and one more read");
    }
}

#[test]
fn a_default_stands_in_for_a_secret_that_is_absent() {
    let fake = secrets_manager("eu-west-1", &[]);
    let address = fake.address();
    let text = printed(&generate(&aws_at(&address), &secret("  k: <path:none#user | default anna>\n")).run());
    assert!(text.contains("  k: anna\n"), "{text}");
}

#[test]
fn without_credentials_it_is_said_how_to_give_them() {
    let vars = [("AVP_TYPE", "awssecretsmanager"), ("AWS_EC2_METADATA_DISABLED", "true")];
    let outcome = generate(&vars, &secret(ONE)).run();
    let said = refused(&outcome, 2);
    assert!(said.contains("no AWS credentials") && said.contains("IRSA"), "{said}");
}

#[test]
fn an_author_names_no_setting_of_the_store() {
    let fake = secrets_manager("eu-west-1", &[("team/app", r#"{"user": "hush"}"#)]);
    let address = fake.address();
    for name in
        ["AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID", "AVP_TYPE"]
    {
        let authors = format!("ARGOCD_ENV_{name}");
        let opened = [("KEYFILL_APP_MAY_SET", name), (authors.as_str(), "http://evil")];
        let vars = [&aws_at(&address)[..], &opened].concat();
        let outcome = generate(&vars, &secret(ONE)).run();
        let said = refused(&outcome, 6);
        assert!(said.contains(&format!("the app sets {name}")), "{said}");
        let is_told = said.contains(&format!("KEYFILL_APP_MAY_SET names {name}, which is never an app's"));
        assert_eq!(is_told, name != "AVP_TYPE", "{said}");
    }
    let outcome = generate(&[("ARGOCD_ENV_AVP_TYPE", "awssecretsmanager")], &secret(ONE)).run();
    assert!(refused(&outcome, 6).contains("the app sets AVP_TYPE"));
    assert_eq!(fake.seen().len(), 0);
}

#[test]
fn a_path_that_is_not_allowed_is_not_read() {
    let fake = secrets_manager("eu-west-1", &[("team/app", r#"{"user": "hush"}"#)]);
    let address = fake.address();
    let vars = [&aws_at(&address)[..], &[("KEYFILL_ALLOWED_PATHS", "other/*")]].concat();
    for path in
        ["team/app", "arn:aws:secretsmanager:eu-west-1:1:secret:other/app-AbCdEf", "other/../team/app"]
    {
        let outcome = generate(&vars, &secret(&format!("  k: <path:{path}#user>\n"))).run();
        assert!(refused(&outcome, 6).contains("path"), "{}", outcome.stderr);
    }
    assert_eq!(fake.seen().len(), 0);
}

#[test]
fn stores_that_are_not_there_are_named() {
    for (name, what) in [
        ("keepersecretsmanager", "a store of argocd-vault-plugin that keyfill cannot read"),
        ("awssecretmanager", "which is no source that keyfill knows"),
    ] {
        let outcome = generate(&[("AVP_TYPE", name)], &secret(ONE)).run();
        let said = refused(&outcome, 2);
        assert!(said.contains(what) && said.contains("awssecretsmanager"), "{said}");
    }
    let outcome = generate(&[("AVP_TYPE", "1passwordconnect")], &secret(ONE)).run();
    let said = refused(&outcome, 2);
    assert!(said.contains("OP_CONNECT_HOST must be set for the store 1passwordconnect"), "{said}");
}
