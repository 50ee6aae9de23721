//! Infisical (`infisical`).
//!
//! A path is `PROJECT_ID/ENVIRONMENT`, optionally followed by folders. The keys are the names of the secrets there,
//! imported ones included. A secret of the folder replaces an imported one with the same name.

use crate::rest::{Network, Rest, Verdict};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{bearer, escaped, form, get, json, post_form, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use keyfill_diag::Cx;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Infisical";

/// Settings for Infisical, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct InfisicalSettings {
    /// `INFISICAL_URL`
    pub address: Option<String>,
    /// The credentials of keyfill.
    pub login: InfisicalLogin,
    /// Proxies and certificates.
    pub network: Network,
}

/// The credentials of keyfill for Infisical.
#[derive(Clone)]
pub enum InfisicalLogin {
    /// `INFISICAL_TOKEN`
    Token(Secret),
    /// Universal authentication of a machine identity.
    Universal {
        /// `INFISICAL_UNIVERSAL_AUTH_CLIENT_ID`
        client_id: String,
        /// `INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET`
        client_secret: Secret,
    },
}

/// A source that reads secrets from Infisical.
pub struct Infisical {
    settings: InfisicalSettings,
    rest: Rest,
    tokens: Tokens,
}

#[derive(serde::Deserialize)]
struct Listed {
    #[serde(default)]
    secrets: Vec<Entry>,
    #[serde(default)]
    imports: Vec<Listed>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    secret_key: String,
    #[serde(default)]
    secret_value: Zeroizing<String>,
}

impl Infisical {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: InfisicalSettings) -> Self {
        let rest = Rest::new(NAME, &settings.network);
        Self { settings, rest, tokens: Tokens::default() }
    }

    fn address(&self) -> &str {
        self.settings.address.as_deref().unwrap_or("https://app.infisical.com").trim_end_matches('/')
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Given {
            access_token: Zeroizing<String>,
            #[serde(default)]
            expires_in: u64,
        }
        let (client_id, client_secret) = match &self.settings.login {
            InfisicalLogin::Token(token) => return Ok(Token::lasting(token.clone(), 86_400)),
            InfisicalLogin::Universal { client_id, client_secret } => (client_id, client_secret),
        };
        let body = form(&[("clientId", client_id), ("clientSecret", client_secret.expose())]);
        let address = format!("{}/api/v1/auth/universal-auth/login", self.address());
        let answer = self.rest.send(|| post_form(&address, &body), |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "check INFISICAL_UNIVERSAL_AUTH_CLIENT_ID and INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET";
            return Err(refused(&answer, NAME, "such identity", hint).within("cannot log in"));
        }
        let given: Given = json(&answer, NAME)?;
        Ok(Token::lasting(Secret::new(given.access_token.as_str()), given.expires_in))
    }
}

impl Store for Infisical {
    async fn get(&self, secret: &SecretRef, _: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let mut parts = secret.path.splitn(3, '/');
        let (Some(project), Some(environment)) = (parts.next(), parts.next()) else {
            return Err(Error::usage(format!("{} is not a path of Infisical", secret.path))
                .hint("write it as PROJECT_ID/ENVIRONMENT, or PROJECT_ID/ENVIRONMENT/FOLDER"));
        };
        if secret.version.is_some() {
            return Err(Error::usage("the secrets of a folder of Infisical have no version in common"));
        }
        let folder = parts.next().unwrap_or_default();
        let address = format!(
            "{}/api/v3/secrets/raw?workspaceId={}&environment={}&secretPath={}&expandSecretReferences=true&\
             include_imports=true",
            self.address(),
            escaped(project),
            escaped(environment),
            escaped(&format!("/{folder}")),
        );
        let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
        let make = |token: &Token| get(&address, "authorization", &bearer(&token.text), "the access token");
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "let the machine identity read secrets of the project and environment";
            return Err(refused(&answer, NAME, &secret.path, hint));
        }
        let listed: Listed = json(&answer, NAME)?;
        let imported = listed.imports.into_iter().rev().flat_map(|import| import.secrets);
        let entries = imported.chain(listed.secrets);
        let pair = |e: Entry| (e.secret_key, SecretValue::Str(Secret::new(e.secret_value.as_str())));
        Ok(Arc::new(entries.map(pair).collect()))
    }
}
