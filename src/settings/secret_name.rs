//! `-s`: a Kubernetes Secret that settings are read from, and which of them an author may choose.

use super::env::Env;
use crate::cli::args::SharedArgs;
use crate::fill::PathPolicy;
use crate::fill::policy::split_globs;
use crate::report::Failure;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_secrets::kubernetes::read_secret;
use std::collections::BTreeMap;

/// Argo CD's own namespace, where AVP looks for a name alone.
const DEFAULT_NAMESPACE: &str = "argocd";

/// A Secret of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl SecretName {
    /// `NAMESPACE:NAME`, or `NAME` in the namespace argocd.
    fn parse(text: &str) -> Self {
        let (namespace, name) = text.split_once(':').unwrap_or((DEFAULT_NAMESPACE, text));
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// The Secret that the administrator named, by flag or by their own variable.
pub fn of_administrator(shared: &SharedArgs, env: &Env) -> Option<SecretName> {
    let name = shared.secret_name.as_deref().or_else(|| env.get("AVP_SECRET"));
    name.filter(|n| !n.is_empty()).map(SecretName::parse)
}

/// The Secret that the app's author named, if one of the globs of `KEYFILL_APP_SECRETS` allows it. It is an
/// error when none does. Where the administrator named one, the author chooses none.
pub fn of_author(shared: &SharedArgs, env: &Env) -> Result<Option<SecretName>> {
    let Some(name) = env.authors("AVP_SECRET").filter(|_| of_administrator(shared, env).is_none()) else {
        return Ok(None);
    };
    let chosen = SecretName::parse(name);
    // The same globs as for paths, with the namespace as the first part.
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

/// Reads its keys through the API of the cluster that keyfill runs in.
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
    fn the_administrator_chooses_freely() {
        let name = |ns: &str, n: &str| Some(SecretName { namespace: ns.into(), name: n.into() });
        let none = Env::default();
        assert_eq!(of_administrator(&shared(Some("conf")), &none), name("argocd", "conf"));
        assert_eq!(of_administrator(&shared(None), &none), None);
        let both: Env = [("ARGOCD_ENV_AVP_SECRET", "x")].into_iter().collect();
        assert_eq!(of_administrator(&shared(Some("ns:conf")), &both), name("ns", "conf"));
        assert_eq!(of_author(&shared(Some("ns:conf")), &both).unwrap(), None);
    }

    #[test]
    fn an_author_chooses_among_what_is_allowed() {
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
