//! The table of all environment variables that keyfill reads. Each row says what a variable means, who may set it,
//! which login method uses it, and whether it is a credential or makes keyfill use one of the sidecar.
//!
//! To add a variable, add its row here. [`super::Env::get`] panics in debug builds for a name without a row.

use super::method::Method;
use super::source_kind::Family;
pub use super::store_table::STORE_SETTINGS;

/// Whether an author may set a setting, as the administrator may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// An author may never set it, not even if `KEYFILL_APP_MAY_SET` names it.
    Never,
    /// An author may set it only if `KEYFILL_APP_MAY_SET` names it.
    No,
    /// A part of the login: an author's value is used if the administrator set no login.
    Identity,
    /// A part of the connection: an author's value is used only if the administrator set neither an address nor a
    /// store other than Vault.
    Connection,
    /// An author may always set it: it does no harm.
    Yes,
}

/// What kind of value a variable has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A value that may be shown.
    Plain,
    /// A credential, which is never shown.
    Secret,
    /// The path of a file or folder that is not a credential of the sidecar for a store.
    File,
    /// The path of a file that holds a credential of the sidecar for a store.
    CredentialFile,
    /// A role under which the sidecar's own service account logs in.
    AmbientIdentity,
    /// An identity for a store other than Vault, such as a user name or role. It may be shown.
    Identity,
    /// The path of a file with keys that decrypt files of the tree. These keys are never sent anywhere.
    KeyFile,
}

/// A variable that keyfill knows.
#[derive(Clone, Copy, Debug)]
pub struct Var {
    /// The variable's name.
    pub name: &'static str,
    /// Whether an author may set it with the prefix `ARGOCD_ENV_`.
    pub author: Author,
    /// What kind of value the variable has.
    pub holds: Holds,
    /// The login method of Vault that uses it; `None` if it belongs to no method.
    pub method: Option<Method>,
    /// The cloud or product whose stores use it; `None` for settings of Vault and of the run.
    pub store: Option<Family>,
    /// Whether it decides which secret is read (store, address, namespace, identity). If an author sets it, it is
    /// used or the run is refused: to ignore it could fill in a wrong value.
    pub decides: bool,
    /// The meaning of the variable in one line, for `keyfill settings` and docs/settings.md.
    pub meaning: &'static str,
}

impl Var {
    /// Whether the variable's value must not be shown.
    pub const fn is_secret(&self) -> bool {
        matches!(self.holds, Holds::Secret)
    }

    /// Whether it makes keyfill use a credential of the sidecar.
    pub const fn is_ambient(&self) -> bool {
        matches!(self.holds, Holds::CredentialFile | Holds::AmbientIdentity)
    }

    /// Whether it is a credential or identity for a store other than Vault.
    pub const fn is_store_identity(&self) -> bool {
        let says = matches!(self.holds, Holds::Secret | Holds::CredentialFile | Holds::Identity);
        self.store.is_some() && says
    }

    pub(super) const fn holds(self, holds: Holds) -> Self {
        Self { holds, ..self }
    }

    const fn of(self, method: Method) -> Self {
        Self { method: Some(method), decides: true, ..self }
    }

    const fn decides(self) -> Self {
        Self { decides: true, ..self }
    }
}

const fn var(name: &'static str, author: Author, meaning: &'static str) -> Var {
    Var { name, author, holds: Holds::Plain, method: None, store: None, decides: false, meaning }
}

/// Settings of Vault, policy and run, in the order of their names. The same names are used in config files and `-s`
/// Secrets, and, with the prefix `ARGOCD_ENV_`, by authors.
pub const SETTINGS: &[Var] = &[
    var(
        "AVP_AUTH_TYPE",
        Author::Identity,
        "the login method: token, approle, k8s, userpass, github, jwt, cert",
    )
    .decides(),
    var("AVP_CERT_ROLE", Author::No, "the role of the method cert").of(Method::Cert),
    var("AVP_GITHUB_TOKEN", Author::Identity, "the token of the method github")
        .holds(Holds::Secret)
        .of(Method::Github),
    var("AVP_JWT", Author::Identity, "the token of the method jwt").holds(Holds::Secret).of(Method::Jwt),
    var("AVP_JWT_PATH", Author::No, "a file with the token of the method jwt")
        .holds(Holds::CredentialFile)
        .of(Method::Jwt),
    var("AVP_JWT_ROLE", Author::Identity, "the role of the method jwt").of(Method::Jwt),
    var("AVP_K8S_MOUNT_PATH", Author::Connection, "where the method k8s is mounted [auth/kubernetes]")
        .of(Method::Kubernetes),
    var("AVP_K8S_ROLE", Author::No, "the role of the method k8s")
        .holds(Holds::AmbientIdentity)
        .of(Method::Kubernetes),
    var("AVP_K8S_TOKEN_PATH", Author::No, "the file of the service account's token")
        .holds(Holds::CredentialFile)
        .of(Method::Kubernetes),
    var("AVP_KV_VERSION", Author::Yes, "how answers are unwrapped: 1 or 2 [by the answer itself]"),
    var("AVP_MOUNT_PATH", Author::Connection, "where the auth method is mounted [auth/METHOD]").decides(),
    var("AVP_PASSWORD", Author::Identity, "the password of the method userpass")
        .holds(Holds::Secret)
        .of(Method::Userpass),
    var(
        "AVP_PATH_VALIDATION",
        Author::Yes,
        "a regular expression that every path must match; an author's one must match too",
    ),
    var("AVP_ROLE_ID", Author::Identity, "the role id of the method approle")
        .holds(Holds::Secret)
        .of(Method::AppRole),
    var("AVP_SECRET_ID", Author::Identity, "the secret id of the method approle")
        .holds(Holds::Secret)
        .of(Method::AppRole),
    var(
        "AVP_TYPE",
        Author::Connection,
        "where secrets come from: vault, awssecretsmanager and others (docs/stores.md); an app's only vault",
    )
    .decides(),
    var("AVP_USERNAME", Author::Identity, "the user of the method userpass").of(Method::Userpass),
    var("HTTPS_PROXY", Author::No, "the proxy for https addresses"),
    var("HTTP_PROXY", Author::No, "the proxy for http addresses"),
    var("KEYFILL_ALLOWED_PATHS", Author::No, "globs, one a line or comma: the paths that may be read"),
    var("KEYFILL_ALLOW_EMPTY", Author::No, "true: an empty result is fine"),
    var(
        "KEYFILL_APP_ADDRESSES",
        Author::No,
        "addresses that an author's own Vault may have besides public ones",
    ),
    var("KEYFILL_APP_ENV", Author::No, "names that path templates may read as env.NAME"),
    var("KEYFILL_APP_MAY_SET", Author::No, "further names that authors may set"),
    var(
        "KEYFILL_APP_NAMESPACES",
        Author::No,
        "globs of the Vault namespaces that manifests may name with keyfill.dev/vault-namespace",
    ),
    var("KEYFILL_APP_SECRETS", Author::No, "globs of the Secrets that authors may name with AVP_SECRET"),
    var(
        "KEYFILL_ARGOCD_REPOSITORIES",
        Author::Never,
        "the namespace of Argo CD's repository and repo-creds Secrets, whose logins are used for what is fetched [none]",
    ),
    var(
        "KEYFILL_CACHE_DIR",
        Author::No,
        "where Vault tokens and fetched contents are kept [~/.avp; ~/.cache/keyfill]",
    ),
    var("KEYFILL_CACHE_SIZE", Author::No, "how much of what was fetched is kept, as in 512Mi [1Gi]"),
    var(
        "KEYFILL_CREDENTIAL_HELPERS",
        Author::Never,
        "docker's credential helpers that may be started, by name, as in ecr-login,gcr [none]",
    ),
    var("KEYFILL_DEADLINE", Author::No, "how long a run may take [55s; check: 10m]"),
    var("KEYFILL_ENGINE", Author::No, "auto, native, exec or verify"),
    var(
        "KEYFILL_FETCH",
        Author::No,
        "off, locked or on: what the tree does not hold is fetched [on; in Argo CD off, or locked with KEYFILL_FETCH_HOSTS]",
    ),
    var(
        "KEYFILL_FETCH_HOSTS",
        Author::No,
        "URL globs, one a line or comma: from where something is fetched [any public https host; in Argo CD none]",
    ),
    var(
        "KEYFILL_FETCH_PROOF",
        Author::No,
        "charts that must be signed, one a line or comma: oci://HOST/PATH/* cosign:/path/key.pub, https://HOST/PATH/* prov:/path/keyring.gpg",
    ),
    var(
        "KEYFILL_FETCH_SSH",
        Author::No,
        "the path of ssh, which fetches repositories over ssh [they are not fetched]",
    ),
    var(
        "KEYFILL_FETCH_SSH_KEY",
        Author::No,
        "the file of the private key that KEYFILL_FETCH_SSH logs in with",
    )
    .holds(Holds::File),
    var(
        "KEYFILL_FETCH_SSH_KNOWN_HOSTS",
        Author::No,
        "the file of the host keys that KEYFILL_FETCH_SSH trusts",
    )
    .holds(Holds::File),
    var("KEYFILL_FETCH_STRICT", Author::No, "true: an index that gives a wrong digest is an error"),
    var(
        "KEYFILL_FILL",
        Author::No,
        "always, hydrated or never: whether placeholders are filled; hydrated: only in what Argo CD's source hydrator \
         wrote [always]",
    ),
    var(
        "KEYFILL_FILL_REVISIONS",
        Author::No,
        "globs of the branches whose apps are filled; others keep their placeholders",
    ),
    var(
        "KEYFILL_FILL_VALUES",
        Author::No,
        "true: placeholders in a chart's values are filled before it is rendered; false: never [where an app asks]",
    ),
    var("KEYFILL_GIT_CREDENTIALS", Author::No, "a file as git's store helper keeps it [~/.git-credentials]")
        .holds(Holds::File),
    var("KEYFILL_HELM", Author::No, "the official helm's path"),
    var("KEYFILL_HELM_COMPAT", Author::No, "the helm whose rules charts follow: 3 or 4 [4]"),
    var("KEYFILL_KINDS", Author::No, "the kinds that are filled"),
    var("KEYFILL_KUSTOMIZE", Author::No, "the official kustomize's path"),
    var("KEYFILL_MEMORY", Author::No, "how much memory a run may use, as in 512Mi [1Gi]"),
    var(
        "KEYFILL_PREFER",
        Author::No,
        "what a folder is that holds a kustomization and a chart: kustomization or chart",
    ),
    var("KEYFILL_REMOVE_MISSING", Author::No, "any: avp.kubernetes.io/remove-missing works on every kind"),
    var("KEYFILL_ROOT", Author::No, "the tree that no path may leave"),
    var("KEYFILL_SECRETS_FILE", Author::No, "the file that the source file reads")
        .holds(Holds::File)
        .decides(),
    var(
        "KEYFILL_SOPS",
        Author::No,
        "true: files that SOPS encrypted are decrypted: values, manifests, ksops generators",
    ),
    var(
        "KEYFILL_SOPS_KEYS",
        Author::No,
        "globs of the keys that encrypted files may use: age recipients, key ARNs and so on [all]",
    ),
    var("KEYFILL_SOPS_PGP_KEY_FILE", Author::No, "a file of secret keys of PGP, as gpg exports them")
        .holds(Holds::KeyFile),
    var("KEYFILL_SOURCE", Author::No, "where secrets come from, as AVP_TYPE, or file; it wins over AVP_TYPE")
        .decides(),
    var("KEYFILL_VALS_REFS", Author::No, "true: references of vals (ref+SCHEME://PATH#/KEY) are filled too"),
    var("NO_PROXY", Author::No, "hosts that are reached without the proxy"),
    var("SOPS_AGE_KEY", Author::No, "secret keys of age, AGE-SECRET-KEY-1..., with blanks between")
        .holds(Holds::Secret),
    var("SOPS_AGE_KEY_FILE", Author::No, "a file of secret keys of age").holds(Holds::KeyFile),
    var("SOPS_AGE_SSH_PRIVATE_KEY_FILE", Author::No, "a private key of SSH, used as a key of age")
        .holds(Holds::KeyFile),
    var("VAULT_ADDR", Author::Connection, "Vault's address: http, https or unix").decides(),
    var("VAULT_AGENT_ADDR", Author::No, "the address of Vault's agent, used in place of VAULT_ADDR"),
    var("VAULT_CACERT", Author::No, "a file of certificates to trust").holds(Holds::File),
    var("VAULT_CACERT_BYTES", Author::Connection, "certificates to trust, in PEM"),
    var("VAULT_CAPATH", Author::No, "a folder of certificates to trust, or one file").holds(Holds::File),
    var("VAULT_CLIENT_CERT", Author::No, "the client certificate's file")
        .holds(Holds::CredentialFile)
        .of(Method::Cert),
    var("VAULT_CLIENT_KEY", Author::No, "the client key's file")
        .holds(Holds::CredentialFile)
        .of(Method::Cert),
    var("VAULT_CLIENT_TIMEOUT", Author::Connection, "how long one request may take, as in 20s"),
    var("VAULT_HTTP_PROXY", Author::No, "the proxy for Vault, whatever the scheme of its address"),
    var("VAULT_MAX_RETRIES", Author::Connection, "how often a request is tried again"),
    var("VAULT_NAMESPACE", Author::Connection, "Vault's namespace").decides(),
    var(
        "VAULT_PROXY_ADDR",
        Author::No,
        "the proxy for Vault, whatever the scheme of its address; it wins over VAULT_HTTP_PROXY",
    ),
    var("VAULT_SKIP_VERIFY", Author::Connection, "true: Vault's certificate is not verified"),
    var("VAULT_TLS_SERVER_NAME", Author::Connection, "the name that Vault's certificate must have"),
    var("VAULT_TOKEN", Author::Identity, "the token of the method token")
        .holds(Holds::Secret)
        .of(Method::Token),
    var("VAULT_TOKEN_FILE", Author::No, "a file that holds the token")
        .holds(Holds::CredentialFile)
        .of(Method::Token),
];

/// Variables about an app that Argo CD or its author sets, in the order of their names.
pub const APP: &[Var] = &[
    var("ARGOCD_APP_NAME", Author::No, "the app; NAMESPACE_NAME for apps in any namespace"),
    var("ARGOCD_APP_NAMESPACE", Author::No, "the namespace that the app is deployed to"),
    var("ARGOCD_APP_PARAMETERS", Author::Yes, "the app's parameters, as JSON"),
    var("ARGOCD_APP_PROJECT_NAME", Author::No, "the app's project"),
    var("ARGOCD_APP_SOURCE_PATH", Author::No, "the app's folder in its repository"),
    var(
        "ARGOCD_APP_SOURCE_REPO_URL",
        Author::No,
        "the app's repository, whose login ARGOCD_ASK_PASS_SOCK gives",
    ),
    var("ARGOCD_ASK_PASS_SOCK", Author::No, "repo-server's socket for the login of the app's repository"),
    var("ARGOCD_ENV_APP_REPO", Author::Yes, "annotation github.com/url on all resources"),
    var(
        "ARGOCD_ENV_AVP_SECRET",
        Author::Yes,
        "the Secret to read settings from, if KEYFILL_APP_SECRETS allows it",
    ),
    var("ARGOCD_ENV_HELM_ARGS", Author::Yes, "further flags of helm template"),
    var("ARGOCD_ENV_HELM_VALUES", Author::Yes, "values as YAML text"),
    var("ARGOCD_ENV_IMAGE_NAME", Author::Yes, "the image that gets the tag ARGOCD_ENV_IMAGE_TAG"),
    var("ARGOCD_ENV_IMAGE_TAG", Author::Yes, "the new tag of ARGOCD_ENV_IMAGE_NAME"),
    var(
        "ARGOCD_GIT_ASKPASS_NONCE",
        Author::No,
        "the nonce with which repo-server hands out the login of the app's repository",
    )
    .holds(Holds::Secret),
    var("KUBE_API_VERSIONS", Author::No, "the cluster's API versions"),
    var("KUBE_VERSION", Author::No, "the cluster's version"),
];

/// Variables that the system, Kubernetes or the definition of the sidecar sets for the process.
pub const SYSTEM: &[Var] = &[
    var("ARGOCD_CMP_SERVER_LOGFORMAT", Author::No, "serve: text or json"),
    var("ARGOCD_CMP_SERVER_LOGLEVEL", Author::No, "serve: debug, info, warn or error"),
    var("ARGOCD_CMP_SERVER_OTLP_ADDRESS", Author::No, "serve: a collector of traces, as HOST:PORT"),
    var("ARGOCD_CMP_SERVER_OTLP_ATTRS", Author::No, "serve: attributes of each trace"),
    var("ARGOCD_CMP_SERVER_OTLP_HEADERS", Author::No, "serve: headers for the collector"),
    var("ARGOCD_CMP_SERVER_OTLP_INSECURE", Author::No, "serve: the collector has no TLS"),
    var("ARGOCD_GRPC_MAX_SIZE_MB", Author::No, "serve: the largest message [100]"),
    var("ARGOCD_PLUGINSOCKFILEPATH", Author::No, "serve: the folder of the sockets"),
    var("AVP_SECRET", Author::No, "the Secret to read settings from, as -s names it"),
    var("CLICOLOR", Author::No, "0: no colours on a terminal"),
    var("CLICOLOR_FORCE", Author::No, "colours in a pipe too, unless it is 0"),
    var(
        "DOCKER_CONFIG",
        Author::No,
        "the folder of docker's config.json, for logins at registries [~/.docker]",
    )
    .holds(Holds::File),
    var("GNUPGHOME", Author::No, "the folder of secring.gpg, a ring of secret keys of PGP [~/.gnupg]")
        .holds(Holds::File),
    var("HELM_CONFIG_HOME", Author::No, "the folder of helm's repositories and logins [~/.config/helm]")
        .holds(Holds::File),
    var("HELM_REGISTRY_CONFIG", Author::No, "helm's file of logins at registries").holds(Holds::File),
    var("HELM_REPOSITORY_CONFIG", Author::No, "helm's file of chart repositories").holds(Holds::File),
    var("HOME", Author::No, "where Vault tokens are kept (~/.avp), for official binaries too"),
    var("KEYFILL_REFRESH", Author::Never, "serve: true refreshes apps whose secrets changed"),
    var("KEYFILL_REFRESH_INTERVAL", Author::Never, "serve: how often versions of secrets are asked for [1m]"),
    var("KEYFILL_REFRESH_SPREAD", Author::Never, "serve: over how long refreshes are spread [1m]"),
    var(
        "KEYFILL_REFRESH_UNKNOWN",
        Author::Never,
        "serve: after a start, apps that were not served since are refreshed once, spread over so long",
    ),
    var("KEYFILL_REFS", Author::Never, "serve: true shows the references of what was served as /refs"),
    var(
        "KEYFILL_SERVICE_ACCOUNT",
        Author::Never,
        "the folder of the token for the API server [/var/run/secrets/kubernetes.io/serviceaccount]",
    )
    .holds(Holds::File),
    var("KUBERNETES_SERVICE_HOST", Author::No, "the API server, for -s and serve --refresh"),
    var("KUBERNETES_SERVICE_PORT", Author::No, "the API server's port, for -s and serve --refresh"),
    var("LANG", Author::No, "handed to official binaries"),
    var("LC_ALL", Author::No, "handed to official binaries"),
    var("NETRC", Author::No, "a file of logins at hosts [~/.netrc]").holds(Holds::File),
    var("NO_COLOR", Author::No, "no colours"),
    var("PATH", Author::No, "where official binaries are looked for"),
    var("SSL_CERT_DIR", Author::No, "a folder of certificates to trust, in place of the system's")
        .holds(Holds::File),
    var("SSL_CERT_FILE", Author::No, "a file of certificates to trust, in place of the system's")
        .holds(Holds::File),
    var("TERM", Author::No, "dumb: neither colours nor progress"),
    var("TMPDIR", Author::No, "where copies for official binaries and large archives lie"),
    var("TZ", Author::No, "the time zone of templates"),
    var("USER", Author::No, "handed to official binaries"),
    var("XDG_CACHE_HOME", Author::No, "where caches lie [~/.cache]"),
    var("XDG_CONFIG_HOME", Author::No, "where configurations lie [~/.config]"),
];

/// Prefixes of variables that are passed on to the official binaries.
pub const HANDED_ON: &[&str] = &["GIT_", "HELM_", "XDG_"];

/// All settings: those of Vault, policy and run, then those of other stores.
pub fn settings() -> impl Iterator<Item = &'static Var> {
    SETTINGS.iter().chain(STORE_SETTINGS)
}

/// The row of a setting.
pub fn setting(name: &str) -> Option<&'static Var> {
    find(SETTINGS, name).or_else(|| find(STORE_SETTINGS, name))
}

/// Whether a name has a row, or is the older spelling of a proxy setting, such as `https_proxy`.
pub fn is_known(name: &str) -> bool {
    let is_old_proxy = name.ends_with("_proxy") && setting(&name.to_ascii_uppercase()).is_some();
    is_old_proxy || [SETTINGS, STORE_SETTINGS, APP, SYSTEM].iter().any(|rows| find(rows, name).is_some())
}

fn find(rows: &'static [Var], name: &str) -> Option<&'static Var> {
    rows.binary_search_by(|v| v.name.cmp(name)).ok().map(|i| &rows[i])
}

#[cfg(test)]
mod tests {
    use super::{APP, Author, Holds, SETTINGS, STORE_SETTINGS, SYSTEM, is_known, setting};

    #[test]
    fn rows_are_sorted_unique_and_have_a_meaning() {
        for rows in [SETTINGS, STORE_SETTINGS, APP, SYSTEM] {
            assert!(rows.windows(2).all(|w| w[0].name < w[1].name), "binary search needs the order");
            for v in rows {
                assert!(!v.meaning.is_empty() && !v.meaning.ends_with('.'), "{}", v.name);
                assert!(v.name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            }
        }
        assert!(setting("PATH").is_none() && is_known("PATH") && is_known("https_proxy"));
        assert!(!is_known("PATH_proxy"));
    }

    #[test]
    fn no_setting_of_a_store_other_than_vault_may_be_set_by_an_author() {
        assert!(STORE_SETTINGS.iter().all(|v| v.author == Author::Never && v.decides && v.store.is_some()));
        assert!(STORE_SETTINGS.iter().all(|v| setting(v.name).is_some_and(|found| found.name == v.name)));
    }

    #[test]
    fn credentials_are_marked_in_the_table() {
        for name in ["VAULT_TOKEN", "AVP_SECRET_ID", "AVP_PASSWORD", "AVP_GITHUB_TOKEN", "AVP_JWT"] {
            assert!(setting(name).is_some_and(super::Var::is_secret), "{name}");
        }
        let ambient: Vec<&str> = SETTINGS.iter().filter(|v| v.is_ambient()).map(|v| v.name).collect();
        let want = [
            "AVP_JWT_PATH",
            "AVP_K8S_ROLE",
            "AVP_K8S_TOKEN_PATH",
            "VAULT_CLIENT_CERT",
            "VAULT_CLIENT_KEY",
            "VAULT_TOKEN_FILE",
        ];
        assert_eq!(ambient, want);
        assert!(
            setting("SOPS_AGE_KEY_FILE").is_some_and(|v| v.holds == Holds::KeyFile && v.author == Author::No)
        );
        assert!(SETTINGS.iter().filter(|v| v.holds != Holds::Plain && v.method.is_some()).all(|v| v.decides));
    }
}
