//! The official argocd-vault-plugin beside keyfill, against the same fakes: where its address can be set.

use crate::{aws_at, generate, secret, secrets_manager};
use keyfill_testkit::{Fake, Response, Run, oracle};

const APP: &str = r#"{"user": "alice", "n": 5432, "t": true, "m": {"a": [1, "b"]}, "nothing": null}"#;

/// What each of them prints for a manifest, with AVP's habits; nothing where it fails.
fn both(vars: &[(&str, &str)], manifest: &str) -> Option<(Option<String>, Option<String>)> {
    let avp = oracle("argocd-vault-plugin")?;
    let printed = |run: Run| {
        let outcome = run.run();
        (outcome.code == Some(0)).then(|| outcome.text())
    };
    let avp = Run::of(avp).args(["generate", "-"]).stdin(manifest);
    let avp = vars.iter().fold(avp, |run, (name, value)| run.env(name, value));
    let ours = generate(vars, manifest).args(["--compat", "avp"]);
    Some((printed(avp), printed(ours)))
}

/// Both print the same, or both fail.
fn same(vars: &[(&str, &str)], manifests: &[String]) {
    for manifest in manifests {
        let Some((avp, ours)) = both(vars, manifest) else { return };
        assert_eq!(ours, avp, "{manifest}");
    }
}

fn annotated(kind: &str, path: &str, entries: &str) -> String {
    format!(
        "apiVersion: v1\nkind: {kind}\nmetadata:\n  name: app\n  annotations:\n    avp.kubernetes.io/path: {path}\n{entries}"
    )
}

#[test]
fn aws_gives_what_it_gives_avp() {
    let fake = secrets_manager("eu-west-1", &[("team/app", APP)]);
    let address = fake.address();
    same(
        &aws_at(&address),
        &[
            annotated("Secret", "team/app", "stringData:\n  user: <user>\n  text: a <user> b\n"),
            annotated(
                "Deployment",
                "team/app",
                "spec:\n  n: <n>\n  t: <t>\n  m: <m>\n  a: <m | jsonPath {.a[1]}>\n",
            ),
            annotated("Secret", "team/app", "data:\n  user: PHVzZXI+\n  encoded: <user | base64encode>\n"),
            annotated("Secret", "team/app", "stringData:\n  k: <none>\n"),
            annotated("Secret", "team/app", "stringData:\n  k: <nothing>\n"),
            secret("  k: <path:team/app#user>\n  l: <path:team/app#user#AWSCURRENT>\n"),
            secret("  k: <path:none#user>\n"),
        ],
    );
}

#[test]
fn one_password_connect_gives_what_it_gives_avp() {
    let fake = Fake::start(|request| {
        let vault = "abcdefghijklmnopqrstuvwxy1";
        let item = "abcdefghijklmnopqrstuvwxy2";
        let path = request.path.as_str();
        let fields = r#"[{"id": "1", "label": "user", "value": "alice"}, {"id": "2", "label": "a", "value": "1"},
                         {"id": "3", "label": "a", "value": "2"}, {"id": "4", "label": "empty"}]"#;
        let item_text = format!(
            r#"{{"id": "{item}", "title": "app", "vault": {{"id": "{vault}"}}, "fields": {fields}}}"#
        );
        match request.header("authorization") {
            "Bearer token-1" if path == format!("/v1/vaults/{vault}/items/{item}") => {
                Response::new(200, item_text)
            }
            "Bearer token-1" if path.starts_with("/v1/vaults?filter=") => {
                Response::new(200, format!(r#"[{{"id": "{vault}", "name": "Team"}}]"#))
            }
            "Bearer token-1" if path.starts_with(&format!("/v1/vaults/{vault}/items?filter=")) => {
                Response::new(
                    200,
                    format!(r#"[{{"id": "{item}", "title": "app", "vault": {{"id": "{vault}"}}}}]"#),
                )
            }
            _ => Response::new(404, r#"{"status": 404, "message": "not found"}"#),
        }
        .header("Content-Type", "application/json")
    });
    let address = fake.address();
    let vars =
        [("AVP_TYPE", "1passwordconnect"), ("OP_CONNECT_HOST", &address), ("OP_CONNECT_TOKEN", "token-1")];
    let by_id = "vaults/abcdefghijklmnopqrstuvwxy1/items/abcdefghijklmnopqrstuvwxy2";
    same(
        &vars,
        &[
            annotated("Secret", by_id, "stringData:\n  user: <user>\n  a: <a>\n  empty: <empty>\n"),
            annotated("Secret", "vaults/Team/items/app", "stringData:\n  user: <user>\n"),
            secret(&format!("  user: <path:{by_id}#user>\n")),
            annotated("Secret", by_id, "stringData:\n  k: <none>\n"),
        ],
    );
}

#[test]
fn delinea_gives_what_it_gives_avp() {
    let fake = Fake::start(|request| {
        match request.path.as_str() {
            "/oauth2/token" => {
                assert!(request.body.contains("grant_type=password"), "{}", request.body);
                Response::new(
                    200,
                    r#"{"access_token": "token-1", "token_type": "bearer", "expires_in": 1199}"#,
                )
            }
            "/api/v1/secrets/42" if request.header("authorization") == "Bearer token-1" => Response::new(
                200,
                r#"{"id": 42, "name": "app", "items": [{"itemId": 1, "fieldId": 1, "fieldName": "User Name",
                    "slug": "user-name", "itemValue": "alice", "isFile": false}]}"#,
            ),
            _ => Response::new(404, r#"{"message": "not found"}"#),
        }
        .header("Content-Type", "application/json")
    });
    let address = fake.address();
    let vars = [
        ("AVP_TYPE", "delineasecretserver"),
        ("AVP_DELINEA_URL", address.as_str()),
        ("AVP_DELINEA_USER", "app"),
        ("AVP_DELINEA_PASSWORD", "secret"),
    ];
    same(
        &vars,
        &[
            annotated("Secret", "\"42\"", "stringData:\n  user: <user-name>\n  other: <User Name>\n"),
            secret("  user: <path:42#user-name>\n"),
            annotated("Secret", "\"42\"", "stringData:\n  k: <none>\n"),
            annotated("Secret", "\"43\"", "stringData:\n  k: <user-name>\n"),
            annotated("Secret", "words", "stringData:\n  k: <user-name>\n"),
        ],
    );
}
