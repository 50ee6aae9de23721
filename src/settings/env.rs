//! A snapshot of an environment. No other module reads the process's environment variables.
//!
//! The snapshot is taken once: of the process for the command line, of a request for `serve`. `clippy.toml` forbids
//! `std::env::var` and similar functions everywhere else.

use super::table;
use std::collections::BTreeMap;

/// The prefix under which Argo CD passes an app's plugin environment.
const AUTHOR_PREFIX: &str = "ARGOCD_ENV_";

/// The name that the table has for an author's variable in another spelling: in lower case, as argocd-vault-plugin
/// accepts it, or with OpenBao's prefix `BAO_`. `None` for variables that need no other name. Without this the
/// author's setting would be ignored without a warning.
pub fn known_name(name: &str) -> Option<String> {
    let written = name.strip_prefix(AUTHOR_PREFIX)?;
    let upper = written.to_ascii_uppercase();
    let known = upper.strip_prefix("BAO_").map_or_else(|| upper.clone(), |rest| format!("VAULT_{rest}"));
    let is_setting = table::setting(&known).is_some() || known == "AVP_SECRET";
    (is_setting && known != written).then(|| format!("{AUTHOR_PREFIX}{known}"))
}

/// A snapshot of an environment. `Debug` shows names only: values may be credentials.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env {
    /// The environment of this process. Variables whose name or value is not UTF-8 are left out.
    #[allow(clippy::disallowed_methods, reason = "the one place where variables are read")]
    pub fn of_process() -> Self {
        let utf8 = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
            Some((k.into_string().ok()?, v.into_string().ok()?))
        };
        std::env::vars_os().filter_map(utf8).collect()
    }

    /// The value of a variable that is in [`table`]. An empty value counts as absent, since Argo CD passes unset
    /// plugin variables as empty ones.
    ///
    /// # Panics
    /// In debug builds, if the name is not in the table: every variable must be documented there.
    pub fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(table::is_known(name), "{name} is read and does not stand in settings::table");
        self.listed(name)
    }

    /// The value of a variable whose name comes from a setting, such as `KEYFILL_APP_ENV`. An empty value counts as
    /// absent.
    pub fn listed(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The author's value of a setting, from the variable with the prefix `ARGOCD_ENV_`.
    pub fn authors(&self, name: &str) -> Option<&str> {
        debug_assert!(table::is_known(name), "{name} is read and does not stand in settings::table");
        self.listed(&format!("{AUTHOR_PREFIX}{name}"))
    }

    /// All names with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(vars: I) -> Self {
        let mut all: BTreeMap<String, String> = vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        let of_authors =
            all.range(AUTHOR_PREFIX.to_owned()..).take_while(|(name, _)| name.starts_with(AUTHOR_PREFIX));
        let written: Vec<String> = of_authors.map(|(name, _)| name.clone()).collect();
        for name in written {
            if let Some(known) = known_name(&name)
                && let Some(value) = all.remove(&name)
            {
                // If a setting is there in both spellings, the correct one wins.
                all.entry(known).or_insert(value);
            }
        }
        Self(all)
    }
}

#[cfg(test)]
mod tests {
    use super::Env;

    #[test]
    fn debug_shows_only_the_names_of_variables() {
        let env: Env = [("VAULT_TOKEN", "hush")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"{"VAULT_TOKEN"}"#);
    }

    #[test]
    fn an_authors_settings_are_known_in_any_case_and_under_names_of_openbao() {
        let env: Env = [
            ("ARGOCD_ENV_vault_namespace", "a"),
            ("ARGOCD_ENV_BAO_ADDR", "b"),
            ("ARGOCD_ENV_Avp_Secret", "c"),
            ("ARGOCD_ENV_VAULT_TOKEN", "right"),
            ("ARGOCD_ENV_vault_token", "wrong"),
            ("vault_addr", "not an author's"),
        ]
        .into_iter()
        .collect();
        let authors =
            ["VAULT_NAMESPACE", "VAULT_ADDR", "AVP_SECRET", "VAULT_TOKEN"].map(|name| env.authors(name));
        assert_eq!(authors, [Some("a"), Some("b"), Some("c"), Some("right")]);
        assert_eq!(env.get("VAULT_ADDR"), None);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "does not stand in settings::table")]
    fn a_name_that_is_not_documented_cannot_be_read() {
        Env::default().get("KEYFILL_UNDOCUMENTED");
    }
}
