//! Stores that an administrator names in the config file, beside the one of `AVP_TYPE`:
//!
//! ```yaml
//! stores:
//!   prod: {type: awssecretsmanager, region: eu-west-1}
//! ```
//!
//! An entry for Vault, a file or the cluster uses only its own settings. An entry for a cloud takes settings that
//! it lacks from the environment. If it sets a credential or an identity, no credential or identity is taken from
//! the environment.

use super::authority::{Effective, SetBy, Setting, Values};
use super::source_kind::SourceKind;
use super::table::{self, Var, setting};
use crate::report::Problem;
use anyhow::Result;
use keyfill_diag::nearest;
use std::collections::BTreeMap;

/// The name by which a placeholder names the store of `AVP_TYPE`, in a manifest whose annotation names another
/// store.
pub const DEFAULT_STORE: &str = "default";

/// The most bytes of a store's name.
const MOST_NAME: usize = 63;

/// The entries of `stores` in the config file: settings by the stores' names.
pub type Entries = BTreeMap<String, BTreeMap<String, String>>;

/// A store of the config file.
#[derive(Clone, Debug)]
pub struct NamedStore {
    /// The store's type.
    pub kind: SourceKind,
    /// The store's settings.
    pub effective: Effective,
}

/// Whether a text may be the name of a store. Placeholders hold such names before `::`.
pub fn is_name(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.len() <= MOST_NAME && text.bytes().all(fits)
}

/// Resolves the entries of the config file; `admin` holds the administrator's other settings.
pub fn resolve(entries: &Entries, admin: &Values) -> Result<BTreeMap<String, NamedStore>> {
    entries.iter().map(|(name, entry)| Ok((name.clone(), resolve_one(name, entry, admin)?))).collect()
}

fn resolve_one(name: &str, entry: &BTreeMap<String, String>, admin: &Values) -> Result<NamedStore> {
    if !is_name(name) || name == DEFAULT_STORE {
        return Err(Problem::usage(format!(
            "stores: {name:?} cannot be the name of a store: it takes letters, digits, - and _, and is not {DEFAULT_STORE}"
        ))
        .into());
    }
    let place = format!("stores.{name}.type");
    let Some(kind) = entry.get("TYPE") else {
        return Err(Problem::usage(format!("{place} is missing: it must be {}", SourceKind::names())).into());
    };
    let kind = SourceKind::named(&place, kind).map_err(Problem::usage)?;
    let mut own = Values::new();
    for (key, value) in entry.iter().filter(|(key, value)| *key != "TYPE" && !value.trim().is_empty()) {
        let var = var_of(kind, key).ok_or_else(|| unknown(name, kind, key))?;
        own.insert(var.name, value.trim_end_matches(['\n', '\r']).to_owned());
    }
    let says_who = own.keys().any(|name| setting(name).is_some_and(Var::is_store_identity));
    let inherited = admin.iter().filter(|(name, _)| {
        let var = setting(name);
        let of_family = var.is_some_and(|v| v.store.is_some() && v.store == kind.family());
        let says_another = says_who && var.is_some_and(Var::is_store_identity);
        name.ends_with("_PROXY") && !name.starts_with("VAULT_") || of_family && !says_another
    });
    let inherited: Values = inherited.map(|(name, value)| (*name, value.clone())).collect();
    let all = inherited.into_iter().chain(own);
    let by_administrator = |value| Setting { value, set_by: SetBy::Administrator };
    let effective = all.map(|(name, value)| (name, by_administrator(value))).collect();
    Ok(NamedStore { kind, effective })
}

/// The setting that a key of an entry names, in full or without the prefix of the store's settings.
fn var_of(kind: SourceKind, key: &str) -> Option<&'static Var> {
    let whole = std::iter::once(key.to_owned());
    let short = kind.prefixes().iter().map(|prefix| format!("{prefix}{key}"));
    whole.chain(short).find_map(|name| setting(&name).filter(|var| belongs(kind, var)))
}

fn belongs(kind: SourceKind, var: &Var) -> bool {
    match kind {
        SourceKind::Vault => {
            var.name.starts_with("VAULT_")
                || var.name.starts_with("AVP_")
                    && var.store.is_none()
                    && !matches!(var.name, "AVP_TYPE" | "AVP_PATH_VALIDATION")
        }
        SourceKind::File => var.name == "KEYFILL_SECRETS_FILE",
        _ => var.store.is_some() && var.store == kind.family(),
    }
}

fn unknown(name: &str, kind: SourceKind, key: &str) -> Problem {
    let known: Vec<&str> = table::settings().filter(|var| belongs(kind, var)).map(|var| var.name).collect();
    let whole = std::iter::once(key.to_owned());
    let written = whole.chain(kind.prefixes().iter().map(|prefix| format!("{prefix}{key}")));
    let near = written.filter_map(|name| nearest(&name, known.iter().copied())).next();
    let near = near.map(|near| format!("; did you mean {near}?"));
    let key = key.to_lowercase();
    let near = near.unwrap_or_default();
    Problem::usage(format!("stores.{name}.{key} is no setting of the store {}{near}", kind.name()))
}

#[cfg(test)]
mod tests {
    use super::{Entries, resolve};
    use crate::settings::SourceKind;
    use crate::settings::authority::Values;

    fn entries(list: &[(&str, &[(&str, &str)])]) -> Entries {
        let entry = |keys: &[(&str, &str)]| keys.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        list.iter().map(|(name, keys)| ((*name).into(), entry(keys))).collect()
    }

    #[test]
    fn a_store_takes_settings_that_it_lacks_from_the_environment() {
        let admin: Values = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ROLE_ARN", "arn:role"),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/token"),
            ("VAULT_TOKEN", "hush"),
            ("HTTPS_PROXY", "http://proxy"),
        ]
        .map(|(k, v)| (k, v.to_owned()))
        .into();
        let all = entries(&[
            ("prod", &[("TYPE", "awssecretsmanager"), ("REGION", "eu-west-1")]),
            ("keys", &[("TYPE", "awsssm"), ("AWS_ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "hush")]),
            ("vault", &[("TYPE", "vault"), ("ADDR", "https://v"), ("K8S_ROLE", "r")]),
        ]);
        let all = resolve(&all, &admin).unwrap();
        let get = |store: &str, name: &str| all[store].effective.get(name).map(str::to_owned);
        assert_eq!(
            (all["prod"].kind, get("prod", "AWS_REGION")),
            (SourceKind::AwsSecretsManager, Some("eu-west-1".into()))
        );
        assert_eq!(get("prod", "AWS_ROLE_ARN").as_deref(), Some("arn:role"));
        assert_eq!(
            (get("keys", "AWS_ROLE_ARN"), get("keys", "AWS_REGION")),
            (None, Some("us-east-1".into()))
        );
        assert_eq!((get("vault", "VAULT_TOKEN"), get("vault", "AVP_K8S_ROLE")), (None, Some("r".into())));
        assert_eq!(get("vault", "HTTPS_PROXY").as_deref(), Some("http://proxy"));
        assert!(!format!("{all:?}").contains("hush"));
    }

    #[test]
    fn an_error_names_the_entry_and_no_value() {
        for (name, keys, what) in [
            ("prod", &[("REGION", "x")][..], "stores.prod.type is missing"),
            ("prod", &[("TYPE", "aws")], "stores.prod.type is \"aws\""),
            ("default", &[("TYPE", "vault")], "cannot be the name"),
            ("a::b", &[("TYPE", "vault")], "cannot be the name"),
            ("prod", &[("TYPE", "awsssm"), ("REGOIN", "hush")], "did you mean AWS_REGION?"),
            ("prod", &[("TYPE", "awsssm"), ("VAULT_ADDR", "hush")], "stores.prod.vault_addr is no setting"),
            ("prod", &[("TYPE", "vault"), ("PATH_VALIDATION", "hush")], "is no setting of the store vault"),
        ] {
            let error = resolve(&entries(&[(name, keys)]), &Values::new()).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains("hush"), "{error}");
        }
    }
}
