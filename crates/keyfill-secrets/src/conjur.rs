//! CyberArk Conjur (`conjur`).
//!
//! A path is the id of a variable without its last segment, and the key is that segment: `<path:prod/db#password>` is
//! the variable `prod/db/password`. Variables are not listed: only those that placeholders name are read. A version is
//! the version of the variable.

use crate::rest::{Network, Rest, Verdict, call};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{escaped, form, get, post_form, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use keyfill_diag::Cx;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Conjur";

/// How long an access token is valid, in seconds.
const LIFE: u64 = 8 * 60;

/// Settings for Conjur, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct ConjurSettings {
    /// `CONJUR_APPLIANCE_URL`
    pub address: String,
    /// `CONJUR_ACCOUNT`
    pub account: String,
    /// The credentials of keyfill.
    pub login: ConjurLogin,
    /// Proxies and certificates.
    pub network: Network,
}

/// The credentials of keyfill for Conjur.
#[derive(Clone)]
pub enum ConjurLogin {
    /// A host or user, with its API key.
    ApiKey {
        /// `CONJUR_AUTHN_LOGIN`
        login: String,
        /// `CONJUR_AUTHN_API_KEY`
        key: Secret,
    },
    /// A JWT in a file, for example that of a Kubernetes service account.
    Jwt {
        /// `CONJUR_AUTHN_JWT_SERVICE_ID`
        service: String,
        /// `CONJUR_AUTHN_JWT_TOKEN_PATH`
        file: PathBuf,
    },
}

/// A source that reads secrets from Conjur.
pub struct Conjur {
    settings: ConjurSettings,
    rest: Rest,
    tokens: Tokens,
}

impl Conjur {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: ConjurSettings) -> Self {
        let rest = Rest::new(NAME, &settings.network);
        Self { settings, rest, tokens: Tokens::default() }
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        let set = &self.settings;
        let (base, account) = (set.address.trim_end_matches('/'), escaped(&set.account));
        let answer = match &set.login {
            ConjurLogin::ApiKey { login, key } => {
                let address = format!("{base}/authn/{account}/{}/authenticate", escaped(login));
                let make = || call(Method::POST, &address, HeaderMap::new(), key.expose());
                self.rest.send(make, |_| Verdict::Final, cx).await?
            }
            ConjurLogin::Jwt { service, file } => {
                let token = std::fs::read_to_string(file).map(Zeroizing::new).map_err(|e| {
                    Error::usage(format!("the token in {} cannot be read: {e}", file.display()))
                })?;
                let address = format!("{base}/authn-jwt/{}/{account}/authenticate", escaped(service));
                let body = form(&[("jwt", token.trim())]);
                self.rest.send(|| post_form(&address, &body), |_| Verdict::Final, cx).await?
            }
        };
        if answer.status != http::StatusCode::OK {
            let hint = "check the CONJUR_ settings that say who keyfill is";
            return Err(refused(&answer, NAME, "such host", hint).within("cannot log in"));
        }
        // Conjur expects the token that it returned in base64.
        let text = format!("Token token=\"{}\"", STANDARD.encode(&answer.body));
        Ok(Token::lasting(Secret::new(text), LIFE))
    }
}

impl Store for Conjur {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let Keys::These(names) = keys else {
            return Err(Error::usage("all keys were asked for, and Conjur is not listed")
                .hint("name each variable in a placeholder of its own"));
        };
        let version = match secret.version.as_deref().map(str::parse::<u32>) {
            None => String::new(),
            Some(Ok(number)) => format!("?version={number}"),
            Some(Err(_)) => return Err(Error::usage("a version of a variable of Conjur is a number")),
        };
        let set = &self.settings;
        let base =
            format!("{}/secrets/{}/variable", set.address.trim_end_matches('/'), escaped(&set.account));
        let mut all = Vec::with_capacity(names.len());
        for name in names {
            if name.contains('/') {
                return Err(Error::usage(format!("{name:?} is not the last part of a variable's id"))
                    .hint("write what stands before its last slash into the path, which a policy looks at"));
            }
            let id = format!("{}/{name}", secret.path);
            let address = format!("{base}/{}{version}", escaped(&id));
            let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
            let make = |token: &Token| get(&address, "authorization", &token.text, "the access token");
            let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
            match answer.status.as_u16() {
                200 => {}
                404 => continue,
                _ => {
                    let hint = format!("permit read and execute on the variable {id}");
                    return Err(refused(&answer, NAME, &id, &hint));
                }
            }
            let value = SecretValue::of_bytes(&answer.body);
            all.push((name.clone(), value));
        }
        Ok(Arc::new(all.into_iter().collect()))
    }

    fn reads_by_key(&self, _: &SecretRef) -> bool {
        true
    }
}
