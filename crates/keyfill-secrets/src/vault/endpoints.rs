//! The requests that are sent to Vault: vaultrs' types where it has the right one, [`Plain`] elsewhere.
//!
//! They are endpoints of rustify; [`call`] puts one together. Rustify's own way leaves out `.` segments and
//! loses the headers of refusals, and vaultrs' client reads the environment and prints bodies in errors.

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

/// What is escaped in a segment of a path.
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

/// A request that vaultrs has no type for, or a wrong one.
pub(crate) struct Plain {
    method: RequestMethod,
    path: String,
    query: Option<String>,
    body: Option<serde_json::Value>,
}

impl Plain {
    /// Reads a path as it is written; vaultrs' types split mount and path, and know only two engines.
    pub(crate) fn read(path: &str, version: Option<u64>) -> Self {
        let query = version.map(|v| format!("version={v}"));
        Self { method: RequestMethod::GET, path: path.to_owned(), query, body: None }
    }

    /// Asks what is mounted where a path leads. Every token that may read below the mount may ask.
    pub(crate) fn mount_of(path: &str) -> Self {
        Self::read(&format!("sys/internal/ui/mounts/{path}"), None)
    }

    /// The names below a path.
    pub(crate) fn list(path: &str) -> Self {
        Self { query: Some("list=true".to_owned()), ..Self::read(path, None) }
    }

    /// What the token that is sent may do.
    pub(crate) fn capabilities(paths: &[String]) -> Self {
        Self::post("sys/capabilities-self".to_owned(), Some(json!({ "paths": paths })))
    }

    /// The state of Vault, with the same status for each state.
    pub(crate) fn health() -> Self {
        let same = "standbyok=true&perfstandbyok=true&sealedcode=200&uninitcode=200";
        Self { query: Some(same.to_owned()), ..Self::read("sys/health", None) }
    }

    /// Lengthens the life of the token that is sent. In vaultrs' type the path begins with a tab.
    pub(crate) fn renew_self() -> Self {
        Self::post("auth/token/renew-self".to_owned(), None)
    }

    /// Decrypts with a key of a transit engine.
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

/// The login request of a method with its credential at hand; `None` for methods that need no login.
/// `jwt` is the token read from the file that the method names.
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
        // vaultrs sends `cert_name`, which Vault does not look at.
        Auth::Cert { role, .. } => {
            let body = role.as_ref().map_or_else(|| json!({}), |role| json!({ "name": role }));
            call_below(base, &Plain::post(format!("auth/{mount}/login"), Some(body)))
        }
    })
}

/// Where the paths of an API begin.
struct Base(String);

/// The paths of a namespace, which Vault takes as the first part of each.
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

/// The request that an endpoint describes, below `base` and without a token.
pub(crate) fn call<E: Endpoint>(base: &str, endpoint: &E) -> Result<Call, String> {
    call_below(&below_namespace(base, ""), endpoint)
}

fn call_below<E: Endpoint>(base: &Base, endpoint: &E) -> Result<Call, String> {
    let mut uri = base.0.clone();
    push_segments(&mut uri, &endpoint.path());
    // Neither error is reported in its own words: they could hold what is sent.
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
    fn a_path_is_read_as_written() {
        let uri =
            |path, version| call(BASE, &Plain::read(path, version)).expect("it can be made").uri.to_string();
        assert_eq!(uri("secret/data/app", None), "http://v:8200/v1/secret/data/app");
        assert_eq!(
            uri("/secret//a b?c#d%20é/", Some(3)),
            "http://v:8200/v1/secret/a%20b%3Fc%23d%2520%C3%A9?version=3"
        );
    }

    #[test]
    fn logins_go_where_their_mount_is() {
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
