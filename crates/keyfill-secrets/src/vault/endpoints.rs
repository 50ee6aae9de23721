//! The requests that are sent to Vault. The types of the crate vaultrs are used where they are right, [`Plain`]
//! elsewhere.
//!
//! All of them are endpoints of the crate rustify, but [`call`] makes the HTTP request: rustify drops `.` segments of
//! a path and the headers of refusals. The client of vaultrs is not used either: it reads environment variables and
//! prints bodies in errors.

use super::settings::Auth;
use http::Uri;
use keyfill_http::Call;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rustify::endpoint::Endpoint;
use rustify::enums::{RequestMethod, RequestType, ResponseType};
use rustify::errors::ClientError;
use serde_json::json;
use vaultrs::api::auth::approle::requests::LoginWithApproleRequest;
use vaultrs::api::auth::kubernetes::requests::LoginWithKubernetesRequest;
use vaultrs::api::auth::oidc::requests::JWTLoginRequest;
use vaultrs::api::auth::userpass::requests::LoginRequest as UserpassLoginRequest;
use zeroize::Zeroizing;

/// The characters that are percent-encoded in a segment of a path.
const SEGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A request for which vaultrs has no type, or a wrong one.
pub(crate) struct Plain {
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<serde_json::Value>,
}

impl Plain {
    /// Reads a path as it is written. The types of vaultrs need mount and path apart, and exist for two engines only.
    pub(crate) fn read(path: &str, version: Option<u64>) -> Self {
        let query = version.map(|v| format!("version={v}"));
        Self { method: RequestMethod::GET, path: path.to_owned(), query, body: None }
    }

    /// Asks which engine is mounted at the path or above it. Any token that may read below the mount may ask this.
    pub(crate) fn mount_of(path: &str) -> Self {
        Self::read(&format!("sys/internal/ui/mounts/{path}"), None)
    }

    /// Lists the names below a path.
    pub(crate) fn list(path: &str) -> Self {
        Self { query: Some("list=true".to_owned()), ..Self::read(path, None) }
    }

    /// Asks what the token of the request may do at these paths.
    pub(crate) fn capabilities(paths: &[String]) -> Self {
        Self::post("sys/capabilities-self".to_owned(), Some(json!({ "paths": paths })))
    }

    /// Asks for the health of Vault. The query sets the status 200 for each state, so that none counts as a failure.
    pub(crate) fn health() -> Self {
        let same = "standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200";
        Self { query: Some(same.to_owned()), ..Self::read("sys/health", None) }
    }

    /// Renews the token of the request. The path of vaultrs' type begins with a tab.
    pub(crate) fn renew_self() -> Self {
        Self::post("auth/token/renew-self".to_owned(), None)
    }

    /// Decrypts with a key of the transit engine at `mount`.
    pub(crate) fn decrypt(mount: &str, key: &str, ciphertext: &str) -> Self {
        Self::post(format!("{mount}/decrypt/{key}"), Some(json!({ "ciphertext": ciphertext })))
    }

    fn post(path: String, body: Option<serde_json::Value>) -> Self {
        Self { method: RequestMethod::POST, path, query: None, body }
    }
}

impl Endpoint for Plain {
    type Response = ();
    const REQUEST_BODY_TYPE: RequestType = RequestType::JSON;
    const RESPONSE_BODY_TYPE: ResponseType = ResponseType::JSON;

    fn path(&self) -> String {
        self.path.clone()
    }

    fn method(&self) -> RequestMethod {
        self.method.clone()
    }

    fn query(&self) -> Result<Option<String>, ClientError> {
        Ok(self.query.clone())
    }

    fn body(&self) -> Result<Option<Vec<u8>>, ClientError> {
        Ok(self.body.as_ref().map(|body| body.to_string().into_bytes()))
    }
}

/// The login request of an auth method; `None` for methods without a login. `jwt` is the token from the file that the
/// method names.
pub(crate) fn login(base: &str, auth: &Auth, jwt: &str) -> Option<Result<Call, String>> {
    let (namespace, mount) = auth.namespace_and_mount();
    let (base, mount) = (&below_namespace(base, namespace), mount.to_owned());
    Some(match auth {
        Auth::Token(_) | Auth::TokenFile(_) => return None,
        Auth::AppRole { role_id, secret_id, .. } => {
            let (role_id, secret_id) = (role_id.expose().to_owned(), secret_id.expose().to_owned());
            call_below(base, &LoginWithApproleRequest { mount, role_id, secret_id })
        }
        Auth::Kubernetes { role, .. } => {
            call_below(base, &LoginWithKubernetesRequest { mount, role: role.clone(), jwt: jwt.to_owned() })
        }
        Auth::Userpass { username, password, .. } => {
            let (username, password) = (username.clone(), password.expose().to_owned());
            call_below(base, &UserpassLoginRequest { mount, username, password })
        }
        Auth::Jwt { role, .. } => {
            call_below(base, &JWTLoginRequest { mount, role: role.clone(), jwt: jwt.to_owned() })
        }
        Auth::Github { token, .. } => call_below(
            base,
            &Plain::post(format!("auth/{mount}/login"), Some(json!({ "token": token.expose() }))),
        ),
        // vaultrs sends the role as `cert_name`, which Vault ignores.
        Auth::Cert { role, .. } => {
            let body = role.as_ref().map_or_else(|| json!({}), |role| json!({ "name": role }));
            call_below(base, &Plain::post(format!("auth/{mount}/login"), Some(body)))
        }
    })
}

/// The URL below which the paths of Vault's API are.
struct Base(String);

/// The base URL for a namespace, which Vault accepts as the first part of a path.
fn below_namespace(base: &str, namespace: &str) -> Base {
    let mut uri = format!("{base}/v1");
    push_segments(&mut uri, namespace);
    Base(uri)
}

fn push_segments(uri: &mut String, path: &str) {
    for segment in path.split('/').filter(|s| !s.is_empty()) {
        uri.push('/');
        uri.extend(utf8_percent_encode(segment, SEGMENT));
    }
}

/// The HTTP request for an endpoint, below the address `base` and without a token.
pub(crate) fn call<E: Endpoint>(base: &str, endpoint: &E) -> Result<Call, String> {
    call_below(&below_namespace(base, ""), endpoint)
}

fn call_below<E: Endpoint>(base: &Base, endpoint: &E) -> Result<Call, String> {
    let mut uri = base.0.clone();
    push_segments(&mut uri, &endpoint.path());
    // The errors of rustify are left out: they could contain the body that is sent.
    if let Some(query) = endpoint.query().map_err(|_| "the query cannot be written")? {
        uri.push('?');
        uri.push_str(&query);
    }
    let body = Zeroizing::new(endpoint.body().map_err(|_| "the body cannot be written")?.unwrap_or_default());
    let uri: Uri = uri.parse().map_err(|_| "its URL cannot be written")?;
    let mut headers = http::HeaderMap::new();
    headers.insert("x-vault-request", http::HeaderValue::from_static("true"));
    if !body.is_empty() {
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    }
    Ok(Call { method: endpoint.method().into(), uri, headers, body })
}

#[cfg(test)]
mod tests {
    use super::{Plain, call, login};
    use crate::vault::{Auth, Jwt};

    const BASE: &str = "http://v:8200";

    #[test]
    fn a_path_is_sent_as_written_with_special_characters_encoded() {
        let uri =
            |path, version| call(BASE, &Plain::read(path, version)).expect("it can be made").uri.to_string();
        assert_eq!(uri("secret/data/app", None), "http://v:8200/v1/secret/data/app");
        assert_eq!(
            uri("/secret//a b?c#d%20é/", Some(3)),
            "http://v:8200/v1/secret/a%20b%3Fc%23d%2520%C3%A9?version=3"
        );
    }

    #[test]
    fn logins_are_sent_to_their_mount() {
        let check = |auth: Auth, path: &str, body: &str| {
            let call = login(BASE, &auth, "J").expect("it has a login").expect("it can be made");
            assert_eq!(call.uri.path(), path);
            assert_eq!(String::from_utf8_lossy(&call.body), body);
        };
        let mount = || "auth/ci/m".to_owned();
        check(
            Auth::AppRole { mount: mount(), role_id: "r".into(), secret_id: "s".into() },
            "/v1/auth/ci/m/login",
            r#"{"role_id":"r","secret_id":"s"}"#,
        );
        check(
            Auth::Kubernetes { mount: mount(), role: "r".into(), jwt: "/x".into() },
            "/v1/auth/ci/m/login",
            r#"{"role":"r","jwt":"J"}"#,
        );
        check(
            Auth::Userpass { mount: mount(), username: "u".into(), password: "p".into() },
            "/v1/auth/ci/m/login/u",
            r#"{"password":"p"}"#,
        );
        check(Auth::Github { mount: mount(), token: "t".into() }, "/v1/auth/ci/m/login", r#"{"token":"t"}"#);
        check(
            Auth::Github { mount: "/ns1/auth/m".to_owned(), token: "t".into() },
            "/v1/ns1/auth/m/login",
            r#"{"token":"t"}"#,
        );
        let jwt = || Jwt::Text("J".into());
        check(
            Auth::Jwt { mount: mount(), role: Some("r".into()), jwt: jwt() },
            "/v1/auth/ci/m/login",
            r#"{"jwt":"J","role":"r"}"#,
        );
        check(Auth::Jwt { mount: mount(), role: None, jwt: jwt() }, "/v1/auth/ci/m/login", r#"{"jwt":"J"}"#);
        check(
            Auth::Cert { mount: mount(), role: Some("r".into()) },
            "/v1/auth/ci/m/login",
            r#"{"name":"r"}"#,
        );
        check(Auth::Cert { mount: mount(), role: None }, "/v1/auth/ci/m/login", "{}");
    }
}
