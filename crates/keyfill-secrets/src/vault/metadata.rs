//! What Vault says about secrets without their values: versions of KV version 2, names below a path, and the
//! capabilities of a token. No answer to these requests contains a secret value.

use super::answers::Envelope;
use super::endpoints::Plain;
use super::source::{VaultSource, clean_path};
use crate::{Error, SecretRef};
use keyfill_diag::Cx;
use keyfill_http::Answer;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long the answer about a mount is used again. It is limited, since another engine may be mounted there later.
const MOUNT_AGE: Duration = Duration::from_secs(300);

/// The most mounts that are kept.
const MOST_MOUNTS: usize = 256;

/// The mounts that Vault was asked for, so that requests about many secrets of a mount ask for it once.
#[derive(Debug, Default)]
pub(super) struct AskedMounts(Mutex<Vec<AskedMount>>);

#[derive(Debug)]
struct AskedMount {
    namespace: Option<String>,
    /// The path of the mount, with a slash at its end.
    path: String,
    is_kv2: bool,
    since: Instant,
}

impl AskedMounts {
    fn find(&self, path: &str, namespace: Option<&str>) -> Option<(String, bool)> {
        let mounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |mount: &&AskedMount| {
            mount.namespace.as_deref() == namespace
                && path.starts_with(&mount.path)
                && mount.since.elapsed() < MOUNT_AGE
        };
        mounts.iter().find(fits).map(|mount| (mount.path.clone(), mount.is_kv2))
    }

    fn add(&self, namespace: Option<&str>, path: &str, is_kv2: bool) {
        let mut mounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let namespace = namespace.map(str::to_owned);
        mounts.retain(|mount| mount.path != path || mount.namespace != namespace);
        if mounts.len() >= MOST_MOUNTS {
            mounts.remove(0);
        }
        mounts.push(AskedMount { namespace, path: path.to_owned(), is_kv2, since: Instant::now() });
    }
}

/// The metadata of one version of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// When the version was written, in RFC 3339.
    #[serde(default)]
    pub created_time: String,
    /// When the version was or will be deleted, in RFC 3339; empty if it is not.
    #[serde(default)]
    pub deletion_time: String,
    /// Whether the data of the version is destroyed, so that it cannot be undeleted.
    #[serde(default)]
    pub destroyed: bool,
}

/// The metadata of a secret in KV version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The number of the latest version, which a read without a version returns.
    #[serde(default)]
    pub current_version: u64,
    /// The versions that Vault keeps, by number.
    #[serde(default)]
    pub versions: BTreeMap<u64, Version>,
}

/// What Vault says about a path, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// There is no secret.
    Absent,
    /// There is a secret. Its engine has no versions.
    Present,
    /// There is a secret with versions.
    Versioned(Metadata),
}

/// The token that requests are sent with, as Vault's `lookup-self` describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// The names of the token's policies.
    #[serde(default)]
    pub policies: Vec<String>,
    /// The names of further policies, from the identity (the entity) of the token.
    #[serde(default)]
    pub identity_policies: Option<Vec<String>>,
    /// The remaining time to live, in seconds; zero if the token does not expire.
    #[serde(default)]
    pub ttl: u64,
    /// Whether the token can be renewed.
    #[serde(default)]
    pub renewable: bool,
    /// The path of the request that created the token, for example `auth/approle/login`.
    #[serde(default)]
    pub path: String,
}

/// The state of a Vault server, as `sys/health` returns it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// Whether Vault is initialized.
    #[serde(default)]
    pub initialized: bool,
    /// Whether Vault is sealed.
    #[serde(default)]
    pub sealed: bool,
    /// Whether the server is a standby node.
    #[serde(default)]
    pub standby: bool,
    /// The version of the server.
    #[serde(default)]
    pub version: String,
}

impl VaultSource {
    /// What Vault says about a secret: its metadata in KV version 2; in any other engine whether its name is listed.
    pub async fn known(&self, secret: &SecretRef, cx: &Cx) -> Result<Known, Error> {
        let path = clean_path(&secret.path)?;
        let what = format!("cannot look at {secret}");
        let namespace = secret.namespace.as_deref();
        let (mount, is_kv2) = self.mount(&path, namespace, &what, cx).await?;
        let rest = path.strip_prefix(&mount).unwrap_or_default();
        if is_kv2 {
            let rest = rest.strip_prefix("data/").unwrap_or(rest);
            let asked = Plain::read(&format!("{mount}metadata/{rest}"), None);
            let answer = self.client().ask(&asked, namespace, &what, cx).await?;
            return Ok(self.data::<Metadata>(&answer, &what)?.map_or(Known::Absent, Known::Versioned));
        }
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
        let names = self.names(folder, namespace, &what, cx).await?;
        Ok(if names.iter().any(|other| other == name) { Known::Present } else { Known::Absent })
    }

    /// The paths of the secrets below a mount or a folder, as placeholders contain them, and at most `most`. The second
    /// value is whether there are more.
    pub async fn all_below(&self, path: &str, most: usize, cx: &Cx) -> Result<(Vec<String>, bool), Error> {
        let path = clean_path(path)?;
        let what = format!("cannot list {path}");
        let (mount, is_kv2) = self.mount(&path, None, &what, cx).await?;
        let (api, data) = if is_kv2 { ("metadata/", "data/") } else { ("", "") };
        let within = format!("{path}/");
        let rest = within.strip_prefix(&mount).unwrap_or_default();
        let start = rest.strip_prefix("data/").or_else(|| rest.strip_prefix("metadata/")).unwrap_or(rest);
        let (mut found, mut ahead) = (Vec::new(), vec![start.to_owned()]);
        while let Some(folder) = ahead.pop() {
            cx.check().map_err(|stopped| Error::store(format!("{what}: {stopped}")))?;
            for name in self.names(&format!("{mount}{api}{folder}"), None, &what, cx).await? {
                if found.len() + ahead.len() >= most {
                    return Ok((found, true));
                }
                match name.ends_with('/') {
                    true => ahead.push(format!("{folder}{name}")),
                    false => found.push(format!("{mount}{data}{folder}{name}")),
                }
            }
        }
        found.sort();
        Ok((found, false))
    }

    /// The properties of the client's token.
    pub async fn token(&self, cx: &Cx) -> Result<TokenInfo, Error> {
        let what = "cannot look at the token";
        let answer = self.client().ask(&Plain::read("auth/token/lookup-self", None), None, what, cx).await?;
        Ok(self.data(&answer, what)?.unwrap_or_default())
    }

    /// The capabilities of the client's token at each path.
    pub async fn capabilities(
        &self,
        paths: &[String],
        cx: &Cx,
    ) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let what = "cannot ask for the token's capabilities";
        let asked = Plain::capabilities(paths);
        let answer = self.client().ask(&asked, None, what, cx).await?;
        let mut all: BTreeMap<String, serde_json::Value> = self.data(&answer, what)?.unwrap_or_default();
        all.retain(|path, _| paths.contains(path));
        let list = |value: serde_json::Value| serde_json::from_value(value).unwrap_or_default();
        Ok(all.into_iter().map(|(path, value)| (path, list(value))).collect())
    }

    /// The path that is requested to read a secret, with `data/` if the engine is KV version 2.
    pub async fn read_path(&self, secret: &SecretRef, cx: &Cx) -> Result<String, Error> {
        let path = clean_path(&secret.path)?;
        let what = format!("cannot look at {secret}");
        let (mount, is_kv2) = self.mount(&path, secret.namespace.as_deref(), &what, cx).await?;
        let rest = path.strip_prefix(&mount).unwrap_or(&path);
        Ok(if is_kv2 && !rest.starts_with("data/") { format!("{mount}data/{rest}") } else { path })
    }

    /// The state of the Vault server. The request is sent without a token.
    pub async fn health(&self, cx: &Cx) -> Result<Health, Error> {
        let answer = self.client().ask_openly(&Plain::health(), "cannot ask for the state", cx).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| Error::store("the answer about the state of Vault is not Vault's"))
    }

    /// The path of the mount that a path belongs to, with a slash at its end, and whether it is KV version 2.
    async fn mount(
        &self,
        path: &str,
        namespace: Option<&str>,
        what: &str,
        cx: &Cx,
    ) -> Result<(String, bool), Error> {
        if let Some(known) = self.asked.find(path, namespace) {
            return Ok(known);
        }
        let answer = self.client().ask(&Plain::mount_of(path), namespace, what, cx).await?;
        if !answer.status.is_success() {
            return Err(self.client().refused(&answer).about(what));
        }
        match Envelope::of(&answer).mount() {
            Some(mount) => {
                self.asked.add(namespace, &mount.path, mount.is_kv2);
                Ok((mount.path, mount.is_kv2))
            }
            None => Err(Error::store(format!("{what}: Vault does not say which engine is there"))),
        }
    }

    async fn names(
        &self,
        folder: &str,
        namespace: Option<&str>,
        what: &str,
        cx: &Cx,
    ) -> Result<Vec<String>, Error> {
        #[derive(Default, Deserialize)]
        struct Names {
            #[serde(default)]
            keys: Vec<String>,
        }
        let answer = self.client().ask(&Plain::list(folder), namespace, what, cx).await?;
        Ok(self.data::<Names>(&answer, what)?.unwrap_or_default().keys)
    }

    /// The data of an answer; `None` if Vault answered that there is nothing at the path.
    fn data<T: for<'d> Deserialize<'d>>(&self, answer: &Answer, what: &str) -> Result<Option<T>, Error> {
        if answer.status == http::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status.is_success() {
            return Err(self.client().refused(answer).about(what));
        }
        let shape = || Error::store(format!("{what}: the answer has another shape"));
        let envelope = Envelope::of(answer);
        let data = envelope.data().ok_or_else(shape)?;
        serde_json::from_str(data).map(Some).map_err(|_| shape())
    }
}
