//! Keys in Azure Key Vault, which decrypt data keys of encrypted files.

use super::{AzureSettings, PROTOCOL, Vault, challenge, code, credentials, host};
use crate::rest::{Rest, Verdict, call, secret_header};
use crate::token::{Token, Tokens};
use crate::{BoxFuture, Error, SecretBytes};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The algorithm that SOPS encrypts data keys with.
const ALGORITHM: &str = "RSA-OAEP-256";

/// A client for the keys of vaults.
pub struct AzureKeys {
    settings: AzureSettings,
    vaults: Mutex<HashMap<String, Arc<Vault>>>,
}

impl AzureKeys {
    /// A client with these settings. No request is sent before the first key is decrypted.
    pub fn new(settings: AzureSettings) -> Self {
        Self { settings, vaults: Mutex::default() }
    }

    fn vault(&self, host: &str) -> Arc<Vault> {
        let mut vaults = self.vaults.lock().unwrap_or_else(PoisonError::into_inner);
        let vault = vaults.entry(host.to_owned()).or_insert_with(|| {
            let rest = Rest::new(format!("Azure Key Vault {host}"), &self.settings.network);
            Arc::new(Vault { rest, tokens: Tokens::default() })
        });
        Arc::clone(vault)
    }

    /// Decrypts a data key with a version of a key; an empty version is the latest. `ciphertext` is URL-safe base64.
    /// The access token is sent only to vaults in the domains of Azure.
    pub async fn decrypt(
        &self,
        vault: &str,
        name: &str,
        version: &str,
        ciphertext: &str,
        cx: &Cx,
    ) -> Result<SecretBytes, Error> {
        let host = host(vault)?;
        let fits = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if name.is_empty() || !fits(name) || !fits(version) {
            return Err(Error::usage(format!(
                "{name:?}, version {version:?}, is not a key of Azure Key Vault"
            )));
        }
        let vault = self.vault(&host);
        let base = self.settings.endpoint.clone().unwrap_or_else(|| format!("https://{host}"));
        let base = base.trim_end_matches('/');
        let version = if version.is_empty() { String::new() } else { format!("/{version}") };
        let address = format!("{base}/keys/{name}{version}/decrypt?{PROTOCOL}");
        let body = json!({ "alg": ALGORITHM, "value": ciphertext.trim().trim_end_matches('=') }).to_string();
        let make = |token: Option<&Token>| {
            let mut headers = HeaderMap::new();
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            let Some(token) = token else { return call(Method::POST, &address, headers, "") };
            let bearer = Zeroizing::new(format!("Bearer {}", token.text.expose()));
            headers.insert(http::header::AUTHORIZATION, secret_header(&bearer, "the Azure access token")?);
            call(Method::POST, &address, headers, body.as_str())
        };
        let fetch = || -> BoxFuture<'_, _> {
            Box::pin(async {
                let asked = vault.rest.send(|| make(None), |_| Verdict::Final, cx).await?;
                let challenge = challenge::read(&asked, &host)?;
                credentials::token(&self.settings, &challenge, cx).await
            })
        };
        let answer = vault.tokens.send(&vault.rest, &fetch, |token| make(Some(token)), cx).await?;
        if answer.status != http::StatusCode::OK {
            let (reason, _) = code(&answer);
            let error = Error::store(match answer.status.as_u16() {
                401 => format!("Azure Key Vault {host} does not take the access token: {reason}"),
                403 => format!("Azure Key Vault {host} refuses to decrypt with {name}: {reason}"),
                status => format!("Azure Key Vault {host} answered {status}: {reason}"),
            });
            return Err(error.hint(
                "grant the role Key Vault Crypto User (or decrypt on keys) to the identity that keyfill uses",
            ));
        }
        #[derive(serde::Deserialize)]
        struct Given {
            value: Zeroizing<String>,
        }
        let unusable =
            || Error::store(format!("the answer of Azure Key Vault {host} holds no decrypted key"));
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
        let bytes = URL_SAFE_NO_PAD.decode(given.value.trim_end_matches('=')).map_err(|_| unusable())?;
        Ok(SecretBytes::new(bytes))
    }
}
