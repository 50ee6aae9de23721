//! Stores other than Vault in serve: the supervisor reads a secret once for all requests that may read it.

use crate::{Server, TEAM, app, manifest};
use keyfill_testkit::{Fake, Response};
use serde_json::{Value, json};

/// A fake AWS Secrets Manager, in which the value of a secret is made of its name.
fn aws() -> Fake {
    Fake::start(|request| {
        assert!(request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"));
        let body: Value = serde_json::from_str(&request.body).expect("it is JSON");
        let text = json!({ "user": format!("{}-value", body["SecretId"].as_str().unwrap_or_default()) });
        Response::new(200, json!({ "SecretString": text.to_string() }).to_string())
    })
}

const KEYS: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "hush-key")];

const OTHER: &[&str] = &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=other"];

#[test]
fn two_tenants_read_their_own_paths_of_one_store_once() {
    let aws = aws();
    let address = aws.address();
    let globs = ("KEYFILL_ALLOWED_PATHS", "{{ app.project }}/*");
    let vars =
        [&KEYS[..], &[("AVP_TYPE", "awssecretsmanager"), ("AWS_ENDPOINT_URL", &address), globs]].concat();
    let Some(server) = Server::start(&vars, &["--secret-ttl", "60s"]) else { return };
    let call = |path: &str, vars: &[&str]| server.call(app(path).path(), &["-path", "app"], vars);
    for _ in 0..3 {
        assert_eq!(call("team/app", TEAM)["one"], manifest("team/app-value"));
        assert_eq!(call("other/app", OTHER)["one"], manifest("other/app-value"));
    }
    assert_eq!(aws.seen().len(), 2, "one read for each secret");
    for (path, vars) in [
        ("other/app", TEAM),
        ("team/app", OTHER),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:other/app-AbCdEf", TEAM),
    ] {
        assert_eq!(call(path, vars)["code"], "PermissionDenied", "{path}");
    }
    let evil = ["ARGOCD_ENV_AWS_ENDPOINT_URL=http://127.0.0.1:1", "ARGOCD_ENV_AWS_REGION=us-east-1"];
    for author in evil {
        let answer = call("team/app", &[TEAM, &[author]].concat());
        assert_eq!(answer["code"], "PermissionDenied", "{author}: {answer}");
    }
    assert_eq!(aws.seen().len(), 2, "nothing of that was asked for");
    let log = server.log();
    assert!(!log.contains("-value") && !log.contains("hush"), "{log}");
}

#[test]
fn a_store_of_the_config_file_is_separate_from_the_default_store() {
    let (first, second) = (aws(), aws());
    let dir = tempfile::tempdir().expect("a folder");
    let config = dir.path().join("config.yaml");
    let text = format!(
        "stores:\n  prod: {{type: awssecretsmanager, endpoint_url: \"{}\"}}\n  pass: {{type: awsssm, endpoint_url: \"{}\"}}\n",
        second.address(),
        second.address()
    );
    std::fs::write(&config, text).expect("a file");
    let address = first.address();
    let globs = ("KEYFILL_ALLOWED_PATHS", "{{ app.project }}/*,prod::{{ app.project }}/*");
    let vars =
        [&KEYS[..], &[("AVP_TYPE", "awssecretsmanager"), ("AWS_ENDPOINT_URL", &address), globs]].concat();
    let config = config.to_string_lossy();
    let Some(server) = Server::start(&vars, &["-c", &config]) else { return };
    let call = |path: &str, vars: &[&str]| server.call(app(path).path(), &["-path", "app"], vars);
    assert_eq!(call("prod::team/app", TEAM)["one"], manifest("team/app-value"));
    assert_eq!((first.seen().len(), second.seen().len()), (0, 1));
    assert_eq!(call("team/app", TEAM)["one"], manifest("team/app-value"));
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1), "what one store said is not the other's");
    for path in ["prod::other/app", "pass::team/app"] {
        assert_eq!(call(path, TEAM)["code"], "PermissionDenied", "{path}");
    }
    let unknown = call("prd::team/app", TEAM);
    assert!(unknown["message"].as_str().unwrap_or_default().contains("no store prd"), "{unknown}");
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}
