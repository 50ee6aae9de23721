//! 1Password Connect (`1passwordconnect`).
//!
//! A path is `vaults/VAULT/items/ITEM`, each with its id or its title. The keys are the labels of the item's fields. Of
//! several fields with the same label the last one wins, sections are ignored, and a field without a value is an empty
//! string.

use crate::rest::{Network, Rest, Verdict, call, quoted, secret_header};
use crate::source::Store;
use crate::{Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use http::{HeaderMap, Method};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zeroize::Zeroizing;

/// The characters that are percent-encoded in a query: all but letters, digits and `-_.~`.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The number of characters in an id.
const ID_LENGTH: usize = 26;

/// Settings for 1Password Connect, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct OnePasswordSettings {
    /// `OP_CONNECT_HOST`
    pub host: String,
    /// `OP_CONNECT_TOKEN`
    pub token: Secret,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from 1Password Connect.
pub struct OnePassword {
    settings: OnePasswordSettings,
    rest: Rest,
    /// The ids of vaults, by title.
    vaults: Mutex<HashMap<String, String>>,
}

impl OnePassword {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: OnePasswordSettings) -> Self {
        let rest = Rest::new("1Password Connect", &settings.network);
        Self { settings, rest, vaults: Mutex::default() }
    }

    /// How many requests were sent so far.
    pub fn requests(&self) -> u64 {
        self.rest.requests()
    }

    async fn vault(&self, vault: &str, cx: &Cx) -> Result<String, Error> {
        if is_id(vault) {
            return Ok(vault.to_owned());
        }
        let known = self.vaults.lock().unwrap_or_else(PoisonError::into_inner).get(vault).cloned();
        if let Some(id) = known {
            return Ok(id);
        }
        let id = self.find("/v1/vaults", "vault", vault, cx).await?;
        self.vaults.lock().unwrap_or_else(PoisonError::into_inner).insert(vault.to_owned(), id.clone());
        Ok(id)
    }

    /// The id of the vault or item with this title. It is an error if there is none or more than one.
    async fn find(&self, list: &str, what: &str, title: &str, cx: &Cx) -> Result<String, Error> {
        #[derive(serde::Deserialize)]
        struct Found {
            id: String,
        }
        if title.contains(['"', '\\']) {
            return Err(
                Error::usage(format!("the title {title:?} cannot be looked for")).hint("name it by its id")
            );
        }
        let filter = format!("title eq \"{title}\"");
        let answer = self.ask(&format!("{list}?filter={}", utf8_percent_encode(&filter, QUERY)), cx).await?;
        if answer.status != http::StatusCode::OK {
            return Err(refused(&answer));
        }
        let found: Vec<Found> = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
        match &found[..] {
            [one] if is_id(&one.id) => Ok(one.id.clone()),
            [_] => Err(unusable()),
            [] => {
                let message = format!("1Password Connect has no {what} with the title {title}");
                Err(Error::missing(message).absent())
            }
            more => Err(Error::store(format!(
                "1Password Connect has {} {what}s with the title {title}",
                more.len()
            ))
            .hint("name it by its id")),
        }
    }

    /// The fields of an item; `None` if there is no item with this id.
    async fn item(&self, vault: &str, item: &str, cx: &Cx) -> Result<Option<SecretData>, Error> {
        #[derive(serde::Deserialize)]
        struct Item {
            #[serde(default)]
            fields: Vec<Field>,
        }
        #[derive(serde::Deserialize)]
        struct Field {
            #[serde(default)]
            label: String,
            #[serde(default)]
            value: Zeroizing<String>,
        }
        let answer = self.ask(&format!("/v1/vaults/{vault}/items/{item}"), cx).await?;
        match answer.status.as_u16() {
            200 => {}
            404 => return Ok(None),
            _ => return Err(refused(&answer)),
        }
        let item: Item = serde_json::from_slice(&answer.body).map_err(|_| unusable())?;
        let fields = item.fields.into_iter().filter(|field| !field.label.is_empty());
        Ok(Some(fields.map(|f| (f.label, SecretValue::Str(Secret::new(f.value.as_str())))).collect()))
    }

    async fn ask(&self, path: &str, cx: &Cx) -> Result<Answer, Error> {
        let address = format!("{}{path}", self.settings.host.trim_end_matches('/'));
        let make = || {
            let mut headers = HeaderMap::new();
            let bearer = Zeroizing::new(format!("Bearer {}", self.settings.token.expose()));
            headers.insert(http::header::AUTHORIZATION, secret_header(&bearer, "OP_CONNECT_TOKEN")?);
            call(Method::GET, &address, headers, "")
        };
        self.rest.send(make, |_| Verdict::Final, cx).await
    }
}

impl Store for OnePassword {
    async fn get(&self, secret: &SecretRef, _: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let parts: Vec<&str> = secret.path.splitn(4, '/').collect();
        let ["vaults", vault, "items", item] = parts[..] else {
            return Err(Error::usage(format!("{} is not the path of an item", secret.path))
                .hint("write it as vaults/VAULT/items/ITEM, each an id or a title"));
        };
        let vault = self.vault(vault, cx).await?;
        if is_id(item)
            && let Some(data) = self.item(&vault, item, cx).await?
        {
            return Ok(Arc::new(data));
        }
        // A title may look like an id.
        let id = self.find(&format!("/v1/vaults/{vault}/items"), "item", item, cx).await?;
        match self.item(&vault, &id, cx).await? {
            Some(data) => Ok(Arc::new(data)),
            None => Err(Error::missing(format!("1Password Connect has no item {item}")).absent()),
        }
    }
}

fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn unusable() -> Error {
    Error::store("the answer of 1Password Connect is not usable: it is not JSON of what was asked for")
        .hint("check OP_CONNECT_HOST")
}

fn refused(answer: &Answer) -> Error {
    #[derive(serde::Deserialize)]
    struct ErrorBody {
        message: String,
    }
    let reason: Option<ErrorBody> = serde_json::from_slice(&answer.body).ok();
    let reason = reason.map(|reason| format!(": {}", quoted(&reason.message))).unwrap_or_default();
    match answer.status.as_u16() {
        status @ (401 | 403) => Error::store(format!("1Password Connect refuses ({status}){reason}"))
            .hint("check OP_CONNECT_TOKEN, and that it may read the vault"),
        status => Error::store(format!("1Password Connect answered {status}{reason}")),
    }
}
