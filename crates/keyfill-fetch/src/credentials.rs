//! The logins and client certificates for servers, from files of the administrator and from Argo CD's Secrets.
//!
//! The files are helm's `repositories.yaml`, the registry files of helm and docker, `.netrc` and git's credential
//! file. A login is for one scheme, host and port, or for a host where its file names nothing else: then it is only
//! sent over https.

use crate::Digest;
use crate::helper::Helpers;
use crate::login::Login;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_http::{Certificates, TlsSettings, is_below};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use url::Url;
use zeroize::Zeroizing;

/// A chart repository that the administrator added, as `helm repo add` writes it to `repositories.yaml`.
#[derive(Clone, Debug, Default)]
pub struct Repository {
    /// The name, by which charts refer to it as `@NAME` or `alias:NAME`.
    pub name: String,
    /// Its address, a URL.
    pub url: String,
    /// The login for it.
    pub login: Option<Login>,
    /// Whether the login is sent to any host that the index names and the host policy allows.
    pub pass_credentials_all: bool,
    /// The file with the only authorities that its server's certificate may be signed by.
    pub ca_file: Option<PathBuf>,
    /// The file with the client's certificate.
    pub cert_file: Option<PathBuf>,
    /// The file with the private key of that certificate.
    pub key_file: Option<PathBuf>,
    /// Whether any certificate of the server is accepted.
    pub skip_verify: bool,
}

impl Repository {
    /// A repository with a name and an address only.
    pub(crate) fn named(name: &str, url: &str) -> Self {
        Self { name: name.to_owned(), url: url.to_owned(), ..Self::default() }
    }
}

/// The TLS settings for one server, where they differ from the default.
#[derive(Clone)]
pub(crate) struct OwnCertificates {
    pub(crate) tls: Arc<TlsSettings>,
    /// Identifies the client's certificate; empty where there is none.
    pub(crate) id: String,
}

impl fmt::Debug for OwnCertificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnCertificates")
    }
}

/// All logins, repositories and certificates of a run.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// The chart repositories of `repositories.yaml` and of Argo CD.
    pub repositories: Vec<Repository>,
    /// Logins for registries, each with `HOST[:PORT]` and the path below which it is used.
    registries: Vec<(String, String, Login)>,
    /// The helper that is asked for the login of registries that have none here, and the helpers that may be started.
    for_others: Option<(String, Helpers)>,
    /// Helpers that a file names and that must not be started, by the host of the registry; under the empty text, the
    /// one for all other hosts.
    left_out: BTreeMap<String, String>,
    /// Logins for URLs, each with the URLs that it is used for.
    hosts: Vec<(Scope, Login)>,
    certificates: Arc<Certificates>,
    /// The URLs for which a client's certificate is used, each with the id of the certificate.
    shown_to: Vec<(Url, String)>,
}

#[derive(Clone, Debug)]
struct Scope {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    /// The path below which the login is used; empty for all paths.
    path: String,
    /// Whether the login is used for that path only, and not below it.
    exact: bool,
}

impl Credentials {
    /// Adds the repositories of a `repositories.yaml`.
    pub fn add_repositories(&mut self, text: &str) -> Result<(), String> {
        let file: RepositoriesFile = serde_yaml::from_str(text).map_err(|e| place_of(&e))?;
        self.repositories.extend(file.repositories.into_iter().map(|entry| {
            let path = |text: String| (!text.is_empty()).then(|| PathBuf::from(text));
            let has_login = !entry.username.is_empty() || !entry.password.is_empty();
            Repository {
                login: has_login.then(|| Login::basic(&entry.username, &entry.password)),
                name: entry.name,
                url: entry.url,
                pass_credentials_all: entry.pass_credentials_all,
                ca_file: path(entry.ca_file),
                cert_file: path(entry.cert_file),
                key_file: path(entry.key_file),
                skip_verify: entry.insecure_skip_tls_verify,
            }
        }));
        Ok(())
    }

    /// Adds the logins of a docker or helm registry file. A login that was added earlier for the same registry wins:
    /// helm's file is added before docker's.
    pub fn add_registries(&mut self, text: &str, helpers: &Helpers) -> Result<(), String> {
        let file: RegistryFile = serde_json::from_str(text).map_err(|_| "it is not valid JSON".to_owned())?;
        let mut logins = Vec::new();
        for (key, name) in file.helpers {
            match helpers.login(&name, &key) {
                Some(login) => logins.push((key, login)),
                None => _ = self.left_out.insert(registry_host(&key), name),
            }
        }
        logins.extend(file.auths.into_iter().filter_map(|(key, entry)| Some((key, entry.login()?))));
        for (key, login) in logins {
            let host = registry_host(&key);
            if !self.registries.iter().any(|(known, ..)| *known == host) {
                self.registries.push((host, String::new(), login));
            }
        }
        if !file.store.is_empty() && self.for_others.is_none() {
            if helpers.login(&file.store, "").is_some() {
                self.for_others = Some((file.store, helpers.clone()));
            } else {
                self.left_out.insert(String::new(), file.store);
            }
        }
        Ok(())
    }

    /// Adds a login for a registry, or for the repositories below a path of it.
    pub(crate) fn add_registry(&mut self, url: &Url, login: Login) {
        let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
        let host = registry_host(&format!("{}{port}", url.host_str().unwrap_or_default()));
        self.registries.push((host, url.path().trim_end_matches('/').to_owned(), login));
    }

    /// Adds a login for a URL; unless `exact`, also for the URLs below it.
    pub(crate) fn add_login(&mut self, url: &Url, exact: bool, login: Login) {
        let Some(host) = url.host_str() else { return };
        let path = url.path().trim_end_matches('/');
        let scope = Scope {
            scheme: Some(url.scheme().to_owned()),
            host: host.to_owned(),
            port: url.port(),
            path: path.strip_suffix(".git").unwrap_or(path).to_owned(),
            exact,
        };
        self.hosts.push((scope, login));
    }

    /// Adds a login for one repository, which is used in preference to all others.
    pub fn add_first(&mut self, repository: &Url, login: Login) {
        self.add_login(repository, true, login);
        self.hosts.rotate_right(1);
    }

    /// Adds the TLS settings for a URL and the URLs below it. For a registry, they are for its whole server.
    pub(crate) fn add_certificates(&mut self, url: &Url, own: OwnCertificates) {
        let mut below = url.clone();
        if url.scheme() == "oci" {
            let port = url.port().map_or_else(String::new, |port| format!(":{port}"));
            let Ok(host) = Url::parse(&format!("https://{}{port}/", url.host_str().unwrap_or_default()))
            else {
                return;
            };
            below = host;
        } else if let Some(path) = url.path().strip_suffix(".git") {
            below.set_path(path);
        }
        if !own.id.is_empty() {
            self.shown_to.push((below.clone(), own.id));
        }
        Arc::make_mut(&mut self.certificates).add(below, own.tls);
    }

    /// Reads the certificate files that `repositories.yaml` names.
    pub fn read_certificates(&mut self) -> Result<(), String> {
        for repository in self.repositories.clone() {
            let Ok(url) = Url::parse(&repository.url) else { continue };
            if let Some(own) = own_certificates(&repository)? {
                // They are for the whole server, since the archives may lie anywhere on it.
                self.add_certificates(&url.join("/").unwrap_or(url), own);
            }
        }
        Ok(())
    }

    /// The TLS settings of all servers.
    pub(crate) fn certificates(&self) -> Arc<Certificates> {
        Arc::clone(&self.certificates)
    }

    /// Identifies who requests a URL: the login, and the client's certificate where one is used.
    pub(crate) fn id(&self, url: &Url, login: Option<&Login>) -> String {
        let mut id = login.map(Login::id).unwrap_or_default();
        for (below, certificate) in &self.shown_to {
            if keyfill_http::Origin::of(below) == keyfill_http::Origin::of(url)
                && is_below(url.path(), below.path())
            {
                id = format!("{id} {certificate}");
            }
        }
        id
    }

    /// Adds the logins of a `.netrc`.
    pub fn add_netrc(&mut self, text: &str) {
        let mut words = text
            .lines()
            .map(|line| line.split_once(" #").map_or(line, |(line, _)| line))
            .filter(|line| !line.trim_start().starts_with('#'))
            .flat_map(str::split_whitespace);
        let (mut host, mut user) = (None::<String>, String::new());
        while let Some(word) = words.next() {
            match word {
                "machine" => (host, user) = (words.next().map(str::to_ascii_lowercase), String::new()),
                // The login under `default` is ignored: it would be sent to any host that an author names.
                "default" => host = None,
                "login" => words.next().unwrap_or_default().clone_into(&mut user),
                "password" => {
                    if let (Some(host), Some(password)) = (&host, words.next()) {
                        let (host, path) = (host.clone(), String::new());
                        let scope = Scope { scheme: None, host, port: None, path, exact: false };
                        self.hosts.push((scope, Login::basic(&user, password)));
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds the logins of the file of git's `store` helper: on each line a URL with a user and a password.
    pub fn add_git_credentials(&mut self, text: &str) {
        for url in text.lines().filter_map(|line| Url::parse(line.trim()).ok()) {
            if !url.has_host() || url.username().is_empty() && url.password().is_none() {
                continue;
            }
            let decode = |text: &str| percent_decoded(text);
            let login = Login::basic(&decode(url.username()), &decode(url.password().unwrap_or_default()));
            self.add_login(&url, false, login);
        }
    }

    /// The address that `@NAME` or `alias:NAME` stands for; `None` when the name is not known.
    pub fn aliased(&self, repository: &str) -> Option<&str> {
        let name = repository.strip_prefix('@').or_else(|| repository.strip_prefix("alias:"))?;
        self.repositories.iter().find(|r| r.name == name).map(|r| r.url.as_str())
    }

    /// The repository with an address.
    pub fn repository(&self, url: &str) -> Option<&Repository> {
        let trimmed = url.trim_end_matches('/');
        self.repositories.iter().find(|r| r.url.trim_end_matches('/') == trimmed)
    }

    /// The login for a URL, other than one for a registry; the one with the longest path wins.
    pub fn login_for(&self, url: &Url) -> Option<&Login> {
        let fits = |scope: &Scope| {
            let scheme = scope.scheme.as_deref().unwrap_or("https");
            url.scheme() == scheme
                && url.host_str() == Some(scope.host.as_str())
                && (scope.scheme.is_none() || url.port() == scope.port)
                && match scope.exact {
                    true => bare(url.path()) == scope.path,
                    false => is_below(url.path(), &scope.path),
                }
        };
        let fitting = self.hosts.iter().filter(|(scope, _)| fits(scope));
        // Of several with the same path the first one wins, as in git.
        fitting.rev().max_by_key(|(scope, _)| scope.path.len()).map(|(_, login)| login)
    }

    /// The login for a path of the registry `HOST[:PORT]`; the one with the longest path wins.
    pub fn registry(&self, host: &str, path: &str) -> Option<Login> {
        let host = registry_host(host);
        let fitting =
            self.registries.iter().rev().filter(|(known, below, _)| *known == host && is_below(path, below));
        let found = fitting.max_by_key(|(_, below, _)| below.len()).map(|(.., login)| login.clone());
        found.or_else(|| {
            let (name, helpers) = self.for_others.as_ref()?;
            let server = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { &host };
            helpers.login(name, server)
        })
    }

    /// The helper that a file names for a registry and that must not be started.
    pub(crate) fn left_out(&self, host: &str) -> Option<&str> {
        self.left_out.get(&registry_host(host)).or_else(|| self.left_out.get("")).map(String::as_str)
    }
}

/// The path of a repository without `.git`.
fn bare(path: &str) -> &str {
    let path = path.trim_end_matches('/');
    path.strip_suffix(".git").unwrap_or(path)
}

/// The certificates that a repository of `repositories.yaml` names.
fn own_certificates(repository: &Repository) -> Result<Option<OwnCertificates>, String> {
    let (ca, cert, key) = (&repository.ca_file, &repository.cert_file, &repository.key_file);
    if ca.is_none() && cert.is_none() && !repository.skip_verify {
        return Ok(None);
    }
    let read = |path: &Path| {
        std::fs::read(path).map_err(|e| {
            format!("the repository {}: {} cannot be read: {e}", repository.name, path.display())
        })
    };
    let wrong = |why: String| format!("the certificates of the repository {}: {why}", repository.name);
    let (mut tls, mut id) = (TlsSettings::default(), String::new());
    if let Some(path) = ca {
        tls.add_roots(&read(path)?).map_err(wrong)?;
    }
    if let (Some(cert), Some(key)) = (cert, key) {
        let cert = read(cert)?;
        tls.set_identity(&cert, &Zeroizing::new(read(key)?)).map_err(wrong)?;
        id = Digest::of(&cert).hex();
    }
    tls.skip_verify(repository.skip_verify);
    Ok(Some(OwnCertificates { tls: Arc::new(tls), id }))
}

/// Reads a file; `None` if it does not exist.
pub fn read_if_there(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// The line of an error, without the file's text, which may hold a password.
fn place_of(error: &serde_yaml::Error) -> String {
    error.location().map_or_else(
        || "it is not a valid file of repositories".to_owned(),
        |at| format!("line {} is not that of a file of repositories", at.line()),
    )
}

/// The host of Docker Hub's registry, and the key of its login in docker's file.
const DOCKER_HUB: &str = "registry-1.docker.io";
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// The host of a key of `auths`, with or without scheme and path; Docker Hub has several names.
fn registry_host(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest).to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "docker.io" => DOCKER_HUB.to_owned(),
        _ => host,
    }
}

pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let mut byte = [0];
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        match digits {
            Some(digits) if *first == b'%' && crate::digest::from_hex(digits, &mut byte) => {
                bytes.push(byte[0]);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[derive(Deserialize)]
struct RepositoriesFile {
    #[serde(default)]
    repositories: Vec<RepositoryEntry>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct RepositoryEntry {
    name: String,
    url: String,
    username: String,
    password: Zeroizing<String>,
    #[serde(rename = "caFile")]
    ca_file: String,
    #[serde(rename = "certFile")]
    cert_file: String,
    #[serde(rename = "keyFile")]
    key_file: String,
    insecure_skip_tls_verify: bool,
    pass_credentials_all: bool,
}

#[derive(Deserialize)]
struct RegistryFile {
    #[serde(default)]
    auths: BTreeMap<String, RegistryEntry>,
    #[serde(default, rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(default, rename = "credsStore")]
    store: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RegistryEntry {
    auth: Zeroizing<String>,
    username: String,
    password: Zeroizing<String>,
    identitytoken: Zeroizing<String>,
    registrytoken: Zeroizing<String>,
}

impl RegistryEntry {
    fn login(&self) -> Option<Login> {
        if !self.registrytoken.is_empty() {
            return Some(Login::bearer(&self.registrytoken));
        }
        let decoded = STANDARD.decode(self.auth.trim()).ok().map(Zeroizing::new);
        let pair = decoded.as_ref().and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.split_once(':'));
        let (user, password) = pair.unwrap_or((&self.username, &self.password));
        if user.is_empty() && password.is_empty() && self.identitytoken.is_empty() {
            return None;
        }
        Some(match self.identitytoken.is_empty() {
            true => Login::basic(user, password),
            false => Login::identity(user, password, &self.identitytoken),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use crate::helper::Helpers;
    use crate::login::Login;
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn is(found: Option<&Login>, user: &str, password: &str) -> bool {
        found.is_some_and(|login| login.id() == Login::basic(user, password).id())
    }

    #[test]
    fn repositories_are_found_by_name_and_address_and_errors_hide_passwords() {
        let mut credentials = Credentials::default();
        credentials
            .add_repositories(
                "apiVersion: ''\nrepositories:\n- {name: corp, url: 'https://charts.example/x/', username: u, password: p}\n",
            )
            .expect("a file");
        assert_eq!(credentials.aliased("@corp"), Some("https://charts.example/x/"));
        assert_eq!(credentials.aliased("alias:corp"), Some("https://charts.example/x/"));
        assert_eq!(credentials.aliased("https://charts.example/x"), None);
        let found = credentials.repository("https://charts.example/x").expect("found");
        assert!(is(found.login.as_ref(), "u", "p"));
        let wrong = credentials.add_repositories("repositories:\n- {password: [hidden]}").expect_err("wrong");
        assert!(!wrong.contains("hidden"), "{wrong}");
    }

    #[test]
    fn registries_are_found_under_each_of_their_names() {
        let mut credentials = Credentials::default();
        credentials
            .add_registries(r#"{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "ghcr.io": {"username": "a", "password": "b"}, "empty.example": {}}}"#, &Helpers::default())
            .expect("a file");
        credentials
            .add_registries(r#"{"auths": {"ghcr.io": {"auth": "dTpw"}}}"#, &Helpers::default())
            .expect("a file");
        assert!(is(credentials.registry("docker.io", "/a").as_ref(), "u", "p"));
        assert!(is(credentials.registry("ghcr.io", "/a").as_ref(), "a", "b"), "the first file wins");
        assert!(credentials.registry("empty.example", "/a").is_none());
        assert!(credentials.registry("other.example", "/a").is_none());
    }

    #[test]
    fn logins_stay_with_their_host() {
        let mut credentials = Credentials::default();
        credentials.add_netrc("# note\nmachine a.example login u password p\ndefault login x password y\n");
        credentials
            .add_git_credentials("https://g:t%40@git.example/org\nhttps://g2:t2@git.example\nnonsense\n");
        assert!(is(credentials.login_for(&url("https://a.example/x")), "u", "p"));
        assert!(credentials.login_for(&url("http://a.example/x")).is_none(), "never in the open");
        assert!(credentials.login_for(&url("https://b.example/x")).is_none(), "no default");
        assert!(is(credentials.login_for(&url("https://git.example/org/repo")), "g", "t@"));
        assert!(is(credentials.login_for(&url("https://git.example/organ/repo")), "g2", "t2"));
        assert!(credentials.login_for(&url("https://git.example:8443/org/repo")).is_none());
    }

    #[test]
    fn helpers_are_asked_only_where_they_are_allowed() {
        let text = r#"{"auths": {"c.example": {"auth": "dTpw"}}, "credHelpers": {"a.example": "one"}, "credsStore": "two"}"#;
        let with = |allowed: &[&str]| {
            let allowed = allowed.iter().map(|name| (*name).to_owned()).collect();
            let mut credentials = Credentials::default();
            credentials.add_registries(text, &Helpers::new(allowed, Vec::new())).expect("a file");
            credentials
        };
        let none = with(&[]);
        assert!(none.registry("a.example", "/x").is_none() && none.registry("b.example", "/x").is_none());
        assert_eq!((none.left_out("a.example"), none.left_out("b.example")), (Some("one"), Some("two")));
        let both = with(&["one", "two"]);
        let id = |host: &str| both.registry(host, "/x").map(|login| login.id());
        assert_eq!(id("a.example").as_deref(), Some("helper one a.example"));
        assert_eq!(id("docker.io").as_deref(), Some("helper two https://index.docker.io/v1/"));
        assert!(is(both.registry("c.example", "/x").as_ref(), "u", "p"));
        assert_eq!(both.left_out("a.example"), None);
    }

    #[test]
    fn a_login_does_not_print() {
        assert_eq!(format!("{:?}", Login::basic("user", "hunter2")), "Login");
    }
}
