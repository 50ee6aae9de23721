//! Compares what a store has of a secret now with what an app was given.

use super::mark::Mark;
use super::table::{Use, Watch};
use crate::reference_table::{self, State, VersionState};
use keyfill_secrets::vault::Known;
use std::collections::BTreeSet;

/// What a store has of a secret.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    /// The secret's versions.
    Known(Known),
    /// The mark of what a read of the secret returned.
    Read(Mark),
    /// The store did not say, for this reason.
    Unknown(String),
}

impl Found {
    /// Leaves out all versions but the current one and these.
    pub fn with_only(mut self, versions: &BTreeSet<u64>) -> Self {
        if let Self::Known(Known::Versioned(metadata)) = &mut self {
            let current = metadata.current_version;
            metadata.versions.retain(|number, _| *number == current || versions.contains(number));
        }
        self
    }

    /// Whether nothing has changed since `before`.
    pub(super) fn is_same(&self, before: &Self) -> bool {
        match (self, before) {
            (Self::Known(Known::Versioned(now)), Self::Known(Known::Versioned(then))) => {
                now.current_version == then.current_version
            }
            // If one of the two is not known, no change was seen.
            (Self::Unknown(_), _) | (_, Self::Unknown(_)) => true,
            _ => self == before,
        }
    }
}

/// Whether a placeholder of the app names a version: then a newer one does not concern the app.
pub(super) fn is_pinned(of_app: &Use) -> bool {
    let named = of_app.version.as_deref().map(str::trim).filter(|version| *version != "0");
    // A name such as AWSCURRENT is a label that moves from version to version.
    named.is_some_and(|version| matches!(of_app.given, Mark::Version(_)) || version.parse::<u64>().is_ok())
}

/// The mark of a secret now, if it is not the mark that the app was given. A version that was deleted is no change:
/// a refresh would make the app lose the value that it has.
pub(super) fn newer(of_app: &Use, watch: &Watch) -> Option<Mark> {
    if is_pinned(of_app) {
        return None;
    }
    let now = match &watch.found.as_ref()?.0 {
        Found::Known(known @ Known::Versioned(metadata)) => {
            let is_there = reference_table::judge(known, None, reference_table::unix_now()).state
                == VersionState::Current;
            Mark::Version(is_there.then_some(metadata.current_version)?)
        }
        Found::Read(Mark::Absent) | Found::Known(_) | Found::Unknown(_) => return None,
        Found::Read(mark) => *mark,
    };
    (now != of_app.given).then_some(now)
}

/// The state of a reference of an app, and when the version that the app was given was written, in seconds since
/// 1970.
pub(super) fn state(of_app: &Use, watch: &Watch, now: i64) -> (State, Option<i64>) {
    let has_newer = newer(of_app, watch).is_some();
    let with = |kind: VersionState| State::of(if has_newer { VersionState::Stale } else { kind });
    match watch.found.as_ref().map(|(found, _)| found) {
        None => (State::unknown("its store was not asked yet"), None),
        Some(Found::Unknown(why)) => (State::unknown(why.clone()), None),
        Some(Found::Read(Mark::Absent)) => (with(VersionState::Absent), None),
        Some(Found::Read(Mark::Version(current))) => {
            let kind = if is_pinned(of_app) { VersionState::Pinned } else { VersionState::Current };
            (State { current_version: Some(*current), ..with(kind) }, None)
        }
        Some(Found::Read(Mark::Hash(_))) => (with(VersionState::Unversioned), None),
        Some(Found::Known(known)) => {
            let mut state = reference_table::judge(known, of_app.version.as_deref(), now);
            let Known::Versioned(metadata) = known else { return (state, None) };
            let has = match of_app.given {
                Mark::Version(number) => metadata.versions.get(&number),
                _ => None,
            };
            if has_newer {
                state.state = VersionState::Stale;
                state.written = has.map(|version| reference_table::to_seconds(&version.created_time));
            }
            (state, has.and_then(|version| reference_table::unix_time(&version.created_time)))
        }
    }
}
