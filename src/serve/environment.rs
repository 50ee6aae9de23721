//! Which environment variables a request may set, and which of the sidecar's it sees.

use crate::settings::{self, Env};
use keyfill_cmp::AppRequest;

/// The author's own regular expression for paths. The worker compiles it: the supervisor compiles no author's
/// expression.
pub const AUTHORS_EXPRESSION: &str = "ARGOCD_ENV_AVP_PATH_VALIDATION";

/// Whether a variable is taken from the request only. The sidecar's variables with these names are ignored.
pub fn is_of_request(name: &str) -> bool {
    name.starts_with("ARGOCD_APP_")
        || name.starts_with("ARGOCD_ENV_")
        || name.starts_with("PARAM_")
        || matches!(name, "KUBE_VERSION" | "KUBE_API_VERSIONS")
}

/// Whether a variable belongs to the git credentials that repo-server lends. They are for the official binaries.
fn is_git(name: &str) -> bool {
    name.starts_with("GIT_")
}

/// Whether a variable changes from commit to commit. No rendering depends on these.
fn is_of_revision(name: &str) -> bool {
    name.starts_with("ARGOCD_APP_REVISION") || name == "ARGOCD_APP_SOURCE_TARGET_REVISION"
}

/// The request, with the author's settings under the spelling that keyfill has for them.
pub fn with_known_names(request: &AppRequest) -> AppRequest {
    let mut env = request.env.clone();
    // If a setting is there in both spellings, the correct one wins.
    let known = |name: &str| settings::known_name(name).filter(|known| request.var(known).is_none());
    for (name, _) in &mut env {
        if let Some(known) = known(name) {
            *name = known;
        }
    }
    let trace_parent = request.trace_parent.clone();
    AppRequest { path: request.path.clone(), env, checksum: request.checksum, trace_parent }
}

/// The variables that a request may set.
pub fn of_request(request: &AppRequest, with_git: bool) -> impl Iterator<Item = (&str, &str)> {
    let sent = request.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    sent.filter(move |(name, _)| is_of_request(name) || with_git && is_git(name))
}

/// The request's variables on which the rendering may depend.
pub fn for_rendering(request: &AppRequest, with_git: bool) -> impl Iterator<Item = (&str, &str)> {
    of_request(request, with_git).filter(|(name, _)| !is_of_revision(name))
}

/// The variables from which the settings of a request are resolved: the sidecar's, and the request's own.
pub fn for_settings(sidecar: &Env, request: &AppRequest) -> Env {
    let own = sidecar.iter().filter(|(name, _)| !is_of_request(name));
    own.chain(of_request(request, false)).filter(|(name, _)| *name != AUTHORS_EXPRESSION).collect()
}

/// The sidecar's variables that the official binaries, and the workers that start them, see: none with logins or
/// addresses of Vault.
pub fn for_binaries(sidecar: &Env) -> Vec<(String, String)> {
    let of_ours = |name: &str| matches!(name, "KEYFILL_KUSTOMIZE" | "KEYFILL_HELM");
    let known = crate::render::options::child_environment(sidecar);
    let named = sidecar.iter().filter(|(name, _)| of_ours(name)).map(|(k, v)| (k.to_owned(), v.to_owned()));
    known.into_iter().chain(named).collect()
}

#[cfg(test)]
mod tests {
    use super::{for_rendering, for_settings, of_request, with_known_names};
    use crate::settings::Env;
    use keyfill_cmp::AppRequest;
    use keyfill_files::TreePath;

    #[test]
    fn an_authors_settings_are_found_in_lower_case_too() {
        let env = [("ARGOCD_ENV_avp_path_validation", "x"), ("ARGOCD_ENV_helm_args", "y")];
        let env = env.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let request = with_known_names(&AppRequest {
            path: TreePath::root(),
            env,
            checksum: [0; 32],
            trace_parent: None,
        });
        assert_eq!(request.var(super::AUTHORS_EXPRESSION), Some("x"));
        assert_eq!(request.var("ARGOCD_ENV_helm_args"), Some("y"));
        assert_eq!(
            for_settings(&Env::default(), &request).iter().count(),
            1,
            "an expression is not read here"
        );
    }

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
            ("ARGOCD_APP_REVISION_SHORT", "123"),
        ];
        let env = sent.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
        let request = AppRequest { path: TreePath::root(), env, checksum: [0; 32], trace_parent: None };
        let env = for_settings(&sidecar, &request);
        let get = |name: &str| env.listed(name);
        assert_eq!((get("VAULT_ADDR"), get("PATH"), get("ARGOCD_APP_NAME")), (Some("a"), None, None));
        assert_eq!(
            (get("ARGOCD_ENV_X"), get("KUBE_VERSION"), get("GIT_ASKPASS")),
            (Some("x"), Some("2"), None)
        );
        let names = |with_git| of_request(&request, with_git).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(false), ["ARGOCD_ENV_X", "KUBE_VERSION", "ARGOCD_APP_REVISION_SHORT"]);
        assert!(names(true).contains(&"GIT_ASKPASS"));
        assert_eq!(for_rendering(&request, false).count(), 2);
    }
}
