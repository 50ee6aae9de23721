//! Who may set what: the administrator's settings and the author's, put together.
//!
//! The process's environment, the config file, a `-s` Secret and the command line are the administrator's.
//! `ARGOCD_ENV_*` is the author's, the person who owns the app in git. Two rules stand above all:
//! an administrator's credential is only ever sent to an address that the administrator set, and what an
//! author gives that is not used is named in a warning, without its value.

use super::env::{Author, Env, SETTINGS, Var};
use std::collections::{BTreeMap, BTreeSet};

/// Who set a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The sidecar's environment, config file or command line.
    Administrator,
    /// The app's plugin environment.
    Author,
}

/// A value and who set it. Its Debug text shows who, never what.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// Who set it.
    pub set_by: SetBy,
}

impl std::fmt::Debug for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "set by {:?}", self.set_by)
    }
}

/// The settings in force.
#[derive(Clone, Debug, Default)]
pub struct Effective {
    values: BTreeMap<&'static str, Setting>,
    /// Names that an author gave and that are not used.
    pub unused: Vec<&'static str>,
    /// The author's own path expression: a path must match it and the administrator's.
    pub author_path_validation: Option<String>,
}

impl Effective {
    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|s| s.value.as_str())
    }

    /// A value with who set it, for tests of these rules.
    #[cfg(test)]
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.values.get(name)
    }
}

/// The administrator's settings, by name. In the environment `AVP_*` wins over the file; for `VAULT_*` the
/// file wins, as argocd-vault-plugin does.
pub fn administrators(env: &Env, file: &BTreeMap<String, String>) -> BTreeMap<&'static str, String> {
    let mut found = BTreeMap::new();
    for var in SETTINGS {
        let in_env = env.get(var.name).or_else(|| proxy_in_lower_case(env, var.name));
        let in_file = file.get(var.name).map(String::as_str).filter(|v| !v.is_empty());
        let value = if var.name.starts_with("VAULT_") { in_file.or(in_env) } else { in_env.or(in_file) };
        if let Some(value) = value {
            found.insert(var.name, value.to_owned());
        }
    }
    found
}

/// `https_proxy` and `no_proxy` are the older spellings, which every tool knows.
fn proxy_in_lower_case<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    name.ends_with("_PROXY").then(|| env.get(&name.to_lowercase())).flatten()
}

/// The author's settings, by name.
pub fn authors(env: &Env) -> BTreeMap<&'static str, String> {
    SETTINGS.iter().filter_map(|v| Some((v.name, env.authors(v.name)?.to_owned()))).collect()
}

/// Puts both together.
pub fn effective(
    admin: &BTreeMap<&'static str, String>,
    author: &BTreeMap<&'static str, String>,
) -> Effective {
    let opened: BTreeSet<&str> =
        admin.get("KEYFILL_APP_MAY_SET").map(|names| split_list(names).collect()).unwrap_or_default();
    let authors_address = author.contains_key("VAULT_ADDR")
        && (opened.contains("VAULT_ADDR") || !administrator_chose_store(admin));
    let mut all = Effective::default();
    let identity = Identity::of(admin, author);
    for var in SETTINGS {
        let by_admin = || Some((admin.get(var.name)?, SetBy::Administrator));
        let by_author = || Some((author.get(var.name)?, SetBy::Author));
        let chosen = if opened.contains(var.name) && !(authors_address && is_file_or_ambient(var)) {
            by_author().or_else(|| if authors_address && is_connection(var) { None } else { by_admin() })
        } else if authors_address {
            choose_for_authors_address(var, by_admin(), by_author())
        } else {
            match var.author {
                Author::No | Author::Connection => by_admin(),
                Author::Yes if var.name == "AVP_PATH_VALIDATION" => by_admin(),
                Author::Yes => by_author().or_else(by_admin),
                Author::Identity if identity.is_open(var.name) => by_admin().or_else(by_author),
                Author::Identity => by_admin(),
            }
        };
        if var.name == "AVP_PATH_VALIDATION" {
            all.author_path_validation = author.get(var.name).cloned();
        } else if author.contains_key(var.name) && chosen.is_none_or(|(_, by)| by != SetBy::Author) {
            all.unused.push(var.name);
        }
        if let Some((value, set_by)) = chosen {
            all.values.insert(var.name, Setting { value: value.clone(), set_by });
        }
    }
    all
}

fn administrator_chose_store(admin: &BTreeMap<&'static str, String>) -> bool {
    let is_file = |name: &str| admin.get(name).is_some_and(|v| v.trim() == "file");
    admin.contains_key("VAULT_ADDR") || is_file("KEYFILL_SOURCE") || is_file("AVP_TYPE")
}

/// With the author's own address the connection is theirs whole: nothing of the administrator's that says
/// who one is goes there, and no file of the sidecar is read for it.
fn choose_for_authors_address<'a>(
    var: &Var,
    admin: Option<(&'a String, SetBy)>,
    author: Option<(&'a String, SetBy)>,
) -> Option<(&'a String, SetBy)> {
    match var.author {
        Author::Identity | Author::Connection => author,
        Author::Yes if var.name == "AVP_PATH_VALIDATION" => admin,
        Author::Yes => author.or(admin),
        Author::No if is_file_or_ambient(var) => None,
        Author::No => admin,
    }
}

fn is_connection(var: &Var) -> bool {
    matches!(var.author, Author::Identity | Author::Connection) || is_file_or_ambient(var)
}

/// Settings that make keyfill read a credential from the sidecar.
fn is_file_or_ambient(var: &Var) -> bool {
    const NAMES: &[&str] = &[
        "AVP_JWT_PATH",
        "AVP_K8S_ROLE",
        "AVP_K8S_TOKEN_PATH",
        "VAULT_CLIENT_CERT",
        "VAULT_CLIENT_KEY",
        "VAULT_TOKEN_FILE",
    ];
    NAMES.contains(&var.name)
}

/// Which names of an identity the administrator left open to the author.
struct Identity {
    open: BTreeSet<&'static str>,
}

/// The names that belong to each login method that an author may use; the first is the one whose owner
/// is the identity's owner: an author's user name never goes with an administrator's password.
const METHODS: &[(&str, &[&str])] = &[
    ("approle", &["AVP_SECRET_ID", "AVP_ROLE_ID"]),
    ("token", &["VAULT_TOKEN"]),
    ("userpass", &["AVP_PASSWORD", "AVP_USERNAME"]),
    ("github", &["AVP_GITHUB_TOKEN"]),
    ("jwt", &["AVP_JWT", "AVP_JWT_ROLE"]),
];

impl Identity {
    fn of(admin: &BTreeMap<&'static str, String>, author: &BTreeMap<&'static str, String>) -> Self {
        let admins_method = admin.get("AVP_AUTH_TYPE").map(|t| t.trim().to_owned());
        let says_who = |names: &[&str]| names.iter().any(|n| admin.contains_key(n));
        // Without a method of the administrator's, any credential of theirs says who the app is.
        let settled = admins_method.is_none()
            && (METHODS.iter().any(|(_, names)| says_who(names))
                || says_who(&["VAULT_TOKEN_FILE", "AVP_K8S_ROLE", "AVP_JWT_PATH", "VAULT_CLIENT_CERT"]));
        let mut open = BTreeSet::new();
        if settled {
            return Self { open };
        }
        if admins_method.is_none() {
            let known =
                author.get("AVP_AUTH_TYPE").is_none_or(|t| METHODS.iter().any(|(m, _)| *m == t.trim()));
            if known {
                open.insert("AVP_AUTH_TYPE");
            }
        }
        for (method, names) in METHODS {
            if admins_method.as_deref().is_some_and(|m| m != *method) || admin.contains_key(names[0]) {
                continue;
            }
            if *method == "token" && admin.contains_key("VAULT_TOKEN_FILE")
                || *method == "jwt" && admin.contains_key("AVP_JWT_PATH")
            {
                continue;
            }
            open.extend(names.iter().filter(|n| !admin.contains_key(*n)));
        }
        Self { open }
    }

    fn is_open(&self, name: &str) -> bool {
        self.open.contains(name)
    }
}

/// Items of a list that is written with commas, spaces or line ends.
pub fn split_list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|s| !s.is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Effective, SetBy, administrators, authors, effective};
    use crate::cli::env::Env;
    use std::collections::BTreeMap;

    fn resolve(vars: &[(&str, &str)]) -> Effective {
        let env: Env = vars.iter().copied().collect();
        effective(&administrators(&env, &BTreeMap::new()), &authors(&env))
    }

    #[test]
    fn an_author_never_moves_the_administrators_token() {
        let e = resolve(&[
            ("VAULT_ADDR", "https://vault"),
            ("VAULT_TOKEN", "admin"),
            ("ARGOCD_ENV_VAULT_ADDR", "https://evil"),
            ("ARGOCD_ENV_VAULT_NAMESPACE", "other"),
            ("ARGOCD_ENV_VAULT_SKIP_VERIFY", "true"),
        ]);
        assert_eq!((e.get("VAULT_ADDR"), e.get("VAULT_TOKEN")), (Some("https://vault"), Some("admin")));
        assert_eq!(e.unused, ["VAULT_ADDR", "VAULT_NAMESPACE", "VAULT_SKIP_VERIFY"]);
    }

    #[test]
    fn without_an_administrators_address_the_authors_connection_is_used_whole() {
        let e = resolve(&[
            ("VAULT_TOKEN", "admin"),
            ("AVP_K8S_ROLE", "admin-role"),
            ("VAULT_TOKEN_FILE", "/token"),
            ("ARGOCD_ENV_AVP_TYPE", "vault"),
            ("ARGOCD_ENV_VAULT_ADDR", "https://theirs"),
            ("ARGOCD_ENV_AVP_AUTH_TYPE", "approle"),
            ("ARGOCD_ENV_AVP_ROLE_ID", "r"),
            ("ARGOCD_ENV_AVP_SECRET_ID", "s"),
            ("ARGOCD_ENV_VAULT_TOKEN_FILE", "/proc/self/environ"),
        ]);
        assert_eq!((e.get("VAULT_ADDR"), e.get("AVP_SECRET_ID")), (Some("https://theirs"), Some("s")));
        assert_eq!(
            (e.get("VAULT_TOKEN"), e.get("AVP_K8S_ROLE"), e.get("VAULT_TOKEN_FILE")),
            (None, None, None)
        );
        assert_eq!(e.unused, ["VAULT_TOKEN_FILE"]);
    }

    #[test]
    fn an_opened_address_does_not_take_the_administrators_credential_along() {
        let e = resolve(&[
            ("KEYFILL_APP_MAY_SET", "VAULT_ADDR,VAULT_TOKEN_FILE"),
            ("VAULT_ADDR", "https://vault"),
            ("VAULT_TOKEN", "admin"),
            ("AVP_SECRET_ID", "admin"),
            ("ARGOCD_ENV_VAULT_ADDR", "https://theirs"),
            ("ARGOCD_ENV_VAULT_TOKEN_FILE", "/var/run/secrets/token"),
        ]);
        assert_eq!(e.get("VAULT_ADDR"), Some("https://theirs"));
        assert_eq!(
            (e.get("VAULT_TOKEN"), e.get("AVP_SECRET_ID"), e.get("VAULT_TOKEN_FILE")),
            (None, None, None)
        );
    }

    #[test]
    fn an_author_may_say_who_they_are_where_it_is_open() {
        let author = [
            ("VAULT_ADDR", "https://vault"),
            ("ARGOCD_ENV_AVP_ROLE_ID", "r"),
            ("ARGOCD_ENV_AVP_SECRET_ID", "s"),
        ];
        let by = |e: &Effective, n: &str| e.setting(n).map(|s| s.set_by);
        let e = resolve(&author);
        assert_eq!(by(&e, "AVP_SECRET_ID"), Some(SetBy::Author));
        let e = resolve(&[&author[..], &[("AVP_AUTH_TYPE", "approle")]].concat());
        assert_eq!(by(&e, "AVP_ROLE_ID"), Some(SetBy::Author));
        let e = resolve(&[&author[..], &[("AVP_AUTH_TYPE", "k8s"), ("AVP_K8S_ROLE", "app")]].concat());
        assert_eq!(by(&e, "AVP_ROLE_ID"), None);
        let e = resolve(&[&author[..], &[("VAULT_TOKEN", "admin")]].concat());
        assert_eq!((by(&e, "AVP_ROLE_ID"), by(&e, "VAULT_TOKEN")), (None, Some(SetBy::Administrator)));
        let e = resolve(&[&author[..], &[("AVP_AUTH_TYPE", "approle"), ("AVP_SECRET_ID", "admin")]].concat());
        assert_eq!(
            by(&e, "AVP_ROLE_ID"),
            None,
            "an author's role id never goes with the administrator's secret id"
        );
    }

    #[test]
    fn files_roles_and_policy_are_never_the_authors() {
        for name in [
            "VAULT_TOKEN_FILE",
            "AVP_K8S_ROLE",
            "AVP_K8S_TOKEN_PATH",
            "AVP_K8S_MOUNT_PATH",
            "AVP_MOUNT_PATH",
            "KEYFILL_SOURCE",
            "KEYFILL_SECRETS_FILE",
            "KEYFILL_ALLOWED_PATHS",
            "KEYFILL_ALLOW_EMPTY",
            "KEYFILL_ENGINE",
            "KEYFILL_KUSTOMIZE",
            "KEYFILL_APP_MAY_SET",
            "HTTPS_PROXY",
            "VAULT_CACERT",
        ] {
            let e = resolve(&[("VAULT_ADDR", "https://vault"), (&format!("ARGOCD_ENV_{name}"), "x")]);
            assert_eq!(e.get(name), None, "{name}");
            assert_eq!(e.unused, [name]);
        }
    }

    #[test]
    fn an_authors_expression_is_kept_apart() {
        let e = resolve(&[("AVP_PATH_VALIDATION", "^a"), ("ARGOCD_ENV_AVP_PATH_VALIDATION", ".*")]);
        assert_eq!(
            (e.get("AVP_PATH_VALIDATION"), e.author_path_validation.as_deref()),
            (Some("^a"), Some(".*"))
        );
    }

    #[test]
    fn the_file_wins_for_vault_and_the_environment_for_avp() {
        let env: Env = [("VAULT_ADDR", "env"), ("AVP_TYPE", "env")].into_iter().collect();
        let file: BTreeMap<String, String> =
            [("VAULT_ADDR", "file"), ("AVP_TYPE", "file")].map(|(k, v)| (k.into(), v.into())).into();
        let all = administrators(&env, &file);
        assert_eq!((all["VAULT_ADDR"].as_str(), all["AVP_TYPE"].as_str()), ("file", "env"));
    }

    #[test]
    fn debug_text_holds_no_value() {
        let e = resolve(&[("VAULT_ADDR", "https://vault"), ("VAULT_TOKEN", "hush")]);
        assert!(!format!("{e:?}").contains("hush"));
    }
}
