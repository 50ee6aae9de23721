//! The refreshes of the last day, which replicas share in an annotation of their Lease: for each a hash of app and
//! secret, the version, and the time. So each app is refreshed once for each change, whichever replicas have served
//! it.

use super::mark::Mark;
use super::table::Change;
use crate::serve::fields::Fields;
use keyfill_secrets::Keys;
use std::fmt::Write as _;

/// The name of the annotation.
pub const ANNOTATION: &str = "keyfill.dev/refreshed";

/// The most refreshes that are remembered. They take about 130 KB of the 256 KiB that an object's annotations may
/// have.
const MOST: usize = 4_000;

/// How long a refresh is remembered, in seconds.
const LIFE: u64 = 24 * 3600;

/// A hash of the names of an app and a secret, so that the annotation does not show them.
type Key = [u8; 8];

/// The refreshes that are remembered.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done(Vec<Entry>);

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    key: Key,
    /// The secret's version; 0 if the store counts no versions.
    version: u64,
    at: u64,
}

impl Done {
    /// Parses the annotation. Entries that cannot be parsed are left out.
    pub fn read(text: &str) -> Self {
        Self(text.split(' ').filter_map(Entry::read).take(MOST).collect())
    }

    /// The text of the annotation.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (number, entry) in self.0.iter().enumerate() {
            text.push_str(if number == 0 { "" } else { " " });
            entry.key.iter().for_each(|byte| {
                let _ = write!(text, "{byte:02x}");
            });
            let _ = write!(text, ":{}:{}", entry.version, entry.at);
        }
        text
    }

    /// Whether an app was refreshed for a change. If the store counts no versions, a refresh counts if it came
    /// after the secret was last seen unchanged.
    pub fn has(&self, app: &str, change: &Change) -> bool {
        let (key, version) = (key(app, change), version(change));
        let fits = |entry: &&Entry| entry.key == key && entry.version == version;
        self.0.iter().filter(fits).any(|entry| version != 0 || entry.at >= change.after)
    }

    /// Adds the refresh of an app for a change, at a time in seconds since 1970.
    pub fn add(&mut self, app: &str, change: &Change, at: u64) {
        self.remove(app, change);
        self.0.retain(|entry| entry.at + LIFE > at);
        if self.0.len() >= MOST {
            self.0.remove(0);
        }
        self.0.push(Entry { key: key(app, change), version: version(change), at });
    }

    /// Removes a refresh that failed.
    pub fn remove(&mut self, app: &str, change: &Change) {
        let (key, version) = (key(app, change), version(change));
        self.0.retain(|entry| entry.key != key || entry.version != version);
    }
}

impl Entry {
    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let hex = parts.next().filter(|hex| hex.len() == 16 && hex.is_ascii())?;
        let key = u64::from_str_radix(hex, 16).ok()?.to_be_bytes();
        let (version, at) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        parts.next().is_none().then_some(Self { key, version, at })
    }
}

fn version(change: &Change) -> u64 {
    if let Mark::Version(number) = change.now { number } else { 0 }
}

/// The key is the same in all replicas: scopes and hashes of values, which differ between them, are not part of it.
fn key(app: &str, change: &Change) -> Key {
    let unit = &change.unit;
    let secret = &unit.secret;
    let mut fields = Fields::default();
    let mut add = |text: &str| fields.add(text);
    add(app);
    add(secret.store.as_deref().unwrap_or_default());
    add(secret.namespace.as_deref().unwrap_or_default());
    add(&secret.path);
    add(secret.version.as_deref().unwrap_or_default());
    if let Some(Keys::These(names)) = &unit.keys {
        names.iter().for_each(|name| add(name));
    }
    fields.hash()
}

#[cfg(test)]
mod tests {
    use super::{Done, MOST};
    use crate::serve::refresh::mark::Mark;
    use crate::serve::refresh::table::{Change, Unit};
    use keyfill_secrets::{Keys, SecretRef};
    use std::sync::Arc;

    fn change(path: &str, now: Mark, after: u64) -> Change {
        let keys = matches!(now, Mark::Hash(_)).then_some(Keys::All);
        Change { unit: Arc::new(Unit { scope: [1; 32], secret: SecretRef::latest(path), keys }), now, after }
    }

    #[test]
    fn what_one_replica_writes_another_one_reads() {
        let mut done = Done::default();
        let four = change("kv/a", Mark::Version(4), 0);
        done.add("argocd/web", &four, 1_000);
        let mut read = Done::read(&done.text());
        assert_eq!(read, done);
        assert!(read.has("argocd/web", &four));
        for (app, other) in [
            ("argocd/web2", change("kv/a", Mark::Version(4), 0)),
            ("argocd/web", change("kv/b", Mark::Version(4), 0)),
            ("argocd/web", change("kv/a", Mark::Version(5), 0)),
        ] {
            assert!(!read.has(app, &other), "{other:?}");
        }
        read.remove("argocd/web", &four);
        assert_eq!(read, Done::default());
    }

    #[test]
    fn without_versions_a_refresh_counts_for_earlier_changes() {
        let mut done = Done::default();
        done.add("argocd/web", &change("x", Mark::Hash([1; 16]), 900), 1_000);
        // Each replica hashes with its own key, so the hashes of the same change differ.
        assert!(done.has("argocd/web", &change("x", Mark::Hash([2; 16]), 1_000)));
        assert!(!done.has("argocd/web", &change("x", Mark::Hash([3; 16]), 1_001)));
    }

    #[test]
    fn the_annotation_is_bounded_and_entries_that_cannot_be_parsed_are_left_out() {
        let mut done = Done::default();
        for number in 0..MOST + 10 {
            done.add("a/b", &change(&number.to_string(), Mark::Version(u64::MAX), 0), 1_000_000_000);
        }
        let text = done.text();
        assert!(text.len() < 256 << 10, "{}", text.len());
        assert!(!done.has("a/b", &change("9", Mark::Version(u64::MAX), 0)));
        done.add("a/b", &change("x", Mark::Version(1), 0), 2_000_000_000);
        assert_eq!(done.0.len(), 1, "those of days ago are gone");
        for bad in [
            "",
            "x",
            "0011223344556677",
            "0011223344556677:1",
            "0011223344556677:1:2:3",
            "zz11223344556677:1:2",
        ] {
            assert_eq!(Done::read(bad), Done::default(), "{bad}");
        }
    }
}
