//! Bitwarden Secrets Manager (`bitwardensecretsmanager`).
//!
//! A path is the id of a project. The keys are the names of its secrets. Names and values are decrypted here, since the
//! server has them only encrypted. There are no versions.

mod crypt;

use crate::rest::{Network, Rest, Verdict, call, secret_header};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{bearer, form, get, json, post_form, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypt::Key;
use http::{HeaderMap, HeaderValue, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "Bitwarden Secrets Manager";

/// Settings for Bitwarden Secrets Manager, with the environment variables that set them. Only the administrator may set
/// them.
#[derive(Clone)]
pub struct BitwardenSettings {
    /// `BWS_ACCESS_TOKEN`
    pub access_token: Secret,
    /// `BWS_SERVER_URL`: the URL of a self-hosted server.
    pub server: Option<String>,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from Bitwarden Secrets Manager.
pub struct Bitwarden {
    access: Access,
    identity: String,
    api: String,
    rest: Rest,
    login: Rest,
    tokens: Tokens,
    /// The organization's key; `None` before the first login.
    key: Mutex<Option<Arc<Key>>>,
}

/// The parsed access token of a machine account: `0.ID.SECRET:KEY`.
struct Access {
    id: String,
    secret: Secret,
    key: Key,
}

impl Access {
    fn of(token: &Secret) -> Result<Self, Error> {
        let parts = || {
            let (id, rest) = token.expose().trim().strip_prefix("0.")?.split_once('.')?;
            let (secret, key) = rest.split_once(':')?;
            let key = Zeroizing::new(STANDARD.decode(key).ok()?);
            let key = Key::of_access_token(&key).filter(|_| key.len() == 16)?;
            Some(Self { id: id.to_owned(), secret: Secret::new(secret), key })
        };
        parts().ok_or_else(|| {
            Error::usage("BWS_ACCESS_TOKEN is no access token of Bitwarden Secrets Manager").hint(
                "it is a text such as 0.ID.SECRET:KEY, as Bitwarden shows it once for a machine account",
            )
        })
    }
}

#[derive(serde::Deserialize)]
struct Named {
    id: String,
    key: String,
}

#[derive(serde::Deserialize)]
struct Given {
    id: String,
    value: Zeroizing<String>,
}

impl Bitwarden {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: &BitwardenSettings) -> Result<Self, Error> {
        let (identity, api) = match settings.server.as_deref().map(|server| server.trim_end_matches('/')) {
            None => ("https://identity.bitwarden.com".to_owned(), "https://api.bitwarden.com".to_owned()),
            Some(server) => (format!("{server}/identity"), format!("{server}/api")),
        };
        Ok(Self {
            access: Access::of(&settings.access_token)?,
            identity,
            api,
            rest: Rest::new(NAME, &settings.network),
            login: Rest::new("Bitwarden's login service", &settings.network),
            tokens: Tokens::default(),
            key: Mutex::default(),
        })
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            access_token: Zeroizing<String>,
            #[serde(default)]
            expires_in: u64,
            encrypted_payload: String,
        }
        let body = form(&[
            ("grant_type", "client_credentials"),
            ("scope", "api.secrets"),
            ("client_id", &self.access.id),
            ("client_secret", self.access.secret.expose()),
        ]);
        let address = format!("{}/connect/token", self.identity);
        let answer = self.login.send(|| post_form(&address, &body), |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "check BWS_ACCESS_TOKEN: it may have been revoked, or have expired";
            return Err(
                refused(&answer, "Bitwarden's login service", "such token", hint).within("cannot log in")
            );
        }
        let given: Given = json(&answer, "Bitwarden's login service")?;
        let key = self.access.key.of_payload(&given.encrypted_payload).ok_or_else(|| {
            Error::usage("BWS_ACCESS_TOKEN does not open what Bitwarden's login service sends")
                .hint("copy the whole token, with what stands behind the colon")
        })?;
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(key));
        Ok(Token::lasting(Secret::new(given.access_token.as_str()), given.expires_in))
    }

    async fn ask(
        &self,
        make: impl Fn(&Token) -> Result<keyfill_http::Call, Error>,
        what: &str,
        cx: &Cx,
    ) -> Result<Answer, Error> {
        let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
        let answer = self.tokens.send(&self.rest, &fetch, make, cx).await?;
        if answer.status == http::StatusCode::OK {
            return Ok(answer);
        }
        let hint = "let the machine account read the project";
        Err(refused(&answer, NAME, what, hint))
    }

    /// The ids of a project's secrets, by name. Several secrets may have the same name.
    async fn list(&self, project: &str, cx: &Cx) -> Result<BTreeMap<String, Vec<String>>, Error> {
        #[derive(serde::Deserialize)]
        struct Listed {
            secrets: Vec<Named>,
        }
        let address = format!("{}/projects/{project}/secrets", self.api);
        let make = |token: &Token| get(&address, "authorization", &bearer(&token.text), "the access token");
        let listed: Listed = json(&self.ask(make, project, cx).await?, NAME)?;
        let key = self.key()?;
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for secret in listed.secrets {
            let name = key.open(&secret.key).ok_or_else(not_opened)?;
            all.entry(String::from_utf8_lossy(&name).into_owned()).or_default().push(secret.id);
        }
        Ok(all)
    }

    fn key(&self) -> Result<Arc<Key>, Error> {
        let key = self.key.lock().unwrap_or_else(PoisonError::into_inner).clone();
        key.ok_or_else(not_opened)
    }
}

fn not_opened() -> Error {
    Error::store(format!("the answer of {NAME} is not usable: the organization's key does not open it"))
        .hint("check that the token is of the organization that the project belongs to")
}

impl Store for Bitwarden {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        #[derive(serde::Deserialize)]
        struct All {
            data: Vec<Given>,
        }
        let project = secret.path.as_str();
        if project.len() != 36 || !project.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            return Err(Error::usage(format!("{project} is not a project of {NAME}"))
                .hint("the path is the project's id, such as 8f1f2e4c-0d5b-4a8e-9a53-3c1f0f6d2b7a"));
        }
        if secret.version.is_some() {
            return Err(Error::usage(format!("secrets of {NAME} have no versions")));
        }
        let mut names = BTreeMap::new();
        for (name, ids) in self.list(project, cx).await? {
            if matches!(keys, Keys::These(wanted) if !wanted.contains(&name)) {
                continue;
            }
            let [id] = ids.as_slice() else {
                return Err(Error::missing(format!("{} secrets of the project are named {name}", ids.len()))
                    .hint("give each a name of its own"));
            };
            names.insert(id.clone(), name);
        }
        if names.is_empty() {
            return Ok(Arc::default());
        }
        let address = format!("{}/secrets/get-by-ids", self.api);
        let body = serde_json::json!({ "ids": names.keys().collect::<Vec<_>>() }).to_string();
        let make = |token: &Token| {
            let mut headers = HeaderMap::new();
            let value = secret_header(bearer(&token.text).expose(), "the access token")?;
            headers.insert(http::header::AUTHORIZATION, value);
            headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
            call(Method::POST, &address, headers, body.as_bytes())
        };
        let all: All = json(&self.ask(make, project, cx).await?, NAME)?;
        let key = self.key()?;
        let one = |given: Given| {
            let name = names.get(&given.id)?.clone();
            Some(
                key.open(&given.value)
                    .map(|value| (name, SecretValue::of_bytes(&value)))
                    .ok_or_else(not_opened),
            )
        };
        all.data.into_iter().filter_map(one).collect::<Result<SecretData, Error>>().map(Arc::new)
    }
}
