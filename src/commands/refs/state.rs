//! What a store says of the secrets that are named: versions and names, and no value.

use super::Row;
use crate::pipeline;
use crate::report::Problem;
use crate::run::Run;
use crate::settings::{Settings, SourceKind};
use crate::store;
use anyhow::Result;
use keyfill_diag::{Cx, Diagnostic, Report as _};
use keyfill_go::time::{Time, Zone};
use keyfill_secrets::vault::{Known, Metadata, VaultSource, Version};
use keyfill_secrets::{Error, SecretRef};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// So many questions are asked at once.
const AT_ONCE: usize = 16;

/// So many unused paths are looked for at most.
const MOST_LISTED: usize = 50_000;

/// How a reference and its store fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It reads the version that is in force.
    Current,
    /// It names a version, which is the newest.
    Pinned,
    /// It names a version, and there is a newer one.
    Old,
    /// The version was deleted; it can be undeleted.
    Deleted,
    /// The version is gone for good.
    Destroyed,
    /// There is no such secret or version.
    Absent,
    /// It is there, in an engine without versions.
    Unversioned,
    /// Nobody can say.
    Unknown,
}

/// What a store says of a reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// The finding.
    pub state: Kind,
    /// The newest version.
    pub current_version: Option<u64>,
    /// When the version was written that the reference reads.
    pub written: Option<String>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl State {
    fn of(state: Kind) -> Self {
        Self { state, current_version: None, written: None, why: None }
    }

    fn unknown(why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::of(Kind::Unknown) }
    }

    /// `old, current is 4, written 2026-01-02T03:04:05Z`.
    pub fn words(&self) -> String {
        let name = match self.state {
            Kind::Current => "current",
            Kind::Pinned => "pinned to the newest",
            Kind::Old => "pinned to an old version",
            Kind::Deleted => "deleted",
            Kind::Destroyed => "destroyed",
            Kind::Absent => "absent",
            Kind::Unversioned => "there, without versions",
            Kind::Unknown => "unknown",
        };
        let mut words = vec![name.to_owned()];
        words.extend(self.current_version.map(|version| format!("newest is {version}")));
        words.extend(self.written.as_ref().map(|when| format!("written {when}")));
        words.extend(self.why.clone());
        words.join(", ")
    }
}

/// The Vaults of a run, each with its client.
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

/// The Vault that the settings name.
pub fn open(settings: &Settings, named: Option<&str>) -> Result<Arc<VaultSource>> {
    let client = store::vault::settings(settings, &settings.effective, named.is_some())?;
    Ok(Arc::new(VaultSource::new(client)?))
}

/// Adds to each reference what its store says. Nothing is read but metadata.
pub fn complete(run: &Run, rows: &mut [Row], wanted: bool) -> Result<Vec<Diagnostic>> {
    if !wanted {
        return Ok(Vec::new());
    }
    let vaults = Vaults::of(&run.settings)?;
    let secrets: BTreeSet<SecretRef> = rows.iter().map(secret_of).collect();
    let secrets: Vec<SecretRef> = secrets.into_iter().collect();
    let answers = pipeline::runtime()?.block_on(ask_all(&vaults, &secrets, &run.cx));
    let by_secret: BTreeMap<&SecretRef, &Result<Known, State>> = secrets.iter().zip(&answers).collect();
    let now = Time::now(Zone::Utc).unix_seconds();
    for row in rows.iter_mut() {
        row.state = by_secret.get(&secret_of(row)).map(|answer| match answer {
            Ok(known) => judge(known, row.version.as_deref(), now),
            Err(state) => state.clone(),
        });
    }
    let all = vaults.default.iter().chain(vaults.named.values());
    Ok(all.flat_map(|vault| vault.client().take_warnings()).collect())
}

/// The secret of a reference in whatever version: metadata is one answer for all of them.
fn secret_of(row: &Row) -> SecretRef {
    SecretRef {
        store: row.store.clone(),
        namespace: row.namespace.clone(),
        ..SecretRef::latest(row.path.clone())
    }
}

async fn ask_all(vaults: &Vaults, secrets: &[SecretRef], cx: &Cx) -> Vec<Result<Known, State>> {
    let mut answers = Vec::with_capacity(secrets.len());
    for some in secrets.chunks(AT_ONCE) {
        let asked = some.iter().map(|secret| async move {
            let Some(vault) = vaults.get(secret.store.as_deref()) else {
                return Err(State::unknown("only Vault is asked for versions"));
            };
            vault.known(secret, cx).await.map_err(|error| State::unknown(why(&error)))
        });
        answers.extend(join(asked).await);
    }
    answers
}

/// All futures at once, in order.
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

/// What is to be said of a reference that names `version`.
fn judge(known: &Known, version: Option<&str>, now: i64) -> State {
    let metadata = match known {
        Known::Absent => return State::of(Kind::Absent),
        Known::Present => return State::of(Kind::Unversioned),
        Known::Versioned(metadata) => metadata,
    };
    let Metadata { current_version: current, versions } = metadata;
    // Version 0 is the newest one, as for Vault.
    let number = match version.map(|text| text.trim().parse::<u64>()) {
        None | Some(Ok(0)) => *current,
        Some(Ok(number)) => number,
        Some(Err(_)) => return State { current_version: Some(*current), ..State::of(Kind::Absent) },
    };
    let is_named = version.is_some_and(|text| text.trim() != "0");
    let there = versions.get(&number);
    let state = match there {
        None => Kind::Absent,
        Some(version) if version.destroyed => Kind::Destroyed,
        Some(version) if is_deleted(version, now) => Kind::Deleted,
        Some(_) if !is_named => Kind::Current,
        Some(_) if number < *current => Kind::Old,
        Some(_) => Kind::Pinned,
    };
    State {
        state,
        current_version: Some(*current),
        written: there.map(|version| to_seconds(&version.created_time)),
        why: None,
    }
}

/// A version may have a time at which it will be deleted.
fn is_deleted(version: &Version, now: i64) -> bool {
    const LAYOUT: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";
    if version.deletion_time.is_empty() {
        return false;
    }
    Time::parse(LAYOUT, version.deletion_time.as_bytes(), &Zone::Utc)
        .map_or(true, |time| time.unix_seconds() <= now)
}

/// A time of Vault's without its fraction.
fn to_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{seconds}Z"),
        _ => time.chars().take(40).collect(),
    }
}

/// The paths below a mount that no reference names.
pub fn unused(run: &Run, mount: &str, used: &[Row], problems: &mut Vec<Diagnostic>) -> Result<Vec<String>> {
    let (store, path) = match mount.split_once("::") {
        Some((store, path)) => (Some(store), path),
        None => (None, mount),
    };
    let vaults = Vaults::of(&run.settings)?;
    let Some(vault) = vaults.get(store) else {
        return Err(Problem::usage(format!("--unused {mount}: only Vault lists what it holds")).into());
    };
    let (all, has_more) = pipeline::runtime()?.block_on(vault.all_below(path, MOST_LISTED, &run.cx))?;
    if has_more {
        let message = format!("{mount} holds more than {MOST_LISTED} secrets: the others were not looked at");
        problems.push(Diagnostic::warning(keyfill_diag::Class::Store, message));
    }
    // A path may be written with or without `data/`.
    let same = |path: &str| path.trim_matches('/').replacen("/data/", "/", 1);
    let used: BTreeSet<String> =
        used.iter().filter(|row| row.store.as_deref() == store).map(|row| same(&row.path)).collect();
    Ok(all.into_iter().filter(|path| !used.contains(&same(path))).collect())
}

#[cfg(test)]
mod tests {
    use super::{Kind, judge};
    use keyfill_secrets::vault::{Known, Metadata, Version};

    #[test]
    fn each_state_of_a_version_is_told_apart() {
        let version = |deleted: &str, destroyed| Version {
            created_time: "2026-01-02T03:04:05.6Z".into(),
            deletion_time: deleted.into(),
            destroyed,
        };
        let versions = [
            (1, version("", true)),
            (2, version("2026-01-02T03:04:06Z", false)),
            (3, version("9999-01-02T03:04:06Z", false)),
            (4, version("", false)),
        ];
        let known = Known::Versioned(Metadata { current_version: 4, versions: versions.into() });
        let state = |text| judge(&known, text, 1_800_000_000).state;
        assert_eq!(state(None), Kind::Current);
        assert_eq!(state(Some("4")), Kind::Pinned);
        assert_eq!(state(Some("3")), Kind::Old);
        assert_eq!(state(Some("2")), Kind::Deleted);
        assert_eq!(state(Some("1")), Kind::Destroyed);
        assert_eq!(state(Some("9")), Kind::Absent);
        assert_eq!(judge(&Known::Absent, None, 0).state, Kind::Absent);
        assert_eq!(judge(&Known::Present, None, 0).state, Kind::Unversioned);
        let words = judge(&known, None, 0).words();
        assert_eq!(words, "current, newest is 4, written 2026-01-02T03:04:05Z");
    }
}
