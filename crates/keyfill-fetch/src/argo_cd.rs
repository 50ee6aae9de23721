//! The repositories that Argo CD knows: Secrets with the label `argocd.argoproj.io/secret-type`.
//!
//! A Secret of the type `repository` holds the login for one repository, one of the type `repo-creds` a login for all
//! repositories whose address begins with its address. Here an address is compared by whole parts of its path:
//! `https://git.example/team` is not a prefix of `https://git.example/team-b`.

use crate::Digest;
use crate::credentials::{Credentials, OwnCertificates, Repository};
use crate::login::Login;
use keyfill_http::TlsSettings;
use std::collections::BTreeMap;
use std::sync::Arc;
use url::Url;
use zeroize::Zeroizing;

/// What one of Argo CD's repository Secrets says.
#[derive(Clone)]
pub struct ArgoCdRepository {
    /// Whether the Secret is of the type `repo-creds`: for all repositories below its address.
    is_template: bool,
    url: Url,
    /// Whether the address is that of an OCI registry with charts.
    is_oci: bool,
    /// Whether the address is that of a chart repository with an `index.yaml`.
    is_helm: bool,
    name: String,
    /// The only Argo CD project whose apps may use the Secret; empty for all projects.
    project: String,
    login: Option<Login>,
    certificates: Option<OwnCertificates>,
}

impl ArgoCdRepository {
    /// Reads the data of a Secret. `None` for Secrets without an http, https or OCI address, and for other types of
    /// Secrets.
    pub fn of(secret_type: &str, keys: &BTreeMap<String, Zeroizing<String>>) -> Result<Option<Self>, String> {
        let get = |key: &str| keys.get(key).map(|value| value.trim()).unwrap_or_default();
        let is_true = |key: &str| get(key) == "true";
        let is_template = match secret_type {
            "repository" => false,
            "repo-creds" => true,
            _ => return Ok(None),
        };
        let kind = get("type");
        let is_oci = kind == "oci" || kind == "helm" && is_true("enableOCI");
        let text = get("url");
        // Argo CD writes the address of a registry without a scheme.
        let url = if is_oci && !text.contains("://") { format!("oci://{text}") } else { text.to_owned() };
        let Some(url) = Url::parse(&url).ok().filter(Url::has_host) else { return Ok(None) };
        if !matches!(url.scheme(), "https" | "http" | "oci") {
            return Ok(None);
        }
        let (user, password, token) = (get("username"), get("password"), get("bearerToken"));
        let login = match (user.is_empty() && password.is_empty(), token.is_empty()) {
            (false, _) => Some(Login::basic(user, password)),
            (true, false) => Some(Login::bearer(token)),
            (true, true) => None,
        };
        let (cert, key) = (get("tlsClientCertData"), get("tlsClientCertKey"));
        let certificates = certificates(cert, key, is_true("insecure"))?;
        let (name, project) = (get("name").to_owned(), get("project").to_owned());
        let is_helm = kind == "helm" && !is_oci;
        Ok(Some(Self { is_template, url, is_oci, is_helm, name, project, login, certificates }))
    }

    /// Whether an app of a project may use the Secret.
    fn is_for(&self, project: Option<&str>) -> bool {
        self.project.is_empty() || Some(self.project.as_str()) == project
    }
}

/// The TLS settings of a Secret; `None` where it has neither a client certificate nor `insecure`.
fn certificates(cert: &str, key: &str, insecure: bool) -> Result<Option<OwnCertificates>, String> {
    if cert.is_empty() && !insecure {
        return Ok(None);
    }
    let mut tls = TlsSettings::default();
    tls.skip_verify(insecure);
    let mut id = String::new();
    if !cert.is_empty() {
        tls.set_identity(cert.as_bytes(), key.as_bytes())?;
        id = Digest::of(cert.as_bytes()).hex();
    }
    Ok(Some(OwnCertificates { tls: Arc::new(tls), id }))
}

impl Credentials {
    /// Adds the logins and certificates of the Argo CD repositories that an app of `project` may use. Those of the
    /// project come before those for all projects.
    pub fn add_argo_cd(&mut self, repositories: &[ArgoCdRepository], project: Option<&str>) {
        let mut usable: Vec<&ArgoCdRepository> = repositories.iter().filter(|r| r.is_for(project)).collect();
        usable.sort_by_key(|repository| repository.project.is_empty());
        for repository in usable {
            self.add_one(repository);
        }
    }

    fn add_one(&mut self, repository: &ArgoCdRepository) {
        let ArgoCdRepository { is_template, url, is_oci, is_helm, name, login, certificates, .. } =
            repository;
        if *is_oci {
            if let Some(login) = login {
                self.add_registry(url, login.clone());
            }
        } else {
            // The login for a chart repository is also for the archives below its address; that for a git repository
            // is for this address only.
            let exact = !is_template && !is_helm;
            if let Some(login) = login {
                self.add_login(url, exact, login.clone());
            }
            if *is_helm && !is_template && !name.is_empty() {
                self.repositories.push(Repository::named(name, url.as_str()));
            }
        }
        if let Some(certificates) = certificates {
            self.add_certificates(url, certificates.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ArgoCdRepository;
    use crate::credentials::Credentials;
    use crate::login::Login;
    use std::collections::BTreeMap;
    use url::Url;

    fn secret(kind: &str, keys: &[(&str, &str)]) -> ArgoCdRepository {
        let keys = keys.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned().into())).collect();
        ArgoCdRepository::of(kind, &keys).expect("a Secret").expect("a repository")
    }

    fn user_of(login: Option<&Login>, users: &[&'static str]) -> Option<&'static str> {
        let id = login?.id();
        users.iter().find(|user| Login::basic(user, "p").id() == id).copied()
    }

    #[test]
    fn the_longest_address_wins_and_logins_of_a_project_come_first() {
        let team = "https://git.example/team";
        let with = |kind: &str, url: &str, user: &str, project: &str| {
            secret(kind, &[("url", url), ("username", user), ("password", "p"), ("project", project)])
        };
        let all = [
            with("repo-creds", "https://git.example", "host", ""),
            with("repo-creds", team, "team", ""),
            with("repository", "https://git.example/team/shop.git", "shop", ""),
            with("repository", "https://git.example/team/shop.git", "blue", "blue"),
        ];
        let user = |project: Option<&str>, url: &str| {
            let mut credentials = Credentials::default();
            credentials.add_argo_cd(&all, project);
            let url = Url::parse(url).expect("a URL");
            user_of(credentials.login_for(&url), &["host", "team", "shop", "blue"])
        };
        assert_eq!(user(None, "https://git.example/team/shop"), Some("shop"));
        assert_eq!(user(Some("red"), "https://git.example/team/shop.git"), Some("shop"));
        assert_eq!(user(Some("blue"), "https://git.example/team/shop"), Some("blue"));
        assert_eq!(
            user(None, "https://git.example/team/shop/below"),
            Some("team"),
            "a repository is itself alone"
        );
        assert_eq!(user(None, "https://git.example/team-b/shop"), Some("host"));
        assert_eq!(user(None, "http://git.example/team/shop"), None);
        assert_eq!(user(None, "https://other.example/team/shop"), None);
    }

    #[test]
    fn the_type_of_a_secret_tells_registries_from_chart_repositories() {
        let keys = |url: &'static str, more: &[(&'static str, &'static str)]| {
            [&[("url", url), ("username", "u"), ("password", "p")], more].concat()
        };
        let all = [
            secret("repository", &keys("r.example/org", &[("type", "helm"), ("enableOCI", "true")])),
            secret("repository", &keys("oci://o.example/charts", &[("type", "oci")])),
            secret("repository", &keys("https://c.example/stable", &[("type", "helm"), ("name", "corp")])),
        ];
        let mut credentials = Credentials::default();
        credentials.add_argo_cd(&all, None);
        assert!(credentials.registry("r.example", "/org/chart").is_some());
        assert!(credentials.registry("r.example", "/other/chart").is_none());
        assert!(credentials.registry("o.example", "/charts").is_some());
        assert_eq!(credentials.aliased("@corp"), Some("https://c.example/stable"));
        let archive = Url::parse("https://c.example/stable/a-1.0.0.tgz").expect("a URL");
        assert!(credentials.login_for(&archive).is_some());
    }

    #[test]
    fn secrets_for_other_protocols_are_ignored_and_errors_hide_keys() {
        for (kind, url) in
            [("repository", "git@git.example:a/b"), ("cluster", "https://git.example"), ("repository", "")]
        {
            let keys = BTreeMap::from([("url".to_owned(), url.to_owned().into())]);
            assert!(ArgoCdRepository::of(kind, &keys).expect("no error").is_none(), "{kind} {url}");
        }
        let keys = [("url", "https://git.example"), ("tlsClientCertData", "x"), ("tlsClientCertKey", "hush")];
        let keys = BTreeMap::from(keys.map(|(k, v)| (k.to_owned(), v.to_owned().into())));
        let wrong = ArgoCdRepository::of("repository", &keys).err().expect("no certificate");
        assert!(!wrong.contains("hush"), "{wrong}");
    }
}
