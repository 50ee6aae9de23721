//! IBM Cloud Secrets Manager (`ibmsecretsmanager`).
//!
//! A path is `ibmcloud/TYPE/secrets/groups/GROUP`, and the keys are the names of the secrets of that type in the group;
//! or it is `ibmcloud/TYPE/secrets/groups/GROUP/NAME`, and the keys are the fields of that secret. A group is
//! `default`, an id or a name. A version is an id, `current` or `previous`.

use crate::rest::{Network, Rest, Verdict};
use crate::source::Store;
use crate::token::{Token, Tokens};
use crate::web::{bearer, escaped, form, get, json, post_form, refused};
use crate::{BoxFuture, Error, Keys, Secret, SecretData, SecretRef, SecretValue};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The name of the store in errors.
const NAME: &str = "IBM Secrets Manager";

/// The URL of IAM, which returns an access token for an API key.
const IAM: &str = "https://iam.cloud.ibm.com";

/// The supported types, each with the fields that contain the secret's values, as in argocd-vault-plugin.
const TYPES: [(&str, &[&str]); 7] = [
    ("arbitrary", &["payload"]),
    ("iam_credentials", &["api_key"]),
    ("imported_cert", &["certificate", "intermediate", "private_key"]),
    ("kv", &["data"]),
    ("private_cert", &["certificate", "issuing_ca", "private_key"]),
    ("public_cert", &["certificate", "intermediate", "private_key"]),
    ("username_password", &["username", "password"]),
];

/// Secrets per page of a list.
const PAGE: usize = 200;

/// The most pages of a list that are read.
const MOST_PAGES: usize = 100;

/// Settings for IBM Secrets Manager, with the environment variables that set them. Only the administrator may set them.
#[derive(Clone)]
pub struct IbmSettings {
    /// `AVP_IBM_INSTANCE_URL`
    pub address: String,
    /// `AVP_IBM_API_KEY`
    pub api_key: Secret,
    /// A URL in place of that of IAM.
    pub iam: Option<String>,
    /// Proxies and certificates.
    pub network: Network,
}

/// A source that reads secrets from IBM Secrets Manager.
pub struct Ibm {
    settings: IbmSettings,
    rest: Rest,
    iam: Rest,
    tokens: Tokens,
}

/// The parsed path of a group or a secret.
struct Path<'a> {
    kind: &'a str,
    fields: &'static [&'static str],
    group: &'a str,
    name: Option<&'a str>,
}

impl<'a> Path<'a> {
    fn of(path: &'a str) -> Result<Self, Error> {
        let parts: Vec<&str> = path.split('/').collect();
        let (kind, group, name) = match parts[..] {
            ["ibmcloud", kind, "secrets", "groups", group] => (kind, group, None),
            ["ibmcloud", kind, "secrets", "groups", group, name] => (kind, group, Some(name)),
            _ => {
                return Err(Error::usage(format!("{path} is not a path of {NAME}")).hint(
                    "write it as ibmcloud/TYPE/secrets/groups/GROUP, perhaps with a secret's name behind it",
                ));
            }
        };
        let Some((_, fields)) = TYPES.iter().find(|(known, _)| *known == kind) else {
            return Err(Error::usage(format!("{kind} is no type of secret that keyfill knows"))
                .hint(format!("there are {}", TYPES.map(|(name, _)| name).join(", "))));
        };
        if kind == "arbitrary" && name.is_some() {
            return Err(Error::usage("a secret of the type arbitrary has no fields")
                .hint("leave the name out of the path; it is the key of the placeholder"));
        }
        Ok(Self { kind, fields, group, name })
    }
}

impl Ibm {
    /// A source with these settings. No request is sent before the first read.
    pub fn new(settings: IbmSettings) -> Self {
        let (rest, iam) =
            (Rest::new(NAME, &settings.network), Rest::new("IBM's token service", &settings.network));
        Self { settings, rest, iam, tokens: Tokens::default() }
    }

    async fn token(&self, cx: &Cx) -> Result<Token, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            access_token: Zeroizing<String>,
            #[serde(default)]
            expires_in: u64,
        }
        let body = form(&[
            ("grant_type", "urn:ibm:params:oauth:grant-type:apikey"),
            ("apikey", self.settings.api_key.expose()),
        ]);
        let base = self.settings.iam.as_deref().unwrap_or(IAM).trim_end_matches('/');
        let address = format!("{base}/identity/token");
        let answer = self.iam.send(|| post_form(&address, &body), |_| Verdict::Final, cx).await?;
        if answer.status != http::StatusCode::OK {
            let hint = "check AVP_IBM_API_KEY";
            return Err(refused(&answer, "IBM's token service", "such key", hint).within("cannot log in"));
        }
        let given: Given = json(&answer, "IBM's token service")?;
        Ok(Token::lasting(Secret::new(given.access_token.as_str()), given.expires_in))
    }

    async fn ask(&self, path: &str, cx: &Cx) -> Result<Answer, Error> {
        let address = format!("{}/api/v2/{path}", self.settings.address.trim_end_matches('/'));
        let fetch = || -> BoxFuture<'_, _> { Box::pin(self.token(cx)) };
        let make = |token: &Token| get(&address, "authorization", &bearer(&token.text), "the access token");
        self.tokens.send(&self.rest, &fetch, make, cx).await
    }

    async fn ok(&self, path: &str, what: &str, cx: &Cx) -> Result<Answer, Error> {
        let answer = self.ask(path, cx).await?;
        if answer.status == http::StatusCode::OK {
            return Ok(answer);
        }
        Err(refused(
            &answer,
            NAME,
            what,
            "grant the service role SecretsReader on the group to the key's owner",
        ))
    }

    /// The id of a group. `group` is its id or its name.
    async fn group(&self, group: &str, cx: &Cx) -> Result<String, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            secret_groups: Vec<Named>,
        }
        let is_id = group.len() == 36 && group.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
        if group == "default" || is_id {
            return Ok(group.to_owned());
        }
        let given: Given = json(&self.ok("secret_groups", "groups", cx).await?, NAME)?;
        let found = given.secret_groups.into_iter().find(|known| known.name == group);
        found
            .map(|group| group.id)
            .ok_or_else(|| Error::missing(format!("{NAME} has no group {group}")).absent())
    }

    /// The ids of all secrets of the path's type and group, by name.
    async fn list(&self, path: &Path<'_>, cx: &Cx) -> Result<BTreeMap<String, String>, Error> {
        #[derive(serde::Deserialize)]
        struct Given {
            secrets: Vec<Named>,
        }
        let group = self.group(path.group, cx).await?;
        let mut all = BTreeMap::new();
        for page in 0..MOST_PAGES {
            let query = format!("secrets?limit={PAGE}&offset={}&groups={}", page * PAGE, escaped(&group));
            let given: Given = json(&self.ok(&query, path.group, cx).await?, NAME)?;
            let is_last = given.secrets.len() < PAGE;
            let of_type = given.secrets.into_iter().filter(|secret| secret.secret_type == path.kind);
            all.extend(of_type.map(|secret| (secret.name, secret.id)));
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// The fields of one secret in a version; `None` is the current version.
    async fn one(
        &self,
        path: &Path<'_>,
        id: &str,
        version: Option<&str>,
        cx: &Cx,
    ) -> Result<Vec<(String, SecretValue)>, Error> {
        let version = version.map(|version| format!("/versions/{}", escaped(version))).unwrap_or_default();
        let answer = self.ok(&format!("secrets/{}{version}", escaped(id)), "such version", cx).await?;
        let raw: BTreeMap<String, Box<RawValue>> = json(&answer, NAME)?;
        let mut fields = Vec::new();
        for name in path.fields {
            let Some(value) = raw.get(*name) else { continue };
            let text = Zeroizing::new(format!("{{\"{name}\":{}}}", value.get()));
            let read = SecretData::from_json(&text, NAME)?;
            fields.extend(read.iter().map(|(name, value)| (name.to_owned(), value.clone())));
        }
        Ok(fields)
    }
}

#[derive(serde::Deserialize)]
struct Named {
    id: String,
    name: String,
    #[serde(default)]
    secret_type: String,
}

/// The keys of one secret: its fields, or for the type `kv` the keys of its data.
fn inside(fields: Vec<(String, SecretValue)>) -> Vec<(String, SecretValue)> {
    match fields.as_slice() {
        [(name, SecretValue::Map(entries))] if name == "data" => entries.clone(),
        _ => fields,
    }
}

/// A secret as the value of one key: the value of its only field, or a map of several fields. `None` without fields.
fn whole(fields: Vec<(String, SecretValue)>) -> Option<SecretValue> {
    match fields.len() {
        0 => None,
        1 => fields.into_iter().next().map(|(_, value)| value),
        _ => Some(SecretValue::Map(fields)),
    }
}

impl Store for Ibm {
    async fn get(&self, secret: &SecretRef, keys: &Keys, cx: &Cx) -> Result<Arc<SecretData>, Error> {
        let path = Path::of(&secret.path)?;
        let version = secret.version.as_deref();
        let ids = self.list(&path, cx).await?;
        if let Some(name) = path.name {
            let Some(id) = ids.get(name) else {
                return Err(
                    Error::missing(format!("{NAME} has no secret {name} of this type in the group")).absent()
                );
            };
            let fields = self.one(&path, id, version, cx).await?;
            return Ok(Arc::new(inside(fields).into_iter().collect()));
        }
        let wanted = ids.into_iter().filter(|(name, _)| match keys {
            Keys::All => true,
            Keys::These(names) => names.contains(name),
        });
        let mut all = Vec::new();
        for (name, id) in wanted {
            let fields = self.one(&path, &id, version, cx).await?;
            all.extend(whole(fields).map(|value| (name, value)));
        }
        Ok(Arc::new(all.into_iter().collect()))
    }

    fn reads_by_key(&self, secret: &SecretRef) -> bool {
        Path::of(&secret.path).is_ok_and(|path| path.name.is_none())
    }
}
