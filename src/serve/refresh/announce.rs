//! Refreshes Applications whose secrets have changed: once for each change and app, spread over time, while this
//! replica holds the Lease.

use super::Inner;
use super::counters::Ended;
use super::holder::Holder;
use super::table::{AppName, Change};
use keyfill_diag::Cx;
use keyfill_secrets::kubernetes::{Refused, applications};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How often the queue is searched for apps that are due.
const TICK: Duration = Duration::from_millis(250);

/// The most apps that are refreshed after one write of the Lease, and how long that may take: the Lease must not
/// expire meanwhile.
const BATCH: usize = 8;
const BATCH_TIME: Duration = Duration::from_secs(5);

/// The Lease is kept if the next app is due sooner than this.
const SOON: Duration = Duration::from_secs(3);

/// How long a request to the API server may take.
const TIME: Duration = Duration::from_secs(5);

/// How long listing all Applications may take.
const LIST_TIME: Duration = Duration::from_secs(60);

/// The entry among the denied namespaces for listing all Applications. No namespace can have this name.
const LISTING: &str = "(list)";

/// How long a request is not repeated that the service account has no right to.
const DENIED: Duration = Duration::from_secs(300);

/// The time between two attempts, after the first failure and at most.
const AGAIN: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_secs(300);

/// An app that waits for its refresh.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// When the app's first change was seen; `None` for an app whose secrets are not known.
    pub since: Option<Instant>,
    due: Instant,
    tries: u32,
}

/// The apps that wait for a refresh.
pub type Queue = BTreeMap<AppName, Waiting>;

/// Puts apps with changes into the queue, each at a random time: after `rest`, and within `spread` from then. Apps
/// in the queue that have no changes any more leave it, unless their secrets are not known.
pub fn plan(
    queue: &mut Queue,
    changed: &BTreeMap<AppName, Vec<Change>>,
    unknown: &BTreeSet<AppName>,
    rest: Duration,
    spread: Duration,
) {
    let now = Instant::now();
    queue.retain(|app, waiting| match waiting.since {
        Some(_) => changed.contains_key(app),
        None => unknown.contains(app) && !changed.contains_key(app),
    });
    for app in changed.keys() {
        let due = || now + rest + spread.mul_f64(fastrand::f64());
        queue.entry(app.clone()).or_insert_with(|| Waiting { since: Some(now), due: due(), tries: 0 });
    }
}

/// Puts apps whose secrets are not known into the queue, each at a random time within `spread`.
fn plan_unknown(queue: &mut Queue, unknown: &BTreeSet<AppName>, spread: Duration) {
    let now = Instant::now();
    for app in unknown {
        let due = || now + spread.mul_f64(fastrand::f64());
        queue.entry(app.clone()).or_insert_with(|| Waiting { since: None, due: due(), tries: 0 });
    }
}

impl Inner {
    /// Lists all Applications once, if that is configured, and puts those into the queue whose secrets are not
    /// known.
    pub(super) async fn list_unknown(&self) {
        let (Some(cluster), true) = (&self.cluster, self.unknown.wants_list()) else { return };
        if self.is_denied(LISTING) {
            return;
        }
        match applications::of_plugins(cluster, &self.namespace, &Cx::with_time(LIST_TIME)).await {
            Ok(names) => {
                self.unknown.listed(names.iter().filter_map(|name| AppName::of(name)));
                let unknown = self.unknown.left();
                tracing::info!(apps = unknown.len(), "refreshing apps that were not served since the start");
                plan_unknown(&mut self.queue(), &unknown, self.unknown.within());
            }
            Err(refused) => {
                let time = log_refusal(self, "the list of Applications", &refused);
                self.deny(LISTING, time);
            }
        }
    }

    /// At most `most` apps that are due now.
    fn due(&self, most: usize) -> Vec<AppName> {
        let (now, queue) = (Instant::now(), self.queue());
        queue
            .iter()
            .filter(|(_, waiting)| waiting.due <= now)
            .take(most)
            .map(|(app, _)| app.clone())
            .collect()
    }

    fn next_due(&self) -> Option<Instant> {
        self.queue().values().map(|waiting| waiting.due).min()
    }

    fn leave_queue(&self, app: &AppName) {
        self.queue().remove(app);
    }

    fn later(&self, app: &AppName, time: Duration) {
        if let Some(waiting) = self.queue().get_mut(app) {
            waiting.due = Instant::now() + time;
        }
    }

    /// Counts an attempt; returns how many there were before it.
    fn again(&self, app: &AppName) -> u32 {
        self.queue().get_mut(app).map_or(0, |waiting| {
            waiting.tries += 1;
            waiting.tries - 1
        })
    }
}

/// Refreshes the apps that are due, until the task is dropped.
pub async fn run(inner: &Inner, holder: &tokio::sync::Mutex<Holder>) {
    loop {
        tokio::time::sleep(TICK).await;
        let mut holder = holder.lock().await;
        let due = inner.due(BATCH);
        if due.is_empty() {
            let is_idle = inner.next_due().is_none_or(|at| at > Instant::now() + SOON);
            holder.rest(is_idle).await;
            continue;
        }
        if let Err(refused) = work(inner, &mut holder, due).await {
            let time = log_refusal(inner, "the Lease of refreshes", &refused);
            holder.pause(time);
        }
        holder.rest(false).await;
    }
}

/// Refreshes the apps that are due, except those that another replica has refreshed.
async fn work(inner: &Inner, holder: &mut Holder, due: Vec<AppName>) -> Result<(), Refused> {
    let Some(mut done) = holder.take().await? else { return Ok(()) };
    let mut batch = Vec::new();
    for app in due {
        let (name, changes) = (inner.full_name(&app), inner.changes(&app));
        let fresh: Vec<Change> = changes.iter().filter(|change| !done.has(&name, change)).cloned().collect();
        if fresh.is_empty() {
            if !changes.is_empty() {
                inner.ended(&app, &changes, Ended::Elsewhere);
            }
            inner.leave_queue(&app);
            continue;
        }
        let now = super::seconds();
        fresh.iter().for_each(|change| done.add(&name, change, now));
        batch.push((app, changes, fresh));
    }
    if batch.is_empty() || !holder.write(&done).await? {
        return Ok(());
    }
    let (written, mut undone) = (Instant::now(), false);
    for (app, changes, fresh) in batch {
        let is_late = written.elapsed() > BATCH_TIME;
        if is_late || !one(inner, &app, &changes).await {
            let name = inner.full_name(&app);
            fresh.iter().for_each(|change| done.remove(&name, change));
            undone = true;
        }
    }
    // Other replicas may try the apps whose refresh failed here.
    if undone { holder.write(&done).await.map(drop) } else { Ok(()) }
}

/// Refreshes one app. Returns `false` if that failed.
async fn one(inner: &Inner, app: &AppName, changes: &[Change]) -> bool {
    let namespace = app.namespace.as_deref().unwrap_or(&inner.namespace);
    let cluster = match &inner.cluster {
        Some(cluster) if !inner.is_denied(namespace) => cluster,
        _ => {
            inner.later(app, DENIED);
            return false;
        }
    };
    let name = inner.full_name(app);
    match applications::refresh(cluster, namespace, &app.name, &Cx::with_time(TIME)).await {
        Ok(()) => {
            inner.ended(app, changes, Ended::Refreshed);
            inner.leave_queue(app);
            tracing::info!(app = name, changed_secrets = changes.len(), "refreshed");
            true
        }
        Err(Refused::Absent) => {
            inner.lock().forget(app);
            inner.unknown.met(app);
            inner.leave_queue(app);
            tracing::info!(app = name, "not refreshed: there is no such Application");
            true
        }
        Err(refused) => {
            let is_denied = matches!(refused, Refused::Denied(_));
            let time = log_refusal(inner, &name, &refused);
            if is_denied {
                inner.deny(namespace, time);
            }
            let tries = inner.again(app);
            let again = (AGAIN * 2_u32.saturating_pow(tries.min(10))).min(LONGEST);
            inner.later(app, time.max(again));
            false
        }
    }
}

/// Logs an error. Returns how long to wait before the next attempt.
fn log_refusal(inner: &Inner, what: &str, refused: &Refused) -> Duration {
    match refused {
        Refused::Denied(error) => {
            inner.counters.count(Ended::Denied);
            let hint =
                "give the service account the rights in deploy/refresh; it is tried again in five minutes";
            tracing::error!(what, %error, hint, "refresh denied");
            DENIED
        }
        Refused::Failed(error) => {
            inner.counters.count(Ended::Failed);
            tracing::warn!(what, %error, "refresh failed");
            AGAIN
        }
        Refused::Absent | Refused::Conflict => AGAIN,
    }
}

#[cfg(test)]
mod tests {
    use super::{Queue, plan, plan_unknown};
    use crate::serve::refresh::table::AppName;
    use std::collections::{BTreeMap, BTreeSet};
    use std::time::{Duration, Instant};

    #[test]
    fn refreshes_wait_for_the_caches_and_are_spread_over_time() {
        let mut queue = Queue::new();
        let app = |n: usize| AppName::of(&format!("app-{n}")).expect("a name");
        let changed: BTreeMap<_, _> = (0..200).map(|n| (app(n), Vec::new())).collect();
        let (start, none) = (Instant::now(), BTreeSet::new());
        let (rest, spread) = (Duration::from_secs(5), Duration::from_secs(60));
        plan(&mut queue, &changed, &none, rest, spread);
        let first = queue.clone();
        let due: Vec<u64> =
            queue.values().map(|waiting| waiting.due.duration_since(start).as_secs()).collect();
        assert!(due.iter().all(|seconds| (5..=65).contains(seconds)), "{due:?}");
        for part in [5..25, 25..45, 45..66_u64] {
            let within = due.iter().filter(|seconds| part.contains(*seconds)).count();
            assert!((30..110).contains(&within), "{within} of 200 in {part:?}");
        }
        let fewer: BTreeMap<_, _> = (0..10).map(|n| (app(n), Vec::new())).collect();
        plan(&mut queue, &fewer, &none, rest, spread);
        assert_eq!(queue.len(), 10);
        assert_eq!(queue[&app(3)].due, first[&app(3)].due, "who waits keeps its time");
    }

    #[test]
    fn apps_whose_secrets_are_not_known_wait_until_a_change_is_seen_or_they_are_served() {
        let mut queue = Queue::new();
        let [one, two, three] = ["one", "two", "three"].map(|name| AppName::of(name).expect("a name"));
        let hour = Duration::from_secs(3600);
        plan_unknown(&mut queue, &BTreeSet::from([one.clone(), two.clone(), three.clone()]), hour);
        assert!(queue.values().all(|waiting| waiting.since.is_none()), "none is stale");
        // A secret of `one` has changed, and `three` was served.
        let changed = BTreeMap::from([(one.clone(), Vec::new())]);
        plan(&mut queue, &changed, &BTreeSet::from([two.clone()]), Duration::ZERO, Duration::ZERO);
        assert!(queue[&one].since.is_some() && queue[&two].since.is_none() && queue.len() == 2);
    }
}
