//! Names that look like settings and are none: misspelt ones, and those of Vault's client that are not followed.

use super::Env;
use super::table::{self, setting};
use keyfill_diag::{Class, Diagnostic, nearest};
use std::collections::BTreeMap;

/// How the names of settings begin.
const BEGINNINGS: [&str; 4] = ["VAULT", "BAO", "AVP", "KEYFILL"];

/// Names of Vault's own client that change what it does, and that keyfill does not follow.
const NOT_FOLLOWED: [&str; 4] =
    ["VAULT_DISABLE_REDIRECTS", "VAULT_RATE_LIMIT", "VAULT_SRV_LOOKUP", "VAULT_WRAP_TTL"];

/// How the names begin that keyfill's own tests read.
const OF_TESTS: [&str; 4] = ["KEYFILL_CASES", "KEYFILL_CONFORMANCE", "KEYFILL_ORACLES", "KEYFILL_TEST"];

/// A warning for each name of a config file, or of a Secret with settings, that means nothing. Those of other
/// programs may stand there too.
pub fn in_file(file: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let unknown = file.keys().filter(|name| setting(name).is_none() && openbaos(name).is_none());
    unknown.filter_map(|name| warning(name, name, "the config file sets")).collect()
}

/// The same for variables of the environment. What an app's author sets and nothing reads is said of the app
/// (`unread`), unless it is a misspelt setting.
pub fn in_environment(env: &Env) -> Vec<Diagnostic> {
    let is_of_tests = |name: &str| OF_TESTS.iter().any(|test| name.starts_with(test));
    let unknown = env.iter().map(|(name, _)| name).filter(|full| !is_known(full) && !is_of_tests(full));
    let warn = |full: &str| {
        let name = setting_of(full);
        let warned = warning(full, name, "the environment sets")?;
        (name == full || warned.hint.is_some() || NOT_FOLLOWED.contains(&name)).then_some(warned)
    };
    unknown.filter_map(warn).collect()
}

/// The setting that a variable was most likely meant to be, if it is none.
pub(super) fn misspelt(full: &str) -> Option<&'static str> {
    if is_known(full) { None } else { near(setting_of(full)) }
}

/// A variable's name without the prefix that an app's author has.
fn setting_of(full: &str) -> &str {
    full.strip_prefix("ARGOCD_ENV_").unwrap_or(full)
}

fn is_known(full: &str) -> bool {
    let name = setting_of(full);
    table::is_known(name) || table::is_known(full) || openbaos(name).is_some()
}

fn warning(full: &str, name: &str, who_sets: &str) -> Option<Diagnostic> {
    if NOT_FOLLOWED.contains(&name) {
        let message = format!("{who_sets} {full}, which keyfill does not follow");
        return Some(Diagnostic::warning(Class::Usage, message));
    }
    let near = near(name);
    // Kubernetes makes variables for a service that is named vault, and Vault's other clients read further ones.
    let is_ours = name.starts_with("AVP_") || name.starts_with("KEYFILL_");
    if near.is_none() && !is_ours {
        return None;
    }
    let warning =
        Diagnostic::warning(Class::Usage, format!("{who_sets} {full}, which keyfill does not know"));
    Some(match near {
        Some(near) => warning.hint(format!("did you mean {near}?")),
        None => warning,
    })
}

/// The setting that a name was most likely meant to be.
fn near(name: &str) -> Option<&'static str> {
    let all = || table::settings().map(|row| row.name);
    let (beginning, rest) = name.split_once('_')?;
    if BEGINNINGS.contains(&beginning) {
        let of_service = name.contains("_SERVICE_") || name.contains("_PORT_") || name.ends_with("_PORT");
        let as_vaults = if beginning == "BAO" { format!("VAULT_{rest}") } else { name.to_owned() };
        return if of_service { None } else { nearest(&as_vaults, all()) };
    }
    // The beginning itself may be misspelt. Other programs have names with the same rest.
    all().find(|known| {
        known.eq_ignore_ascii_case(name)
            || known.split_once('_').is_some_and(|(right, r)| r == rest && is_misspelt(beginning, right))
    })
}

/// Whether a beginning is a misspelt one of ours. `AVP` is too short for more than letters in another order.
fn is_misspelt(beginning: &str, right: &str) -> bool {
    let sorted = |text: &str| {
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters
    };
    match right {
        "AVP" => sorted(beginning) == sorted(right),
        "VAULT" | "KEYFILL" => nearest(beginning, [right]).is_some(),
        _ => false,
    }
}

/// The name that OpenBao has for one of Vault's.
fn openbaos(name: &str) -> Option<&'static str> {
    setting(&format!("VAULT_{}", name.strip_prefix("BAO_")?)).map(|row| row.name)
}

#[cfg(test)]
mod tests {
    use super::{in_environment, in_file};
    use crate::settings::Env;
    use keyfill_diag::Diagnostic;
    use std::collections::BTreeMap;

    fn hint(found: &[Diagnostic]) -> Option<&str> {
        match found {
            [] => None,
            [warning] => Some(warning.hint.as_deref().unwrap_or("")),
            more => panic!("{more:?}"),
        }
    }

    #[test]
    fn a_misspelt_name_is_named_with_the_nearest_one() {
        for (name, near) in [
            ("AVP_TYP", "AVP_TYPE"),
            ("AVP_ROLEID", "AVP_ROLE_ID"),
            ("VAULT_ADDRESS", "VAULT_ADDR"),
            ("VAULT_NAMESPCE", "VAULT_NAMESPACE"),
            ("BAO_ADR", "VAULT_ADDR"),
            ("KEYFILL_ALOWED_PATHS", "KEYFILL_ALLOWED_PATHS"),
            ("KEYFIL_ROOT", "KEYFILL_ROOT"),
            ("VALUT_TOKEN", "VAULT_TOKEN"),
            ("APV_TYPE", "AVP_TYPE"),
            ("vault_addr", "VAULT_ADDR"),
        ] {
            let want = format!("did you mean {near}?");
            for full in [name.to_owned(), format!("ARGOCD_ENV_{name}")] {
                let env: Env = [(full.as_str(), "x")].into_iter().collect();
                // What an author writes in small letters is known.
                let is_known = full == "ARGOCD_ENV_vault_addr";
                assert_eq!(hint(&in_environment(&env)), (!is_known).then_some(&*want), "{full}");
            }
            let file = BTreeMap::from([(name.to_uppercase(), "x".to_owned())]);
            let is_known = name == "vault_addr";
            assert_eq!(hint(&in_file(&file)), (!is_known).then_some(&*want), "{name}");
        }
    }

    #[test]
    fn a_name_of_ours_that_is_near_none_is_named_too() {
        for name in ["AVP_WHATEVER_ELSE", "KEYFILL_WHATEVER_ELSE", "VAULT_RATE_LIMIT", "VAULT_SRV_LOOKUP"] {
            let env: Env = [(name, "x")].into_iter().collect();
            let found = in_environment(&env);
            assert!(found.len() == 1 && found[0].message.contains(name), "{found:?}");
        }
    }

    #[test]
    fn names_of_others_are_not_named() {
        for name in [
            "VAULT_SERVICE_HOST",
            "VAULT_PORT",
            "VAULT_PORT_8200_TCP",
            "VAULT_LOG_LEVEL",
            "APP_PASSWORD",
            "APP_TYPE",
            "DEFAULT_TOKEN",
            "GITHUB_TOKEN",
            "PATH",
            "BAO_ADDR",
            "ANSIBLE_VAULT_PASSWORD_FILE",
            "ARGOCD_ENV_HELM_ARGS",
            "ARGOCD_ENV_MY_OWN",
            "KEYFILL_TEST_REQUIRE",
        ] {
            let env: Env = [(name, "x")].into_iter().collect();
            assert!(in_environment(&env).is_empty(), "{name}");
        }
    }
}
