//! `-s`: the Kubernetes Secret from which settings are read, and which Secrets an author may choose.

use super::env::Env;
use crate::cli::args::SharedArgs;
use crate::fill::PathPolicy;
use crate::fill::policy::split_globs;
use crate::report::Failure;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_secrets::kubernetes::read_secret;
use std::collections::BTreeMap;

/// The namespace of a Secret that is named without one, as in argocd-vault-plugin.
const DEFAULT_NAMESPACE: &str = "argocd";

/// The name of a Secret in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    /// The Secret's namespace.
    pub namespace: String,
    /// The Secret's name in its namespace.
    pub name: String,
}

impl SecretName {
    /// Parses `NAMESPACE:NAME`, or `NAME` in the namespace `argocd`.
    fn parse(text: &str) -> Self {
        let (namespace, name) = text.split_once(':').unwrap_or((DEFAULT_NAMESPACE, text));
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// The Secret that the administrator named, with `-s` or `AVP_SECRET`.
pub fn of_administrator(shared: &SharedArgs, env: &Env) -> Option<SecretName> {
    let name = shared.secret_name.as_deref().or_else(|| env.get("AVP_SECRET"));
    name.filter(|n| !n.is_empty()).map(SecretName::parse)
}

/// The Secret that the app's author named with `ARGOCD_ENV_AVP_SECRET`. It is an error if no glob of
/// `KEYFILL_APP_SECRETS` allows it. The author's name is ignored if the administrator named a Secret.
pub fn of_author(shared: &SharedArgs, env: &Env) -> Result<Option<SecretName>> {
    let Some(name) = env.authors("AVP_SECRET").filter(|_| of_administrator(shared, env).is_none()) else {
        return Ok(None);
    };
    let chosen = SecretName::parse(name);
    // The globs are matched like those of paths, with the namespace as the first part.
    let as_path = |text: &str| {
        if text.contains(':') { text.replacen(':', "/", 1) } else { format!("{DEFAULT_NAMESPACE}/{text}") }
    };
    let globs: Vec<String> =
        split_globs(env.get("KEYFILL_APP_SECRETS").unwrap_or_default()).map(as_path).collect();
    let policy = PathPolicy::default().allow("KEYFILL_APP_SECRETS", &globs.join(","), &super::app(env))?;
    let is_plain =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
    let wanted = format!("{}/{}", chosen.namespace, chosen.name);
    if is_plain(&chosen.namespace) && is_plain(&chosen.name) && policy.matches(&wanted) {
        return Ok(Some(chosen));
    }
    let message = format!("the app may not read its settings from the Secret {name:?}");
    let hint = "an administrator allows Secrets with KEYFILL_APP_SECRETS, as in argocd:{{ app.project }}-*";
    Err(Failure::from(Diagnostic::error(Class::Forbidden, message).hint(hint)).into())
}

/// Reads the keys of a Secret, through the API server of the cluster that keyfill runs in. Names are returned in
/// upper case.
pub fn read(secret: &SecretName, env: &Env) -> Result<BTreeMap<String, String>> {
    let cluster = super::cluster(env)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let keys = runtime.block_on(read_secret(&cluster, &secret.namespace, &secret.name, &Cx::default()))?;
    Ok(keys.into_iter().map(|(name, value)| (name.to_uppercase(), value.expose().to_owned())).collect())
}

#[cfg(test)]
mod tests {
    use super::{SecretName, of_administrator, of_author};
    use crate::cli::args::SharedArgs;
    use crate::settings::Env;

    fn shared(flag: Option<&str>) -> SharedArgs {
        SharedArgs { secret_name: flag.map(str::to_owned), ..SharedArgs::default() }
    }

    #[test]
    fn the_administrator_may_name_any_secret() {
        let name = |ns: &str, n: &str| Some(SecretName { namespace: ns.into(), name: n.into() });
        let none = Env::default();
        assert_eq!(of_administrator(&shared(Some("conf")), &none), name("argocd", "conf"));
        assert_eq!(of_administrator(&shared(None), &none), None);
        let both: Env = [("ARGOCD_ENV_AVP_SECRET", "x")].into_iter().collect();
        assert_eq!(of_administrator(&shared(Some("ns:conf")), &both), name("ns", "conf"));
        assert_eq!(of_author(&shared(Some("ns:conf")), &both).unwrap(), None);
    }

    #[test]
    fn an_author_may_name_only_secrets_that_are_allowed() {
        let ask = |secret: &str, allowed: &str| {
            let vars = [
                ("ARGOCD_ENV_AVP_SECRET", secret),
                ("KEYFILL_APP_SECRETS", allowed),
                ("ARGOCD_APP_PROJECT_NAME", "team"),
            ];
            of_author(&shared(None), &vars.into_iter().collect())
        };
        assert!(ask("team-conf", "argocd:{{app.project}}-*").is_ok());
        assert!(ask("apps:team", "apps:*").is_ok());
        for (secret, allowed) in [
            ("other-conf", "argocd:{{app.project}}-*"),
            ("kube-system:team-x", "team-*"),
            ("x", ""),
            ("a/../b", "*"),
            ("ns:", "*"),
        ] {
            let error = ask(secret, allowed).unwrap_err();
            assert_eq!(crate::report::class(&error), keyfill_diag::Class::Forbidden, "{secret} {allowed}");
        }
    }
}
