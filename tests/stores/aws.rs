//! AWS Secrets Manager and the Parameter Store.

use crate::{
    aws_at, checked, generate, is_for_several, printed, refusal, refused, secret, secrets_manager, singles,
};
use keyfill_testkit::{Fake, Moto, Response};
use serde_json::json;

const APP: &str = r#"{"user": "alice", "n": 12345678901234567890, "f": 1.10, "m": {"a": "inner"}}"#;

#[test]
fn a_secret_is_read_once_and_numbers_keep_their_text() {
    let fake = secrets_manager("eu-west-1", &[("team/app", APP), ("plain", "just text")]);
    let address = fake.address();
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\n  annotations:\n    \
                    avp.kubernetes.io/path: team/app\ndata:\n  user: <user>\n  big: <n>\n  f: <f>\n  \
                    inner: <m | jsonPath {.a}>\n  again: <path:team/app#user>\n  \
                    plain: <path:plain#SecretString>\n";
    let text = printed(&generate(&aws_at(&address), manifest).run());
    for line in
        ["user: alice", "big: \"12345678901234567890\"", "f: \"1.10\"", "inner: inner", "again: alice"]
    {
        assert!(text.contains(&format!("  {line}\n")), "{line} is not in\n{text}");
    }
    assert!(text.contains("  plain: just text\n"), "{text}");
    assert_eq!(singles(&fake), 2, "one request for each secret");
}

#[test]
fn bytes_are_base64_in_data_and_text_elsewhere() {
    let fake = Fake::start(|request| {
        if is_for_several(request) {
            return refusal("AccessDeniedException", "no");
        }
        let binary = match checked(request, "eu-west-1").as_str() {
            "text" => "YWxpY2U=",
            _ => "AAEC/w==",
        };
        Response::new(200, json!({ "SecretBinary": binary }).to_string())
    });
    let address = fake.address();
    let data = |entries: &str| format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n{entries}");
    let manifest = data(
        "data:\n  bytes: <path:bytes#SecretBinary>\n  text: <path:text#SecretBinary>\nstringData:\n  \
         plain: <path:text#SecretBinary>\n  encoded: <path:bytes#SecretBinary | base64encode>\n",
    );
    let text = printed(&generate(&aws_at(&address), &manifest).run());
    for line in ["bytes: AAEC/w==", "text: YWxpY2U=", "plain: alice", "encoded: AAEC/w=="] {
        assert!(text.contains(&format!("  {line}\n")), "{line} is not in\n{text}");
    }
    for manifest in [
        data("stringData:\n  keystore: <path:bytes#SecretBinary>\n"),
        data("stringData:\n  keystore: a <path:bytes#SecretBinary>\n"),
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: app\ndata:\n  keystore: <path:bytes#SecretBinary>\n"
            .to_owned(),
    ] {
        let outcome = generate(&aws_at(&address), &manifest).run();
        let said = refused(&outcome, 3);
        assert!(said.contains("binary") && said.contains("keystore:"), "{said}");
    }
    // AVP writes bytes in base64 wherever they stand in a Secret.
    let avp = generate(&aws_at(&address), &data("stringData:\n  k: <path:text#SecretBinary>\n"))
        .args(["--compat", "avp"])
        .run();
    assert!(printed(&avp).contains("  k: YWxpY2U=\n"));
}

#[test]
fn all_keys_with_bytes_become_the_data_of_a_secret() {
    let fake = Fake::start(|request| {
        checked(request, "eu-west-1");
        Response::new(200, json!({ "SecretBinary": "AAEC/w==" }).to_string())
    });
    let address = fake.address();
    let object = |kind: &str| {
        format!(
            "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: app\n  annotations:\n    avp.kubernetes.io/path: b\n    \
             keyfill.dev/all-keys: \"true\"\n"
        )
    };
    let text = printed(&generate(&aws_at(&address), &object("Secret")).run());
    assert!(text.contains("  SecretBinary: AAEC/w==\n"), "{text}");
    let section = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ndata: <path:b#*>\n";
    assert!(printed(&generate(&aws_at(&address), section).run()).contains("  SecretBinary: AAEC/w==\n"));
    let outcome = generate(&aws_at(&address), &object("ConfigMap")).run();
    assert!(refused(&outcome, 3).contains("the key SecretBinary is binary"));
}

#[test]
fn versions_are_stages_or_ids() {
    let fake = Fake::start(|request| {
        checked(request, "eu-west-1");
        let body: serde_json::Value = serde_json::from_str(&request.body).expect("it is JSON");
        let text = match (body["VersionStage"].as_str(), body["VersionId"].as_str()) {
            (Some("AWSPREVIOUS"), None) => "previous",
            (None, Some("0123456789abcdef0123456789abcdef")) => "by id",
            (None, None) => "current",
            other => panic!("{other:?}"),
        };
        Response::new(200, json!({ "SecretString": text }).to_string())
    });
    let address = fake.address();
    let manifest = secret(
        "  a: <path:p#SecretString>\n  b: <path:p#SecretString#AWSPREVIOUS>\n  \
         c: <path:p#SecretString#0123456789abcdef0123456789abcdef>\n",
    );
    let text = printed(&generate(&aws_at(&address), &manifest).run());
    assert!(text.contains("  a: current\n  b: previous\n  c: by id\n"), "{text}");
}

#[test]
fn moto_answers_as_aws_does() {
    let Some(moto) = Moto::start() else { return };
    let create = |name: &str, text: &str| {
        moto.call("secretsmanager.CreateSecret", "eu-west-1", &json!({ "Name": name, "SecretString": text }));
    };
    create("team/app", APP);
    create("gone", "hush");
    moto.call("secretsmanager.DeleteSecret", "eu-west-1", &json!({ "SecretId": "gone" }));
    for (name, kind, value) in [("/team/password", "SecureString", "p"), ("/team/list", "StringList", "a,b")]
    {
        moto.call(
            "AmazonSSM.PutParameter",
            "eu-west-1",
            &json!({ "Name": name, "Type": kind, "Value": value }),
        );
    }
    let address = moto.address();
    let text = printed(&generate(&aws_at(&address), &secret("  user: <path:team/app#user>\n")).run());
    assert!(text.contains("  user: alice\n"), "{text}");
    let outcome = generate(&aws_at(&address), &secret("  k: <path:gone#SecretString>\n")).run();
    let said = refused(&outcome, 5);
    assert!(said.contains("deletion") || said.contains("deleted"), "{said}");
    let mut ssm = aws_at(&address);
    ssm[0] = ("AVP_TYPE", "awsssm");
    let manifest = secret("  p: <path:team/password#Value>\n  l: <path:/team/list#Values | join ;>\n");
    let text = printed(&generate(&ssm, &manifest).run());
    assert!(text.contains("  l: a;b\n  p: p\n"), "{text}");
}
