//! What a placeholder asks a store for: a path, perhaps a version, perhaps the engine's kind; and which keys of it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// The version of Vault's KV engine, which decides how an answer is unwrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KvVersion {
    /// Keys stand in `data` of the answer.
    V1,
    /// Keys stand in `data.data`, beside `data.metadata`.
    V2,
}

impl FromStr for KvVersion {
    type Err = ();

    /// `1` and `2`, as the annotation and the setting write them.
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.trim() {
            "1" => Ok(Self::V1),
            "2" => Ok(Self::V2),
            _ => Err(()),
        }
    }
}

/// One read of a store. Two equal references are one read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// The name of the store in a run that has several; the default store when there is none.
    pub store: Option<String>,
    /// The path as the placeholder or the annotation wrote it.
    pub path: String,
    /// The version, as written; the latest when there is none.
    pub version: Option<String>,
    /// The engine's kind where the document names it; else the source's setting, else the answer decides.
    pub kv: Option<KvVersion>,
    /// Vault's namespace where the document names one, in place of the source's setting.
    pub namespace: Option<String>,
}

impl SecretRef {
    /// The latest version of a path.
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

/// Which keys of a secret are wanted. A store that is asked for one key at a time reads these alone; any other reads
/// the secret as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keys {
    /// All that there are.
    All,
    /// Those with these names; there may be none, where only the secret itself is wanted.
    These(BTreeSet<String>),
}

impl Keys {
    /// No key so far.
    pub const fn none() -> Self {
        Self::These(BTreeSet::new())
    }

    /// Adds one.
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
