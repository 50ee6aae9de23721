//! Warnings about variables of an app that nothing reads: most likely they are misspelt, or meant for another
//! plugin.

use super::env::Env;
use super::table::{self, APP};
use crate::values;
use keyfill_diag::{Class, Diagnostic, nearest};
use std::collections::BTreeSet;

/// The prefix under which Argo CD passes an app's plugin environment.
const PREFIX: &str = "ARGOCD_ENV_";

/// Names that are accepted in any case.
const ANY_CASE: [&str; 2] = ["HELM_ARGS", "HELM_VALUES"];

/// A warning for each variable of the app that nothing reads. `reads` holds the variables that the commands of
/// plugin.yaml read, if those decide what is rendered; with `None` the variables that keyfill itself reads count.
pub fn warnings(env: &Env, reads: Option<&BTreeSet<String>>) -> Vec<Diagnostic> {
    let listed: Vec<&str> = values::list(env.get("KEYFILL_APP_ENV").unwrap_or_default()).collect();
    let own: Vec<&str> = APP.iter().filter_map(|var| var.name.strip_prefix(PREFIX)).collect();
    let is_read = |full: &str, name: &str| {
        let by_rendering = match reads {
            Some(reads) => reads.contains(full) || name == "AVP_SECRET",
            None => own.contains(&name) || ANY_CASE.iter().any(|known| known.eq_ignore_ascii_case(name)),
        };
        by_rendering || table::setting(name).is_some() || listed.contains(&full)
    };
    let names = env.iter().filter(|(_, value)| !value.is_empty());
    let unread = names.filter_map(|(full, _)| Some((full, full.strip_prefix(PREFIX)?)));
    unread
        .filter(|(full, name)| !is_read(full, name) && super::unknown::misspelt(full).is_none())
        .map(|(full, name)| {
            let message = format!("{full} is set by the app, and nothing reads it");
            let warning = Diagnostic::warning(Class::Usage, message);
            match reads {
                None => match nearest(&name.to_ascii_uppercase(), own.iter().copied()) {
                    Some(near) => warning.hint(format!("did you mean {near}?")),
                    None => warning.hint("keyfill settings prints the names that apps may set"),
                },
                Some(_) => warning.hint("the commands of plugin.yaml say which variables are read"),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::warnings;
    use crate::settings::Env;

    fn named(vars: &[(&str, &str)], reads: Option<&[&str]>) -> Vec<String> {
        let env: Env = vars.iter().copied().collect();
        let reads = reads.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        warnings(&env, reads.as_ref()).iter().map(ToString::to_string).collect()
    }

    const VARS: &[(&str, &str)] = &[
        ("ARGOCD_ENV_helm_args", "x"),
        ("ARGOCD_ENV_IMAGE_TAG", "x"),
        ("ARGOCD_ENV_AVP_ROLE_ID", "x"),
        ("ARGOCD_ENV_AVP_TPYE", "x"),
        ("ARGOCD_ENV_LISTED", "x"),
        ("ARGOCD_ENV_HELM_ARG", "hush"),
        ("ARGOCD_ENV_EMPTY", ""),
        ("KEYFILL_APP_ENV", "ARGOCD_ENV_LISTED"),
        ("OTHER", "x"),
    ];

    #[test]
    fn a_variable_that_nothing_reads_is_named_without_its_value() {
        let found = named(VARS, None);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("ARGOCD_ENV_HELM_ARG ") && !found[0].contains("hush"), "{found:?}");
    }

    #[test]
    fn a_variable_that_no_command_reads_is_named() {
        let found = named(VARS, Some(&["ARGOCD_ENV_HELM_ARG"]));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(
            found[0].contains("ARGOCD_ENV_IMAGE_TAG") && found[1].contains("ARGOCD_ENV_helm_args"),
            "{found:?}"
        );
    }
}
