//! Yandex Lockbox (`yandexcloudlockbox`).
//!
//! A path is the id of a secret. The keys are those of its entries. A version is the id of a version.

use crate::rest::{Network, Rest, Verdict, call};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{bearer, escaped, get, json, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretBytes, SecretData, SecretRef, SecretValue};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use serde_json::json as object;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Yandex Lockbox";

/// The audience of the JWT that requests a token. It stays the same if another address is set.
const AUDIENCE: &str = "https://iam.api.cloud.yandex.net/iam/v1/tokens";

/// How long a token is kept, in seconds. Tokens are valid for longer.
const LIFE: u64 = 3600;

/// Settings for Yandex Lockbox, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct YandexSettings {
    /// `AVP_YCL_SERVICE_ACCOUNT_ID`
    pub service_account: String,
    /// `AVP_YCL_KEY_ID`
    pub key_id: String,
    /// `AVP_YCL_PRIVATE_KEY`, in PEM
    pub private_key: Secret,
    /// A URL in place of those of Lockbox and of IAM.
    pub endpoint: Option<String>,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Yandex Lockbox.
pub struct YandexLockbox {
    settings: YandexSettings,
    rest: Rest,
    iam: Rest,
    tokens: Tokens,
}

impl YandexLockbox {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: YandexSettings) -> Self {
        let (rest, iam) = (Rest::new(NAME, &settings.network), Rest::new("Yandex IAM", &settings.network));
        Self { settings, rest, iam, tokens: Tokens::default() }
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Given {
            iam_token: Zeroizing<String>,
        }
        let base = self.settings.endpoint.as_deref().unwrap_or("https://iam.api.cloud.yandex.net");
        let address = format!("{}/iam/v1/tokens", base.trim_end_matches('/'));
        let make = || {
            let body = Zeroizing::new(object!({ "jwt": statement(&self.settings)?.expose() }).to_string());
            let mut headers = HeaderMap::new();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            call(Method::POST, &address, headers, body.as_bytes())
        };
        let answer = self.iam.send(make, |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "check AVP_YCL_SERVICE_ACCOUNT_ID, AVP_YCL_KEY_ID and AVP_YCL_PRIVATE_KEY";
            return Err(refused(&answer, "Yandex IAM", "such key", hint).within("cannot log in"));
        }
        let given: Given = json(&answer, "Yandex IAM")?;
        Ok(Token::lasting(Secret::new(given.iam_token.as_str()), LIFE))
    }
}

impl Store for YandexLockbox {
    async fn get(&self, secret: &SecretRef, _: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let version = secret.version.as_deref().map(|id| format!("?versionId={}", escaped(id)));
        let base =
            self.settings.endpoint.as_deref().unwrap_or("https://payload.lockbox.api.cloud.yandex.net");
        let address = format!(
            "{}/lockbox/v1/secrets/{}/payload{}",
            base.trim_end_matches('/'),
            escaped(&secret.path),
            version.unwrap_or_default()
        );
        let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
        let make = |token: &Token| get(&address, "authorization", &bearer(&token.text), "the access token");
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "grant the role lockbox.payloadViewer on the secret to the service account";
            return Err(refused(&answer, NAME, &secret.path, hint));
        }
        entries(&answer.body).map(Arc::new)
    }
}

fn entries(body: &[u8]) -> Result<SecretData, Error> {
    #[derive(serde::Deserialize)]
    struct Given {
        #[serde(default)]
        entries: Vec<Entry>,
    }
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Entry {
        key: String,
        text_value: Option<Zeroizing<String>>,
        binary_value: Option<Zeroizing<String>>,
    }
    let unusable = |what: &str| Error::store(format!("the answer of {NAME} is not usable: {what}"));
    let given: Given = serde_json::from_slice(body).map_err(|_| unusable("it is not JSON of a secret"))?;
    let value = |entry: Entry| match (entry.text_value, entry.binary_value) {
        (None, Some(binary)) => {
            let bytes = STANDARD.decode(binary.as_bytes()).map_err(|_| unusable("an entry is not base64"))?;
            Ok((entry.key, SecretValue::Bytes(SecretBytes::new(bytes))))
        }
        (text, _) => {
            Ok((entry.key, SecretValue::Str(Secret::new(text.as_deref().map_or("", String::as_str)))))
        }
    };
    given.entries.into_iter().map(value).collect()
}

/// A JWT that requests an access token for the service account, signed with its key (PS256).
fn statement(settings: &YandexSettings) -> Result<Secret, Error> {
    let wrong = || {
        Error::usage("AVP_YCL_PRIVATE_KEY is not usable")
            .hint("it is the private_key of an authorized key, in PEM")
    };
    let key = settings.private_key.expose();
    // Yandex puts a line with a warning before the PEM text.
    let key = key.split_once("-----BEGIN PRIVATE KEY-----").ok_or_else(wrong)?.1;
    let key = key.split_once("-----END").ok_or_else(wrong)?.0;
    let der: Zeroizing<String> = Zeroizing::new(key.split_whitespace().collect());
    let der = Zeroizing::new(STANDARD.decode(der.as_bytes()).map_err(|_| wrong())?);
    let pair = RsaKeyPair::from_pkcs8(&der).map_err(|_| wrong())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let header = object!({ "alg": "PS256", "typ": "JWT", "kid": settings.key_id });
    let claims = object!({ "iss": settings.service_account, "aud": AUDIENCE, "iat": now, "exp": now + LIFE });
    let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let text = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PSS_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).map_err(|_| wrong())?;
    Ok(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

#[cfg(test)]
mod tests {
    use super::entries;

    #[test]
    fn entries_with_a_text_value_are_strings_and_others_bytes() {
        let body = br#"{"versionId": "v", "entries": [{"key": "a", "textValue": "hush"}, {"key": "b", "binaryValue": "AAE="}]}"#;
        let data = entries(body).expect("they are good");
        assert_eq!(format!("{data:?}"), r#"{"a": string, "b": binary}"#);
        assert!(entries(b"<html>hush").is_err_and(|e| !e.to_string().contains("hush")));
    }
}
