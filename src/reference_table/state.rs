//! The state of a reference by the store's metadata.

use keyfill_go::time::{Time, Zone};
use keyfill_secrets::vault::{Known, Metadata, Version};
use serde::{Serialize, Serializer};

/// The state of the version that a reference reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum VersionState {
    /// It names no version and reads the current one.
    Current,
    /// It names a version, which is the newest one.
    Pinned,
    /// It names a version, and there is a newer one.
    Old,
    /// The version was deleted; it can be undeleted.
    Deleted,
    /// The version was destroyed and cannot be restored.
    Destroyed,
    /// There is no such secret or version.
    Absent,
    /// An app has received an older version than the newest one.
    Stale,
    /// The secret exists, in an engine without versions.
    Unversioned,
    /// The state could not be found out.
    Unknown,
}

impl VersionState {
    /// All states.
    pub const ALL: [Self; 9] = [
        Self::Current,
        Self::Pinned,
        Self::Old,
        Self::Deleted,
        Self::Destroyed,
        Self::Absent,
        Self::Stale,
        Self::Unversioned,
        Self::Unknown,
    ];

    /// Its name in JSON and in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::Pinned => "pinned",
            Self::Old => "old",
            Self::Deleted => "deleted",
            Self::Destroyed => "destroyed",
            Self::Absent => "absent",
            Self::Stale => "stale",
            Self::Unversioned => "unversioned",
            Self::Unknown => "unknown",
        }
    }
}

impl Serialize for VersionState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// The state of a reference, with details.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct State {
    /// The kind of state.
    pub state: VersionState,
    /// The newest version.
    pub current_version: Option<u64>,
    /// When the version that the reference reads was written, in RFC 3339.
    pub written: Option<String>,
    /// Why the state is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl State {
    /// A state without details.
    pub fn of(state: VersionState) -> Self {
        Self { state, current_version: None, written: None, why: None }
    }

    /// An unknown state, with the reason.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self { why: Some(why.into()), ..Self::of(VersionState::Unknown) }
    }

    /// `old, current is 4, written 2026-01-02T03:04:05Z`.
    pub fn words(&self) -> String {
        let name = match self.state {
            VersionState::Current => "current",
            VersionState::Pinned => "pinned to the newest",
            VersionState::Old => "pinned to an old version",
            VersionState::Deleted => "deleted",
            VersionState::Destroyed => "destroyed",
            VersionState::Absent => "absent",
            VersionState::Stale => "older than the newest",
            VersionState::Unversioned => "there, without versions",
            VersionState::Unknown => "unknown",
        };
        let mut words = vec![name.to_owned()];
        words.extend(self.current_version.map(|version| format!("newest is {version}")));
        words.extend(self.written.as_ref().map(|when| format!("written {when}")));
        words.extend(self.why.clone());
        words.join(", ")
    }
}

/// The state of a reference that names `version`; `now` is in seconds since 1970.
pub fn judge(known: &Known, version: Option<&str>, now: i64) -> State {
    let metadata = match known {
        Known::Absent => return State::of(VersionState::Absent),
        Known::Present => return State::of(VersionState::Unversioned),
        Known::Versioned(metadata) => metadata,
    };
    let Metadata { current_version: current, versions } = metadata;
    // Version 0 means the newest one, as in Vault.
    let number = match version.map(|text| text.trim().parse::<u64>()) {
        None | Some(Ok(0)) => *current,
        Some(Ok(number)) => number,
        Some(Err(_)) => return State { current_version: Some(*current), ..State::of(VersionState::Absent) },
    };
    let is_named = version.is_some_and(|text| text.trim() != "0");
    let there = versions.get(&number);
    let state = match there {
        None => VersionState::Absent,
        Some(version) if version.destroyed => VersionState::Destroyed,
        Some(version) if is_deleted(version, now) => VersionState::Deleted,
        Some(_) if !is_named => VersionState::Current,
        Some(_) if number < *current => VersionState::Old,
        Some(_) => VersionState::Pinned,
    };
    State {
        state,
        current_version: Some(*current),
        written: there.map(|version| to_seconds(&version.created_time)),
        why: None,
    }
}

/// Whether a version is deleted. Its deletion time may be in the future.
fn is_deleted(version: &Version, now: i64) -> bool {
    !version.deletion_time.is_empty() && unix_time(&version.deletion_time).is_none_or(|time| time <= now)
}

/// A time of Vault's API in seconds since 1970; `None` if the text is not a time.
pub fn unix_time(text: &str) -> Option<i64> {
    const LAYOUT: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";
    Time::parse(LAYOUT, text.as_bytes(), &Zone::Utc).ok().map(|time| time.unix_seconds())
}

/// The current time in seconds since 1970.
pub fn unix_now() -> i64 {
    Time::now(Zone::Utc).unix_seconds()
}

/// A time of Vault's API without fractions of a second.
pub fn to_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{seconds}Z"),
        _ => time.chars().take(40).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{VersionState, judge};
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
        assert_eq!(state(None), VersionState::Current);
        assert_eq!(state(Some("4")), VersionState::Pinned);
        assert_eq!(state(Some("3")), VersionState::Old);
        assert_eq!(state(Some("2")), VersionState::Deleted);
        assert_eq!(state(Some("1")), VersionState::Destroyed);
        assert_eq!(state(Some("9")), VersionState::Absent);
        assert_eq!(judge(&Known::Absent, None, 0).state, VersionState::Absent);
        assert_eq!(judge(&Known::Present, None, 0).state, VersionState::Unversioned);
        let words = judge(&known, None, 0).words();
        assert_eq!(words, "current, newest is 4, written 2026-01-02T03:04:05Z");
    }
}
