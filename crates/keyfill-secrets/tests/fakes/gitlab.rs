//! GitLab's CI/CD variables.

use crate::{failure, read, text};
use keyfill_diag::{Class, Cx, Report as _};
use keyfill_secrets::gitlab::{GitLab, GitLabSettings};
use keyfill_secrets::{Network, SecretRef, Source as _};
use keyfill_testkit::{Fake, Request, Response};

fn gitlab(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> (Fake, GitLab) {
    let fake = Fake::start(move |request| {
        assert_eq!((request.method.as_str(), request.header("private-token")), ("GET", "hush-token"));
        answer(request)
    });
    let address = Some(fake.address());
    (fake, GitLab::new(GitLabSettings { address, token: "hush-token".into(), network: Network::default() }))
}

const BASE: &str = "/api/v4/projects/team%2Fapp/variables";

fn play(request: &Request) -> Response {
    let scope = |name: &str| format!("{BASE}/USER?filter%5Benvironment_scope%5D={name}");
    match request.path.as_str() {
        path if path == scope("%2A") => Response::new(200, r#"{"key": "USER", "value": "alice"}"#),
        path if path == scope("prod%2Feu") => Response::new(200, r#"{"key": "USER", "value": "bob"}"#),
        path if path == format!("{BASE}?per_page=100&page=1") => {
            let some = |n: usize| format!(r#"{{"key": "V{n}", "value": "v", "environment_scope": "*"}}"#);
            let all: Vec<String> = (0..100).map(some).collect();
            Response::new(200, format!("[{}]", all.join(",")))
        }
        path if path == format!("{BASE}?per_page=100&page=2") => Response::new(
            200,
            r#"[{"key": "LAST", "value": "l", "environment_scope": "*"}, {"key": "X", "value": "x", "environment_scope": "prod"},
                {"key": "HIDDEN", "value": null, "environment_scope": "*"}]"#,
        ),
        _ => Response::new(404, r#"{"message": "404 Variable Not Found"}"#),
    }
}

#[test]
fn each_variable_is_read_on_its_own_in_its_environment_scope() {
    let (fake, source) = gitlab(play);
    let data = read(&source, "projects/team/app", None, &["USER", "NONE"]).expect("it is there");
    assert_eq!((text(&data, "USER").as_str(), data.len()), ("alice", 1));
    let data = read(&source, "projects/team/app", Some("prod/eu"), &["USER"]).expect("it is there");
    assert_eq!(text(&data, "USER"), "bob");
    assert_eq!(fake.seen().len(), 3);
}

#[test]
fn all_variables_are_listed_page_by_page() {
    let (fake, source) = gitlab(play);
    let secret = SecretRef::latest("projects/team/app");
    let data = crate::block_on(source.read(&secret, &Cx::default())).expect("they are there");
    assert_eq!((data.len(), text(&data, "LAST").as_str(), fake.seen().len()), (102, "l", 2));
}

#[test]
fn refusals_are_reported_and_invalid_paths_are_refused() {
    let (_fake, source) = gitlab(|_| Response::new(403, r#"{"message": "403 Forbidden"}"#));
    let error = failure(read(&source, "groups/7", None, &["A"]));
    assert!(error.advice().is_some_and(|hint| hint.contains("read_api")), "{error}");
    let (fake, source) = gitlab(|_| Response::new(200, "<html>hush"));
    assert!(failure(read(&source, "groups/7", None, &["A"])).to_string().contains("not JSON"));
    for path in ["team/app", "projects", "users/7"] {
        assert_eq!(failure(read(&source, path, None, &["A"])).class(), Class::Usage, "{path}");
    }
    assert_eq!(fake.seen().len(), 1);
}
