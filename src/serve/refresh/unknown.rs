//! Apps that this replica has not served since its start. It is not known which secrets they have, and Argo CD may
//! not ask for them for a day. If the administrator wants it, they are refreshed once, spread over time.

use super::mark::Mark;
use super::table::{AppName, Change, Unit};
use keyfill_secrets::SecretRef;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most apps that are remembered.
const MOST: usize = 20_000;

/// The longest wait before the list of apps is requested: many apps are rendered soon after a start anyway.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The apps whose secrets are not known.
pub struct Unknown {
    /// The time over which the refreshes are spread; `None` if there are no such refreshes.
    within: Option<Duration>,
    started: Instant,
    /// The change by which such a refresh is remembered in the Lease. It has an empty path, as no secret has. A
    /// refresh by another replica counts if it came after the start of this one.
    change: Change,
    apps: Mutex<Apps>,
}

#[derive(Default)]
struct Apps {
    /// Apps that were served before the list was there.
    served: BTreeSet<AppName>,
    /// Apps of the list that were not served; `None` before the list is there.
    left: Option<BTreeSet<AppName>>,
}

impl Unknown {
    /// No app was served yet. `now` is the time of the start in seconds since 1970.
    pub fn new(within: Option<Duration>, now: u64) -> Self {
        let unit = Unit { scope: [0; 32], secret: SecretRef::latest(""), keys: None };
        let change = Change { unit: Arc::new(unit), now: Mark::Absent, after: now };
        Self { within, started: Instant::now(), change, apps: Mutex::default() }
    }

    /// The time over which refreshes are spread.
    pub fn within(&self) -> Duration {
        self.within.unwrap_or_default()
    }

    /// Whether the list of apps should be requested now.
    pub fn wants_list(&self) -> bool {
        let waits = |within: Duration| self.started.elapsed() < LONGEST_WAIT.min(within / 10);
        self.within.is_some_and(|within| !waits(within)) && self.lock().left.is_none()
    }

    /// Notes the list of apps.
    pub fn listed(&self, names: impl IntoIterator<Item = AppName>) {
        let mut apps = self.lock();
        let served = std::mem::take(&mut apps.served);
        apps.left = Some(names.into_iter().filter(|name| !served.contains(name)).take(MOST).collect());
    }

    /// Notes that an app was served or refreshed, or does not exist any more.
    pub fn met(&self, name: &AppName) {
        if self.within.is_none() {
            return;
        }
        let apps = &mut *self.lock();
        match &mut apps.left {
            Some(left) => drop(left.remove(name)),
            None if apps.served.len() < MOST => drop(apps.served.insert(name.clone())),
            None => {}
        }
    }

    /// The apps whose secrets are still not known.
    pub fn left(&self) -> BTreeSet<AppName> {
        self.lock().left.clone().unwrap_or_default()
    }

    /// The change that stands for the unknown secrets of an app; `None` if they are known.
    pub fn change(&self, name: &AppName) -> Option<Change> {
        let is_left = self.lock().left.as_ref().is_some_and(|left| left.contains(name));
        is_left.then(|| self.change.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Apps> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Unknown;
    use crate::serve::refresh::table::AppName;
    use std::time::Duration;

    fn name(text: &str) -> AppName {
        AppName::of(text).expect("a name")
    }

    #[test]
    fn apps_that_were_served_since_the_start_are_known() {
        let unknown = Unknown::new(Some(Duration::ZERO), 100);
        assert!(unknown.wants_list());
        unknown.met(&name("early"));
        unknown.listed(["early", "late", "never"].map(name));
        assert!(!unknown.wants_list(), "once is enough");
        unknown.met(&name("late"));
        assert_eq!(unknown.left().into_iter().collect::<Vec<_>>(), [name("never")]);
        assert_eq!(unknown.change(&name("never")).map(|change| change.after), Some(100));
        assert!(unknown.change(&name("late")).is_none());
    }

    #[test]
    fn the_list_is_requested_only_if_configured_and_after_a_wait() {
        assert!(!Unknown::new(None, 0).wants_list());
        assert!(!Unknown::new(Some(Duration::from_secs(3600)), 0).wants_list());
    }
}
