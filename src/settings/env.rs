//! A snapshot of an environment. The only module that reads the process's variables.
//!
//! An environment is taken as a value, once: the process's own for the command line, a request's for
//! `serve`. `clippy.toml` forbids `std::env::var` and its kin everywhere else.

use super::table;
use std::collections::BTreeMap;

/// The prefix under which Argo CD passes an app's plugin environment.
const AUTHOR_PREFIX: &str = "ARGOCD_ENV_";

/// A snapshot of an environment. Its Debug text shows names only: values may be credentials.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Env {
    /// The process's own. Names and values that are not UTF-8 are left out.
    #[allow(clippy::disallowed_methods, reason = "the one place where variables are read")]
    pub fn of_process() -> Self {
        let utf8 = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
            Some((k.into_string().ok()?, v.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(utf8).collect())
    }

    /// The value of a variable that stands in [`table`]; an empty one counts as absent, as Argo CD passes
    /// unset plugin variables.
    ///
    /// # Panics
    /// In debug builds, when the name is not in the table: every variable must be documented there.
    pub fn get(&self, name: &str) -> Option<&str> {
        debug_assert!(table::is_known(name), "{name} is read and does not stand in settings::table");
        self.listed(name)
    }

    /// The value of a variable whose name somebody listed, as in `KEYFILL_APP_ENV`.
    pub fn listed(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// What an author gives for a setting, through `ARGOCD_ENV_`.
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
        Self(vars.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::Env;

    #[test]
    fn an_environment_prints_names_only() {
        let env: Env = [("VAULT_TOKEN", "hush")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"{"VAULT_TOKEN"}"#);
    }

    #[test]
    #[cfg(debug_assertions)]
    #[should_panic(expected = "does not stand in settings::table")]
    fn a_name_that_is_not_documented_cannot_be_read() {
        Env::default().get("KEYFILL_UNDOCUMENTED");
    }
}
