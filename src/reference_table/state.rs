//! What a store's metadata says of a reference.

use keyfill_go::time::{Time, Zone};
use keyfill_secrets::vault::{Known, Metadata, Version};
use serde::{Serialize, Serializer};

/// How a reference and its store fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// An app was given an older version than the newest one.
    Stale,
    /// It is there, in an engine without versions.
    Unversioned,
    /// Nobody can say.
    Unknown,
}

impl Kind {
    /// Each of them.
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

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
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
    /// A finding of which no more is known.
    pub fn of(state: Kind) -> Self {
        Self { state, current_version: None, written: None, why: None }
    }

    /// Nobody can say, for this reason.
    pub fn unknown(why: impl Into<String>) -> Self {
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
            Kind::Stale => "older than the newest",
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

/// What is to be said of a reference that names `version`.
pub fn judge(known: &Known, version: Option<&str>, now: i64) -> State {
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
    !version.deletion_time.is_empty() && unix_time(&version.deletion_time).is_none_or(|time| time <= now)
}

/// A time of Vault's in seconds since 1970; none where it is no time.
pub fn unix_time(text: &str) -> Option<i64> {
    const LAYOUT: &[u8] = b"2006-01-02T15:04:05.999999999Z07:00";
    Time::parse(LAYOUT, text.as_bytes(), &Zone::Utc).ok().map(|time| time.unix_seconds())
}

/// Seconds since 1970.
pub fn unix_now() -> i64 {
    Time::now(Zone::Utc).unix_seconds()
}

/// A time of Vault's without its fraction.
pub fn to_seconds(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, rest)) if rest.ends_with('Z') => format!("{seconds}Z"),
        _ => time.chars().take(40).collect(),
    }
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
