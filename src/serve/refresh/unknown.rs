//! Apps that nobody has served since the start. After a restart it is not known which secrets they have, and Argo CD may
//! not ask for them for a day: where that is wished they are refreshed once, spread over time.

use super::mark::Mark;
use super::table::{AppName, Change, Unit};
use keyfill_secrets::SecretRef;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many apps are remembered.
const MOST: usize = 20_000;

/// For so long at most the list of apps is waited with: many are asked for anyway after a start.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is not known.
pub struct Unknown {
    /// Over how long the refreshes are spread; none where there are none.
    within: Option<Duration>,
    started: Instant,
    /// What a refresh is remembered by in the Lease: no secret has an empty path. One by another replica counts when it
    /// came after this one's start.
    change: Change,
    apps: Mutex<Apps>,
}

#[derive(Default)]
struct Apps {
    /// Those that were served before the list came.
    served: BTreeSet<AppName>,
    /// Those that were not, once it has come.
    left: Option<BTreeSet<AppName>>,
}

impl Unknown {
    /// Since now, a time in seconds since 1970.
    pub fn new(within: Option<Duration>, now: u64) -> Self {
        let unit = Unit { scope: [0; 32], secret: SecretRef::latest(""), keys: None };
        let change = Change { unit: Arc::new(unit), now: Mark::Absent, after: now };
        Self { within, started: Instant::now(), change, apps: Mutex::default() }
    }

    /// Over how long refreshes are spread.
    pub fn within(&self) -> Duration {
        self.within.unwrap_or_default()
    }

    /// Whether the list of apps is to be asked for now.
    pub fn wants_list(&self) -> bool {
        let waits = |within: Duration| self.started.elapsed() < LONGEST_WAIT.min(within / 10);
        self.within.is_some_and(|within| !waits(within)) && self.lock().left.is_none()
    }

    /// The list has come.
    pub fn listed(&self, names: impl IntoIterator<Item = AppName>) {
        let mut apps = self.lock();
        let served = std::mem::take(&mut apps.served);
        apps.left = Some(names.into_iter().filter(|name| !served.contains(name)).take(MOST).collect());
    }

    /// An app was served, or is gone, or was refreshed.
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

    /// The apps that are still unknown.
    pub fn left(&self) -> BTreeSet<AppName> {
        self.lock().left.clone().unwrap_or_default()
    }

    /// What stands for the unknown secrets of an app.
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
    fn it_is_off_unless_it_is_asked_for_and_waits_a_moment() {
        assert!(!Unknown::new(None, 0).wants_list());
        assert!(!Unknown::new(Some(Duration::from_secs(3600)), 0).wants_list());
    }
}
