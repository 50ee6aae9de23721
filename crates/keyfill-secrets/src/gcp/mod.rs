//! Google Secret Manager (`gcpsecretmanager`).
//!
//! A path is `projects/PROJECT/secrets/SECRET`, or `projects/PROJECT/locations/LOCATION/secrets/SECRET` for a regional
//! secret. The key SECRET is the whole payload, as in argocd-vault-plugin; if the payload is a JSON object, its keys
//! are keys too. A version is a number or an alias; without one, it is `latest`.

mod checksum;
mod credentials;
mod kms;

pub use credentials::GoogleCredentials;
pub use kms::GoogleKms;

use crate::rest::{Network, Rest, call, quoted, secret_header};
use crate::source::Store;
use crate::token::Tokens;
use crate::{BoxFuture, Error, Keys, Secret, SecretBytes, SecretData, SecretRef, SecretValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Settings for Google Cloud. Only the administrator may set them.
#[derive(Clone, Default)]
pub struct GoogleSettings {
    /// A URL in place of that of Secret Manager: `CLOUDSDK_API_ENDPOINT_OVERRIDES_SECRETMANAGER`.
    pub endpoint: Option<String>,
    /// The credentials of keyfill.
    pub credentials: GoogleCredentials,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Google Secret Manager.
pub struct GoogleSecretManager {
    settings: GoogleSettings,
    rest: Rest,
    tokens: Tokens,
}

impl GoogleSecretManager {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: GoogleSettings) -> Self {
        let rest = Rest::new("Google Secret Manager", &settings.network);
        Self { settings, rest, tokens: Tokens::default() }
    }

    /// How many requests were sent to Secret Manager so far.
    pub fn requests(&self) -> u64 {
        self.rest.requests()
    }
}

impl Store for GoogleSecretManager {
    async fn get(&self, secret: &SecretRef, _: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let path = Path::of(&secret.path)?;
        let version = secret.version.as_deref().filter(|v| !v.is_empty()).unwrap_or("latest");
        if !version.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return Err(Error::usage(format!("{version:?} is no version of a Google secret"))
                .hint("a version is a number, an alias or latest"));
        }
        let host = match (&self.settings.endpoint, path.location) {
            (Some(endpoint), _) => endpoint.trim_end_matches('/').to_owned(),
            (None, Some(location)) => format!("https://secretmanager.{location}.rep.googleapis.com"),
            (None, None) => "https://secretmanager.googleapis.com".to_owned(),
        };
        let address = format!("{host}/v1/{}/versions/{version}:access", path.name);
        let fetch = || -> BoxFuture<'_, _> { Box::pin(credentials::token(&self.settings, cx)) };
        let make = |token: &crate::token::Token| {
            let mut headers = HeaderMap::new();
            let bearer = Zeroizing::new(format!("Bearer {}", token.text.expose()));
            headers.insert(http::header::AUTHORIZATION, secret_header(&bearer, "the Google access token")?);
            call(Method::GET, &address, headers, "")
        };
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status != http::StatusCode::OK {
            return Err(refused(&answer, &path));
        }
        data(&answer.body, &path).map(Arc::new)
    }
}

/// The parsed path of a secret. Authors write it, so it is checked: it must not change the host or query of the URL.
struct Path<'a> {
    name: &'a str,
    location: Option<&'a str>,
    secret: &'a str,
}

impl<'a> Path<'a> {
    fn of(path: &'a str) -> Result<Self, Error> {
        let parts: Vec<&str> = path.split('/').collect();
        let fits = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
        };
        let is_location = |location: &str| {
            location.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        let all_fit = parts.iter().all(fits);
        match parts[..] {
            ["projects", _, "secrets", secret] if all_fit => Ok(Self { name: path, location: None, secret }),
            ["projects", _, "locations", location, "secrets", secret] if all_fit && is_location(location) => {
                Ok(Self { name: path, location: Some(location), secret })
            }
            _ => Err(Error::usage(format!("{path} is not the path of a Google secret"))
                .hint("write it as projects/PROJECT/secrets/SECRET, without a version")),
        }
    }
}

fn refused(answer: &Answer, path: &Path<'_>) -> Error {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        #[serde(default)]
        message: String,
        #[serde(default)]
        status: String,
    }
    let name = "Google Secret Manager";
    let Ok(ErrorBody { error }) = serde_json::from_slice(&answer.body) else {
        return Error::store(format!("{name} answered {} and not in JSON", answer.status.as_u16()))
            .hint("check HTTPS_PROXY: something else than Google seems to have answered");
    };
    let reason = quoted(&error.message);
    match answer.status.as_u16() {
        404 => Error::missing(format!("{name} has no {}: {reason}", path.name))
            .absent()
            .hint("check the project, the name and the version"),
        401 => Error::store(format!("{name} does not take the access token: {reason}")),
        403 => Error::store(format!("{name} refuses: {reason}"))
            .hint("grant roles/secretmanager.secretAccessor on the secret to the account that keyfill uses"),
        400 if error.status == "FAILED_PRECONDITION" => {
            Error::store(format!("{name} does not give {}: {reason}", path.name))
                .hint("enable the version, or name another")
        }
        status => Error::store(format!("{name} answered {status}, {}: {reason}", quoted(&error.status))),
    }
}

fn data(body: &[u8], path: &Path<'_>) -> Result<SecretData, Error> {
    #[derive(serde::Deserialize)]
    struct Given {
        payload: Payload,
    }
    #[derive(serde::Deserialize)]
    struct Payload {
        #[serde(default)]
        data: Zeroizing<String>,
        #[serde(rename = "dataCrc32c")]
        checksum: Option<String>,
    }
    let unusable =
        |what: &str| Error::store(format!("the answer of Google Secret Manager is not usable: {what}"));
    let given: Given = serde_json::from_slice(body).map_err(|_| unusable("it is not JSON of a secret"))?;
    let bytes =
        STANDARD.decode(given.payload.data.as_bytes()).map_err(|_| unusable("its payload is not base64"))?;
    let bytes = SecretBytes::new(bytes);
    if let Some(expected) = given.payload.checksum
        && expected.parse() != Ok(u64::from(checksum::crc32c(bytes.expose())))
    {
        return Err(unusable("its checksum does not fit"));
    }
    let whole = |value| [(path.secret.to_owned(), value)];
    let Ok(text) = std::str::from_utf8(bytes.expose()) else {
        return Ok(whole(SecretValue::Bytes(bytes)).into_iter().collect());
    };
    let keys = SecretData::from_json(text, path.name).unwrap_or_default();
    let keys = keys.iter().map(|(key, value)| (key.to_owned(), value.clone()));
    // The key with the secret's name is always the whole payload, even if the payload has a key with that name.
    Ok(keys.chain(whole(SecretValue::Str(Secret::new(text)))).collect())
}

#[cfg(test)]
mod tests {
    use super::{Path, data};

    #[test]
    fn only_a_path_of_a_secret_is_accepted() {
        let path = Path::of("projects/p-1/secrets/app").expect("it is one");
        assert_eq!((path.secret, path.location), ("app", None));
        let path = Path::of("projects/example.com:p/locations/europe-west1/secrets/app").expect("it is one");
        assert_eq!((path.secret, path.location), ("app", Some("europe-west1")));
        for bad in [
            "projects/p/secrets/app/versions/1",
            "projects/p/secrets/a?b",
            "projects//secrets/a",
            "projects/p/locations/evil.com/secrets/a",
            "secrets/a",
            "projects/p/secrets/a b",
        ] {
            assert!(Path::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_key_with_the_secrets_name_is_the_payload_and_its_checksum_is_checked() {
        let path = Path::of("projects/p/secrets/app").expect("it is one");
        let keys = |body: &str| -> Vec<(String, &'static str)> {
            let data = data(body.as_bytes(), &path).expect("it is good");
            data.iter().map(|(key, value)| (key.to_owned(), value.type_name())).collect()
        };
        let some = |list: &[(&str, &'static str)]| -> Vec<(String, &'static str)> {
            list.iter().map(|(key, kind)| ((*key).to_owned(), *kind)).collect()
        };
        // The base64 is {"user": "a", "app": 1}
        let object = r#"{"payload": {"data": "eyJ1c2VyIjogImEiLCAiYXBwIjogMX0="}}"#;
        assert_eq!(keys(object), some(&[("app", "string"), ("user", "string")]));
        assert_eq!(
            keys(r#"{"payload": {"data": "/w==", "dataCrc32c": "4278190080"}}"#),
            some(&[("app", "binary")])
        );
        assert_eq!(keys(r#"{"payload": {}}"#), some(&[("app", "string")]));
        for bad in
            [r#"{"payload": {"data": "/w==", "dataCrc32c": "1"}}"#, "hush", r#"{"payload": {"data": "!"}}"#]
        {
            assert!(data(bad.as_bytes(), &path).is_err_and(|e| !e.to_string().contains("hush")), "{bad}");
        }
    }
}
