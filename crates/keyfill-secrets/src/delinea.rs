//! Delinea Secret Server (`delineasecretserver`).
//!
//! A path is the number of a secret. The keys are the names and the slugs of its fields. A field that is a file is read
//! only if a placeholder names it. Versions are ignored, as in argocd-vault-plugin.

use crate::rest::{Network, Rest, Verdict};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{bearer, escaped, form, get, json, post_form, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use keyfill_diag::Cx;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Delinea Secret Server";

/// The hint for requests that the store refuses.
const HINT: &str =
    "check AVP_DELINEA_USER, AVP_DELINEA_PASSWORD and AVP_DELINEA_DOMAIN, and let the user view the secret";

/// Settings for Delinea Secret Server, with the environment variables that set them. Only the administrator may set
/// them.
#[derive(Clone)]
pub struct DelineaSettings {
    /// `AVP_DELINEA_URL`
    pub address: String,
    /// `AVP_DELINEA_USER`
    pub user: String,
    /// `AVP_DELINEA_PASSWORD`
    pub password: Secret,
    /// `AVP_DELINEA_DOMAIN`
    pub domain: Option<String>,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Delinea Secret Server.
pub struct Delinea {
    settings: DelineaSettings,
    rest: Rest,
    tokens: Tokens,
}

#[derive(serde::Deserialize)]
struct Given {
    #[serde(default)]
    items: Vec<Field>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Field {
    #[serde(default)]
    field_name: String,
    #[serde(default)]
    slug: String,
    #[serde(default)]
    item_value: Option<Zeroizing<String>>,
    #[serde(default)]
    is_file: bool,
    #[serde(default)]
    file_attachment_id: Option<u64>,
}

impl Delinea {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: DelineaSettings) -> Self {
        let rest = Rest::new(NAME, &settings.network);
        Self { settings, rest, tokens: Tokens::default() }
    }

    fn address(&self) -> &str {
        self.settings.address.trim_end_matches('/')
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            access_token: Zeroizing<String>,
            #[serde(default)]
            expires_in: u64,
        }
        let set = &self.settings;
        let mut fields = vec![
            ("username", set.user.as_str()),
            ("password", set.password.expose()),
            ("grant_type", "password"),
        ];
        fields.extend(set.domain.as_deref().map(|domain| ("domain", domain)));
        let (address, body) = (format!("{}/oauth2/token", self.address()), form(&fields));
        let answer = self.rest.send(|| post_form(&address, &body), |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            return Err(refused(&answer, NAME, "such user", HINT).within("cannot log in"));
        }
        let given: Given = json(&answer, NAME)?;
        Ok(Token::lasting(Secret::new(given.access_token.as_str()), given.expires_in))
    }

    async fn ask(&self, address: &str, what: &str, cx: &Cx) -> Result<keyfill_http::Answer, Error> {
        let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
        let make = |token: &Token| get(address, "authorization", &bearer(&token.text), "the access token");
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status == http::StatusCode::OK {
            Ok(answer)
        } else {
            Err(refused(&answer, NAME, what, HINT))
        }
    }
}

impl Store for Delinea {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let Ok(number) = secret.path.parse::<u64>() else {
            return Err(Error::usage(format!("{} is not a secret of Secret Server", secret.path))
                .hint("the path is the secret's number"));
        };
        let address = format!("{}/api/v1/secrets/{number}", self.address());
        let given: Given = json(&self.ask(&address, &secret.path, cx).await?, NAME)?;
        let mut all = Vec::with_capacity(2 * given.items.len());
        for field in given.items {
            let wanted = match keys {
                Keys::All => true,
                Keys::These(names) => names.contains(&field.field_name) || names.contains(&field.slug),
            };
            let value = if field.is_file && field.file_attachment_id.is_some() {
                if !wanted {
                    continue;
                }
                let address = format!("{address}/fields/{}", escaped(&field.slug));
                let file = self.ask(&address, &field.slug, cx).await?.body;
                SecretValue::of_bytes(&file)
            } else {
                SecretValue::Str(Secret::new(field.item_value.as_deref().map_or("", String::as_str)))
            };
            all.extend([field.field_name, field.slug].into_iter().map(|name| (name, value.clone())));
        }
        all.retain(|(name, _)| !name.is_empty());
        Ok(Arc::new(all.into_iter().collect()))
    }
}
