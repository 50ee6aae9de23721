//! The stores of a run, how a placeholder names one, and the canonical form of a path in each.

use super::path_template::{PathError, wrong};
use crate::settings::SourceKind;
use crate::settings::stores::{DEFAULT_STORE, is_name};
use keyfill_diag::nearest;
use keyfill_secrets::{azure, kubernetes_secret};
use std::collections::BTreeMap;

/// The separator between a store's name and a path.
pub const SEPARATOR: &str = "::";

/// Splits a glob into the store that it names and the glob of paths.
pub fn named(glob: &str) -> (Option<&str>, &str) {
    match glob.split_once(SEPARATOR) {
        Some((DEFAULT_STORE, rest)) => (None, rest),
        Some((name, rest)) if is_name(name) => (Some(name), rest),
        _ => (None, glob),
    }
}

/// The stores of a run.
#[derive(Clone, Debug, Default)]
pub struct StoreKinds {
    /// The kind of the default store (`AVP_TYPE`), if it is known.
    pub default: Option<SourceKind>,
    /// The stores that the administrator configured, by name.
    pub named: BTreeMap<String, SourceKind>,
    /// Whether any name is accepted, because the administrator's configuration is not known here.
    pub any_name: bool,
}

impl StoreKinds {
    /// Splits a text such as `prod::team/app` into store and path. If it names no store, the store in the
    /// manifest's annotation is used.
    ///
    /// In compatibility with AVP, and if no stores are configured, the whole text is the path.
    pub fn split<'t>(
        &self,
        written: &'t str,
        of_manifest: Option<&str>,
        avp: bool,
    ) -> Result<(Option<String>, &'t str), PathError> {
        let none_is_known = self.named.is_empty() && !self.any_name;
        let (store, path) = match written.split_once(SEPARATOR) {
            Some((name, path)) if is_name(name) && !(avp && none_is_known) => (Some(name), path),
            _ => (of_manifest, written),
        };
        match store {
            None | Some(DEFAULT_STORE) => Ok((None, path)),
            Some(name) if self.any_name || self.named.contains_key(name) => Ok((Some(name.to_owned()), path)),
            Some(name) => Err(self.unknown(name)),
        }
    }

    fn unknown(&self, name: &str) -> PathError {
        let names: Vec<&str> = self.named.keys().map(String::as_str).collect();
        let known = match (nearest(name, names.iter().copied()), names.as_slice()) {
            (_, []) => "no stores are named in the config file".to_owned(),
            (Some(near), _) => format!("did you mean {near}?"),
            (None, names) => format!("there are {}", names.join(", ")),
        };
        wrong(format!("there is no store {name}: {known}"))
    }

    /// The kind of a store; `None` if it is not known.
    pub fn kind(&self, store: Option<&str>) -> Option<SourceKind> {
        match store {
            None => self.default,
            Some(name) => self.named.get(name).copied(),
        }
    }

    /// The canonical form of a path by the rules of its store. The path is already canonical by the general rules.
    pub fn canonical(&self, store: Option<&str>, path: String) -> Result<String, PathError> {
        let spelled = match self.kind(store) {
            Some(SourceKind::KubernetesSecret) => kubernetes_secret::canonical(&path),
            Some(SourceKind::AzureKeyVault) => azure::canonical(&path),
            _ => return Ok(path),
        };
        spelled.map_err(|error| {
            let hint = error.advice().map(|hint| format!("; {hint}")).unwrap_or_default();
            wrong(format!("{error}{hint}"))
        })
    }

    /// Whether a store reads SOPS-encrypted files of the source tree.
    pub fn is_sops(&self, store: Option<&str>) -> bool {
        self.kind(store) == Some(SourceKind::Sops)
    }

    /// Whether any store reads SOPS-encrypted files.
    pub fn have_sops(&self) -> bool {
        self.is_sops(None) || self.named.values().any(|kind| *kind == SourceKind::Sops)
    }

    /// Whether versions are numbers, as in Vault's KV engine.
    pub fn counts_versions(&self, store: Option<&str>) -> bool {
        match self.kind(store) {
            Some(kind) => kind == SourceKind::Vault,
            None => store.is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StoreKinds;
    use crate::settings::SourceKind;

    fn stores() -> StoreKinds {
        let named = [("prod", SourceKind::AwsSsm), ("cluster", SourceKind::KubernetesSecret)];
        StoreKinds {
            default: Some(SourceKind::Vault),
            named: named.map(|(name, kind)| (name.to_owned(), kind)).into(),
            any_name: false,
        }
    }

    #[test]
    fn a_store_is_named_by_the_placeholder_else_by_the_manifest() {
        let stores = stores();
        let split = |text, of_manifest| {
            stores.split(text, of_manifest, false).map(|(store, path)| (store.unwrap_or_default(), path))
        };
        assert_eq!(split("prod::a/b", None).unwrap(), ("prod".to_owned(), "a/b"));
        assert_eq!(split("a/b", Some("prod")).unwrap(), ("prod".to_owned(), "a/b"));
        assert_eq!(split("default::a/b", Some("prod")).unwrap(), (String::new(), "a/b"));
        let arn = "arn:aws:secretsmanager:eu-west-1:1:secret:a";
        assert_eq!(split(arn, None).unwrap(), (String::new(), arn));
        assert_eq!(split("kv/a::b", None).unwrap(), (String::new(), "kv/a::b"));
        let unknown = split("prd::a", None).unwrap_err().to_string();
        assert_eq!(unknown, "there is no store prd: did you mean prod?");
        assert!(split("a", Some("x")).is_err());
        let none = StoreKinds::default();
        assert!(none.split("prod::a", None, false).is_err());
        assert_eq!(none.split("prod::a", None, true).unwrap(), (None, "prod::a"), "AVP knows no stores");
    }

    #[test]
    fn a_path_is_spelled_in_the_stores_own_terms() {
        let stores = stores();
        let spelled = |store, path: &str| stores.canonical(store, path.to_owned()).map_err(|e| e.to_string());
        assert_eq!(spelled(Some("cluster"), "app").as_deref(), Ok("argocd:app"));
        assert_eq!(spelled(Some("cluster"), "team:app").as_deref(), Ok("team:app"));
        assert!(spelled(Some("cluster"), "a:b:c").is_err_and(|e| e.contains("NAMESPACE:NAME")));
        assert_eq!(spelled(None, "A/b").as_deref(), Ok("A/b"));
    }
}
