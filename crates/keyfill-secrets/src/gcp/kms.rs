//! Google Cloud Key Management Service: decrypts data keys of encrypted files.

use super::{GoogleSettings, checksum, credentials};
use crate::rest::{Rest, call, quoted, secret_header};
use crate::token::{Token, Tokens};
use crate::{BoxFuture, Error, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use serde_json::json;
use zeroize::Zeroizing;

/// The URL of Google Cloud KMS.
const ADDRESS: &str = "https://cloudkms.googleapis.com";

/// A client of Google Cloud KMS.
pub struct GoogleKms {
    settings: GoogleSettings,
    rest: Rest,
    tokens: Tokens,
}

impl GoogleKms {
    /// A client with these settings, whose `endpoint` is for Cloud KMS here. No request is sent before the first key is
    /// decrypted.
    pub fn new(settings: GoogleSettings) -> Self {
        let rest = Rest::new("Google Cloud KMS", &settings.network);
        Self { settings, rest, tokens: Tokens::default() }
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.rest.requests()
    }

    /// Decrypts a data key with the key `projects/P/locations/L/keyRings/R/cryptoKeys/K`. `ciphertext` is base64.
    pub async fn decrypt(&self, key: &str, ciphertext: &str, cx: &Cx) -> Result<SecretBytes, Error> {
        check(key)?;
        let host = self.settings.endpoint.as_deref().unwrap_or(ADDRESS).trim_end_matches('/');
        let address = format!("{host}/v1/{key}:decrypt");
        let body = json!({ "ciphertext": ciphertext.trim() }).to_string();
        let fetch = || -> BoxFuture<'_, _> { Box::pin(credentials::token(&self.settings, cx)) };
        let make = |token: &Token| {
            let mut headers = HeaderMap::new();
            let bearer = Zeroizing::new(format!("Bearer {}", token.text.expose()));
            headers.insert(http::header::AUTHORIZATION, secret_header(&bearer, "the Google access token")?);
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            call(Method::POST, &address, headers, body.as_str())
        };
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status != http::StatusCode::OK {
            return Err(refused(&answer, key));
        }
        #[derive(serde::Deserialize)]
        struct Given {
            plaintext: Zeroizing<String>,
            #[serde(rename = "plaintextCrc32c")]
            checksum: Option<String>,
        }
        let unusable =
            |what: &str| Error::store(format!("the answer of Google Cloud KMS is not usable: {what}"));
        let given: Given =
            serde_json::from_slice(&answer.body).map_err(|_| unusable("it holds no decrypted key"))?;
        let bytes = STANDARD.decode(given.plaintext.as_bytes()).map_err(|_| unusable("it is not base64"))?;
        let bytes = SecretBytes::new(bytes);
        if let Some(reason) = given.checksum
            && reason.parse() != Ok(u64::from(checksum::crc32c(bytes.expose())))
        {
            return Err(unusable("its checksum does not fit"));
        }
        Ok(bytes)
    }
}

/// Refuses a text that is not the name of a key. Authors write it, and it must not change the host or query of the URL.
fn check(key: &str) -> Result<(), Error> {
    let parts: Vec<&str> = key.split('/').collect();
    let fits = |part: &&str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let is_key = matches!(parts[..], ["projects", _, "locations", _, "keyRings", _, "cryptoKeys", _]);
    if is_key && parts.iter().all(fits) && !parts.iter().any(|part| part.starts_with('.')) {
        return Ok(());
    }
    Err(Error::usage(format!("{key:?} is not a key of Google Cloud KMS"))
        .hint("write it as projects/P/locations/L/keyRings/R/cryptoKeys/K"))
}

fn refused(answer: &keyfill_http::Answer, key: &str) -> Error {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        error: Inner,
    }
    #[derive(serde::Deserialize)]
    struct Inner {
        #[serde(default)]
        message: String,
    }
    let reason: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    let reason = reason.map(|reason| quoted(&reason.error.message)).unwrap_or_default();
    let name = "Google Cloud KMS";
    match answer.status.as_u16() {
        404 => Error::missing(format!("{name} has no {key}: {reason}")),
        401 => Error::store(format!("{name} does not take the access token: {reason}")),
        403 => Error::store(format!("{name} refuses: {reason}"))
            .hint("grant roles/cloudkms.cryptoKeyDecrypter on the key to the account that keyfill uses"),
        status => Error::store(format!("{name} answered {status}: {reason}")),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_a_name_of_a_key_in_a_key_ring_is_accepted() {
        assert!(check("projects/p/locations/global/keyRings/r/cryptoKeys/k").is_ok());
        for bad in [
            "projects/p/locations/global/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1",
            "projects/p/locations/global/keyRings/r/cryptoKeys/k?x",
            "projects/p/locations/../keyRings/r/cryptoKeys/k",
            "//evil.example/p/locations/global/keyRings/r/cryptoKeys/k",
            "",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
