//! Reports about Vault: address, TLS, health, login, the token, and the paths that it may read.

use super::{Report, State};
use crate::pipeline;
use crate::run::Run;
use crate::settings::method::Method;
use crate::store;
use anyhow::Result;
use keyfill_diag::Report as _;
use keyfill_secrets::vault::{TokenInfo, VaultSource};
use keyfill_secrets::{Error, SecretRef};
use std::collections::BTreeMap;

/// The most paths whose capabilities are requested.
const MOST_PATHS: usize = 500;

/// The beginnings of hosts that are this machine.
const LOCAL: [&str; 3] = ["127.", "localhost", "[::1]"];

/// The time to live, in seconds, below which a token may expire during a run.
const SHORT: u64 = 120;

pub(super) fn look(report: &mut Report, run: &Run, secrets: &[SecretRef]) {
    let effective = &run.settings.effective;
    let address = effective.get("VAULT_AGENT_ADDR").or_else(|| effective.get("VAULT_ADDR"));
    report.ok("vault", "address", address.unwrap_or("not set"));
    let method = effective.method().map_or("none", Method::name);
    report.ok("vault", "method", method);
    let asked = open(run).and_then(|(vault, no_login)| {
        pipeline::runtime()?.block_on(ask(report, &vault, run, secrets, no_login));
        Ok(())
    });
    if let Err(error) = asked {
        report.failure("vault", "settings", &error);
    }
}

/// The client, and the error that prevents a login. Without a login address, TLS and health can still be checked.
fn open(run: &Run) -> Result<(VaultSource, Option<anyhow::Error>)> {
    let (settings, effective) = (&run.settings, &run.settings.effective);
    match store::vault::settings(settings, effective, false) {
        Ok(client) => Ok((VaultSource::new(client)?, None)),
        // If something other than the login is wrong, `without_login` fails too.
        Err(no_login) => {
            Ok((VaultSource::new(store::vault::without_login(settings, effective)?)?, Some(no_login)))
        }
    }
}

async fn ask(
    report: &mut Report,
    vault: &VaultSource,
    run: &Run,
    secrets: &[SecretRef],
    no_login: Option<anyhow::Error>,
) {
    if let Some(error) = &no_login {
        report.failure("vault", "login", error);
    }
    match vault.health(&run.cx).await {
        Err(error) => {
            // If there is no response, all other requests would fail in the same way.
            failed(report, "connection", &error);
            return;
        }
        Ok(health) => {
            connection(report, run);
            let state = format!("version {}", health.version);
            match (health.initialized, health.sealed) {
                (false, _) => {
                    report.add("vault", "health", State::Error, format!("{state}, not initialized"));
                    report.next("initialize it");
                }
                (true, true) => {
                    report.add("vault", "health", State::Error, format!("{state}, sealed"));
                    report.next("unseal it");
                }
                (true, false) if health.standby => report.ok("vault", "health", format!("{state}, standby")),
                (true, false) => report.ok("vault", "health", format!("{state}, active")),
            }
        }
    }
    if no_login.is_some() {
        return;
    }
    match vault.token(&run.cx).await {
        Err(error) => return failed(report, "login", &error),
        Ok(token) => token_lines(report, &token),
    }
    may_read(report, vault, run, secrets).await;
}

/// Adds whether the connection is encrypted, and which certificates are trusted.
fn connection(report: &mut Report, run: &Run) {
    let effective = &run.settings.effective;
    let address =
        effective.get("VAULT_AGENT_ADDR").or_else(|| effective.get("VAULT_ADDR")).unwrap_or_default();
    if !address.starts_with("https") {
        let is_near =
            address.starts_with("unix:") || run.settings.effective.get("VAULT_AGENT_ADDR").is_some();
        if is_near || LOCAL.iter().any(|host| address.starts_with(&format!("http://{host}"))) {
            return report.ok("vault", "connection", "without TLS, on this machine");
        }
        let next = "use an https address: tokens and secrets can be read on their way";
        return report.warn("vault", "connection", "without TLS", next);
    }
    if crate::values::is_true(effective.get("VAULT_SKIP_VERIFY")) {
        let next = "unset VAULT_SKIP_VERIFY, and name the authority with VAULT_CACERT";
        return report.warn("vault", "connection", "TLS, any certificate is trusted", next);
    }
    let mut named = ["VAULT_CACERT_BYTES", "VAULT_CACERT", "VAULT_CAPATH"].into_iter();
    let by = named.find(|name| effective.get(name).is_some());
    report.ok(
        "vault",
        "connection",
        format!("TLS, the chain is trusted by {}", by.unwrap_or("the system's roots")),
    );
}

fn token_lines(report: &mut Report, token: &TokenInfo) {
    report.ok("vault", "login", format!("a token of {}", token.path));
    let all = token.policies.iter().chain(token.identity_policies.iter().flatten());
    let names: Vec<&str> = all.map(String::as_str).collect();
    if names.contains(&"root") {
        let next = "give keyfill a role of its own that may read what apps need";
        report.warn("vault", "policies", "root: it may do everything", next);
    } else {
        report.ok("vault", "policies", names.join(", "));
    }
    match token.ttl {
        0 => report.warn("vault", "ttl", "no end", "use a login that gives tokens with an end"),
        ttl if ttl < SHORT && !token.renewable => {
            report.warn("vault", "ttl", format!("{ttl} s"), "raise the time to live of the role's tokens");
        }
        ttl => {
            let renewable = if token.renewable { ", renewable" } else { "" };
            report.ok("vault", "ttl", format!("{ttl} s{renewable}"));
        }
    }
}

/// Adds the token's capabilities for each path that is used in the tree.
async fn may_read(report: &mut Report, vault: &VaultSource, run: &Run, secrets: &[SecretRef]) {
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    let here = secrets.iter().filter(|secret| secret.store.is_none() && secret.namespace.is_none());
    for secret in here.take(MOST_PATHS) {
        match vault.read_path(secret, &run.cx).await {
            Ok(path) => drop(paths.insert(path, secret.path.clone())),
            Err(error) => {
                report.add("capabilities", secret.path.as_str(), State::Error, words(&error));
                report.next("mount an engine there, or let the token's policies read the path");
            }
        }
    }
    if paths.is_empty() {
        return;
    }
    let asked: Vec<String> = paths.keys().cloned().collect();
    let answers = match vault.capabilities(&asked, &run.cx).await {
        Ok(answers) => answers,
        Err(error) => return failed(report, "capabilities", &error),
    };
    for path in asked {
        let has = answers.get(&path).map(|list| list.join(", ")).unwrap_or_default();
        if has.contains("read") || has.contains("root") {
            report.ok("capabilities", path, has);
        } else {
            let found = if has.is_empty() { "nothing".to_owned() } else { has };
            report.add("capabilities", path.as_str(), State::Error, found);
            report.next(format!("add to a policy: path \"{path}\" {{ capabilities = [\"read\"] }}"));
        }
    }
}

fn failed(report: &mut Report, name: &str, error: &Error) {
    for problem in error.diagnostics() {
        report.problem("vault", name, &problem);
    }
}

fn words(error: &Error) -> String {
    error.diagnostics().into_iter().map(|d| d.message).collect::<Vec<_>>().join("; ")
}
