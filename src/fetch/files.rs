//! The files with logins, at the locations that the official tools use.

use crate::settings::Env;
use keyfill_diag::Class;
use keyfill_fetch::{Credentials, Helpers, read_if_there};
use keyfill_files::FetchError;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The files with logins. Missing files are skipped.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CredentialFiles {
    repositories: Option<PathBuf>,
    /// Helm's file, then Docker's.
    registries: Vec<PathBuf>,
    netrc: Option<PathBuf>,
    git: Vec<PathBuf>,
    /// The Docker credential helpers that may be started.
    helpers: Helpers,
}

/// Shows whether a file changed: its path and, if it exists, its modification time, length and inode.
pub type Stamp = (PathBuf, Option<(SystemTime, u64, u64)>);

impl CredentialFiles {
    /// The files by the environment. `git` replaces git's own credential files.
    pub fn of(env: &Env, git: Option<&str>, helpers: Helpers) -> Self {
        let path = |name: &str| env.get(name).map(PathBuf::from);
        let home = path("HOME");
        let in_home = |below: &str| home.as_ref().map(|home| home.join(below));
        let config = path("XDG_CONFIG_HOME").or_else(|| in_home(".config"));
        let of_helm = path("HELM_CONFIG_HOME").or_else(|| config.as_ref().map(|config| config.join("helm")));
        let in_helm = |below: &str| of_helm.as_ref().map(|helm| helm.join(below));
        let docker = path("DOCKER_CONFIG").or_else(|| in_home(".docker"));
        let registry = path("HELM_REGISTRY_CONFIG").or_else(|| in_helm("registry/config.json"));
        let of_git = || [in_home(".git-credentials"), config.as_ref().map(|c| c.join("git/credentials"))];
        Self {
            repositories: path("HELM_REPOSITORY_CONFIG").or_else(|| in_helm("repositories.yaml")),
            registries: [registry, docker.map(|docker| docker.join("config.json"))]
                .into_iter()
                .flatten()
                .collect(),
            netrc: path("NETRC").or_else(|| in_home(".netrc")),
            git: match git {
                Some(named) => vec![PathBuf::from(named)],
                None => of_git().into_iter().flatten().collect(),
            },
            helpers,
        }
    }

    /// The stamps of all files.
    pub fn stamps(&self) -> Vec<Stamp> {
        let all = self.repositories.iter().chain(&self.registries).chain(&self.netrc).chain(&self.git);
        all.map(|path| (path.clone(), stamp(path))).collect()
    }

    /// Reads all files.
    pub fn read(&self) -> Result<Credentials, FetchError> {
        let mut credentials = Credentials::default();
        if let Some((path, text)) = text(self.repositories.as_deref())? {
            credentials.add_repositories(&text).map_err(|why| unusable(&path, &why))?;
            credentials.read_certificates().map_err(|why| FetchError::new(Class::Usage, why))?;
        }
        for path in &self.registries {
            if let Some((path, text)) = text(Some(path))? {
                credentials.add_registries(&text, &self.helpers).map_err(|why| unusable(&path, &why))?;
            }
        }
        if let Some((_, text)) = text(self.netrc.as_deref())? {
            credentials.add_netrc(&text);
        }
        for path in &self.git {
            if let Some((_, text)) = text(Some(path))? {
                credentials.add_git_credentials(&text);
            }
        }
        Ok(credentials)
    }
}

/// The files of a mounted Secret are links to files in a folder that is replaced as a whole, so that the inode
/// shows the change.
fn stamp(path: &Path) -> Option<(SystemTime, u64, u64)> {
    let about = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&about);
    #[cfg(not(unix))]
    let number = 0;
    Some((about.modified().ok()?, about.len(), number))
}

fn text(path: Option<&Path>) -> Result<Option<(PathBuf, String)>, FetchError> {
    let Some(path) = path else { return Ok(None) };
    let text = read_if_there(path).map_err(|e| unusable(path, &e.to_string()))?;
    Ok(text.map(|text| (path.to_owned(), text)))
}

fn unusable(path: &Path, why: &str) -> FetchError {
    FetchError::new(Class::Usage, format!("the logins in {} cannot be used: {why}", path.display()))
        .hint("correct the file, or name another one; `keyfill settings` lists the variables")
}

#[cfg(test)]
mod tests {
    use super::CredentialFiles;
    use crate::settings::Env;
    use keyfill_fetch::Helpers;
    use std::path::Path;

    #[test]
    fn files_lie_where_the_official_tools_look() {
        let env: Env = [("HOME", "/home/u")].into_iter().collect();
        let files = CredentialFiles::of(&env, None, Helpers::default());
        assert_eq!(files.repositories.as_deref(), Some(Path::new("/home/u/.config/helm/repositories.yaml")));
        assert_eq!(
            files.registries,
            [
                Path::new("/home/u/.config/helm/registry/config.json"),
                Path::new("/home/u/.docker/config.json")
            ]
        );
        assert_eq!(files.netrc.as_deref(), Some(Path::new("/home/u/.netrc")));
        let env: Env = [
            ("HELM_CONFIG_HOME", "/h"),
            ("HELM_REGISTRY_CONFIG", "/r.json"),
            ("DOCKER_CONFIG", "/d"),
            ("NETRC", "/n"),
        ]
        .into_iter()
        .collect();
        let files = CredentialFiles::of(&env, Some("/g"), Helpers::default());
        assert_eq!(files.repositories.as_deref(), Some(Path::new("/h/repositories.yaml")));
        assert_eq!(files.registries, [Path::new("/r.json"), Path::new("/d/config.json")]);
        assert_eq!(
            (files.netrc.as_deref(), &*files.git),
            (Some(Path::new("/n")), &[Path::new("/g").to_owned()][..])
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_and_its_text_is_not() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("repositories.yaml"), "repositories: [{password: [hunter2]}]")
            .unwrap();
        let env: Env = [("HELM_CONFIG_HOME", dir.path().to_str().unwrap())].into_iter().collect();
        let error = CredentialFiles::of(&env, None, Helpers::default()).read().unwrap_err();
        let told = format!("{error} {error:?}");
        assert!(told.contains("repositories.yaml") && !told.contains("hunter2"), "{told}");
    }
}
