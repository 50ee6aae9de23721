//! The login for the app's own repository, which repo-server provides if the plugin has `provideGitCreds`.

use keyfill_fetch::{Asked, Login, LoginSource};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use url::Url;
use zeroize::Zeroizing;

/// The socket and the nonce with which the login is requested, and the repository.
struct AskPass {
    socket: PathBuf,
    nonce: Zeroizing<String>,
    repository: Url,
}

/// The app's repository with the login that repo-server provides; `None` if it provides none, or the repository is
/// not read over HTTP.
pub fn lent<'a>(get: impl Fn(&str) -> Option<&'a str>) -> Option<(Url, Login)> {
    let repository = Url::parse(get("ARGOCD_APP_SOURCE_REPO_URL")?).ok()?;
    let is_web = matches!(repository.scheme(), "https" | "http") && repository.has_host();
    let socket = get("ARGOCD_ASK_PASS_SOCK")?.into();
    let nonce = Zeroizing::new(get("ARGOCD_GIT_ASKPASS_NONCE")?.to_owned());
    is_web.then(|| {
        let source = AskPass { socket, nonce, repository: repository.clone() };
        (repository, Login::from_source(Arc::new(source)))
    })
}

impl LoginSource for AskPass {
    /// All apps of the repository may share what was fetched with its login, since they come from that repository.
    fn id(&self) -> String {
        format!("ask-pass {}", self.repository)
    }

    fn ask(&self, until: Instant) -> Asked<'_> {
        Box::pin(async move {
            let asked = keyfill_cmp::ask_pass::git_credentials(&self.socket, &self.nonce);
            let answer = tokio::time::timeout_at(until.into(), asked).await;
            let (user, password) =
                answer.map_err(|_| "repo-server's socket does not answer in time".to_owned())??;
            let is_empty = user.is_empty() && password.is_empty();
            Ok((!is_empty).then(|| Login::basic(&user, &password)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::lent;
    use std::collections::BTreeMap;

    #[test]
    fn a_login_is_lent_for_a_repository_on_the_web_alone() {
        let of = |url: &'static str, nonce: bool| {
            let mut vars =
                BTreeMap::from([("ARGOCD_APP_SOURCE_REPO_URL", url), ("ARGOCD_ASK_PASS_SOCK", "/s")]);
            if nonce {
                vars.insert("ARGOCD_GIT_ASKPASS_NONCE", "n");
            }
            lent(|name| vars.get(name).copied()).is_some()
        };
        assert!(of("https://git.example/a/b", true));
        assert!(!of("https://git.example/a/b", false) && !of("git@git.example:a/b", true));
    }
}
