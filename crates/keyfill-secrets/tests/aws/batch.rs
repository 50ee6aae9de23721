//! Reads of several secrets in one request, and of those that the answer leaves out.

use crate::{block_on, failure, settings, text};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::aws::SecretsManager;
use keyfill_secrets::{Error, Reads, SecretRef, Source};
use keyfill_testkit::{Fake, Request, Response};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

fn body(request: &Request) -> Value {
    serde_json::from_str(&request.body).expect("it is JSON")
}

fn is_batch(request: &Request) -> bool {
    request.header("x-amz-target") == "secretsmanager.BatchGetSecretValue"
}

fn refusal(kind: &str) -> Response {
    Response::new(400, json!({ "__type": kind, "message": "told" }).to_string())
}

/// For each path the value of the key `k`, or the error.
type Shown = Vec<Result<String, Error>>;

/// Reads these paths in one run. Returns the results, and the numbers of batch requests and of other requests.
fn run(fake: &Fake, paths: &[&str], seconds: u64) -> (Shown, [usize; 2]) {
    let source = Arc::new(SecretsManager::new(settings(&fake.address())));
    let reads = Reads::new(source as Arc<dyn Source>);
    let secrets: Vec<SecretRef> = paths.iter().map(|path| SecretRef::latest(*path)).collect();
    let cx = Cx::with_time(Duration::from_secs(seconds));
    let answers = block_on(reads.read_all(&secrets, &cx));
    let shown = answers.into_iter().map(|answer| answer.map(|data| text(&data, "k"))).collect();
    let batches = fake.seen().iter().filter(|request| is_batch(request)).count();
    (shown, [batches, fake.seen().len() - batches])
}

/// A secret as the answers of both operations contain it.
fn value(name: &str) -> Value {
    let arn = format!("arn:aws:secretsmanager:eu-west-1:1:secret:{name}-AbCdEf");
    json!({ "Name": name, "ARN": arn, "SecretString": json!({ "k": name }).to_string() })
}

#[test]
fn secrets_that_are_read_at_the_same_time_share_a_request() {
    let fake = Fake::start(|request| {
        assert!(is_batch(request));
        let ids = body(request)["SecretIdList"].as_array().expect("a list").clone();
        let name =
            |id: &Value| id.as_str().unwrap_or_default().rsplit(':').next().map(|n| n.replace("-AbCdEf", ""));
        let values: Vec<Value> = ids.iter().filter_map(|id| Some(value(&name(id)?))).collect();
        Response::new(200, json!({ "SecretValues": values, "Errors": [] }).to_string())
    });
    let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:c-AbCdEf";
    let (shown, requests) = run(&fake, &["a", "b", arn], 10);
    let shown: Vec<String> = shown.into_iter().map(|answer| answer.expect("it is there")).collect();
    assert_eq!((shown, requests), (vec!["a".to_owned(), "b".to_owned(), "c".to_owned()], [1, 0]));
}

#[test]
fn secrets_that_a_batch_leaves_out_are_read_on_their_own() {
    let fake = Fake::start(|request| match is_batch(request) {
        true => Response::new(
            200,
            json!({ "SecretValues": [value("a")], "Errors": [{ "SecretId": "b", "ErrorCode": "x" }] })
                .to_string(),
        ),
        false if body(request)["SecretId"] == "c" => Response::new(200, value("c").to_string()),
        false => refusal("ResourceNotFoundException"),
    });
    let (mut shown, requests) = run(&fake, &["a", "b", "c"], 10);
    assert_eq!(shown.remove(2).ok().as_deref(), Some("c"));
    let error = shown.remove(1).expect_err("it is not there");
    assert!(error.is_absent() && error.to_string().contains("has no b"), "{error}");
    assert_eq!((shown.remove(0).ok().as_deref(), requests), (Some("a"), [1, 2]));
}

#[test]
fn after_a_refused_batch_each_secret_is_read_on_its_own() {
    let fake = Fake::start(|request| match is_batch(request) {
        true => refusal("AccessDeniedException"),
        false => {
            Response::new(200, value(body(request)["SecretId"].as_str().unwrap_or_default()).to_string())
        }
    });
    let (shown, requests) = run(&fake, &["a", "b", "c", "d"], 10);
    assert!(shown.iter().all(Result::is_ok));
    assert_eq!(requests, [1, 4], "it is not tried again");
}

#[test]
fn a_batch_that_fails_with_503_is_an_error_for_each_secret() {
    let fake = Fake::start(|_| Response::new(503, "busy"));
    let (shown, _) = run(&fake, &["a", "b"], 2);
    for (answer, name) in shown.into_iter().zip(["a", "b"]) {
        let error = failure(answer.map(|_| Arc::default()));
        assert_eq!(error.class(), Class::Store);
        assert!(error.to_string().starts_with(&format!("cannot read {name}:")), "{error}");
        assert!(error.to_string().contains("503"), "{error}");
    }
}
