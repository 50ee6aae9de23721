//! Each auth method with a real Vault.

use crate::{read, shared};
use keyfill_diag::{Class, Report as _};
use keyfill_secrets::vault::{Auth, Jwt, Tls, VaultSettings};
use keyfill_testkit::Vault;
use serde_json::json;

/// A Vault with a policy `auth-reader` for one secret, and with an auth method of this kind at this mount.
fn prepared(kind: &str, mount: &str) -> Option<&'static Vault> {
    let vault = shared()?;
    vault.put("secret/data/auth", &json!({ "user": "alice" }));
    vault.policy("auth-reader", &["secret/data/auth"]);
    vault.enable_auth(kind, mount);
    Some(vault)
}

fn reads(settings: VaultSettings) {
    let data = read(settings, "secret/data/auth").unwrap();
    assert_eq!(crate::text(&data, "user"), "alice");
}

fn refused(vault: &Vault, auth: Auth, words: &str) {
    let error = read(VaultSettings::new(vault.address(), auth), "secret/data/auth").unwrap_err();
    assert_eq!(error.class(), Class::Store);
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn a_valid_token_reads_a_secret() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/auth", &json!({ "user": "alice" }));
    vault.policy("auth-reader", &["secret/data/auth"]);
    let token = vault.token("auth-reader");
    reads(VaultSettings::new(vault.address(), Auth::Token(token.as_str().into())));
    refused(vault, Auth::Token("nobody".into()), "cannot read secret/data/auth: Vault at http://127.0.0.1");
    refused(vault, Auth::Token("nobody".into()), "answered 403: permission denied; invalid token");
}

#[test]
fn the_token_in_a_file_reads_a_secret() {
    let Some(vault) = shared() else { return };
    vault.put("secret/data/auth", &json!({ "user": "alice" }));
    vault.policy("auth-reader", &["secret/data/auth"]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, format!("{}\n", vault.token("auth-reader"))).unwrap();
    reads(VaultSettings::new(vault.address(), Auth::TokenFile(path)));
    let absent = Auth::TokenFile(folder.path().join("absent"));
    let error = read(VaultSettings::new(vault.address(), absent), "secret/data/auth").unwrap_err();
    assert_eq!(error.class(), Class::Usage);
    assert!(error.to_string().contains("/absent"), "{error}");
}

#[test]
fn approle_logs_in_with_role_id_and_secret_id() {
    let Some(vault) = prepared("approle", "ci/robots") else { return };
    vault.write("auth/ci/robots/role/r", &json!({ "token_policies": ["auth-reader"] }));
    vault.write("auth/ci/robots/role/r/role-id", &json!({ "role_id": "role-1" }));
    vault.write("auth/ci/robots/role/r/custom-secret-id", &json!({ "secret_id": "secret-1" }));
    let auth = |secret: &str| Auth::AppRole {
        mount: "auth/ci/robots".into(),
        role_id: "role-1".into(),
        secret_id: secret.into(),
    };
    reads(VaultSettings::new(vault.address(), auth("secret-1")));
    refused(vault, auth("secret-2"), "cannot log in with approle at auth/ci/robots/login");
    refused(vault, auth("secret-2"), "answered 400: invalid role or secret ID");
}

#[test]
fn kubernetes_logs_in_with_a_token_review() {
    let Some(vault) = prepared("kubernetes", "cluster") else { return };
    vault.write(
        "auth/cluster/config",
        &json!({ "kubernetes_host": vault.control_address(), "disable_local_ca_jwt": true }),
    );
    vault.write(
        "auth/cluster/role/keyfill",
        &json!({ "bound_service_account_names": ["repo-server"], "bound_service_account_namespaces": ["argocd"],
                 "token_policies": ["auth-reader"], "alias_name_source": "serviceaccount_name" }),
    );
    let folder = tempfile::tempdir().unwrap();
    let auth = |name: &str, role: &str| {
        let path = folder.path().join(name);
        let claims = json!({
            "sub": format!("system:serviceaccount:argocd:{name}"), "aud": ["vault"],
            "kubernetes.io": { "namespace": "argocd", "serviceaccount": { "name": name, "uid": "0001" } },
        });
        std::fs::write(&path, format!("{}\n", vault.jwt(&claims))).unwrap();
        Auth::Kubernetes { mount: "cluster".into(), role: role.into(), jwt: path }
    };
    reads(VaultSettings::new(vault.address(), auth("repo-server", "keyfill")));
    refused(vault, auth("other", "keyfill"), "cannot log in with kubernetes at auth/cluster/login");
    refused(vault, auth("repo-server", "nobody"), "invalid role name");
}

#[test]
fn userpass_logs_in_with_a_password() {
    let Some(vault) = prepared("userpass", "people") else { return };
    vault.write("auth/people/users/ci", &json!({ "password": "pw-1", "token_policies": ["auth-reader"] }));
    let auth = |password: &str| Auth::Userpass {
        mount: "people".into(),
        username: "ci".into(),
        password: password.into(),
    };
    reads(VaultSettings::new(vault.address(), auth("pw-1")));
    refused(vault, auth("pw-2"), "invalid username or password");
}

#[test]
fn github_logs_in_with_a_personal_access_token() {
    let Some(vault) = prepared("github", "gh") else { return };
    vault.write(
        "auth/gh/config",
        &json!({ "organization": "org", "organization_id": 7, "base_url": format!("{}/github/", vault.control_address()) }),
    );
    vault.write("auth/gh/map/users/dev", &json!({ "value": "auth-reader" }));
    let auth = |token: &str| Auth::Github { mount: "gh".into(), token: token.into() };
    reads(VaultSettings::new(vault.address(), auth("gh-token")));
    let error = read(
        VaultSettings { max_retries: Some(0), ..VaultSettings::new(vault.address(), auth("gh-wrong")) },
        "secret/data/auth",
    );
    assert!(!format!("{:?}", error.unwrap_err()).contains("gh-wrong"));
    refused(vault, Auth::Github { mount: "absent".into(), token: "x".into() }, "auth/absent/login");
}

#[test]
fn jwt_logs_in_with_a_signed_token() {
    let Some(vault) = prepared("jwt", "oidc") else { return };
    vault.write(
        "auth/oidc/config",
        &json!({ "jwt_validation_pubkeys": [vault.jwt_key()], "default_role": "ci" }),
    );
    vault.write(
        "auth/oidc/role/ci",
        &json!({ "role_type": "jwt", "user_claim": "sub", "bound_audiences": ["vault"], "token_policies": ["auth-reader"] }),
    );
    let token = vault.jwt(&json!({ "sub": "pipeline", "aud": "vault" }));
    let auth = |role: Option<&str>, token: &str| Auth::Jwt {
        mount: "oidc".into(),
        role: role.map(str::to_owned),
        jwt: Jwt::Text(token.into()),
    };
    reads(VaultSettings::new(vault.address(), auth(Some("ci"), &token)));
    reads(VaultSettings::new(vault.address(), auth(None, &token)));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwt");
    std::fs::write(&path, &token).unwrap();
    reads(VaultSettings::new(
        vault.address(),
        Auth::Jwt { mount: "oidc".into(), role: None, jwt: Jwt::File(path) },
    ));
    let other = vault.jwt(&json!({ "sub": "pipeline", "aud": "elsewhere" }));
    refused(vault, auth(None, &other), "cannot log in with jwt");
}

#[test]
fn cert_logs_in_with_the_client_certificate() {
    let Some(vault) = prepared("cert", "machines") else { return };
    let certificate = std::fs::read_to_string(vault.file("ca.pem")).unwrap();
    vault.write(
        "auth/machines/certs/keyfill",
        &json!({ "certificate": certificate, "token_policies": ["auth-reader"] }),
    );
    let settings = |role: Option<&str>| {
        let auth = Auth::Cert { mount: "machines".into(), role: role.map(str::to_owned) };
        let mut settings = VaultSettings::new(vault.https_address(), auth);
        settings.tls = Tls {
            ca_file: Some(vault.file("ca.pem")),
            client_cert: Some(vault.file("client.pem")),
            client_key: Some(vault.file("client.key")),
            ..Tls::default()
        };
        settings
    };
    reads(settings(Some("keyfill")));
    reads(settings(None));
    let error = read(settings(Some("absent")), "secret/data/auth").unwrap_err();
    assert!(error.to_string().contains("cannot log in with cert at auth/machines/login"), "{error}");
    let bare = VaultSettings::new(vault.https_address(), Auth::Cert { mount: "machines".into(), role: None });
    assert_eq!(read(bare, "secret/data/auth").unwrap_err().class(), Class::Usage);
}
