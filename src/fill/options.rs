//! Options of the fill stage.

use super::policy::PathPolicy;
use super::stores::StoreKinds;
use crate::app::App;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How documents are filled.
#[derive(Clone, Debug, Default)]
pub struct FillOptions {
    /// Compatibility with AVP: every document is decoded and encoded again, the secret of a path annotation is
    /// read even if no placeholder uses it, and the items of a `List` are not treated as objects of their own.
    pub compat_avp: bool,
    /// Fill only documents of these kinds; all when empty.
    pub kinds: Vec<String>,
    /// The application, for `{{ app.name }}` and the like in path templates.
    pub app: App,
    /// The environment variables that path templates may use: only those that the administrator listed.
    pub env: BTreeMap<String, String>,
    /// Which paths may be read.
    pub policy: PathPolicy,
    /// Whether `avp.kubernetes.io/remove-missing` applies to objects of every kind, not only to Secrets and
    /// ConfigMaps.
    pub remove_missing_any: bool,
    /// How a filled document is printed.
    pub print: Print,
    /// Whether references of vals (`ref+SCHEME://`) are filled as well.
    pub vals_refs: bool,
    /// The stores that placeholders may name.
    pub stores: StoreKinds,
    /// The caller has already scanned the documents: each may contain placeholders.
    pub scanned: bool,
    /// The source files of the documents, to show lines of them in errors; `None` if they are not available.
    pub sources: Option<Arc<dyn Sources>>,
}

/// Source files, to show the line that a problem is about.
pub trait Sources: fmt::Debug + Send + Sync {
    /// The text of a file, by the name that documents give as their origin.
    fn text(&self, file: &str) -> Option<Bytes>;
}

/// The format of filled documents. A document that is encoded again only for compatibility with AVP is always YAML.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Print {
    /// YAML, as every command prints it.
    #[default]
    Yaml,
    /// Compact JSON with sorted keys, as Argo CD's plugin protocol carries it.
    #[cfg_attr(not(unix), allow(dead_code, reason = "only serve prints it"))]
    Json,
}

impl FillOptions {
    /// Whether documents of a kind are filled.
    pub fn fills(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.iter().any(|k| k == kind)
    }
}
