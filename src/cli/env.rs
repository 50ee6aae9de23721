//! Every name of the environment in one table, and a snapshot of an environment.
//!
//! An environment is taken as a value, once: the process's own for the command line, a request's for
//! `serve`. Nothing else in keyfill reads variables.

use std::collections::BTreeMap;

/// Who may give a setting, besides the administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// Never, unless `KEYFILL_APP_MAY_SET` names it.
    No,
    /// Who they are: used where the administrator left it open.
    Identity,
    /// Part of a connection: used only where the administrator set no address at all.
    Connection,
    /// Harmless: an author's value is used.
    Yes,
}

/// A variable that keyfill knows.
#[derive(Clone, Copy, Debug)]
pub struct Var {
    /// Its name.
    pub name: &'static str,
    /// Who may give it through `ARGOCD_ENV_`.
    pub author: Author,
    /// Whether its value is never shown.
    pub secret: bool,
    /// What it means, in a line.
    pub meaning: &'static str,
}

const fn var(name: &'static str, author: Author, secret: bool, meaning: &'static str) -> Var {
    Var { name, author, secret, meaning }
}

/// Settings of the store, policy and run. The same names stand in config files and in `-s` Secrets.
pub const SETTINGS: &[Var] = &[
    var(
        "AVP_AUTH_TYPE",
        Author::Identity,
        false,
        "how to log in: token, approle, k8s, userpass, github, jwt, cert",
    ),
    var("AVP_CERT_ROLE", Author::No, false, "the role of the method cert"),
    var("AVP_GITHUB_TOKEN", Author::Identity, true, "the token of the method github"),
    var("AVP_JWT", Author::Identity, true, "the token of the method jwt"),
    var("AVP_JWT_PATH", Author::No, false, "a file with the token of the method jwt"),
    var("AVP_JWT_ROLE", Author::Identity, false, "the role of the method jwt"),
    var("AVP_K8S_MOUNT_PATH", Author::Connection, false, "where the method k8s is mounted [auth/kubernetes]"),
    var("AVP_K8S_ROLE", Author::No, false, "the role of the method k8s"),
    var("AVP_K8S_TOKEN_PATH", Author::No, false, "the service account token's file"),
    var("AVP_KV_VERSION", Author::Yes, false, "how answers are unwrapped: 1 or 2 [by the answer itself]"),
    var("AVP_MOUNT_PATH", Author::Connection, false, "where the auth method is mounted [auth/METHOD]"),
    var("AVP_PASSWORD", Author::Identity, true, "the password of the method userpass"),
    var(
        "AVP_PATH_VALIDATION",
        Author::Yes,
        false,
        "an expression that every path must match; an author's narrows",
    ),
    var("AVP_ROLE_ID", Author::Identity, true, "the role id of the method approle"),
    var("AVP_SECRET_ID", Author::Identity, true, "the secret id of the method approle"),
    var("AVP_TYPE", Author::Connection, false, "where secrets come from: vault or file"),
    var("AVP_USERNAME", Author::Identity, false, "the user of the method userpass"),
    var("HTTPS_PROXY", Author::No, false, "the proxy for https addresses"),
    var("KEYFILL_ALLOWED_PATHS", Author::No, false, "globs, one a line or comma: the paths that may be read"),
    var("KEYFILL_ALLOW_EMPTY", Author::No, false, "true: an empty result is fine"),
    var("KEYFILL_APP_ENV", Author::No, false, "names that path templates may read as env.NAME"),
    var("KEYFILL_APP_MAY_SET", Author::No, false, "names that authors may set besides"),
    var(
        "KEYFILL_APP_SECRETS",
        Author::No,
        false,
        "globs of the Secrets that authors may name with AVP_SECRET",
    ),
    var("KEYFILL_CACHE_DIR", Author::No, false, "where Vault tokens are kept [~/.avp]"),
    var("KEYFILL_DEADLINE", Author::No, false, "how long a run may take [55s]"),
    var("KEYFILL_ENGINE", Author::No, false, "auto, native, exec or verify"),
    var("KEYFILL_HELM", Author::No, false, "the official helm's path"),
    var("KEYFILL_KINDS", Author::No, false, "the kinds that are filled"),
    var("KEYFILL_KUSTOMIZE", Author::No, false, "the official kustomize's path"),
    var("KEYFILL_ROOT", Author::No, false, "the tree that no path may leave"),
    var("KEYFILL_SECRETS_FILE", Author::No, false, "the file that the source file reads"),
    var("KEYFILL_SOURCE", Author::No, false, "vault or file"),
    var("NO_PROXY", Author::No, false, "hosts that are reached without the proxy"),
    var("VAULT_ADDR", Author::Connection, false, "Vault's address: http, https or unix"),
    var("VAULT_CACERT", Author::No, false, "a file of certificates to trust"),
    var("VAULT_CACERT_BYTES", Author::Connection, false, "certificates to trust, in PEM"),
    var("VAULT_CAPATH", Author::No, false, "a folder of certificates to trust"),
    var("VAULT_CLIENT_CERT", Author::No, false, "the client certificate's file"),
    var("VAULT_CLIENT_KEY", Author::No, false, "the client key's file"),
    var("VAULT_CLIENT_TIMEOUT", Author::Connection, false, "how long one request may take, as in 20s"),
    var("VAULT_MAX_RETRIES", Author::Connection, false, "how often a request is tried again"),
    var("VAULT_NAMESPACE", Author::Connection, false, "Vault's namespace"),
    var("VAULT_SKIP_VERIFY", Author::Connection, false, "true: any certificate will do"),
    var("VAULT_TLS_SERVER_NAME", Author::Connection, false, "the name that Vault's certificate must have"),
    var("VAULT_TOKEN", Author::Identity, true, "the token of the method token"),
    var("VAULT_TOKEN_FILE", Author::No, false, "a file that holds the token"),
];

/// What Argo CD and the usual plugin set-ups say of an app.
pub const APP: &[Var] = &[
    var("ARGOCD_APP_NAME", Author::No, false, "the app; NAMESPACE_NAME for apps in any namespace"),
    var("ARGOCD_APP_NAMESPACE", Author::No, false, "the namespace that the app is deployed to"),
    var("ARGOCD_APP_PARAMETERS", Author::Yes, false, "the app's parameters, as JSON"),
    var("ARGOCD_APP_PROJECT_NAME", Author::No, false, "the app's project"),
    var("KUBE_API_VERSIONS", Author::No, false, "the cluster's API versions"),
    var("KUBE_VERSION", Author::No, false, "the cluster's version"),
    var("ARGOCD_ENV_APP_REPO", Author::Yes, false, "annotation github.com/url on all resources"),
    var(
        "ARGOCD_ENV_AVP_SECRET",
        Author::Yes,
        false,
        "the Secret to read settings from, if KEYFILL_APP_SECRETS allows it",
    ),
    var("ARGOCD_ENV_HELM_ARGS", Author::Yes, false, "further flags of helm template"),
    var("ARGOCD_ENV_HELM_VALUES", Author::Yes, false, "values as YAML text"),
    var("ARGOCD_ENV_IMAGE_NAME", Author::Yes, false, "the image whose tag is set"),
    var("ARGOCD_ENV_IMAGE_TAG", Author::Yes, false, "its new tag"),
];

/// The setting of that name.
pub fn setting(name: &str) -> Option<&'static Var> {
    SETTINGS.binary_search_by(|v| v.name.cmp(name)).ok().map(|i| &SETTINGS[i])
}

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
    pub fn of_process() -> Self {
        let utf8 = |(k, v): (std::ffi::OsString, std::ffi::OsString)| {
            Some((k.into_string().ok()?, v.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(utf8).collect())
    }

    /// A value; an empty one counts as absent, as Argo CD passes unset plugin variables.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// What an author gives for a setting, through `ARGOCD_ENV_`.
    pub fn authors(&self, name: &str) -> Option<&str> {
        self.get(&format!("ARGOCD_ENV_{name}"))
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
    use super::{APP, Env, SETTINGS, setting};

    #[test]
    fn the_table_is_sorted_unique_and_explained() {
        assert!(SETTINGS.windows(2).all(|w| w[0].name < w[1].name), "binary search needs the order");
        for v in SETTINGS.iter().chain(APP) {
            assert!(!v.meaning.is_empty() && !v.meaning.ends_with('.'), "{}", v.name);
            assert!(v.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        }
        assert_eq!(setting("VAULT_ADDR").map(|v| v.secret), Some(false));
        assert!(setting("PATH").is_none());
    }

    #[test]
    fn credentials_are_marked() {
        for name in ["VAULT_TOKEN", "AVP_SECRET_ID", "AVP_PASSWORD", "AVP_GITHUB_TOKEN", "AVP_JWT"] {
            assert!(setting(name).is_some_and(|v| v.secret), "{name}");
        }
    }

    #[test]
    fn an_environment_prints_names_only() {
        let env: Env = [("VAULT_TOKEN", "hush")].into_iter().collect();
        assert_eq!(format!("{env:?}"), r#"{"VAULT_TOKEN"}"#);
    }
}
