//! Argo CD's repository Secrets in `serve`. They are listed at an API server with the pod's service account, whose
//! files are where Kubernetes mounts them. For that the server runs in a mount namespace of its own.

use crate::certificate::Certificate;
use crate::logins::{World, assert_refused, is_private};
use crate::{Server, TEAM};
use keyfill_testkit::{Page, Server as Web, oracle, program};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

/// The token of the service account.
const TOKEN: &str = "sa-token-of-the-pod";

/// A fake API server with these Secrets. It refuses requests without the token, for another namespace, or without
/// the label selector.
fn api(secrets: Vec<Value>) -> Web {
    Web::start(move |seen, _| {
        let (path, query) = seen.path.split_once('?').unwrap_or((&seen.path, ""));
        let authorization = seen.headers.get("authorization").map(String::as_str);
        let selects = query
            .contains("labelSelector=argocd.argoproj.io%2Fsecret-type+in+%28repository%2C+repo-creds%29")
            || query.contains(
                "labelSelector=argocd.argoproj.io%2Fsecret-type%20in%20%28repository%2C%20repo-creds%29",
            );
        if authorization != Some(&format!("Bearer {TOKEN}")) {
            return Page::status(401);
        }
        if seen.method != "GET" || path != "/api/v1/namespaces/argocd/secrets" || !selects {
            return Page::status(403);
        }
        let list = json!({ "kind": "SecretList", "apiVersion": "v1", "metadata": {}, "items": secrets });
        Page::ok(list.to_string()).header("Content-Type", "application/json")
    })
}

/// A Secret of Argo CD with this type and these fields.
fn secret(name: &str, kind: &str, fields: &[(&str, &str)]) -> Value {
    use base64::Engine as _;
    let encoded = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let data: serde_json::Map<String, Value> =
        fields.iter().map(|(key, value)| ((*key).to_owned(), encoded(value).into())).collect();
    json!({
        "metadata": {
            "name": name, "namespace": "argocd", "labels": { "argocd.argoproj.io/secret-type": kind }
        },
        "data": data,
    })
}

/// Starts the server in a mount namespace whose `/run` holds only the service account.
fn serve(world: &World, api: &str, certificate: &Path, account: &Path) -> Option<Server> {
    let (client, unshare) = (oracle("cmp-client")?, program("unshare")?);
    std::fs::write(account.join("token"), TOKEN).expect("a file");
    std::fs::copy(certificate, account.join("ca.crt")).expect("a file");
    let script = "mount -t tmpfs none /run && at=/run/secrets/kubernetes.io/serviceaccount && mkdir -p $at && \
                  cp \"$0\"/* $at && exec \"$@\"";
    let dir = tempfile::tempdir().expect("a folder");
    world.copy_plugin(dir.path());
    let (host, port) = api.split_once(':').expect("an address");
    let log = std::fs::File::create(dir.path().join("log")).expect("a file");
    let child = Command::new(unshare)
        .args(["--mount", "--map-root-user", "sh", "-c", script])
        .arg(account)
        .arg(env!("CARGO_BIN_EXE_keyfill"))
        .args(["serve", "--config-dir-path"])
        .arg(dir.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("ARGOCD_PLUGINSOCKFILEPATH", dir.path())
        .env("KUBERNETES_SERVICE_HOST", host)
        .env("KUBERNETES_SERVICE_PORT", port)
        .env("KEYFILL_ALLOWED_PATHS", "secret/data/{{ app.project }}/*")
        .env("KEYFILL_ARGOCD_REPOSITORIES", "argocd")
        .envs(world.vars())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("unshare starts");
    let server = Server { child, dir, client };
    server.wait_for_socket();
    Some(server)
}

#[test]
fn a_repository_secret_is_used_by_the_apps_that_argo_cd_would_use_it_for() {
    let Some(world) = World::new() else { return };
    let account = tempfile::tempdir().expect("a folder");
    let Some(certificate) = Certificate::for_address(account.path(), "IP:127.0.0.1") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (host, url) = (world.address(), world.url());
    let login = [("username", "user"), ("password", "hunter2")];
    let with = |name: &str, kind: &str, more: &[(&str, &str)]| secret(name, kind, &[more, &login].concat());
    let project =
        TEAM.iter().find_map(|var| var.strip_prefix("ARGOCD_APP_PROJECT_NAME=")).expect("a project");
    for (secrets, opens) in [
        (vec![], false),
        (vec![with("creds", "repo-creds", &[("url", host.as_str())])], true),
        (vec![with("repo", "repository", &[("url", url.as_str()), ("type", "git")])], true),
        (vec![with("other", "repository", &[("url", &format!("{host}/other.git")), ("type", "git")])], false),
        (vec![with("theirs", "repo-creds", &[("url", &host), ("project", "others")])], false),
        (vec![with("ours", "repo-creds", &[("url", &host), ("project", project)])], true),
        // The longest matching URL wins, and its login is wrong.
        (
            vec![
                with("creds", "repo-creds", &[("url", &host)]),
                secret("repo", "repository", &[("url", &url), ("username", "user"), ("password", "wrong")]),
            ],
            false,
        ),
    ] {
        let api = api(secrets.clone());
        let address = certificate.before(api.host());
        let Some(server) = serve(&world, &address, &certificate.certificate, folder.path()) else { return };
        let answer = world.ask(&server, &[]);
        assert_eq!(is_private(&answer), opens, "{secrets:?}: {answer}");
        if !opens {
            assert_refused(&answer);
        }
        world.ask(&server, &["ARGOCD_ENV_A=1"]);
        assert_eq!(api.seen().len(), 1, "the list is asked for once in a minute: {:?}", api.seen());
        assert!(!server.log().contains("hunter2"));
        world.forget_cache();
    }
}

#[test]
fn a_refusal_of_the_api_server_is_reported_without_the_token() {
    let Some(world) = World::new() else { return };
    let account = tempfile::tempdir().expect("a folder");
    let Some(certificate) = Certificate::for_address(account.path(), "IP:127.0.0.1") else { return };
    let api = Web::start(|_, _| Page::status(403));
    let address = certificate.before(api.host());
    let folder = tempfile::tempdir().expect("a folder");
    let Some(server) = serve(&world, &address, &certificate.certificate, folder.path()) else { return };
    let answer = world.ask(&server, &[]);
    assert!(!is_private(&answer), "{answer}");
    let told = format!("{}{}", answer["message"], server.log());
    assert!(told.contains("403") && !told.contains(TOKEN), "{told}");
}
