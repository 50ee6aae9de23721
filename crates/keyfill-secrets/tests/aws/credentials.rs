//! Where credentials come from, and when they are fetched again.

use crate::{failure, read, settings, text};
use keyfill_secrets::aws::{AwsSettings, CredentialSettings, SecretsManager};
use keyfill_testkit::{Fake, Request, Response};

const GOOD: &str = r#"{"SecretString": "{\"user\":\"alice\"}"}"#;

fn is_store(request: &Request) -> bool {
    request.header("x-amz-target") == "secretsmanager.GetSecretValue"
}

fn sts_answer(key: &str, expires: &str) -> Response {
    Response::new(
        200,
        format!(
            "<AssumeRoleWithWebIdentityResponse><Credentials><AccessKeyId>{key}</AccessKeyId>\
             <SecretAccessKey>hush</SecretAccessKey><SessionToken>session-{key}</SessionToken>\
             <Expiration>{expires}</Expiration></Credentials></AssumeRoleWithWebIdentityResponse>"
        ),
    )
}

fn json_answer(key: &str) -> Response {
    let body = format!(
        r#"{{"Code": "Success", "AccessKeyId": "{key}", "SecretAccessKey": "hush", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}}"#
    );
    Response::new(200, body)
}

fn with(endpoint: &str, credentials: CredentialSettings) -> AwsSettings {
    AwsSettings { credentials, ..settings(endpoint) }
}

#[test]
fn a_role_is_assumed_once_with_a_web_identity_token() {
    let fake = Fake::start(|request| {
        if is_store(request) { Response::new(200, GOOD) } else { sts_answer("ASIA1", "2099-01-01T00:00:00Z") }
    });
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "to.ken+=\n").expect("it can be written");
    let credentials = CredentialSettings {
        role_arn: Some("arn:aws:iam::1:role/app".into()),
        web_identity_token_file: Some(token.path().into()),
        ..CredentialSettings::default()
    };
    let source = SecretsManager::new(with(&fake.address(), credentials));
    for _ in 0..3 {
        assert_eq!(text(&read(&source, "app", None, 10).expect("it is there"), "user"), "alice");
    }
    let seen = fake.seen();
    assert_eq!((seen.len(), seen.iter().filter(|r| is_store(r)).count()), (4, 3));
    assert_eq!(
        seen[0].body,
        "Version=2011-06-15&Action=AssumeRoleWithWebIdentity&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fapp\
         &RoleSessionName=keyfill&WebIdentityToken=to.ken%2B%3D"
    );
    assert_eq!(seen[0].header("authorization"), "");
    assert!(seen[1].header("authorization").contains("Credential=ASIA1/"));
    assert_eq!(seen[1].header("x-amz-security-token"), "session-ASIA1");
}

#[test]
fn expired_credentials_are_fetched_again_once_and_static_ones_are_not() {
    let fake = Fake::start(|request| {
        if !is_store(request) {
            let number = request.body.len() % 2;
            return sts_answer(&format!("ASIA{number}"), "2099-01-01T00:00:00Z");
        }
        Response::new(400, r#"{"__type": "ExpiredTokenException", "message": "expired"}"#)
    });
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "t").expect("it can be written");
    let credentials = CredentialSettings {
        role_arn: Some("r".into()),
        web_identity_token_file: Some(token.path().into()),
        ..CredentialSettings::default()
    };
    let error = failure(read(&SecretsManager::new(with(&fake.address(), credentials)), "app", None, 5));
    assert!(error.to_string().contains("ExpiredTokenException"), "{error}");
    let seen = fake.seen();
    assert_eq!((seen.len(), seen.iter().filter(|r| is_store(r)).count()), (4, 2));
    // Static credentials are not fetched again, and the request is not retried.
    let fake =
        Fake::start(|_| Response::new(400, r#"{"__type": "ExpiredTokenException", "message": "expired"}"#));
    failure(read(&SecretsManager::new(settings(&fake.address())), "app", None, 5));
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn pod_identity_sends_the_token_from_its_file() {
    let agent = Fake::start(|_| json_answer("ASIAPOD"));
    let store = Fake::start(|_| Response::new(200, GOOD));
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "pod-token").expect("it can be written");
    let credentials = CredentialSettings {
        container_full_uri: Some(format!("{}/v1/credentials", agent.address())),
        container_token_file: Some(token.path().into()),
        ..CredentialSettings::default()
    };
    read(&SecretsManager::new(with(&store.address(), credentials)), "app", None, 10).expect("it is there");
    let seen = agent.seen();
    assert_eq!((seen[0].path.as_str(), seen[0].header("authorization")), ("/v1/credentials", "pod-token"));
    assert!(store.seen()[0].header("authorization").contains("Credential=ASIAPOD/"));
}

#[test]
fn requests_to_the_metadata_service_have_its_session_token() {
    let machine = Fake::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("PUT", "/latest/api/token") if request.header("x-aws-ec2-metadata-token-ttl-seconds") == "21600" => {
            Response::new(200, "machine-token")
        }
        ("GET", path) if request.header("x-aws-ec2-metadata-token") == "machine-token" => match path {
            "/latest/meta-data/iam/security-credentials/" => Response::new(200, "node-role"),
            "/latest/meta-data/iam/security-credentials/node-role" => json_answer("ASIANODE"),
            _ => Response::new(404, ""),
        },
        _ => Response::new(401, ""),
    });
    let store = Fake::start(|_| Response::new(200, GOOD));
    let credentials =
        CredentialSettings { metadata_endpoint: Some(machine.address()), ..CredentialSettings::default() };
    read(&SecretsManager::new(with(&store.address(), credentials)), "app", None, 10).expect("it is there");
    assert!(store.seen()[0].header("authorization").contains("Credential=ASIANODE/"));
}

#[test]
fn the_error_for_a_role_that_cannot_be_assumed_has_a_hint() {
    let fake = Fake::start(|_| {
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized</Message></Error></ErrorResponse>";
        Response::new(403, body)
    });
    let token = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(token.path(), "hush").expect("it can be written");
    let credentials = CredentialSettings {
        role_arn: Some("arn:r".into()),
        web_identity_token_file: Some(token.path().into()),
        ..CredentialSettings::default()
    };
    let error = failure(read(&SecretsManager::new(with(&fake.address(), credentials)), "app", None, 5));
    assert!(error.to_string().contains("the role arn:r cannot be assumed"), "{error}");
    assert!(error.advice().is_some_and(|hint| hint.contains("trust policy")));
}

#[test]
fn the_error_without_credentials_has_a_hint() {
    let nobody = CredentialSettings { metadata_disabled: true, ..CredentialSettings::default() };
    let error = failure(read(&SecretsManager::new(with("http://127.0.0.1:1", nobody)), "app", None, 5));
    assert!(error.advice().is_some_and(|hint| hint.contains("IRSA")), "{error}");
}
