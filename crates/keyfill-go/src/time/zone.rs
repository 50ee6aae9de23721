//! Time zones by name, by the rules of the database that is built in or installed on the machine.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::{Arc, LazyLock};

/// A time zone: `*time.Location`.
#[derive(Clone, Debug)]
pub enum Zone {
    /// UTC.
    Utc,
    /// The time zone of the machine.
    Local,
    /// A zone of the IANA database.
    Named(Arc<str>, TimeZone),
    /// A fixed offset from UTC in seconds, with a name, which may be empty.
    Fixed(Arc<str>, i32),
}

/// The offset and abbreviation of a zone at an instant.
pub(super) struct Offset {
    /// Seconds ahead of UTC.
    pub(super) seconds: i32,
    /// The abbreviation, such as `CET`.
    pub(super) name: String,
}

static LOCAL: LazyLock<TimeZone> = LazyLock::new(TimeZone::system);

impl Zone {
    /// `time.LoadLocation`: UTC for an empty name and `UTC`. Names are case sensitive, since in Go they are file
    /// names.
    pub fn load(name: &[u8]) -> Option<Self> {
        match name {
            b"" | b"UTC" => return Some(Self::Utc),
            b"Local" => return Some(Self::Local),
            _ => {}
        }
        let name = std::str::from_utf8(name).ok()?;
        let zone = jiff::tz::db().get(name).ok()?;
        // The database ignores the case of names.
        (zone.iana_name() == Some(name)).then(|| Self::Named(name.into(), zone))
    }

    /// The name, as `Location.String` returns it.
    pub fn name(&self) -> &str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "Local",
            Self::Named(name, _) | Self::Fixed(name, _) => name,
        }
    }

    fn rules(&self) -> Option<&TimeZone> {
        match self {
            Self::Local => Some(&LOCAL),
            Self::Named(_, zone) => Some(zone),
            Self::Utc | Self::Fixed(..) => None,
        }
    }

    /// The offset and abbreviation of the zone at an instant, given in seconds since 1970.
    pub(super) fn at(&self, unix: i64) -> Offset {
        match (self, self.rules()) {
            (Self::Fixed(name, seconds), _) => Offset { seconds: *seconds, name: name.to_string() },
            (_, Some(zone)) => {
                let info = zone.to_offset_info(timestamp(unix));
                Offset { seconds: info.offset().seconds(), name: info.abbreviation().to_owned() }
            }
            _ => Offset { seconds: 0, name: "UTC".into() },
        }
    }

    /// The instant at which clocks in the zone show the local time `local`. If clocks are changed then, the
    /// result is Go's guess.
    pub(super) fn to_unix(&self, local: i64) -> i64 {
        let guess = i64::from(self.at(local).seconds);
        if guess == 0 {
            return local;
        }
        local.wrapping_sub(i64::from(self.at(local.wrapping_sub(guess)).seconds))
    }

    /// The offset that an abbreviation stands for in this zone. If it stands for several, the one in effect at
    /// that time comes first.
    pub(super) fn offset_of(&self, name: &str, unix: i64) -> Option<i32> {
        let Some(zone) = self.rules() else {
            let offset = self.at(unix);
            return (offset.name == name).then_some(offset.seconds);
        };
        let mut offsets: Vec<(i32, String)> = zone
            .preceding(timestamp(unix))
            .chain(zone.following(timestamp(unix)).take(8))
            .map(|t| (t.offset().seconds(), t.abbreviation().to_owned()))
            .collect();
        let here = self.at(unix);
        offsets.insert(0, (here.seconds, here.name));
        offsets.retain(|(_, abbreviation)| abbreviation == name);
        let in_effect = |seconds: i32| self.at(unix.wrapping_sub(i64::from(seconds))).name == name;
        offsets.iter().find(|(seconds, _)| in_effect(*seconds)).or(offsets.first()).map(|o| o.0)
    }
}

/// An instant, or the nearest one that the database supports.
fn timestamp(unix: i64) -> Timestamp {
    let limit = if unix < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_second(unix).unwrap_or(limit)
}
