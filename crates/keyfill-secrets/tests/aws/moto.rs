//! Reads from moto, a server that imitates AWS.

use crate::{failure, read, settings, text};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::aws::{ParameterStore, SecretsManager};
use keyfill_secrets::{Reads, SecretRef, SecretValue, Source};
use keyfill_testkit::Moto;
use serde_json::json;
use std::sync::Arc;

const REGION: &str = "eu-west-1";

#[test]
fn secrets_are_read_by_name_arn_stage_and_version() {
    let Some(moto) = Moto::start() else { return };
    let create =
        |body: serde_json::Value, region: &str| moto.call("secretsmanager.CreateSecret", region, &body);
    let first = create(
        json!({"Name": "team/app", "SecretString": r#"{"user":"alice","big":12345678901234567890}"#}),
        REGION,
    );
    create(json!({"Name": "plain", "SecretString": "just text"}), REGION);
    create(json!({"Name": "bytes", "SecretBinary": "AAEC/w=="}), REGION);
    let other = create(json!({"Name": "far", "SecretString": r#"{"k":"us"}"#}), "us-west-2");
    let source = SecretsManager::new(settings(&moto.address()));
    let app = read(&source, "team/app", None, 20).expect("it is there");
    assert_eq!((text(&app, "user"), text(&app, "big")), ("alice".into(), "12345678901234567890".into()));
    let by_arn = read(&source, first["ARN"].as_str().expect("it has an ARN"), None, 20).expect("it is there");
    assert_eq!(text(&by_arn, "user"), "alice");
    assert_eq!(text(&read(&source, "plain", None, 20).expect("it is there"), "SecretString"), "just text");
    let bytes = read(&source, "bytes", None, 20).expect("it is there");
    assert!(matches!(bytes.get("SecretBinary"), Some(SecretValue::Bytes(b)) if b.expose() == [0, 1, 2, 255]));
    let far =
        read(&source, other["ARN"].as_str().expect("it has an ARN"), None, 20).expect("its region is read");
    assert_eq!(text(&far, "k"), "us");

    moto.call(
        "secretsmanager.PutSecretValue",
        REGION,
        &json!({"SecretId": "team/app", "SecretString": r#"{"user":"bob"}"#}),
    );
    let user =
        |version: &str| text(&read(&source, "team/app", Some(version), 20).expect("it is there"), "user");
    assert_eq!((user("AWSCURRENT"), user("AWSPREVIOUS")), ("bob".into(), "alice".into()));
    assert_eq!(user(first["VersionId"].as_str().expect("it has a version")), "alice");

    let error = failure(read(&source, "none", None, 20));
    assert_eq!(
        (error.class(), error.to_string().as_str()),
        (Class::Missing, "cannot read none: AWS Secrets Manager has no none")
    );
    moto.call("secretsmanager.DeleteSecret", REGION, &json!({"SecretId": "plain"}));
    let error = failure(read(&source, "plain", None, 20));
    assert!(
        error.to_string().contains("marked for deletion") || error.to_string().contains("deleted"),
        "{error}"
    );
}

#[test]
fn parameters_are_read_by_name_version_and_label() {
    let Some(moto) = Moto::start() else { return };
    let put = |body: serde_json::Value| moto.call("AmazonSSM.PutParameter", REGION, &body);
    put(json!({"Name": "/app/password", "Type": "SecureString", "Value": "first"}));
    put(json!({"Name": "/app/password", "Type": "SecureString", "Value": "second", "Overwrite": true}));
    put(json!({"Name": "/app/json", "Type": "String", "Value": r#"{"user": "alice"}"#}));
    put(json!({"Name": "/app/list", "Type": "StringList", "Value": "a,b"}));
    moto.call(
        "AmazonSSM.LabelParameterVersion",
        REGION,
        &json!({"Name": "/app/password", "ParameterVersion": 1, "Labels": ["old"]}),
    );
    let source = ParameterStore::new(settings(&moto.address()));
    let value = |version| text(&read(&source, "/app/password", version, 20).expect("it is there"), "Value");
    assert_eq!(
        (value(None), value(Some("1")), value(Some("old"))),
        ("second".into(), "first".into(), "first".into())
    );
    assert_eq!(text(&read(&source, "/app/json", None, 20).expect("it is there"), "user"), "alice");
    let list = read(&source, "/app/list", None, 20).expect("it is there");
    assert!(matches!(list.get("Values"), Some(SecretValue::List(items)) if items.len() == 2));
    assert_eq!(failure(read(&source, "/none", None, 20)).class(), Class::Missing);
}

#[test]
fn fifty_secrets_that_are_named_twice_are_read_with_4_requests() {
    let Some(moto) = Moto::start() else { return };
    for number in 0..50 {
        let body =
            json!({"Name": format!("many/{number}"), "SecretString": format!("{{\"k\":\"{number}\"}}")});
        moto.call("secretsmanager.CreateSecret", REGION, &body);
    }
    let source = Arc::new(SecretsManager::new(settings(&moto.address())));
    let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
    let secrets: Vec<SecretRef> = (0..100).map(|i| SecretRef::latest(format!("many/{}", i % 50))).collect();
    let answers = crate::block_on(reads.read_all(&secrets, &Cx::default()));
    for (number, answer) in answers.iter().enumerate() {
        let data = answer.as_ref().unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(text(data, "k"), (number % 50).to_string());
    }
    // Sixteen reads run at the same time, and share a request.
    assert_eq!((reads.count(), source.requests()), (50, 4));
}

#[test]
fn sixteen_parameters_are_read_with_2_requests() {
    let Some(moto) = Moto::start() else { return };
    for number in 0..16 {
        let body =
            json!({"Name": format!("/many/{number}"), "Type": "SecureString", "Value": number.to_string()});
        moto.call("AmazonSSM.PutParameter", REGION, &body);
    }
    let source = Arc::new(ParameterStore::new(settings(&moto.address())));
    let reads = Reads::new(Arc::clone(&source) as Arc<dyn Source>);
    let secrets: Vec<SecretRef> = (0..16).map(|i| SecretRef::latest(format!("many/{i}"))).collect();
    let answers = crate::block_on(reads.read_all(&secrets, &Cx::default()));
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(text(answer.as_ref().unwrap_or_else(|e| panic!("{e}")), "Value"), number.to_string());
    }
    assert_eq!((reads.count(), source.requests()), (16, 2));
}
