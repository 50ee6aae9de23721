//! Options of the fill stage: plain data, resolved by the command line.

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
    /// Follow AVP: every document is read and printed anew, a path annotation is read even where nothing
    /// uses it, lists inside lists and items of a `List` are not looked into as documents of their own.
    pub compat_avp: bool,
    /// Fill only documents of these kinds; all when empty.
    pub kinds: Vec<String>,
    /// The application that path templates may name.
    pub app: App,
    /// Environment variables that path templates may name: those that the administrator listed.
    pub env: BTreeMap<String, String>,
    /// Which paths may be read.
    pub policy: PathPolicy,
    /// Let `avp.kubernetes.io/remove-missing` work on every kind, not on Secrets and ConfigMaps alone.
    pub remove_missing_any: bool,
    /// How a filled document is printed.
    pub print: Print,
    /// References of vals (`ref+SCHEME://`) are filled as well.
    pub vals_refs: bool,
    /// The stores that placeholders may name.
    pub stores: StoreKinds,
    /// The documents were looked through before: each may hold something to fill.
    pub scanned: bool,
    /// The texts of the files that documents came from, where they are at hand.
    pub sources: Option<Arc<dyn Sources>>,
}

/// Texts of files, to show the line that a problem is about.
pub trait Sources: fmt::Debug + Send + Sync {
    /// The text of a file, by the name that documents give as their origin.
    fn text(&self, file: &str) -> Option<Bytes>;
}

/// How a filled document is printed. What is printed for AVP's sake, with nothing filled, is YAML.
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
