//! One request's view of the world: the sidecar's environment with what the request may add.

use super::configuration::Configuration;
use crate::fill::Print;
use crate::render::options::Options;
use crate::run;
use crate::settings::Env;
use crate::settings::{self, Settings, secret_name};
use anyhow::Result;
use keyfill_cmp::AppRequest;
use keyfill_files::TreePath;

/// Variables that only a request may give. The sidecar's own of these names are not for any app.
fn is_of_request(name: &str) -> bool {
    name.starts_with("ARGOCD_APP_")
        || name.starts_with("ARGOCD_ENV_")
        || name.starts_with("PARAM_")
        || matches!(name, "KUBE_VERSION" | "KUBE_API_VERSIONS")
}

/// Git credentials that repo-server lends, for the official binaries.
fn is_git(name: &str) -> bool {
    name.starts_with("GIT_")
}

/// The environment of one request.
pub fn environment(sidecar: &Env, request: &AppRequest, with_git: bool) -> Env {
    let own = sidecar.iter().filter(|(name, _)| !is_of_request(name));
    let sent = request.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let sent = sent.filter(|(name, _)| is_of_request(name) || with_git && is_git(name));
    own.chain(sent).collect()
}

/// The settings of one request, and how its app is rendered. A Secret that its author chose is read here.
pub fn resolve(configuration: &Configuration, env: &Env, path: &TreePath) -> Result<(Settings, Options)> {
    let given = configuration.given(env);
    let mut files = configuration.files.clone();
    if let Some(secret) = secret_name::of_author(&configuration.shared, env)? {
        files.secret = secret_name::read(&secret, env)?;
    }
    let mut settings = settings::resolve(&given, &files)?;
    // The protocol carries JSON. What AVP prints goes its own way, so that its habits show.
    settings.fill.print = if settings.compat_avp { Print::Yaml } else { Print::Json };
    let options = run::options(&given, &configuration.render, &settings, path)?;
    Ok((settings, options))
}

#[cfg(test)]
mod tests {
    use super::environment;
    use crate::settings::Env;
    use keyfill_cmp::AppRequest;
    use keyfill_files::TreePath;

    #[test]
    fn a_request_adds_its_own_names_and_no_others() {
        let sidecar: Env =
            [("VAULT_ADDR", "a"), ("ARGOCD_APP_NAME", "stray"), ("KUBE_VERSION", "1")].into_iter().collect();
        let sent = [
            ("VAULT_ADDR", "evil"),
            ("PATH", "evil"),
            ("ARGOCD_ENV_X", "x"),
            ("KUBE_VERSION", "2"),
            ("GIT_ASKPASS", "g"),
        ];
        let env = sent.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let request = AppRequest { path: TreePath::root(), env, checksum: [0; 32] };
        let env = environment(&sidecar, &request, false);
        let get = |name: &str| env.listed(name);
        assert_eq!((get("VAULT_ADDR"), get("PATH"), get("ARGOCD_APP_NAME")), (Some("a"), None, None));
        assert_eq!(
            (get("ARGOCD_ENV_X"), get("KUBE_VERSION"), get("GIT_ASKPASS")),
            (Some("x"), Some("2"), None)
        );
        assert_eq!(environment(&sidecar, &request, true).listed("GIT_ASKPASS"), Some("g"));
    }
}
