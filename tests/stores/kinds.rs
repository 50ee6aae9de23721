//! Each further kind of store, with the settings that name it.

use crate::{generate, printed, refused, secret};
use keyfill_testkit::{Fake, Response};

#[test]
fn azure_is_asked_for_the_names_that_placeholders_use() {
    let fake = Fake::start(|request| {
        let challenge = r#"Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net""#;
        match (request.path.as_str(), request.header("authorization")) {
            ("/tenant/oauth2/v2.0/token", _) => {
                assert!(request.body.contains("client_secret=hush"), "{}", request.body);
                Response::new(
                    200,
                    r#"{"token_type": "Bearer", "expires_in": 3599, "access_token": "token-1"}"#,
                )
            }
            ("/secrets/user/?api-version=7.4", "Bearer token-1") => {
                Response::new(200, r#"{"value": "alice"}"#)
            }
            ("/secrets/config/?api-version=7.4", "Bearer token-1") => {
                Response::new(200, r#"{"value": "{\"a\": \"inner\"}"}"#)
            }
            (_, "") => Response::new(401, "{}").header("WWW-Authenticate", challenge),
            _ => Response::new(404, r#"{"error": {"code": "SecretNotFound", "message": "told"}}"#),
        }
    });
    let address = fake.address();
    let vars = [
        ("AVP_TYPE", "azurekeyvault"),
        ("KEYFILL_AZURE_ENDPOINT", address.as_str()),
        ("AZURE_AUTHORITY_HOST", address.as_str()),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "app"),
        ("AZURE_CLIENT_SECRET", "hush"),
        ("KEYFILL_ALLOWED_PATHS", "team"),
    ];
    // A key behind jsonPath, in base64, in a default and twice.
    let manifest = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  annotations:\n    \
                    avp.kubernetes.io/path: team\ndata:\n  encoded: PHVzZXI+\nstringData:\n  user: <user>\n  \
                    inner: <config | jsonPath {.a}>\n  other: <none | default <user>>\n  \
                    whole: <path:https://Team.vault.azure.net/#user>\n";
    let text = printed(&generate(&vars, manifest).run());
    for line in ["encoded: YWxpY2U=", "user: alice", "inner: inner", "other: alice", "whole: alice"] {
        assert!(text.contains(&format!("  {line}\n")), "{line} is not in\n{text}");
    }
    let seen = fake.seen();
    let reads =
        seen.iter().filter(|r| r.path.starts_with("/secrets/") && !r.header("authorization").is_empty());
    assert_eq!(
        (reads.count(), fake.count("/secrets?")),
        (3, 0),
        "user, config and none, once each: {seen:?}"
    );
    let all = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\ndata: <path:team#*>\n";
    let outcome = generate(&vars, all).run();
    assert!(refused(&outcome, 2).contains("does not list"), "{}", outcome.stderr);
    let outcome = generate(&vars, &secret("  k: <path:other#user>\n")).run();
    refused(&outcome, 6);
}

#[test]
fn google_reads_versions_and_keys_of_a_payload() {
    let fake = Fake::start(|request| {
        let data = |text: &str| Response::new(200, format!(r#"{{"payload": {{"data": "{text}"}}}}"#));
        match (request.path.as_str(), request.header("authorization")) {
            ("/token", _) => {
                assert!(request.body.contains("grant_type=refresh_token"), "{}", request.body);
                Response::new(200, r#"{"access_token": "token-1", "expires_in": 3599}"#)
            }
            ("/v1/projects/p/secrets/app/versions/latest:access", "Bearer token-1") => {
                data("eyJ1c2VyIjogImFsaWNlIn0=")
            }
            ("/v1/projects/p/secrets/app/versions/2:access", "Bearer token-1") => data("b2xk"),
            _ => Response::new(403, r#"{"error": {"message": "denied", "status": "PERMISSION_DENIED"}}"#),
        }
    });
    let address = fake.address();
    let manifest =
        secret("  user: <path:projects/p/secrets/app#user>\n  old: <path:projects/p/secrets/app#app#2>\n");
    let run = generate(
        &[
            ("AVP_TYPE", "gcpsecretmanager"),
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", &address),
            ("GOOGLE_APPLICATION_CREDENTIALS", "credentials.json"),
        ],
        &manifest,
    );
    let credentials = format!(
        r#"{{"type": "authorized_user", "client_id": "i", "client_secret": "hush", "refresh_token": "hush", "token_uri": "{address}/token"}}"#
    );
    let text = printed(&run.file("credentials.json", credentials).run());
    assert!(text.contains("  old: old\n  user: alice\n"), "{text}");
}

#[test]
fn one_password_connect_reads_the_labels_of_an_item() {
    let fake = Fake::start(|request| {
        assert_eq!(request.header("authorization"), "Bearer hush-token");
        match request.path.as_str() {
            "/v1/vaults/abcdefghijklmnopqrstuvwxy1/items/abcdefghijklmnopqrstuvwxy2" => {
                Response::new(200, r#"{"fields": [{"label": "user", "value": "alice"}]}"#)
            }
            _ => Response::new(404, "{}"),
        }
    });
    let address = fake.address();
    let vars = [
        ("AVP_TYPE", "1passwordconnect"),
        ("OP_CONNECT_HOST", address.as_str()),
        ("OP_CONNECT_TOKEN", "hush-token"),
    ];
    let manifest =
        secret("  user: <path:vaults/abcdefghijklmnopqrstuvwxy1/items/abcdefghijklmnopqrstuvwxy2#user>\n");
    assert!(printed(&generate(&vars, &manifest).run()).contains("  user: alice\n"));
}

#[test]
fn secrets_of_the_cluster_need_a_glob_that_names_their_namespace() {
    let base = [
        ("AVP_TYPE", "kubernetessecret"),
        ("KUBERNETES_SERVICE_HOST", "127.0.0.1"),
        ("KUBERNETES_SERVICE_PORT", "1"),
    ];
    for globs in ["*", "**", "*:app", "team-b:*"] {
        let vars = [&base[..], &[("KEYFILL_ALLOWED_PATHS", globs)]].concat();
        let outcome = generate(&vars, &secret("  k: <path:team-a:app#user>\n")).run();
        assert!(refused(&outcome, 6).contains("team-a:app"), "{globs}: {}", outcome.stderr);
    }
    // With one that does, the cluster is asked.
    let vars = [&base[..], &[("KEYFILL_ALLOWED_PATHS", "team-a:*")]].concat();
    let outcome = generate(&vars, &secret("  k: <path:team-a:app#user>\n")).args(["--deadline", "1s"]).run();
    assert!(!refused(&outcome, 2).contains("names its namespace"), "{}", outcome.stderr);
}
