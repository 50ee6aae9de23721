//! Kubernetes Secrets as a store.

use crate::{failure, read, text};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::SecretValue;
use keyfill_secrets::kubernetes::InCluster;
use keyfill_secrets::kubernetes_secret::KubernetesSecrets;
use keyfill_testkit::{Fake, Response};

#[test]
fn secrets_are_read_with_the_service_accounts_token() {
    let fake = Fake::start(|request| {
        if request.header("authorization") != "Bearer hush-token" {
            return Response::new(401, "{}");
        }
        match request.path.as_str() {
            "/api/v1/namespaces/team-a/secrets/app" => {
                Response::new(200, r#"{"kind": "Secret", "data": {"user": "YWxpY2U=", "key": "/w=="}}"#)
            }
            "/api/v1/namespaces/argocd/secrets/app" => Response::new(200, r#"{"kind": "Secret"}"#),
            "/api/v1/namespaces/other/secrets/app" => Response::new(403, r#"{"kind": "Status"}"#),
            _ => Response::new(404, r#"{"kind": "Status"}"#),
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("token"), "hush-token\n").expect("it can be written");
    let source = KubernetesSecrets::new(InCluster { address: fake.address(), folder: folder.path().into() });
    let data = read(&source, "team-a:app", None, &[]).expect("it is there");
    assert_eq!(text(&data, "user"), "alice");
    assert!(matches!(data.get("key"), Some(SecretValue::Bytes(bytes)) if bytes.expose() == [255]));
    assert!(read(&source, "app", None, &[]).expect("it is there").is_empty());
    assert_eq!(failure(read(&source, "team-a:none", None, &[])).class(), Class::Missing);
    let refused = failure(read(&source, "other:app", None, &[]));
    assert!(refused.advice().is_some_and(|hint| hint.contains("RoleBinding")), "{refused}");
    for path in ["a:b:c", "../x", "a/b"] {
        assert_eq!(failure(read(&source, path, None, &[])).class(), Class::Usage, "{path}");
    }
}
