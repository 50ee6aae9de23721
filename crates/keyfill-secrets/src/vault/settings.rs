//! All settings of a Vault client, as plain data. Who may set what is decided by who fills it in.

use crate::{Error, KvVersion, Secret};
use keyfill_http::Addresses;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Settings of a Vault client. Nothing is taken from the environment.
#[derive(Clone)]
pub struct VaultSettings {
    /// `http://host:port`, `https://host:port`, perhaps with a path, or `unix:///path/to/socket`.
    pub address: String,
    /// Sent as `X-Vault-Namespace`.
    pub namespace: Option<String>,
    /// How to get a token.
    pub auth: Auth,
    /// How answers are unwrapped when the reference does not say; without it the answer itself decides.
    pub kv: Option<KvVersion>,
    /// Whether a path of KV version 2 written without `data/` is found too. AVP refuses it.
    pub find_data_paths: bool,
    /// Certificates; only looked at for https.
    pub tls: Tls,
    /// Proxies by scheme.
    pub proxy: Proxy,
    /// How often a request is repeated; without it until near the deadline.
    pub max_retries: Option<u32>,
    /// How long it is waited for a Vault that cannot be connected to; without it until near the deadline.
    pub patience: Option<Duration>,
    /// How long one request may take.
    pub request_timeout: Duration,
    /// Where tokens from a login are kept between runs; `None` keeps none.
    pub token_cache: Option<TokenCache>,
    /// The addresses that Vault's host may have, decided where it is connected to. A proxy decides for itself.
    pub addresses: Addresses,
    /// Whether a redirect is followed, as a standby sends one. Somebody else's Vault may send it anywhere.
    pub follow_redirects: bool,
}

impl VaultSettings {
    /// Settings for an address and a way to log in, with Vault's defaults for the rest.
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
    /// An address that holds a password is refused later; it is not printed before.
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

/// How to get a token. Mounts are written with or without `auth/` before them.
#[derive(Clone, Debug)]
pub enum Auth {
    /// A token, used as it is (`VAULT_TOKEN`).
    Token(Secret),
    /// A token in a file, read when it is needed and again after Vault refused it (`VAULT_TOKEN_FILE`).
    TokenFile(PathBuf),
    /// Role id and secret id.
    AppRole {
        /// `approle` by default.
        mount: String,
        /// Names the role; not secret, yet not printed.
        role_id: Secret,
        /// Proves it.
        secret_id: Secret,
    },
    /// The token of a Kubernetes service account.
    Kubernetes {
        /// `kubernetes` by default.
        mount: String,
        /// The role of the auth method.
        role: String,
        /// The file that holds the service account's token.
        jwt: PathBuf,
    },
    /// User name and password.
    Userpass {
        /// `userpass` by default.
        mount: String,
        /// The user.
        username: String,
        /// Their password.
        password: Secret,
    },
    /// A personal access token of GitHub.
    Github {
        /// `github` by default.
        mount: String,
        /// The token.
        token: Secret,
    },
    /// A JSON web token.
    Jwt {
        /// `jwt` by default.
        mount: String,
        /// The role; the mount's default role without it.
        role: Option<String>,
        /// The token.
        jwt: Jwt,
    },
    /// The TLS client certificate of the settings.
    Cert {
        /// `cert` by default.
        mount: String,
        /// The certificate role; Vault tries all without it.
        role: Option<String>,
    },
}

/// Where a JSON web token comes from.
#[derive(Clone, Debug)]
pub enum Jwt {
    /// Given.
    Text(Secret),
    /// Read from a file for each login, since such tokens are replaced.
    File(PathBuf),
}

impl Auth {
    /// The method's name, as AVP and Vault call it.
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

    /// The namespace and the mount: without `auth/` between them and slashes around them. Both are empty for
    /// tokens, which need none. A namespace is written before `auth/`, as in `ns1/auth/approle`.
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

    /// Where the login goes, below `/v1/`.
    pub(crate) fn login_path(&self) -> String {
        let (namespace, mount) = self.namespace_and_mount();
        let slash = if namespace.is_empty() { "" } else { "/" };
        format!("{namespace}{slash}auth/{mount}/login")
    }
}

/// Certificates and names for https. Of the three sources of roots the first that is set counts; without
/// any, the system's roots do.
#[derive(Clone, Default)]
pub struct Tls {
    /// PEM text (`VAULT_CACERT_BYTES`).
    pub ca_bytes: Option<String>,
    /// A PEM file (`VAULT_CACERT`).
    pub ca_file: Option<PathBuf>,
    /// A folder of PEM files, or one such file (`VAULT_CAPATH`).
    pub ca_dir: Option<PathBuf>,
    /// A PEM file with the client's certificate and its chain (`VAULT_CLIENT_CERT`).
    pub client_cert: Option<PathBuf>,
    /// A PEM file with the client's key (`VAULT_CLIENT_KEY`).
    pub client_key: Option<PathBuf>,
    /// Accept any certificate (`VAULT_SKIP_VERIFY`).
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

/// Proxies, as `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` name them. They may hold a password.
#[derive(Clone, Default)]
pub struct Proxy {
    /// For http addresses.
    pub http: Option<Secret>,
    /// For https addresses.
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

/// Where tokens from logins are kept between runs.
#[derive(Clone, Debug)]
pub struct TokenCache {
    /// A folder that only its owner may read; it is made when it is not there.
    pub folder: PathBuf,
    /// How the files in it are called.
    pub names: CacheNames,
}

/// How files of the token cache are called. What is in a file is used by the settings alone that wrote it,
/// whatever its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheNames {
    /// One file for each set of settings.
    ByKey,
    /// AVP's names, such as `approle_ROLE_config.json`: settings that share a name replace each other's file.
    Avp,
}

/// Where an address leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Scheme, host, port and path.
    Url(url::Url),
    /// A unix socket.
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

    /// The base for requests: without a slash at its end.
    pub(crate) fn base(&self) -> String {
        match self {
            Self::Url(url) => url.as_str().trim_end_matches('/').to_owned(),
            Self::Unix(_) => "http://localhost".to_owned(),
        }
    }
}

impl fmt::Display for Address {
    /// As errors name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.as_str().trim_end_matches('/')),
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
        }
    }
}

/// The text without what stands between `//` and the last `@` of its authority: it may be a password.
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
    fn addresses_are_http_https_or_a_socket() {
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
    fn mounts_are_written_both_ways() {
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
