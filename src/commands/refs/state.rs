//! Reads the metadata of referenced secrets from the store: versions and names, no values.

use crate::pipeline;
use crate::progress::Progress;
use crate::reference_table::{Row, State, judge, unix_now};
use crate::report::Problem;
use crate::run::Run;
use crate::settings::{Settings, SourceKind};
use crate::store;
use anyhow::Result;
use keyfill_diag::{Cx, Diagnostic, Report as _};
use keyfill_secrets::vault::{Known, VaultSource};
use keyfill_secrets::{Error, SecretRef};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The number of concurrent requests.
const AT_ONCE: usize = 16;

/// The most paths that are listed to find unused ones.
const MOST_LISTED: usize = 50_000;

/// The Vault clients of a run.
struct Vaults {
    default: Option<Arc<VaultSource>>,
    named: BTreeMap<String, Arc<VaultSource>>,
}

impl Vaults {
    fn of(settings: &Settings) -> Result<Self> {
        let default = match settings.source() {
            Ok(SourceKind::Vault) => Some(open(settings, None)?),
            Ok(_) => None,
            Err(error) if settings.stores.is_empty() => return Err(error),
            Err(_) => None,
        };
        let mut named = BTreeMap::new();
        for (name, store) in settings.stores.iter().filter(|(_, store)| store.kind == SourceKind::Vault) {
            let client = store::vault::settings(settings, &store.effective, true)?;
            named.insert(name.clone(), Arc::new(VaultSource::new(client)?));
        }
        Ok(Self { default, named })
    }

    fn get(&self, store: Option<&str>) -> Option<&Arc<VaultSource>> {
        match store {
            None => self.default.as_ref(),
            Some(name) => self.named.get(name),
        }
    }
}

/// Makes the client of the Vault in the settings.
pub fn open(settings: &Settings, named: Option<&str>) -> Result<Arc<VaultSource>> {
    let client = store::vault::settings(settings, &settings.effective, named.is_some())?;
    Ok(Arc::new(VaultSource::new(client)?))
}

/// Adds the state of each reference. Only metadata is read from the store.
pub fn complete(run: &Run, rows: &mut [Row], wanted: bool) -> Result<Vec<Diagnostic>> {
    if !wanted {
        return Ok(Vec::new());
    }
    let vaults = Vaults::of(&run.settings)?;
    let secrets: BTreeSet<SecretRef> = rows.iter().map(secret_of).collect();
    let secrets: Vec<SecretRef> = secrets.into_iter().collect();
    let answers = pipeline::runtime()?.block_on(ask_all(&vaults, &secrets, &run.cx));
    let by_secret: BTreeMap<&SecretRef, &Result<Known, State>> = secrets.iter().zip(&answers).collect();
    let now = unix_now();
    for row in rows.iter_mut() {
        row.state = by_secret.get(&secret_of(row)).map(|answer| match answer {
            Ok(known) => judge(known, row.version.as_deref(), now),
            Err(state) => state.clone(),
        });
    }
    let all = vaults.default.iter().chain(vaults.named.values());
    Ok(all.flat_map(|vault| vault.client().take_warnings()).collect())
}

/// The secret of a reference without its version, since the metadata contains all versions.
fn secret_of(row: &Row) -> SecretRef {
    SecretRef {
        store: row.store.clone(),
        namespace: row.namespace.clone(),
        ..SecretRef::latest(row.path.clone())
    }
}

async fn ask_all(vaults: &Vaults, secrets: &[SecretRef], cx: &Cx) -> Vec<Result<Known, State>> {
    let mut answers = Vec::with_capacity(secrets.len());
    let progress = Progress::new("secrets", secrets.len());
    let progress = &progress;
    for some in secrets.chunks(AT_ONCE) {
        let asked = some.iter().map(|secret| async move {
            let Some(vault) = vaults.get(secret.store.as_deref()) else {
                return Err(State::unknown("only Vault is asked for versions"));
            };
            let known = vault.known(secret, cx).await.map_err(|error| State::unknown(why(&error)));
            progress.step();
            known
        });
        answers.extend(join(asked).await);
    }
    answers
}

/// Runs all futures concurrently; the results are in their order.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(move |context| {
        let mut is_done = true;
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            match future.as_mut().poll(context) {
                std::task::Poll::Ready(value) => *output = Some(value),
                std::task::Poll::Pending => is_done = false,
            }
        }
        if !is_done {
            return std::task::Poll::Pending;
        }
        std::task::Poll::Ready(running.drain(..).filter_map(|(_, output)| output).collect())
    })
    .await
}

fn why(error: &Error) -> String {
    error.diagnostics().into_iter().map(|d| d.message).collect::<Vec<_>>().join("; ")
}

/// The paths below a mount that no reference uses.
pub fn unused(run: &Run, mount: &str, used: &[Row], problems: &mut Vec<Diagnostic>) -> Result<Vec<String>> {
    let (store, path) = match mount.split_once("::") {
        Some((store, path)) => (Some(store), path),
        None => (None, mount),
    };
    let vaults = Vaults::of(&run.settings)?;
    let Some(vault) = vaults.get(store) else {
        return Err(Problem::usage(format!("--unused {mount}: only Vault lists what it holds")).into());
    };
    let listing = Progress::of("listing secrets");
    let (all, has_more) = pipeline::runtime()?.block_on(vault.all_below(path, MOST_LISTED, &run.cx))?;
    drop(listing);
    if has_more {
        let message = format!("{mount} holds more than {MOST_LISTED} secrets: the others were not looked at");
        problems.push(Diagnostic::warning(keyfill_diag::Class::Store, message));
    }
    // A path may be written with or without `data/` (KV version 2).
    let same = |path: &str| path.trim_matches('/').replacen("/data/", "/", 1);
    let used: BTreeSet<String> =
        used.iter().filter(|row| row.store.as_deref() == store).map(|row| same(&row.path)).collect();
    Ok(all.into_iter().filter(|path| !used.contains(&same(path))).collect())
}
