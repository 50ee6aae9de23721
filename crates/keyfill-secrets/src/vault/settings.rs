//! All settings of a Vault client, as plain data. The caller decides who may set what: the administrator or the author.

use crate::{Error, KvVersion, Secret};
use keyfill_http::Addresses;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of a Vault client. No environment variable is read.
#[derive(Clone)]
pub struct VaultSettings {
    /// The address: `http://host:port` or `https://host:port`, optionally with a path, or `unix:///path/to/socket`.
    pub address: String,
    /// Vault's namespace, sent as `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// How to get a token.
    pub auth: Auth,
    /// The version of the KV engine if the reference has none. Without either, the shape of the answer decides.
    pub kv: Option<KvVersion>,
    /// Whether a path without `data/` is found in KV version 2. AVP (argocd-vault-plugin) refuses such a path.
    pub find_data_paths: bool,
    /// Certificates and names, which are used for https only.
    pub tls: Tls,
    /// The proxies for http and https.
    pub proxy: Proxy,
    /// The most retries of a request; `None` to retry until near the deadline.
    pub max_retries: Option<u32>,
    /// How long a Vault that cannot be connected to is retried; `None` to retry until near the deadline.
    pub patience: Option<Duration>,
    /// The timeout of one request.
    pub request_timeout: Duration,
    /// Where tokens from logins are stored between runs; `None` to store none.
    pub token_cache: Option<TokenCache>,
    /// The IP addresses that Vault's host may have, checked when a connection is made. Behind a proxy they are not
    /// checked, since the proxy resolves the name.
    pub addresses: Addresses,
    /// Whether the redirect of a standby node is followed. False for a Vault that an author chooses, since it could
    /// redirect to any address.
    pub follow_redirects: bool,
}

impl VaultSettings {
    /// Settings for an address and an auth method, with Vault's defaults for the rest.
    pub fn new(address: impl Into<String>, auth: Auth) -> Self {
        Self {
            address: address.into(),
            namespace: None,
            auth,
            kv: None,
            find_data_paths: true,
            tls: Tls::default(),
            proxy: Proxy::default(),
            max_retries: None,
            patience: None,
            request_timeout: Duration::from_secs(60),
            token_cache: None,
            addresses: Addresses::Any,
            follow_redirects: true,
        }
    }
}

impl fmt::Debug for VaultSettings {
    /// The address is shown without user name and password, since it may not have been checked for them yet.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSettings")
            .field("address", &without_userinfo(&self.address))
            .field("namespace", &self.namespace)
            .field("auth", &self.auth)
            .field("kv", &self.kv)
            .field("find_data_paths", &self.find_data_paths)
            .field("tls", &self.tls)
            .field("proxy", &self.proxy)
            .field("max_retries", &self.max_retries)
            .field("patience", &self.patience)
            .field("request_timeout", &self.request_timeout)
            .field("token_cache", &self.token_cache)
            .field("addresses", &self.addresses)
            .field("follow_redirects", &self.follow_redirects)
            .finish()
    }
}

/// The auth method, with its credential. A mount may be written with or without `auth/` before it.
#[derive(Clone, Debug)]
pub enum Auth {
    /// A token (`VAULT_TOKEN`).
    Token(Secret),
    /// A file with a token, read when it is needed, and again after Vault refused the token (`VAULT_TOKEN_FILE`).
    TokenFile(PathBuf),
    /// AppRole: role id and secret id.
    AppRole {
        /// The mount; `approle` by default.
        mount: String,
        /// The role id. It is not secret, but it is not printed either.
        role_id: Secret,
        /// The secret id.
        secret_id: Secret,
    },
    /// The token of a Kubernetes service account.
    Kubernetes {
        /// The mount; `kubernetes` by default.
        mount: String,
        /// The role of the auth method.
        role: String,
        /// The file that holds the service account's token.
        jwt: PathBuf,
    },
    /// User name and password.
    Userpass {
        /// The mount; `userpass` by default.
        mount: String,
        /// The name of the user.
        username: String,
        /// The password of the user.
        password: Secret,
    },
    /// A personal access token of GitHub.
    Github {
        /// The mount; `github` by default.
        mount: String,
        /// The personal access token.
        token: Secret,
    },
    /// A JSON web token.
    Jwt {
        /// The mount; `jwt` by default.
        mount: String,
        /// The role; `None` for the default role of the mount.
        role: Option<String>,
        /// The JSON web token.
        jwt: Jwt,
    },
    /// The TLS client certificate of the settings.
    Cert {
        /// The mount; `cert` by default.
        mount: String,
        /// The certificate role; `None` to let Vault try all of them.
        role: Option<String>,
    },
}

/// Where a JSON web token comes from.
#[derive(Clone, Debug)]
pub enum Jwt {
    /// The token itself.
    Text(Secret),
    /// A file, read for each login, since such tokens are replaced when they expire.
    File(PathBuf),
}

impl Auth {
    /// The name of the auth method, as AVP and Vault write it.
    pub fn method(&self) -> &'static str {
        match self {
            Self::Token(_) | Self::TokenFile(_) => "token",
            Self::AppRole { .. } => "approle",
            Self::Kubernetes { .. } => "kubernetes",
            Self::Userpass { .. } => "userpass",
            Self::Github { .. } => "github",
            Self::Jwt { .. } => "jwt",
            Self::Cert { .. } => "cert",
        }
    }

    /// The namespace and the mount, without slashes around them and `auth/` between them. Both are empty for tokens,
    /// which need no login. A namespace is written before `auth/`, as in `ns1/auth/approle`.
    pub(crate) fn namespace_and_mount(&self) -> (&str, &str) {
        let mount = match self {
            Self::Token(_) | Self::TokenFile(_) => "",
            Self::AppRole { mount, .. }
            | Self::Kubernetes { mount, .. }
            | Self::Userpass { mount, .. }
            | Self::Github { mount, .. }
            | Self::Jwt { mount, .. }
            | Self::Cert { mount, .. } => mount,
        };
        let mount = mount.trim_matches('/');
        match mount.strip_prefix("auth/") {
            Some(mount) => ("", mount),
            None => mount.split_once("/auth/").unwrap_or(("", mount)),
        }
    }

    /// The path of the login request, below `/v1/`.
    pub(crate) fn login_path(&self) -> String {
        let (namespace, mount) = self.namespace_and_mount();
        let slash = if namespace.is_empty() { "" } else { "/" };
        format!("{namespace}{slash}auth/{mount}/login")
    }
}

/// TLS settings. Of the three settings for root certificates the first one that is set is used; if none is set, the
/// system's roots are trusted.
#[derive(Clone, Default)]
pub struct Tls {
    /// Root certificates as PEM text (`VAULT_CACERT_BYTES`).
    pub ca_bytes: Option<String>,
    /// A PEM file with root certificates (`VAULT_CACERT`).
    pub ca_file: Option<PathBuf>,
    /// A folder of PEM files with root certificates, or one such file (`VAULT_CAPATH`).
    pub ca_dir: Option<PathBuf>,
    /// A PEM file with the client certificate and its chain (`VAULT_CLIENT_CERT`).
    pub client_cert: Option<PathBuf>,
    /// A PEM file with the private key of the client certificate (`VAULT_CLIENT_KEY`).
    pub client_key: Option<PathBuf>,
    /// Whether any certificate of the server is accepted (`VAULT_SKIP_VERIFY`).
    pub skip_verify: bool,
    /// The name that the server's certificate must be for (`VAULT_TLS_SERVER_NAME`).
    pub server_name: Option<String>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("ca_bytes", &self.ca_bytes.as_ref().map(String::len))
            .field("ca_file", &self.ca_file)
            .field("ca_dir", &self.ca_dir)
            .field("client_cert", &self.client_cert)
            .field("client_key", &self.client_key)
            .field("skip_verify", &self.skip_verify)
            .field("server_name", &self.server_name)
            .finish()
    }
}

/// Proxies, written as in `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Their URLs may contain a password.
#[derive(Clone, Default)]
pub struct Proxy {
    /// The proxy for http addresses.
    pub http: Option<Secret>,
    /// The proxy for https addresses.
    pub https: Option<Secret>,
    /// Hosts, domains and networks that are reached without a proxy, separated by commas.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("http", &self.http)
            .field("https", &self.https)
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}

/// The token cache: where tokens from logins are stored between runs.
#[derive(Clone, Debug)]
pub struct TokenCache {
    /// A folder that only its owner may read. It is created if it does not exist.
    pub folder: PathBuf,
    /// How the files in the folder are named.
    pub names: CacheNames,
}

/// How the files of the token cache are named. Whatever a file's name, only the settings that it was stored for use
/// its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheNames {
    /// One file for each set of settings, named by a hash of them.
    ByKey,
    /// AVP's names, such as `approle_ROLE_config.json`. Settings with the same name overwrite each other's file.
    Avp,
}

/// A parsed address of Vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// An http or https URL.
    Url(url::Url),
    /// The path of a unix socket.
    Unix(PathBuf),
}

impl Address {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let wrong = |why: &str| {
            Error::usage(format!("the Vault address {} is not usable: {why}", without_userinfo(text))).hint(
                "set VAULT_ADDR to something like https://vault.example.com:8200 or unix:///run/vault.sock",
            )
        };
        if text.is_empty() {
            return Err(wrong("it is empty"));
        }
        if let Some(path) = text.strip_prefix("unix://") {
            return if path.starts_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err(wrong("the socket's path must start with /"))
            };
        }
        let url = url::Url::parse(text).map_err(|e| wrong(&e.to_string()))?;
        match url.scheme() {
            "http" | "https" => {}
            other => return Err(wrong(&format!("the scheme {other} is none of http, https, unix"))),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it holds a user name or password"));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it holds a query or a fragment"));
        }
        Ok(Self::Url(url))
    }

    /// The URL that request paths are appended to, without a slash at its end.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Url(url) => url.as_str().trim_end_matches('/').to_owned(),
            Self::Unix(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Address {
    /// The address as errors name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// The address without user name and password: without the text between `//` and the last `@` before the path.
fn without_userinfo(text: &str) -> String {
    let Some(start) = text.find("//").map(|i| i + 2) else { return text.to_owned() };
    let end = text[start..].find('/').map_or(text.len(), |i| start + i);
    match text[start..end].rfind('@') {
        Some(at) => format!("{}{}", &text[..start], &text[start + at + 1..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Address, Auth, without_userinfo};

    #[test]
    fn an_address_is_an_http_or_https_url_or_a_unix_socket() {
        let base = |text| Address::parse(text).map(|a| a.base());
        assert_eq!(base("http://127.0.0.1:8200/").expect("good"), "http://127.0.0.1:8200");
        assert_eq!(base("https://example.com/vault/").expect("good"), "https://example.com/vault");
        assert_eq!(Address::parse("unix:///run/v.sock").expect("good").to_string(), "unix:///run/v.sock");
        for bad in [
            "",
            "vault:8200",
            "ftp://x",
            "http://bad host:1",
            "unix://run",
            "http://u:hush@h",
            "http://h?x=1",
        ] {
            let error = Address::parse(bad).expect_err(bad).to_string();
            assert!(!error.contains("hush"), "{error}");
        }
        assert_eq!(without_userinfo("http://u:hush@bad host:1/x@y"), "http://bad host:1/x@y");
    }

    #[test]
    fn a_mount_may_be_written_with_auth_and_a_namespace() {
        for mount in ["ci/robots", "auth/ci/robots", "/auth/ci/robots/"] {
            assert_eq!(
                Auth::Github { mount: mount.into(), token: "t".into() }.namespace_and_mount(),
                ("", "ci/robots")
            );
        }
        for (mount, path) in [
            ("/ns1/auth/approle", "ns1/auth/approle/login"),
            ("a/b/auth/ci/robots/", "a/b/auth/ci/robots/login"),
            ("auth/x/auth/y", "auth/x/auth/y/login"),
            ("approle", "auth/approle/login"),
        ] {
            let auth = Auth::Github { mount: mount.into(), token: "t".into() };
            assert_eq!(auth.login_path(), path);
        }
    }
}
