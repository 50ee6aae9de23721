//! Doppler.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::Network;
use keyfill_secrets::doppler::{Doppler, DopplerSettings};
use keyfill_testkit::{Fake, Request, Response};

fn doppler(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, Doppler) {
    let fake = Fake::start(move |request| {
        if request.header("authorization") != "Bearer hush-token" || request.method != "GET" {
            return Response::new(401, r#"{"messages": ["Invalid Auth token"], "success": false}"#);
        }
        answer(request)
    });
    let host = Some(fake.address());
    let settings = DopplerSettings { host, token: "hush-token".into(), network: Network::default() };
    (fake, Doppler::new(settings))
}

#[test]
fn all_secrets_of_a_config_are_read_with_one_request() {
    let (fake, source) = doppler(|request| {
        assert_eq!(request.path, "/v3/configs/config/secrets?project=team%26x&config=prd");
        let user = r#"{"raw": "${X}", "computed": "alice"}"#;
        Response::new(200, format!(r#"{{"secrets": {{"USER": {user}, "HIDDEN": {{"computed": null}}}}}}"#))
    });
    let data = read(&source, "team&x/prd", None, &["USER"]).expect("it is there");
    assert_eq!((text(&data, "USER").as_str(), data.len()), ("alice", 2));
    assert_eq!(fake.seen().len(), 1);
}

#[test]
fn refusals_are_reported_and_invalid_paths_are_refused() {
    let (_fake, source) = doppler(|_| Response::new(404, r#"{"messages": ["Could not find config"]}"#));
    let error = failure(read(&source, "team/prd", None, &[]));
    assert!(error.is_absent() && error.to_string().contains("Could not find config"), "{error}");
    let (_fake, source) = doppler(|_| Response::new(403, r#"{"messages": ["no access"]}"#));
    let error = failure(read(&source, "team/prd", None, &[]));
    assert!(error.advice().is_some_and(|hint| hint.contains("DOPPLER_TOKEN")), "{error}");
    let (fake, source) = doppler(|_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "team/prd", None, &[])).to_string().contains("not JSON"));
    for (path, version) in [("team", None), ("a/b/c", None), ("team/prd", Some("1"))] {
        assert_eq!(failure(read(&source, path, version, &[])).class(), Class::Usage, "{path}");
    }
    assert_eq!(fake.seen().len(), 1);
}
