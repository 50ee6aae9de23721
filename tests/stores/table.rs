//! Each store in the network, with a fake that plays it for two projects: `1` and `2`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_testkit::{Request, Response};
use serde_json::{Value, json};

/// A store.
pub struct Store {
    /// Its `AVP_TYPE`.
    pub kind: &'static str,
    /// Further settings; `{}` is the fake's address, `{file}` a file that holds `file`.
    pub vars: &'static [(&'static str, &'static str)],
    /// A file that a setting names, with `{}` for the fake's address.
    pub file: &'static str,
    /// The path of a project's secret; `P` is the project. Its key is `user`.
    pub path: &'static str,
    /// A glob that gives each project its own.
    pub glob: &'static str,
    /// Whether keyfill logs in, so that a login that has expired is replaced.
    pub logs_in: bool,
    /// The answers.
    pub answer: fn(&Request) -> Response,
    /// The fake's refusal of what keyfill shows as its identity.
    pub expired: fn() -> Response,
}

/// What a project's secret holds.
pub fn value(project: &str) -> String {
    format!("hush-{project}")
}

fn ok(body: &Value) -> Response {
    Response::new(200, body.to_string())
}

fn none() -> Response {
    Response::new(404, r#"{"message": "not found"}"#)
}

fn unauthorized() -> Response {
    Response::new(401, r#"{"message": "the token has expired"}"#)
}

/// The project in a text: what stands between `before` and the next sign that is no letter or digit.
fn project(text: &str, before: &str) -> Option<String> {
    let rest = &text[text.find(before)? + before.len()..];
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
    Some(rest[..end].to_owned())
}

/// The answer of a store that is asked for a project's secret in its path.
fn by_path(request: &Request, before: &str, body: fn(&str) -> Value) -> Response {
    project(&request.path, before).map_or_else(none, |project| ok(&body(&project)))
}

fn has_bearer(request: &Request) -> bool {
    request.header("authorization").starts_with("Bearer ")
}

/// Whether a request only logs in.
pub fn is_login(request: &Request) -> bool {
    ["/token", "/oauth2/", "/login", "/authenticate", "/iam/v1/tokens", "/identity/"]
        .iter()
        .any(|part| request.path.contains(part))
}

/// An answer of AWS to its own kind of request.
fn aws(request: &Request) -> Response {
    assert!(request.header("authorization").starts_with("AWS4-HMAC-SHA256 Credential=AKIDTEST/"));
    let body: Value = serde_json::from_str(&request.body).expect("it is JSON");
    let one = |name: &str| {
        let user = value(name.trim_matches('/').split('/').next().unwrap_or_default());
        json!({ "user": user }).to_string()
    };
    match request.header("x-amz-target") {
        "secretsmanager.GetSecretValue" => {
            ok(&json!({ "SecretString": one(body["SecretId"].as_str().unwrap_or_default()) }))
        }
        "AmazonSSM.GetParameter" => {
            let name = body["Name"].as_str().unwrap_or_default();
            ok(&json!({ "Parameter": { "Name": name, "Type": "SecureString", "Value": one(name) } }))
        }
        _ => Response::new(400, r#"{"__type": "AccessDeniedException", "message": "one by one"}"#),
    }
}

fn aws_expired() -> Response {
    Response::new(400, r#"{"__type": "ExpiredTokenException", "message": "the token has expired"}"#)
}

const AWS: &[(&str, &str)] =
    &[("AWS_ENDPOINT_URL", "{}"), ("AWS_ACCESS_KEY_ID", "AKIDTEST"), ("AWS_SECRET_ACCESS_KEY", "hush-key")];

/// What Bitwarden's clients encrypt: the organization's key for the access token, and with that key `user`, `hush-1` and
/// `hush-2`.
const BITWARDEN: [&str; 4] = [
    "2.BQUFBQUFBQUFBQUFBQUFBQ==|wDO79FzAzyrDzkxzJcqQaBYP4FR4o170Ly3cDdMuuVWXQqVHTe+dEErEfF+/RAKql44prfU36ynjgSiWLjYPwcxaVTKcHwx6CPWZp5p9YORENEiaSkusUGLxg5ozt9uFH6vav19wsLdJjDd0CMuv8w==|Qf1ghjfjIi5h3TO+ZKUh+WxN5G6TXrdGFVnx36uu5sY=",
    "2.BQUFBQUFBQUFBQUFBQUFBQ==|oiyQX8wTNa1VhwSdL62Gcg==|9ztj04srHyygoGqwkHHQnLc3gzYN/Wu0tg0vJD31qrw=",
    "2.BQUFBQUFBQUFBQUFBQUFBQ==|PHujiRmZtkdy35++eBU1vg==|N4v9x6+2V8t1oQ7L2aFJAOrKZ5CC4DsOvTtWVwsaoUs=",
    "2.BQUFBQUFBQUFBQUFBQUFBQ==|H5VhiXpGcGFgTRIA2g3GqQ==|pTGmxVIsXaehfhVrh6zCewkyGxpFzxmT8+AVuqPcJhA=",
];

/// All of them, but the cluster's Secrets, whose address and certificates are the cluster's.
pub const STORES: [Store; 13] = [
    Store {
        kind: "awssecretsmanager",
        vars: AWS,
        file: "",
        path: "P/app",
        glob: "{{ app.project }}/*",
        logs_in: false,
        answer: aws,
        expired: aws_expired,
    },
    Store {
        kind: "awsssm",
        vars: AWS,
        file: "",
        path: "P/app",
        glob: "{{ app.project }}/*",
        logs_in: false,
        answer: aws,
        expired: aws_expired,
    },
    Store {
        kind: "gcpsecretmanager",
        vars: &[
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER", "{}"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "{file}"),
        ],
        file: r#"{"type": "authorized_user", "client_id": "i", "client_secret": "hush", "refresh_token": "hush", "token_uri": "{}/token"}"#,
        path: "projects/P/secrets/app",
        glob: "projects/{{ app.project }}/secrets/*",
        logs_in: true,
        answer: |request| {
            if request.path == "/token" {
                return ok(&json!({ "access_token": "token-1", "expires_in": 3599 }));
            }
            assert!(has_bearer(request));
            by_path(request, "/v1/projects/", |project| {
                let text = json!({ "user": value(project) }).to_string();
                json!({ "payload": { "data": STANDARD.encode(text) } })
            })
        },
        expired: unauthorized,
    },
    Store {
        kind: "azurekeyvault",
        vars: &[
            ("KEYFILL_AZURE_ENDPOINT", "{}"),
            ("AZURE_AUTHORITY_HOST", "{}"),
            ("AZURE_TENANT_ID", "tenant"),
            ("AZURE_CLIENT_ID", "app"),
            ("AZURE_CLIENT_SECRET", "hush"),
        ],
        file: "",
        path: "vault-P",
        glob: "vault-{{ app.project }}",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(&json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": "token-1" }));
            }
            if !has_bearer(request) {
                let challenge = r#"Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net""#;
                return Response::new(401, "{}").header("WWW-Authenticate", challenge);
            }
            // All vaults have one address here, so that it cannot tell them apart.
            by_path(request, "/secrets/", |name| json!({ "value": value(name) }))
        },
        expired: unauthorized,
    },
    Store {
        kind: "1passwordconnect",
        vars: &[("OP_CONNECT_HOST", "{}"), ("OP_CONNECT_TOKEN", "hush-token")],
        file: "",
        path: "vaults/Pbcdefghijklmnopqrstuvwxyz/items/abcdefghijklmnopqrstuvwxy2",
        glob: "vaults/{{ app.project }}bcdefghijklmnopqrstuvwxyz/items/*",
        logs_in: false,
        answer: |request| {
            assert_eq!(request.header("authorization"), "Bearer hush-token");
            by_path(
                request,
                "/v1/vaults/",
                |vault| json!({ "fields": [{ "label": "user", "value": value(&vault[..1]) }] }),
            )
        },
        expired: unauthorized,
    },
    Store {
        kind: "ibmsecretsmanager",
        vars: &[
            ("AVP_IBM_INSTANCE_URL", "{}"),
            ("KEYFILL_IBM_IAM_ENDPOINT", "{}"),
            ("AVP_IBM_API_KEY", "hush"),
        ],
        file: "",
        path: "ibmcloud/arbitrary/secrets/groups/P",
        glob: "ibmcloud/arbitrary/secrets/groups/{{ app.project }}",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(&json!({ "access_token": "token-1", "expires_in": 3600 }));
            }
            assert!(has_bearer(request));
            if request.path == "/api/v2/secret_groups" {
                let groups = ["1", "2"].map(|name| json!({ "id": format!("g{name}"), "name": name }));
                return ok(&json!({ "secret_groups": groups }));
            }
            if let Some(project) = project(&request.path, "groups=g") {
                let id = format!("s{project}");
                return ok(&json!({ "secrets": [{ "id": id, "name": "user", "secret_type": "arbitrary" }] }));
            }
            by_path(request, "/api/v2/secrets/s", |project| json!({ "payload": value(project) }))
        },
        expired: unauthorized,
    },
    Store {
        kind: "yandexcloudlockbox",
        vars: &[
            ("KEYFILL_YANDEX_ENDPOINT", "{}"),
            ("AVP_YCL_SERVICE_ACCOUNT_ID", "account-1"),
            ("AVP_YCL_KEY_ID", "key-1"),
            (
                "AVP_YCL_PRIVATE_KEY",
                include_str!("../../crates/keyfill-secrets/tests/data/service-account.pem"),
            ),
        ],
        file: "",
        path: "P",
        glob: "{{ app.project }}",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(&json!({ "iamToken": "token-1" }));
            }
            assert!(has_bearer(request));
            by_path(
                request,
                "/lockbox/v1/secrets/",
                |project| json!({ "entries": [{ "key": "user", "textValue": value(project) }] }),
            )
        },
        expired: unauthorized,
    },
    Store {
        kind: "delineasecretserver",
        vars: &[("AVP_DELINEA_URL", "{}"), ("AVP_DELINEA_USER", "app"), ("AVP_DELINEA_PASSWORD", "hush")],
        file: "",
        path: "P",
        glob: "{{ app.project }}",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(&json!({ "access_token": "token-1", "expires_in": 1199 }));
            }
            assert!(has_bearer(request));
            by_path(
                request,
                "/api/v1/secrets/",
                |project| json!({ "items": [{ "fieldName": "User", "slug": "user", "itemValue": value(project) }] }),
            )
        },
        expired: unauthorized,
    },
    Store {
        kind: "doppler",
        vars: &[("DOPPLER_API_HOST", "{}"), ("DOPPLER_TOKEN", "hush-token")],
        file: "",
        path: "P/prd",
        glob: "{{ app.project }}/*",
        logs_in: false,
        answer: |request| {
            assert_eq!(request.header("authorization"), "Bearer hush-token");
            by_path(
                request,
                "project=",
                |project| json!({ "secrets": { "user": { "computed": value(project) } } }),
            )
        },
        expired: unauthorized,
    },
    Store {
        kind: "infisical",
        vars: &[
            ("INFISICAL_URL", "{}"),
            ("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", "id"),
            ("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", "hush"),
        ],
        file: "",
        path: "P/prod",
        glob: "{{ app.project }}/*",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(&json!({ "accessToken": "token-1", "expiresIn": 7200 }));
            }
            assert!(has_bearer(request));
            let before = if request.path.contains("projectId=") { "projectId=" } else { "workspaceId=" };
            by_path(
                request,
                before,
                |project| json!({ "secrets": [{ "secretKey": "user", "secretValue": value(project) }] }),
            )
        },
        expired: unauthorized,
    },
    Store {
        kind: "gitlab",
        vars: &[("GITLAB_URL", "{}"), ("GITLAB_TOKEN", "hush-token")],
        file: "",
        path: "projects/P",
        glob: "projects/{{ app.project }}",
        logs_in: false,
        answer: |request| {
            assert_eq!(request.header("private-token"), "hush-token");
            by_path(request, "/api/v4/projects/", |project| json!({ "key": "user", "value": value(project) }))
        },
        expired: unauthorized,
    },
    Store {
        kind: "conjur",
        vars: &[
            ("CONJUR_APPLIANCE_URL", "{}"),
            ("CONJUR_ACCOUNT", "acct"),
            ("CONJUR_AUTHN_LOGIN", "host/keyfill"),
            ("CONJUR_AUTHN_API_KEY", "hush"),
        ],
        file: "",
        path: "P",
        glob: "{{ app.project }}",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return Response::new(200, "{}");
            }
            assert!(request.header("authorization").starts_with("Token token="));
            match project(&request.path, "/secrets/acct/variable/") {
                Some(project) => Response::new(200, value(&project)),
                None => none(),
            }
        },
        expired: unauthorized,
    },
    Store {
        kind: "bitwardensecretsmanager",
        vars: &[
            ("BWS_SERVER_URL", "{}"),
            ("BWS_ACCESS_TOKEN", "0.ec2c1d46-6a4b-4751-a310-af9601317f2d.hush:X8vbvA0bduihIDe/qrzIQQ=="),
        ],
        file: "",
        path: "P0000000-0000-4000-8000-000000000000",
        glob: "{{ app.project }}0000000-*",
        logs_in: true,
        answer: |request| {
            if is_login(request) {
                return ok(
                    &json!({ "access_token": "token-1", "expires_in": 3600, "encrypted_payload": BITWARDEN[0] }),
                );
            }
            assert!(has_bearer(request));
            if request.path == "/api/secrets/get-by-ids" {
                let project = if request.body.contains("s1") { 1 } else { 2 };
                let secret = json!({ "id": format!("s{project}"), "value": BITWARDEN[project + 1] });
                return ok(&json!({ "data": [secret] }));
            }
            by_path(
                request,
                "/api/projects/",
                |project| json!({ "secrets": [{ "id": format!("s{}", &project[..1]), "key": BITWARDEN[1] }] }),
            )
        },
        expired: unauthorized,
    },
];

impl Store {
    /// Its variables over a fake at an address. `dir` holds the file that one of them may name.
    pub fn vars(&self, address: &str, dir: &std::path::Path) -> Vec<(&'static str, String)> {
        let file = dir.join("credentials.json");
        std::fs::write(&file, self.file.replace("{}", address)).expect("a file");
        let named = self.vars.iter().map(|(name, text)| {
            (*name, text.replace("{file}", &file.to_string_lossy()).replace("{}", address))
        });
        let own = [("AVP_TYPE", self.kind.to_owned()), ("KEYFILL_ALLOWED_PATHS", self.glob.to_owned())];
        own.into_iter().chain(named).collect()
    }

    /// The path of a project's secret.
    pub fn path_of(&self, project: &str) -> String {
        self.path.replace('P', project)
    }

    /// What the fake says that a project's secret holds.
    pub fn value_of(&self, project: &str) -> String {
        // The vaults of Azure have one address here.
        value(if self.kind == "azurekeyvault" { "user" } else { project })
    }
}
