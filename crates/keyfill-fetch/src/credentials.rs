//! Who one is to a server: the administrator's files, read once.
//!
//! helm's `repositories.yaml`, the registry files of helm and docker, `.netrc` and git's credential file. A
//! login belongs to a scheme, a host and a port, or to a host alone where its file knows no more (then it is
//! only ever used over https).

use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_http::{Credential, Origin};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use url::Url;
use zeroize::Zeroizing;

/// A user with a password, or a token.
#[derive(Clone)]
pub struct Login {
    authorization: Zeroizing<String>,
    /// A token that is exchanged for a short-lived one at the registry's token server.
    identity_token: Option<Zeroizing<String>>,
}

impl Login {
    /// A user and a password.
    pub fn basic(user: &str, password: &str) -> Self {
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Self::of(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
    }

    /// A bearer token.
    pub fn bearer(token: &str) -> Self {
        Self::of(format!("Bearer {token}"))
    }

    fn of(authorization: String) -> Self {
        Self { authorization: authorization.into(), identity_token: None }
    }

    /// The login as it goes to the origin of a URL.
    pub(crate) fn credential(&self, url: &Url) -> Option<Credential> {
        Credential::new(Origin::of(url), &self.authorization)
    }

    pub(crate) fn identity_token(&self) -> Option<&str> {
        self.identity_token.as_ref().map(|token| token.as_str())
    }

    /// What tells one login from another in the store; it is hashed there once more, with a salt.
    pub(crate) fn id(&self) -> String {
        let token = self.identity_token.as_ref().map_or("", |token| token.as_str());
        Digest::of(format!("{}\n{token}", *self.authorization).as_bytes()).hex()
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Login")
    }
}

/// A chart repository that the administrator added, as `helm repo add` writes it.
#[derive(Clone, Debug)]
pub struct Repository {
    /// What `@NAME` and `alias:NAME` stand for.
    pub name: String,
    /// Its address.
    pub url: String,
    /// The login for it.
    pub login: Option<Login>,
    /// Whether the login is sent to any host that the index names, within the policy.
    pub pass_credentials_all: bool,
    /// The only roots that its certificate may stand on.
    pub ca_file: Option<PathBuf>,
    /// The client's certificate.
    pub cert_file: Option<PathBuf>,
    /// The client's key.
    pub key_file: Option<PathBuf>,
    /// Accepts any certificate.
    pub skip_verify: bool,
}

/// All that the administrator's files say.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    /// Chart repositories.
    pub repositories: Vec<Repository>,
    registries: BTreeMap<String, Login>,
    /// By host, or by `scheme://host:port` where it is known.
    hosts: Vec<(Scope, Login)>,
}

#[derive(Clone, Debug)]
struct Scope {
    scheme: Option<String>,
    host: String,
    port: Option<u16>,
    /// Below which path; empty for all.
    path: String,
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

    /// Adds the logins of a docker or helm registry file. Those that are there already stay: helm's file is
    /// asked before docker's.
    pub fn add_registries(&mut self, text: &str) -> Result<(), String> {
        let file: RegistryFile = serde_json::from_str(text).map_err(|_| "it is not valid JSON".to_owned())?;
        for (key, entry) in file.auths {
            if let Some(login) = entry.login() {
                self.registries.entry(registry_host(&key)).or_insert(login);
            }
        }
        Ok(())
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
                // Whoever is meant by all hosts would be sent to any host that an author names.
                "default" => host = None,
                "login" => words.next().unwrap_or_default().clone_into(&mut user),
                "password" => {
                    if let (Some(host), Some(password)) = (&host, words.next()) {
                        let scope =
                            Scope { scheme: None, host: host.clone(), port: None, path: String::new() };
                        self.hosts.push((scope, Login::basic(&user, password)));
                    }
                }
                _ => {}
            }
        }
    }

    /// Adds the logins of a file that git's `store` helper keeps: a URL with user and password a line.
    pub fn add_git_credentials(&mut self, text: &str) {
        for url in text.lines().filter_map(|line| Url::parse(line.trim()).ok()) {
            let Some(host) = url.host_str() else { continue };
            if url.username().is_empty() && url.password().is_none() {
                continue;
            }
            let decode = |text: &str| percent_decoded(text);
            let login = Login::basic(&decode(url.username()), &decode(url.password().unwrap_or_default()));
            let scope = Scope {
                scheme: Some(url.scheme().to_owned()),
                host: host.to_owned(),
                port: url.port(),
                path: url.path().trim_end_matches('/').to_owned(),
            };
            self.hosts.push((scope, login));
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

    /// The login for a URL from `.netrc` or git's file; the longest path wins.
    pub fn login_for(&self, url: &Url) -> Option<&Login> {
        let fits = |scope: &Scope| {
            let scheme = scope.scheme.as_deref().unwrap_or("https");
            url.scheme() == scheme
                && url.host_str() == Some(scope.host.as_str())
                && (scope.scheme.is_none() || url.port() == scope.port)
                && (scope.path.is_empty()
                    || url.path().strip_prefix(scope.path.as_str()).is_some_and(|rest| {
                        rest.is_empty() || rest.starts_with('/') || rest.starts_with(".git")
                    }))
        };
        let fitting = self.hosts.iter().filter(|(scope, _)| fits(scope));
        // The first of several equals, as git takes it.
        fitting.rev().max_by_key(|(scope, _)| scope.path.len()).map(|(_, login)| login)
    }

    /// The login for a registry, `HOST[:PORT]`.
    pub fn registry(&self, host: &str) -> Option<&Login> {
        self.registries.get(&registry_host(host))
    }
}

/// Reads a file that may not be there.
pub fn read_if_there(path: &Path) -> std::io::Result<Option<String>> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

/// The place of an error and nothing of the text, which may be a password.
fn place_of(error: &serde_yaml::Error) -> String {
    error.location().map_or_else(
        || "it is not a valid file of repositories".to_owned(),
        |at| format!("line {} is not that of a file of repositories", at.line()),
    )
}

/// The host of a key of `auths`, with or without scheme and path; Docker Hub has several names.
fn registry_host(key: &str) -> String {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or(rest).to_ascii_lowercase();
    match host.as_str() {
        "index.docker.io" | "docker.io" => "registry-1.docker.io".to_owned(),
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
        let mut login = Login::basic(user, password);
        if !self.identitytoken.is_empty() {
            login.identity_token = Some(self.identitytoken.clone());
        }
        Some(login)
    }
}

#[cfg(test)]
mod tests {
    use super::{Credentials, Login};
    use url::Url;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    fn is(found: Option<&Login>, user: &str, password: &str) -> bool {
        found.is_some_and(|login| login.id() == Login::basic(user, password).id())
    }

    #[test]
    fn repositories_are_found_by_name_and_address() {
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
            .add_registries(r#"{"auths": {"https://index.docker.io/v1/": {"auth": "dTpw"}, "ghcr.io": {"username": "a", "password": "b"}, "empty.example": {}}}"#)
            .expect("a file");
        credentials.add_registries(r#"{"auths": {"ghcr.io": {"auth": "dTpw"}}}"#).expect("a file");
        assert!(is(credentials.registry("docker.io"), "u", "p"));
        assert!(is(credentials.registry("ghcr.io"), "a", "b"), "the first file wins");
        assert!(credentials.registry("empty.example").is_none());
        assert!(credentials.registry("other.example").is_none());
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
    fn a_login_does_not_print() {
        assert_eq!(format!("{:?}", Login::basic("user", "hunter2")), "Login");
    }
}
