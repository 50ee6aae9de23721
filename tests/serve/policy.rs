//! Which secrets a project may read, and which settings an author cannot change.

use crate::{Server, TEAM, app, over_file};
use keyfill_testkit::Vault;
use serde_json::json;

#[test]
fn a_project_reads_its_own_paths_only() {
    let Some((server, _secrets)) = over_file() else { return };
    let other = ["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=other"];
    for (path, vars) in [
        ("secret/data/other/app", TEAM),
        ("secret/data/team/app", &other),
        ("secret/data/team/../other/app", TEAM),
        ("secret/data/team/app", &["ARGOCD_APP_NAME=web"]),
        ("secret/data/other/app", &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=te*"]),
        (
            "secret/data/other/app",
            &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team", "KEYFILL_ALLOWED_PATHS=*"],
        ),
        (
            "secret/data/other/app",
            &["ARGOCD_APP_NAME=web", "ARGOCD_APP_PROJECT_NAME=team", "ARGOCD_ENV_KEYFILL_ALLOWED_PATHS=*"],
        ),
    ] {
        let answer = server.call(app(path).path(), &["-path", "app"], vars);
        assert_eq!(answer["code"], "PermissionDenied", "{path} {vars:?}: {answer}");
    }
    let log = server.log();
    assert!(!log.contains("alice-value") && !log.contains("bob-value"), "{log}");
}

#[test]
fn an_author_cannot_send_the_administrators_token_elsewhere() {
    let Some(vault) = Vault::start() else { return };
    vault.put("secret/data/team/app", &json!({"user": "alice-value"}));
    let token = vault.token("root");
    let (address, listener) = (vault.address(), std::net::TcpListener::bind("127.0.0.1:0").expect("a port"));
    let Some(server) = Server::start(&[("VAULT_ADDR", &address), ("VAULT_TOKEN", &token)], &[]) else {
        return;
    };
    let evil = format!("http://{}", listener.local_addr().expect("an address"));
    listener.set_nonblocking(true).expect("it can be");
    let author = [
        format!("ARGOCD_ENV_VAULT_ADDR={evil}"),
        format!("VAULT_ADDR={evil}"),
        "ARGOCD_ENV_VAULT_TOKEN_FILE=/etc/passwd".to_owned(),
        "ARGOCD_ENV_VAULT_NAMESPACE=other".to_owned(),
        format!("ARGOCD_ENV_HTTPS_PROXY={evil}"),
    ];
    let vars: Vec<&str> = TEAM.iter().copied().chain(author.iter().map(String::as_str)).collect();
    let answer = server.call(app("secret/data/team/app").path(), &["-path", "app"], &vars);
    assert_eq!(answer["code"], "PermissionDenied", "{answer}");
    let said = answer["message"].as_str().unwrap_or_default();
    assert!(said.contains("VAULT_ADDR") && said.contains("KEYFILL_APP_MAY_SET"), "{said}");
    assert!(listener.accept().is_err(), "the author's address was called");
    let log = server.log();
    assert!(!log.contains(&token) && !log.contains("alice-value"), "{log}");
}
