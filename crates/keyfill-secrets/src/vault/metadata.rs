//! What Vault says of secrets without giving them: versions of the KV engine, names below a path, and what a token may
//! do. No answer that is asked for here holds a value.

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

/// How long the answer about a mount is used again: an engine may be mounted anew.
const MOUNT_AGE: Duration = Duration::from_secs(300);

/// So many mounts are remembered.
const MOST_MOUNTS: usize = 256;

/// The mounts that Vault was asked about, so that many questions about secrets of one mount are one about it.
#[derive(Debug, Default)]
pub(super) struct AskedMounts(Mutex<Vec<AskedMount>>);

#[derive(Debug)]
struct AskedMount {
    namespace: Option<String>,
    /// With a slash at its end.
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

/// One version of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Version {
    /// When it was written, in RFC 3339.
    #[serde(default)]
    pub created_time: String,
    /// When it was deleted, or will be; empty while it is not.
    #[serde(default)]
    pub deletion_time: String,
    /// Whether its data is gone for good.
    #[serde(default)]
    pub destroyed: bool,
}

/// What the KV engine of version 2 knows of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Metadata {
    /// The version that a read without one gives.
    #[serde(default)]
    pub current_version: u64,
    /// Those that are kept.
    #[serde(default)]
    pub versions: BTreeMap<u64, Version>,
}

/// What is known of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// There is none.
    Absent,
    /// It is there; its engine keeps no versions.
    Present,
    /// It is there, with its versions.
    Versioned(Metadata),
}

/// The token that requests are sent with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TokenInfo {
    /// The names of its policies.
    #[serde(default)]
    pub policies: Vec<String>,
    /// Policies that its identity adds.
    #[serde(default)]
    pub identity_policies: Option<Vec<String>>,
    /// Seconds that it still lives; zero for one without an end.
    #[serde(default)]
    pub ttl: u64,
    /// Whether its life can be made longer.
    #[serde(default)]
    pub renewable: bool,
    /// Where it was got.
    #[serde(default)]
    pub path: String,
}

/// The state of a Vault.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Health {
    /// Whether it was set up.
    #[serde(default)]
    pub initialized: bool,
    /// Whether it is sealed.
    #[serde(default)]
    pub sealed: bool,
    /// Whether it is no active node.
    #[serde(default)]
    pub standby: bool,
    /// Its version.
    #[serde(default)]
    pub version: String,
}

impl VaultSource {
    /// What is known of a secret: the metadata of KV version 2; for any other engine whether its name is listed.
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

    /// The paths of all secrets below a mount or a folder, as placeholders write them, at most `most`. Whether there
    /// are more is the second part.
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

    /// What the token is, that the settings give.
    pub async fn token(&self, cx: &Cx) -> Result<TokenInfo, Error> {
        let what = "cannot look at the token";
        let answer = self.client().ask(&Plain::read("auth/token/lookup-self", None), None, what, cx).await?;
        Ok(self.data(&answer, what)?.unwrap_or_default())
    }

    /// What the token may do at each path.
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

    /// The path that a read of a secret asks for, with `data/` where the engine wants it.
    pub async fn read_path(&self, secret: &SecretRef, cx: &Cx) -> Result<String, Error> {
        let path = clean_path(&secret.path)?;
        let what = format!("cannot look at {secret}");
        let (mount, is_kv2) = self.mount(&path, secret.namespace.as_deref(), &what, cx).await?;
        let rest = path.strip_prefix(&mount).unwrap_or(&path);
        Ok(if is_kv2 && !rest.starts_with("data/") { format!("{mount}data/{rest}") } else { path })
    }

    /// The state of the Vault. It is asked without a token.
    pub async fn health(&self, cx: &Cx) -> Result<Health, Error> {
        let answer = self.client().ask_openly(&Plain::health(), "cannot ask for the state", cx).await?;
        serde_json::from_slice(&answer.body)
            .map_err(|_| Error::store("the answer about the state of Vault is not Vault's"))
    }

    /// The mount that a path leads to, with a slash at its end, and whether it is KV version 2.
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

    /// The data of an answer; none where Vault says that there is nothing.
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
