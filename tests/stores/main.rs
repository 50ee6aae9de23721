//! Stores other than Vault, through the binary: `generate` over fakes that check what they get, and over moto.

mod avp;
mod aws;
mod faults;
mod kinds;
mod more;
mod several;
mod vals;

use keyfill_testkit::{Fake, Outcome, Request, Response, Run};
use serde_json::{Value, json};

/// keyfill that fills what comes on stdin, with these variables.
fn generate(vars: &[(&str, &str)], manifest: &str) -> Run {
    let run = Run::of(env!("CARGO_BIN_EXE_keyfill")).args(["generate", "-"]).stdin(manifest);
    vars.iter().fold(run, |run, (name, value)| run.env(name, value))
}

/// What a run printed. It must have succeeded.
fn printed(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    outcome.text()
}

/// What a run that failed said. Nothing may be on stdout, and no value anywhere.
fn refused(outcome: &Outcome, code: i32) -> &str {
    assert_eq!((outcome.code, outcome.text().as_str()), (Some(code), ""), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("hush"), "{}", outcome.stderr);
    &outcome.stderr
}

/// A Secret whose `stringData` has these entries.
fn secret(entries: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\nstringData:\n{entries}")
}

/// AWS Secrets Manager with one answer for each name; it checks each request.
fn secrets_manager(region: &'static str, secrets: &'static [(&str, &str)]) -> Fake {
    Fake::start(move |request| {
        if is_for_several(request) {
            return refusal("AccessDeniedException", "no right to read several at once");
        }
        let name = checked(request, region);
        match secrets.iter().find(|(known, _)| name == *known) {
            Some((_, text)) => Response::new(200, json!({ "Name": name, "SecretString": text }).to_string()),
            None => refusal("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        }
    })
}

/// Whether a request asks for several secrets at once, which a policy need not allow.
fn is_for_several(request: &Request) -> bool {
    request.header("x-amz-target") == "secretsmanager.BatchGetSecretValue"
}

/// How many requests asked for one secret.
fn singles(fake: &Fake) -> usize {
    fake.seen().iter().filter(|request| !is_for_several(request)).count()
}

/// The secret that a request asks for, once it is found to be as AWS wants it.
fn checked(request: &Request, region: &str) -> String {
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/"));
    assert_eq!(request.header("x-amz-target"), "secretsmanager.GetSecretValue");
    assert_eq!(request.header("content-type"), "application/x-amz-json-1.1");
    let scope = format!("/{region}/secretsmanager/aws4_request");
    let authorization = request.header("authorization");
    assert!(authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"), "{authorization}");
    assert!(authorization.contains(&scope), "{authorization}");
    let body: Value = serde_json::from_str(&request.body).expect("it is JSON");
    body["SecretId"].as_str().expect("a secret is named").to_owned()
}

/// An error as AWS writes it.
fn refusal(kind: &str, message: &str) -> Response {
    Response::new(400, json!({ "__type": kind, "message": message }).to_string())
}

/// The variables of AWS Secrets Manager behind an address.
fn aws_at(address: &str) -> Vec<(&str, &str)> {
    vec![
        ("AVP_TYPE", "awssecretsmanager"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", address),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "hush-key"),
    ]
}
