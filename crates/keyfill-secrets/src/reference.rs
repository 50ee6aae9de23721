//! References to secrets: a path and, if they are set, a version, the version of the KV engine and a namespace. Also
//! which keys of a secret are needed.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The version of Vault's KV engine, which decides where in an answer the keys are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KvVersion {
    /// The keys are in `data` of the answer.
    V1,
    /// The keys are in `data.data`, beside `data.metadata`.
    V2,
}

impl FromStr for KvVersion {
    type Err = ();

    /// Parses `1` or `2`, as the annotation and the setting are written.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim() {
            "1" => Ok(Self::V1),
            "2" => Ok(Self::V2),
            _ => Err(()),
        }
    }
}

/// What one read of a store asks for. Equal references share one read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// The name of the store in a run that has several; `None` for the default store.
    pub store: Option<String>,
    /// The path as it is written in the placeholder or the annotation.
    pub path: String,
    /// The version as it is written; `None` for the latest.
    pub version: Option<String>,
    /// The version of the KV engine, if the document sets it. If not, the source's setting decides; without that, the
    /// shape of the answer.
    pub kv: Option<KvVersion>,
    /// Vault's namespace, if the document sets one. It replaces the namespace of the source's settings.
    pub namespace: Option<String>,
}

impl SecretRef {
    /// A reference to the latest version of a path.
    pub fn latest(path: impl Into<String>) -> Self {
        Self { store: None, path: path.into(), version: None, kv: None, namespace: None }
    }
}

impl fmt::Display for SecretRef {
    /// `path`, `path (version 3)`, `path (namespace team, version 3)` or `store::path`, as errors name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(store) = &self.store {
            write!(f, "{store}::")?;
        }
        f.write_str(&self.path)?;
        match (&self.namespace, &self.version) {
            (None, None) => Ok(()),
            (None, Some(version)) => write!(f, " (version {version})"),
            (Some(namespace), None) => write!(f, " (namespace {namespace})"),
            (Some(namespace), Some(version)) => write!(f, " (namespace {namespace}, version {version})"),
        }
    }
}

/// Which keys of a secret are needed. A store that reads each key with a request of its own reads only these; any other
/// store reads the whole secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keys {
    /// All keys of the secret.
    All,
    /// The keys with these names. There are none if the caller only needs to know that the secret can be read.
    These(BTreeSet<String>),
}

impl Keys {
    /// No keys yet; [`Keys::add`] adds some.
    pub const fn none() -> Self {
        Self::These(BTreeSet::new())
    }

    /// Adds a key. It has no effect on [`Keys::All`].
    pub fn add(&mut self, key: &str) {
        if let Self::These(names) = self
            && !names.contains(key)
        {
            names.insert(key.to_owned());
        }
    }
}

impl<S: Into<String>> FromIterator<S> for Keys {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self::These(names.into_iter().map(Into::into).collect())
    }
}
