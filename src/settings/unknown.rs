//! Warnings about names that look like settings and are none: misspelt names, and variables of Vault's own client
//! that keyfill ignores.

use super::Env;
use super::table::{self, setting};
use keyfill_diag::{Class, Diagnostic, nearest};
use std::collections::BTreeMap;

/// The prefixes of the names of settings.
const BEGINNINGS: [&str; 4] = ["VAULT", "BAO", "AVP", "KEYFILL"];

/// Variables that change the behaviour of Vault's own client and that keyfill ignores.
const NOT_FOLLOWED: [&str; 4] =
    ["VAULT_DISABLE_REDIRECTS", "VAULT_RATE_LIMIT", "VAULT_SRV_LOOKUP", "VAULT_WRAP_TTL"];

/// The prefixes of variables that keyfill's own tests read.
const OF_TESTS: [&str; 4] = ["KEYFILL_CASES", "KEYFILL_CONFORMANCE", "KEYFILL_ORACLES", "KEYFILL_TEST"];

/// A warning for each name in a config file or a `-s` Secret that looks like a setting and is none. Names of other
/// programs get no warning.
pub fn in_file(file: &BTreeMap<String, String>) -> Vec<Diagnostic> {
    let unknown = file.keys().filter(|name| setting(name).is_none() && openbaos(name).is_none());
    unknown.filter_map(|name| warning(name, name, "the config file sets")).collect()
}

/// A warning for each environment variable that looks like a setting and is none. Variables of an app's author get
/// one only if they are misspelt settings; `unread` warns about the others.
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

/// The setting that a misspelt variable was most likely meant to be; `None` if the variable is known or like no
/// setting.
pub(super) fn misspelt(full: &str) -> Option<&'static str> {
    if is_known(full) { None } else { near(setting_of(full)) }
}

/// A variable's name without the prefix of an app's variables.
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
    // Kubernetes sets `VAULT_*` variables for a service that is named vault, and other clients of Vault read
    // further ones. So unknown names that begin with `VAULT_` are no reason for a warning.
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

/// The setting that is most like a name.
fn near(name: &str) -> Option<&'static str> {
    let all = || table::settings().map(|row| row.name);
    let (beginning, rest) = name.split_once('_')?;
    if BEGINNINGS.contains(&beginning) {
        let of_service = name.contains("_SERVICE_") || name.contains("_PORT_") || name.ends_with("_PORT");
        let as_vaults = if beginning == "BAO" { format!("VAULT_{rest}") } else { name.to_owned() };
        return if of_service { None } else { nearest(&as_vaults, all()) };
    }
    // The prefix itself may be misspelt. The rest must be the same, and the prefix similar, since other programs
    // have names with the same rest.
    all().find(|known| {
        known.eq_ignore_ascii_case(name)
            || known.split_once('_').is_some_and(|(right, r)| r == rest && is_misspelt(beginning, right))
    })
}

/// Whether a prefix is a misspelt one of ours. `AVP` is so short that only the same letters in another order count.
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

/// The setting of Vault for a name of OpenBao (`BAO_*`).
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
    fn a_misspelt_name_gets_a_hint_with_the_nearest_setting() {
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
                // An author's variables in lower case are known.
                let is_known = full == "ARGOCD_ENV_vault_addr";
                assert_eq!(hint(&in_environment(&env)), (!is_known).then_some(&*want), "{full}");
            }
            let file = BTreeMap::from([(name.to_uppercase(), "x".to_owned())]);
            let is_known = name == "vault_addr";
            assert_eq!(hint(&in_file(&file)), (!is_known).then_some(&*want), "{name}");
        }
    }

    #[test]
    fn a_name_with_a_prefix_of_ours_gets_a_warning_without_a_hint_too() {
        for name in ["AVP_WHATEVER_ELSE", "KEYFILL_WHATEVER_ELSE", "VAULT_RATE_LIMIT", "VAULT_SRV_LOOKUP"] {
            let env: Env = [(name, "x")].into_iter().collect();
            let found = in_environment(&env);
            assert!(found.len() == 1 && found[0].message.contains(name), "{found:?}");
        }
    }

    #[test]
    fn names_of_other_programs_get_no_warning() {
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
