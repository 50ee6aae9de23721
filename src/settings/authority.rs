//! Who may set what: merges the settings of the administrator, of a Secret that the app's author chose, and of the
//! app's author.
//!
//! The administrator's settings come from the process's environment, the config file, the `-s` Secret and the
//! command line. The author, who owns the app in git, has `ARGOCD_ENV_*`. From a Secret that the author chose among
//! those of `KEYFILL_APP_SECRETS`, only the login and the connection to Vault are taken.
//!
//! Three rules always hold. An administrator's credential is sent only to an address that the administrator set. If
//! an author's setting decides which secret is read, it is used, or the run is refused. Any other setting of an
//! author that is not used is named in a warning, without its value.

use super::env::Env;
use super::method::Method;
use super::source_kind::{Family, SourceKind};
use super::table::{Author, Holds, Var, setting, settings};
use crate::values;
use std::collections::{BTreeMap, BTreeSet};

/// Who set a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetBy {
    /// The sidecar's environment, config file or command line.
    Administrator,
    /// A Secret that the app's author chose, where `KEYFILL_APP_SECRETS` allows it.
    AppSecret,
    /// The app's plugin environment.
    Author,
}

/// A value and who set it. `Debug` shows who, never the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// Who set the value.
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
    /// Names that an author set and that are not used. The run may go on.
    pub unused: Vec<&'static str>,
    /// Names that an author set, that are not used, and that decide which secret is read: the run must be refused.
    pub refused: Vec<&'static str>,
    /// The author's own regular expression for paths. A path must match it and the administrator's.
    pub author_path_validation: Option<String>,
}

impl FromIterator<(&'static str, Setting)> for Effective {
    /// Settings that need no check of who set them.
    fn from_iter<I: IntoIterator<Item = (&'static str, Setting)>>(values: I) -> Self {
        Self { values: values.into_iter().collect(), ..Self::default() }
    }
}

impl Effective {
    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.setting(name).map(|s| s.value.as_str())
    }

    /// The value of a setting, if the administrator set it.
    pub fn administrators(&self, name: &str) -> Option<&str> {
        self.setting(name).filter(|s| s.set_by == SetBy::Administrator).map(|s| s.value.as_str())
    }

    /// All values by name, with who set them.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Setting)> {
        self.values.iter().map(|(name, set)| (*name, set))
    }

    /// The value of a setting, and who set it.
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        debug_assert!(setting(name).is_some(), "{name} is read and does not stand in settings::table");
        self.values.get(name)
    }

    /// The login method in force: the one that `AVP_AUTH_TYPE` names, else the one that the credentials imply.
    pub fn method(&self) -> Option<Method> {
        match self.get("AVP_AUTH_TYPE") {
            Some(name) => Method::named(name),
            None => Method::implied(|name| self.values.contains_key(name)),
        }
    }

    /// Whether the author chose Vault's address: then no credential of the sidecar is sent there, and the address
    /// must be allowed.
    pub fn address_is_authors(&self) -> bool {
        self.setting("VAULT_ADDR").is_some_and(|s| s.set_by != SetBy::Administrator)
    }
}

/// Settings by name, from one source.
pub type Values = BTreeMap<&'static str, String>;

/// Prefixes of names for which the config file wins over the environment, as in argocd-vault-plugin.
const FILE_WINS: [&str; 5] = ["VAULT_", "AWS_", "AZURE_", "GOOGLE_", "OP_CONNECT_"];

/// The administrator's settings. The environment wins over the config file, except for `VAULT_*` and the settings
/// of clouds, where the file wins as in argocd-vault-plugin.
pub fn administrators(env: &Env, file: &BTreeMap<String, String>) -> Values {
    let mut found = Values::new();
    for var in settings() {
        let in_env = openbaos(var.name, |name| env.listed(name))
            .or_else(|| env.get(var.name))
            .or_else(|| proxy_in_lower_case(env, var.name))
            .and_then(|value| meant(var, value));
        let in_file = openbaos(var.name, |name| file.get(name).map(String::as_str))
            .or_else(|| file.get(var.name).map(String::as_str))
            .and_then(|value| meant(var, value));
        let file_wins = FILE_WINS.iter().any(|prefix| var.name.starts_with(prefix));
        let value = if file_wins { in_file.or(in_env) } else { in_env.or(in_file) };
        if let Some(value) = value {
            found.insert(var.name, value.to_owned());
        }
    }
    found
}

/// Trims a value: secrets lose only line breaks at the end, as `echo` leaves them; all other values lose white
/// space on both sides. `None` if nothing is left.
fn meant<'a>(var: &Var, value: &'a str) -> Option<&'a str> {
    let value = match var.holds {
        Holds::Secret => value.trim_end_matches(['\n', '\r']),
        _ => value.trim(),
    };
    Some(value).filter(|value| !value.is_empty())
}

/// The value of OpenBao's name for a setting of Vault: `BAO_ADDR` wins over `VAULT_ADDR`, as in OpenBao's client.
fn openbaos<'a>(name: &str, get: impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    get(&format!("BAO_{}", name.strip_prefix("VAULT_")?)).filter(|value| !value.is_empty())
}

/// The value of a proxy setting in its older spelling: `https_proxy`, `no_proxy`.
fn proxy_in_lower_case<'a>(env: &'a Env, name: &str) -> Option<&'a str> {
    name.ends_with("_PROXY").then(|| env.get(&name.to_lowercase())).flatten()
}

/// The author's settings, from `ARGOCD_ENV_*`.
pub fn authors(env: &Env) -> Values {
    settings().filter_map(|v| Some((v.name, meant(v, env.authors(v.name)?)?.to_owned()))).collect()
}

/// The settings in a Secret that the app's author chose. Keys that are no settings are left out.
pub fn of_secret(keys: &BTreeMap<String, String>) -> Values {
    settings().filter_map(|v| Some((v.name, meant(v, keys.get(v.name)?)?.to_owned()))).collect()
}

/// Merges all settings. `secret` holds the settings of a Secret that the author chose; it is empty if they chose
/// none. `families` are the groups of settings that the stores of the config file use.
pub fn effective(admin: &Values, secret: &Values, author: &Values, families: &[Family]) -> Effective {
    let opened: BTreeSet<&str> =
        admin.get("KEYFILL_APP_MAY_SET").map(|names| values::list(names).collect()).unwrap_or_default();
    let mut all = Effective::default();
    let mut in_use = families.to_vec();
    in_use.extend(SOURCES.iter().find_map(|name| admin.get(name)).and_then(|kind| family_of(kind)));
    let base = with_secret(admin, secret, &in_use, &mut all.refused);
    let authors_address =
        author.contains_key("VAULT_ADDR") && (opened.contains("VAULT_ADDR") || !store_is_chosen(&base));
    let identity = OpenIdentity::of(&base, author);
    for var in settings() {
        let by_base = || base.get(var.name).cloned();
        let authors = author.get(var.name).filter(|value| may_be_authors(var.name, value));
        let by_author = || authors.map(|v| by(SetBy::Author, v));
        let chosen = if var.author == Author::Never {
            by_base()
        } else if opened.contains(var.name) && !(authors_address && var.is_ambient()) {
            by_author().or_else(|| if authors_address && is_connection(var) { None } else { by_base() })
        } else if authors_address {
            choose_for_authors_address(var, by_base(), by_author())
        } else {
            match var.author {
                Author::Never | Author::No | Author::Connection => by_base(),
                Author::Yes if var.name == "AVP_PATH_VALIDATION" => by_base(),
                Author::Yes => by_author().or_else(by_base),
                Author::Identity if identity.is_open(var.name) => by_base().or_else(by_author),
                Author::Identity => by_base(),
            }
        };
        if let Some(chosen) = chosen {
            all.values.insert(var.name, chosen);
        }
    }
    all.author_path_validation = author.get("AVP_PATH_VALIDATION").cloned();
    note_what_is_not_used(&mut all, author, &in_use);
    all
}

/// The settings that name the type of store. The first one that is set wins.
const SOURCES: [&str; 2] = ["KEYFILL_SOURCE", "AVP_TYPE"];

/// Whether an author may set this value. Stores other than Vault are accessed with the sidecar's identity, so an
/// author never chooses one.
fn may_be_authors(name: &str, value: &str) -> bool {
    !SOURCES.contains(&name) || value.trim() == SourceKind::Vault.name()
}

fn family_of(kind: &str) -> Option<Family> {
    SourceKind::named("", kind).ok().and_then(SourceKind::family)
}

/// Whether a setting belongs to a store that is not in use. Then an author's value has no effect and needs no
/// warning.
fn is_of_no_store(name: &str, in_use: &[Family]) -> bool {
    setting(name).and_then(|var| var.store).is_some_and(|family| !in_use.contains(&family))
}

fn by(set_by: SetBy, value: &str) -> Setting {
    Setting { value: value.to_owned(), set_by }
}

/// Lists the author's settings that are not in force. A setting that both sides set to the same value is in force.
fn note_what_is_not_used(all: &mut Effective, author: &Values, in_use: &[Family]) {
    for (name, value) in author.iter().filter(|(name, _)| **name != "AVP_PATH_VALIDATION") {
        let used = all.values.get(name).is_some_and(|s| s.set_by == SetBy::Author || s.value == *value);
        if used || is_implied(all, name, value) || is_of_no_store(name, in_use) {
            continue;
        }
        let list = if setting(name).is_some_and(|v| v.decides) { &mut all.refused } else { &mut all.unused };
        list.push(name);
    }
}

/// Whether an author's value is in force without being set: the store `vault` by default, or the login method that
/// the administrator's credentials imply.
fn is_implied(all: &Effective, name: &str, value: &str) -> bool {
    match name {
        "AVP_TYPE" | "KEYFILL_SOURCE" => {
            let in_force = SOURCES.iter().find_map(|name| all.get(name)).map_or("vault", str::trim);
            value.trim() == in_force
        }
        "AVP_AUTH_TYPE" => Method::named(value).is_some_and(|method| all.method() == Some(method)),
        _ => false,
    }
}

/// The administrator's settings, in part replaced by those of a Secret that the author chose. The Secret replaces
/// the login as a whole, and the connection as a whole: if it has another address, no credential of the sidecar is
/// sent there. Policies, paths of files and other settings of the administrator are not taken from it.
fn with_secret(
    admin: &Values,
    secret: &Values,
    in_use: &[Family],
    refused: &mut Vec<&'static str>,
) -> BTreeMap<&'static str, Setting> {
    let of_admin = |name: &&'static str| admin.get(name).map(|v| (*name, by(SetBy::Administrator, v)));
    let mut base: BTreeMap<&'static str, Setting> = settings().filter_map(|v| of_admin(&v.name)).collect();
    if secret.is_empty() {
        return base;
    }
    let own_address =
        secret.get("VAULT_ADDR").is_some_and(|address| admin.get("VAULT_ADDR") != Some(address));
    let own_identity = secret.keys().any(|name| setting(name).is_some_and(is_identity));
    base.retain(|name, _| {
        let var = setting(name);
        let replaced = var.is_some_and(|v| own_address && is_connection(v) || own_identity && is_identity(v));
        !replaced
    });
    for (name, value) in secret {
        let Some(var) = setting(name) else { continue };
        let taken = match var.author {
            Author::Identity => own_identity,
            Author::Connection if !may_be_authors(name, value) => false,
            Author::Connection => own_address || own_identity && var.name != "VAULT_ADDR",
            // A role for the sidecar's own service account is taken only with the administrator's address.
            Author::No if *name == "AVP_K8S_ROLE" => !own_address && admin.contains_key("VAULT_ADDR"),
            Author::Never | Author::No | Author::Yes => false,
        };
        if taken {
            base.insert(name, by(SetBy::AppSecret, value));
        } else if var.decides
            && !is_of_no_store(name, in_use)
            && base.get(name).is_none_or(|s| s.value != *value)
        {
            refused.push(name);
        }
    }
    base
}

/// Whether a setting is a part of the login. A client certificate is not: it belongs to the connection to the
/// administrator's address.
fn is_identity(var: &Var) -> bool {
    let is_ambient = |m: Method| m != Method::Cert && m.ambient().contains(&var.name);
    var.author == Author::Identity || var.method.is_some_and(is_ambient)
}

fn store_is_chosen(base: &BTreeMap<&'static str, Setting>) -> bool {
    let is_other = |name: &&str| base.get(*name).is_some_and(|s| !may_be_authors(name, &s.value));
    base.contains_key("VAULT_ADDR") || SOURCES.iter().any(is_other)
}

/// Chooses the value of a setting if the address is the author's. Then the whole connection is the author's: no
/// login of the administrator is used for it, and no file of the sidecar is read.
fn choose_for_authors_address(var: &Var, base: Option<Setting>, author: Option<Setting>) -> Option<Setting> {
    match var.author {
        Author::Identity | Author::Connection => author,
        Author::Yes if var.name == "AVP_PATH_VALIDATION" => base,
        Author::Yes => author.or(base),
        Author::No if var.is_ambient() => None,
        Author::Never | Author::No => base,
    }
}

fn is_connection(var: &Var) -> bool {
    matches!(var.author, Author::Identity | Author::Connection) || var.is_ambient()
}

/// The settings of the login that the author may set.
struct OpenIdentity(BTreeSet<&'static str>);

impl OpenIdentity {
    fn of(base: &BTreeMap<&'static str, Setting>, author: &Values) -> Self {
        let has = |name: &str| base.contains_key(name);
        let named = base.get("AVP_AUTH_TYPE").map(|s| Method::named(&s.value));
        // Without `AVP_AUTH_TYPE`, any credential that the administrator set decides the login.
        let says_who = |m: &Method| m.identity().iter().chain(m.ambient()).any(|n| has(n));
        if named.is_none() && Method::ALL.iter().any(says_who) {
            return Self(BTreeSet::new());
        }
        let mut open = BTreeSet::new();
        let authors_method = author.get("AVP_AUTH_TYPE").map(|name| Method::named(name));
        let may_be_authors = |m: Option<Method>| m.is_some_and(|m| !m.identity().is_empty());
        if named.is_none() && authors_method.is_none_or(may_be_authors) {
            open.insert("AVP_AUTH_TYPE");
        }
        for method in Method::ALL {
            let other = named.is_some_and(|named| named != Some(method));
            let credential_is_set =
                method.identity().first().into_iter().chain(method.ambient()).any(|n| has(n));
            if !other && !credential_is_set {
                open.extend(method.identity().iter().filter(|n| !has(n)));
            }
        }
        Self(open)
    }

    fn is_open(&self, name: &str) -> bool {
        self.0.contains(name)
    }
}

#[cfg(test)]
mod tests {
    use super::{Effective, SetBy, administrators, authors, effective};
    use super::{Values, of_secret};
    use crate::settings::Env;
    use std::collections::BTreeMap;

    fn resolve(vars: &[(&str, &str)]) -> Effective {
        let env: Env = vars.iter().copied().collect();
        effective(&administrators(&env, &BTreeMap::new()), &Values::new(), &authors(&env), &[])
    }

    /// Merges variables with the keys of a Secret that the author chose.
    fn with_secret(vars: &[(&str, &str)], keys: &[(&str, &str)]) -> Effective {
        let env: Env = vars.iter().copied().collect();
        let keys = keys.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        effective(&administrators(&env, &BTreeMap::new()), &of_secret(&keys), &authors(&env), &[])
    }

    #[test]
    fn an_author_cannot_send_the_administrators_token_to_another_address() {
        let e = resolve(&[
            ("VAULT_ADDR", "https://vault"),
            ("VAULT_TOKEN", "admin"),
            ("ARGOCD_ENV_VAULT_ADDR", "https://evil"),
            ("ARGOCD_ENV_VAULT_NAMESPACE", "other"),
            ("ARGOCD_ENV_VAULT_SKIP_VERIFY", "true"),
        ]);
        assert_eq!((e.get("VAULT_ADDR"), e.get("VAULT_TOKEN")), (Some("https://vault"), Some("admin")));
        assert_eq!((e.refused, e.unused), (vec!["VAULT_ADDR", "VAULT_NAMESPACE"], vec!["VAULT_SKIP_VERIFY"]));
    }

    #[test]
    fn a_setting_that_repeats_the_administrators_is_neither_refused_nor_unused() {
        let e = resolve(&[
            ("VAULT_ADDR", "https://vault"),
            ("VAULT_NAMESPACE", "team"),
            ("VAULT_TOKEN", "admin"),
            ("ARGOCD_ENV_VAULT_NAMESPACE", "team"),
            ("ARGOCD_ENV_AVP_TYPE", "vault"),
            ("ARGOCD_ENV_AVP_AUTH_TYPE", "token"),
        ]);
        assert_eq!((e.refused, e.unused), (vec![], vec![]));
    }

    #[test]
    fn a_login_from_an_authors_secret_replaces_the_administrators_as_a_whole() {
        let admin = [("VAULT_ADDR", "https://vault"), ("VAULT_TOKEN", "admin"), ("VAULT_NAMESPACE", "root")];
        let e =
            with_secret(&admin, &[("AVP_ROLE_ID", "r"), ("AVP_SECRET_ID", "s"), ("VAULT_NAMESPACE", "team")]);
        assert_eq!((e.get("VAULT_ADDR"), e.get("VAULT_TOKEN")), (Some("https://vault"), None));
        assert_eq!((e.get("AVP_SECRET_ID"), e.get("VAULT_NAMESPACE")), (Some("s"), Some("team")));
        assert!(e.refused.is_empty() && !e.address_is_authors());
        let e = with_secret(&admin, &[("VAULT_NAMESPACE", "team")]);
        assert_eq!(e.refused, ["VAULT_NAMESPACE"], "the administrator's token stays in its namespace");
    }

    #[test]
    fn an_address_from_an_authors_secret_never_gets_the_sidecars_credentials() {
        let admin = [("VAULT_ADDR", "https://vault"), ("VAULT_TOKEN", "admin"), ("VAULT_CLIENT_KEY", "/k")];
        let e = with_secret(&admin, &[("VAULT_ADDR", "https://theirs"), ("AVP_K8S_ROLE", "team")]);
        assert_eq!(e.get("VAULT_ADDR"), Some("https://theirs"));
        assert_eq!(
            (e.get("VAULT_TOKEN"), e.get("VAULT_CLIENT_KEY"), e.get("AVP_K8S_ROLE")),
            (None, None, None)
        );
        assert_eq!(e.refused, ["AVP_K8S_ROLE"]);
        assert!(e.address_is_authors());
        let e = with_secret(&admin, &[("VAULT_ADDR", "https://vault"), ("AVP_K8S_ROLE", "team")]);
        assert_eq!((e.get("AVP_K8S_ROLE"), e.get("VAULT_TOKEN")), (Some("team"), None));
        assert!(e.refused.is_empty() && !e.address_is_authors());
    }

    #[test]
    fn policies_and_paths_of_files_are_not_taken_from_an_authors_secret() {
        let admin = [("VAULT_ADDR", "https://vault"), ("KEYFILL_ALLOWED_PATHS", "team/*")];
        let keys = [
            ("KEYFILL_ALLOWED_PATHS", "*"),
            ("AVP_PATH_VALIDATION", ".*"),
            ("KEYFILL_APP_MAY_SET", "VAULT_ADDR"),
            ("VAULT_TOKEN", "t"),
            ("VAULT_TOKEN_FILE", "/proc/self/environ"),
        ];
        let e = with_secret(&admin, &keys);
        assert_eq!((e.get("KEYFILL_ALLOWED_PATHS"), e.get("VAULT_TOKEN")), (Some("team/*"), Some("t")));
        let absent = ["AVP_PATH_VALIDATION", "KEYFILL_APP_MAY_SET", "VAULT_TOKEN_FILE"];
        assert!(absent.iter().all(|name| e.get(name).is_none()));
        assert_eq!(e.refused, ["VAULT_TOKEN_FILE"]);
    }

    #[test]
    fn without_an_administrators_address_the_authors_connection_is_used_as_a_whole() {
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
        assert_eq!(e.refused, ["VAULT_TOKEN_FILE"]);
        assert!(e.address_is_authors());
    }

    #[test]
    fn an_address_that_authors_may_set_never_gets_the_administrators_credential() {
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
    fn an_author_may_set_a_login_if_the_administrator_set_none() {
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
    fn an_author_cannot_set_files_roles_and_policies() {
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
            "KEYFILL_HELM_COMPAT",
            "KEYFILL_KUSTOMIZE",
            "KEYFILL_APP_MAY_SET",
            "HTTPS_PROXY",
            "VAULT_CACERT",
        ] {
            let e = resolve(&[("VAULT_ADDR", "https://vault"), (&format!("ARGOCD_ENV_{name}"), "x")]);
            assert_eq!(e.get(name), None, "{name}");
            assert_eq!([e.refused, e.unused].concat(), [name]);
        }
    }

    #[test]
    fn an_author_chooses_no_store_but_vault() {
        let theirs = [("ARGOCD_ENV_VAULT_ADDR", "https://theirs"), ("ARGOCD_ENV_VAULT_TOKEN", "t")];
        for kind in ["awssecretsmanager", "awsssm", "gcpsecretmanager", "kubernetessecret", "file"] {
            let e = resolve(&[&theirs[..], &[("ARGOCD_ENV_AVP_TYPE", kind)]].concat());
            assert_eq!((e.get("AVP_TYPE"), &e.refused), (None, &vec!["AVP_TYPE"]), "{kind}");
            let opened = [("KEYFILL_APP_MAY_SET", "AVP_TYPE"), ("ARGOCD_ENV_AVP_TYPE", kind)];
            assert_eq!(resolve(&opened).get("AVP_TYPE"), None, "{kind}");
            // If the administrator chose a store, an author's address of Vault is not used.
            let e = resolve(&[&theirs[..], &[("AVP_TYPE", kind)]].concat());
            assert_eq!((e.get("VAULT_ADDR"), e.get("AVP_TYPE")), (None, Some(kind)));
            assert_eq!(e.refused, ["VAULT_ADDR"]);
            let e = with_secret(&[("AVP_TYPE", "vault")], &[("AVP_TYPE", kind), ("VAULT_TOKEN", "t")]);
            assert!(e.refused.contains(&"AVP_TYPE"), "{kind}");
        }
    }

    #[test]
    fn no_author_may_set_a_setting_of_a_cloud_even_with_app_may_set() {
        let names = ["AWS_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_ACCESS_KEY_ID"];
        for name in names {
            let theirs = format!("ARGOCD_ENV_{name}");
            let vars = [("KEYFILL_APP_MAY_SET", name), ("AVP_TYPE", "awssecretsmanager"), (&theirs, "x")];
            let e = resolve(&vars);
            assert_eq!((e.get(name), &e.refused), (None, &vec![name]));
            // With another store the setting has no effect, and needs no warning.
            let e = resolve(&[("VAULT_ADDR", "https://vault"), (&theirs, "x")]);
            assert!(e.get(name).is_none() && e.refused.is_empty() && e.unused.is_empty());
        }
    }

    #[test]
    fn an_authors_expression_does_not_replace_the_administrators() {
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
    fn debug_shows_no_values() {
        let e = resolve(&[("VAULT_ADDR", "https://vault"), ("VAULT_TOKEN", "hush")]);
        assert!(!format!("{e:?}").contains("hush"));
    }
}
