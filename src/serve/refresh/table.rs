//! The table of which app was given which version of which secret. It holds no values, and its size is bounded.

use super::judge::{self, Found};
use super::mark::Mark;
use crate::reference_table::{Object, Row, State, VersionState};
use crate::serve::fields::Fields;
use keyfill_cmp::AppRequest;
use keyfill_secrets::{Keys, SecretRef, Source};
use keyfill_workers::Scope;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// About the most bytes that the table takes. The apps that were served longest ago are removed first.
const MOST_BYTES: usize = 8 << 20;

/// The most bytes that one app takes. An app with more references is not watched.
const MOST_OF_APP: usize = MOST_BYTES / 8;

/// The most sources of an app. Each revision of a source counts as a source of its own.
const MOST_SOURCES: usize = 16;

/// A source that was served longer ago than this is no longer in use: Argo CD renders an app at least once a day.
const LIFE: Duration = Duration::from_secs(48 * 3600);

/// The bytes that a use, a secret and an app take besides their strings.
const USE: usize = 64;
const UNIT: usize = 512;
const APP: usize = 256;

/// The name of an Application. Without a namespace it is in the namespace of Argo CD.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AppName {
    /// The Application's namespace.
    pub namespace: Option<String>,
    /// The Application's name.
    pub name: String,
}

impl AppName {
    /// Parses `ARGOCD_APP_NAME`: `NAME`, or `NAMESPACE_NAME` for apps in any namespace. `None` if that is no valid
    /// name.
    pub fn of(text: &str) -> Option<Self> {
        let (namespace, name) =
            text.split_once('_').map_or((None, text), |(space, name)| (Some(space), name));
        let is_name = |text: &str| {
            let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.';
            !text.is_empty() && text.len() <= 253 && !text.starts_with('.') && text.chars().all(fits)
        };
        let all_fit = is_name(name) && namespace.is_none_or(is_name);
        all_fit.then(|| Self { namespace: namespace.map(str::to_owned), name: name.to_owned() })
    }
}

/// Which of an app's sources a request renders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part([u8; 16]);

impl Part {
    /// Identifies the source by repository, path and revision, as the Application names them.
    pub fn of(request: &AppRequest) -> Self {
        let names =
            ["ARGOCD_APP_SOURCE_REPO_URL", "ARGOCD_APP_SOURCE_PATH", "ARGOCD_APP_SOURCE_TARGET_REVISION"];
        let mut fields = Fields::default();
        names.iter().for_each(|name| fields.add(request.var(name).unwrap_or_default()));
        Self(fields.hash())
    }
}

/// What an app was given by one read.
#[derive(Clone, Debug)]
pub struct Given {
    /// The secret that was read.
    pub secret: SecretRef,
    /// The keys that the app needs.
    pub keys: Keys,
    /// The mark of the answer.
    pub mark: Mark,
}

/// What a store is asked about: all versions of a secret, or, in a store that counts no versions, some keys of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// The scope of the requests that read the secret.
    pub scope: Scope,
    /// The secret; without a version unless `keys` is set.
    pub secret: SecretRef,
    /// The keys to read, in a store that counts no versions.
    pub keys: Option<Keys>,
}

impl Unit {
    fn of(scope: Scope, given: &Given) -> Self {
        match given.mark {
            Mark::Hash(_) => Self { scope, secret: given.secret.clone(), keys: Some(given.keys.clone()) },
            _ => Self { scope, secret: SecretRef { version: None, ..given.secret.clone() }, keys: None },
        }
    }

    fn weight(&self) -> usize {
        let keys = match &self.keys {
            Some(Keys::These(names)) => names.iter().map(String::len).sum(),
            _ => 0,
        };
        UNIT + self.secret.path.len() + keys
    }
}

/// A secret that a store is to be asked about.
pub struct Watched {
    /// What the store is asked about.
    pub unit: Arc<Unit>,
    /// The store to ask.
    pub source: Arc<dyn Source>,
    /// The versions that apps have or name.
    pub versions: BTreeSet<u64>,
}

/// A secret that is watched.
pub(super) struct Watch {
    source: Arc<dyn Source>,
    uses: usize,
    /// The store's last answer, and when it came in seconds since 1970.
    pub(super) found: Option<(Found, u64)>,
    /// When the secret was last seen unchanged, in seconds since 1970.
    pub(super) changed_after: u64,
}

/// A secret that an app was given.
pub(super) struct Use {
    unit: Arc<Unit>,
    /// The version that the app's placeholder names.
    pub(super) version: Option<String>,
    pub(super) given: Mark,
}

struct Rendered {
    part: Part,
    uses: Vec<Use>,
    served: Instant,
}

#[derive(Default)]
struct App {
    sources: Vec<Rendered>,
    bytes: usize,
    turn: u64,
}

/// A secret whose mark is not the one that an app was given.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The secret that has changed.
    pub unit: Arc<Unit>,
    /// The secret's mark now.
    pub now: Mark,
    /// When the secret was last seen unchanged, in seconds since 1970.
    pub after: u64,
}

/// The table of apps and the secrets that they were given.
#[derive(Default)]
pub struct Table {
    apps: BTreeMap<AppName, App>,
    units: HashMap<Arc<Unit>, Watch>,
    bytes: usize,
    turn: u64,
}

impl Table {
    /// Notes what was read for one of an app's sources. Returns `false` if the app has more references than are
    /// watched.
    pub fn served(
        &mut self,
        name: AppName,
        part: Part,
        scope: Scope,
        source: &Arc<dyn Source>,
        given: &[Given],
        now: u64,
    ) -> bool {
        let mut app = self.take(&name);
        let (old, kept): (Vec<Rendered>, Vec<Rendered>) =
            app.sources.drain(..).partition(|s| s.part == part || s.served.elapsed() > LIFE);
        app.sources = kept;
        old.into_iter().for_each(|source| self.release(source));
        if !given.is_empty() {
            let uses = given.iter().map(|given| self.take_use(scope, source, given, now)).collect();
            app.sources.push(Rendered { part, uses, served: Instant::now() });
        }
        if app.sources.len() > MOST_SOURCES {
            let oldest = app.sources.remove(0);
            self.release(oldest);
        }
        if app.sources.is_empty() {
            return true;
        }
        app.bytes = self.weight(&app);
        let fits = app.bytes <= MOST_OF_APP;
        if fits {
            self.turn += 1;
            app.turn = self.turn;
            self.bytes += app.bytes;
            self.apps.insert(name, app);
            self.make_room();
        } else {
            app.sources.into_iter().for_each(|source| self.release(source));
        }
        fits
    }

    /// Forgets an app.
    pub fn forget(&mut self, name: &AppName) {
        let app = self.take(name);
        app.sources.into_iter().for_each(|source| self.release(source));
    }

    /// The secrets that are watched, the store of each, and the versions that apps have or name.
    pub fn units(&self) -> Vec<Watched> {
        let mut versions: HashMap<&Unit, BTreeSet<u64>> = HashMap::new();
        for (_, of_app) in self.uses() {
            let named = of_app.version.as_deref().and_then(|text| text.trim().parse().ok());
            let given = if let Mark::Version(number) = of_app.given { Some(number) } else { None };
            versions.entry(&of_app.unit).or_default().extend(named.into_iter().chain(given));
        }
        let watched = |(unit, watch): (&Arc<Unit>, &Watch)| Watched {
            unit: Arc::clone(unit),
            source: Arc::clone(&watch.source),
            versions: versions.remove(&**unit).unwrap_or_default(),
        };
        self.units.iter().map(watched).collect()
    }

    /// Notes a store's answer about a secret, at a time in seconds since 1970.
    pub fn found(&mut self, unit: &Unit, found: Found, now: u64) {
        let Some(watch) = self.units.get_mut(unit) else { return };
        let old = watch.found.take();
        match &old {
            Some((before, at)) if !found.is_same(before) => watch.changed_after = *at,
            // An unknown state is no sign of a change, and the last time that the secret was seen unchanged stays.
            Some((Found::Unknown(_), _)) | None => {}
            Some(_) if matches!(found, Found::Unknown(_)) => {}
            Some(_) => watch.changed_after = now,
        }
        watch.found = Some((found, now));
    }

    /// The apps whose secrets have changed, with the changes.
    pub fn changed(&self) -> BTreeMap<AppName, Vec<Change>> {
        let mut all = BTreeMap::new();
        for (name, app) in &self.apps {
            let changes = self.changes_of(app);
            if !changes.is_empty() {
                all.insert(name.clone(), changes);
            }
        }
        all
    }

    /// The changes of one app.
    pub fn changes(&self, name: &AppName) -> Vec<Change> {
        self.apps.get(name).map(|app| self.changes_of(app)).unwrap_or_default()
    }

    /// Notes that an app was refreshed for these changes: it has the new secrets, or will have them in a moment.
    pub fn refreshed(&mut self, name: &AppName, changes: &[Change]) {
        let Some(app) = self.apps.get_mut(name) else { return };
        for of_app in app.sources.iter_mut().flat_map(|source| &mut source.uses) {
            if let Some(change) = changes.iter().find(|change| change.unit == of_app.unit)
                && !judge::is_pinned(of_app)
            {
                of_app.given = change.now;
            }
        }
    }

    /// How many apps are watched.
    pub fn len(&self) -> usize {
        self.apps.len()
    }

    /// How many references are in each state, and the age of the oldest version in use, in seconds.
    pub fn summary(&self, now: i64) -> (BTreeMap<VersionState, usize>, i64) {
        let (mut states, mut oldest) = (BTreeMap::new(), 0);
        for (_, of_app) in self.uses() {
            let (state, written) = self.judged(of_app, now);
            *states.entry(state.state).or_default() += 1;
            oldest = written.map_or(oldest, |written| oldest.max(now - written));
        }
        (states, oldest)
    }

    /// A row for each secret of each app.
    pub fn rows(&self, own_namespace: &str, now: i64) -> Vec<Row> {
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        for (name, of_app) in self.uses() {
            let namespace = name.namespace.as_deref().unwrap_or(own_namespace);
            let secret = &of_app.unit.secret;
            let version = of_app.version.clone().or(match of_app.given {
                Mark::Version(number) => Some(number.to_string()),
                _ => None,
            });
            if !seen.insert((name.clone(), secret.clone(), version.clone())) {
                continue;
            }
            rows.push(Row {
                path: secret.path.clone(),
                key: String::new(),
                version,
                store: secret.store.clone(),
                namespace: secret.namespace.clone(),
                modifiers: Vec::new(),
                file: None,
                line: None,
                object: Object {
                    kind: "Application".to_owned(),
                    namespace: namespace.to_owned(),
                    name: name.name.clone(),
                },
                root: if namespace.is_empty() {
                    name.name.clone()
                } else {
                    format!("{namespace}/{}", name.name)
                },
                state: Some(self.judged(of_app, now).0),
            });
        }
        rows.sort_by(|a, b| (&a.store, &a.path, &a.root).cmp(&(&b.store, &b.path, &b.root)));
        rows
    }

    fn uses(&self) -> impl Iterator<Item = (&AppName, &Use)> {
        self.apps.iter().flat_map(|(name, app)| {
            app.sources.iter().flat_map(|source| &source.uses).map(move |of_app| (name, of_app))
        })
    }

    fn judged(&self, of_app: &Use, now: i64) -> (State, Option<i64>) {
        self.units
            .get(&of_app.unit)
            .map_or((State::unknown("it is not watched"), None), |watch| judge::state(of_app, watch, now))
    }

    fn changes_of(&self, app: &App) -> Vec<Change> {
        let uses = app.sources.iter().flat_map(|source| &source.uses);
        let change = |of_app: &Use| {
            let watch = self.units.get(&of_app.unit)?;
            let now = judge::newer(of_app, watch)?;
            Some(Change { unit: Arc::clone(&of_app.unit), now, after: watch.changed_after })
        };
        let all: BTreeSet<Change> = uses.filter_map(change).collect();
        all.into_iter().collect()
    }

    fn take(&mut self, name: &AppName) -> App {
        let app = self.apps.remove(name).unwrap_or_default();
        self.bytes -= app.bytes;
        app
    }

    fn take_use(&mut self, scope: Scope, source: &Arc<dyn Source>, given: &Given, now: u64) -> Use {
        let unit = Arc::new(Unit::of(scope, given));
        let unit = self.units.get_key_value(&unit).map_or(unit, |(known, _)| Arc::clone(known));
        let new = || Watch { source: Arc::clone(source), uses: 0, found: None, changed_after: now };
        let watch = self.units.entry(Arc::clone(&unit)).or_insert_with(new);
        watch.uses += 1;
        // The store of the newest request has the current settings.
        watch.source = Arc::clone(source);
        Use { unit, version: given.secret.version.clone(), given: given.mark }
    }

    fn release(&mut self, source: Rendered) {
        for of_app in source.uses {
            if let Some(watch) = self.units.get_mut(&of_app.unit) {
                watch.uses -= 1;
                if watch.uses == 0 {
                    self.units.remove(&of_app.unit);
                }
            }
        }
    }

    /// Secrets that apps share are counted for each app, so the bound holds whichever app is removed.
    fn weight(&self, app: &App) -> usize {
        let uses = app.sources.iter().flat_map(|source| &source.uses);
        APP + uses.map(|of_app| USE + of_app.unit.weight()).sum::<usize>()
    }

    fn make_room(&mut self) {
        while self.bytes > MOST_BYTES {
            let oldest = self.apps.iter().min_by_key(|(_, app)| app.turn).map(|(name, _)| name.clone());
            let Some(oldest) = oldest else { return };
            self.forget(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AppName, Given, MOST_BYTES, MOST_SOURCES, Part, Table, Unit};
    use crate::reference_table::VersionState;
    use crate::serve::refresh::judge::Found;
    use crate::serve::refresh::mark::Mark;
    use keyfill_diag::Cx;
    use keyfill_secrets::vault::{Known, Metadata, Version};
    use keyfill_secrets::{BoxFuture, Error, Keys, SecretData, SecretRef, Source};
    use std::sync::Arc;

    struct Nobody;

    impl Source for Nobody {
        fn read_keys<'a>(
            &'a self,
            _: &'a SecretRef,
            _: &'a Keys,
            _: &'a Cx,
        ) -> BoxFuture<'a, Result<Arc<SecretData>, Error>> {
            Box::pin(std::future::ready(Ok(Arc::default())))
        }
    }

    fn given(path: &str, version: Option<&str>, mark: Mark) -> Given {
        let secret = SecretRef { version: version.map(str::to_owned), ..SecretRef::latest(path) };
        Given { secret, keys: Keys::All, mark }
    }

    fn name(text: &str) -> AppName {
        AppName::of(text).expect("a name")
    }

    fn serve(table: &mut Table, app: &str, part: u8, given: &[Given]) -> bool {
        let source: Arc<dyn Source> = Arc::new(Nobody);
        table.served(name(app), Part([part; 16]), [0; 32], &source, given, 100)
    }

    fn unit(path: &str) -> Unit {
        Unit { scope: [0; 32], secret: SecretRef::latest(path), keys: None }
    }

    fn versions(current: u64, is_destroyed: bool) -> Found {
        let version = |destroyed| Version {
            created_time: "2026-01-02T03:04:05.6Z".into(),
            deletion_time: String::new(),
            destroyed,
        };
        let all = (1..current).map(|n| (n, version(false))).chain([(current, version(is_destroyed))]);
        Found::Known(Known::Versioned(Metadata { current_version: current, versions: all.collect() }))
    }

    #[test]
    fn the_name_of_an_app_in_any_namespace_holds_the_namespace() {
        let of = |text: &str| AppName::of(text).map(|app| (app.namespace, app.name));
        assert_eq!(of("web"), Some((None, "web".to_owned())));
        assert_eq!(of("team-a_web.eu"), Some((Some("team-a".to_owned()), "web.eu".to_owned())));
        for bad in ["", "_web", "a_", "a/b", "../x", "Web", "a_b_c", "a b", "a?b", ".x"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_newer_version_is_a_change_for_an_app_that_names_no_version() {
        let mut table = Table::default();
        let all = [
            given("kv/a", None, Mark::Version(1)),
            given("kv/b", Some("1"), Mark::Version(1)),
            given("kv/c", Some("0"), Mark::Version(1)),
            given("kv/d", None, Mark::Version(1)),
            given("kv/e", None, Mark::Absent),
            given("kv/f", None, Mark::Version(1)),
        ];
        assert!(serve(&mut table, "web", 0, &all));
        assert!(table.changed().is_empty(), "nobody has asked");
        for path in ["kv/a", "kv/b", "kv/c", "kv/e"] {
            table.found(&unit(path), versions(2, false), 200);
        }
        table.found(&unit("kv/d"), versions(2, true), 200);
        table.found(&unit("kv/f"), Found::Unknown("down".into()), 200);
        let changes = table.changes(&name("web"));
        let paths: Vec<&str> = changes.iter().map(|change| change.unit.secret.path.as_str()).collect();
        assert_eq!(paths, ["kv/a", "kv/c", "kv/e"]);
        assert!(changes.iter().all(|change| change.now == Mark::Version(2) && change.after == 100));
        let (states, oldest) = table.summary(1_767_323_045 + 60);
        let count = |kind: VersionState| states.get(&kind).copied().unwrap_or(0);
        assert_eq!(
            (count(VersionState::Stale), count(VersionState::Old), count(VersionState::Destroyed)),
            (3, 1, 1)
        );
        assert_eq!((count(VersionState::Unknown), oldest), (1, 60));
        table.refreshed(&name("web"), &changes);
        assert!(table.changed().is_empty(), "once is enough");
        table.found(&unit("kv/a"), versions(3, false), 300);
        assert_eq!(table.changes(&name("web")).len(), 1);
        // Argo CD has rendered the app again, with the current version.
        assert!(serve(&mut table, "web", 0, &[given("kv/a", None, Mark::Version(3))]));
        assert!(table.changed().is_empty());
        assert_eq!(table.units().len(), 1, "what nobody uses is not asked for");
    }

    #[test]
    fn each_source_of_an_app_counts_and_one_without_secrets_is_forgotten() {
        let mut table = Table::default();
        serve(&mut table, "web", 1, &[given("kv/a", None, Mark::Version(1))]);
        serve(&mut table, "web", 2, &[given("kv/b", None, Mark::Version(1))]);
        serve(&mut table, "api", 1, &[given("kv/b", None, Mark::Version(1))]);
        assert_eq!((table.len(), table.units().len()), (2, 2));
        table.found(&unit("kv/b"), versions(2, false), 200);
        assert_eq!(table.changed().len(), 2);
        serve(&mut table, "web", 2, &[]);
        assert_eq!(table.changed().keys().collect::<Vec<_>>(), [&name("api")]);
        serve(&mut table, "web", 1, &[]);
        table.forget(&name("api"));
        assert_eq!((table.len(), table.units().len(), table.bytes), (0, 0, 0));
        for part in 0..40 {
            serve(&mut table, "many", part, &[given("kv/a", None, Mark::Version(1))]);
        }
        assert_eq!(table.apps[&name("many")].sources.len(), MOST_SOURCES);
    }

    #[test]
    fn the_table_is_bounded_and_apps_served_longest_ago_are_removed_first() {
        let mut table = Table::default();
        let large: Vec<Given> =
            (0..800).map(|n| given(&format!("kv/{n}/{}", "x".repeat(200)), None, Mark::Version(1))).collect();
        for app in 0..40 {
            assert!(serve(&mut table, &format!("app-{app}"), 0, &large));
            assert!(table.bytes <= MOST_BYTES);
        }
        assert!(table.len() < 40 && table.len() > 5, "{}", table.len());
        assert!(!table.apps.contains_key(&name("app-0")) && table.apps.contains_key(&name("app-39")));
        let huge: Vec<Given> =
            (0..20_000).map(|n| given(&format!("kv/{n}"), None, Mark::Version(1))).collect();
        let before = table.len();
        assert!(!serve(&mut table, "huge", 0, &huge), "it has more than is watched");
        assert_eq!(table.len(), before);
        assert_eq!(table.units().len(), 800, "nothing of it stays");
    }

    #[test]
    fn a_change_without_versions_is_dated_after_the_secret_was_last_seen_unchanged() {
        let mut table = Table::default();
        let old = Mark::Hash([1; 16]);
        serve(&mut table, "web", 0, &[given("file", None, old)]);
        let unit = Unit { keys: Some(Keys::All), ..unit("file") };
        table.found(&unit, Found::Read(old), 150);
        table.found(&unit, Found::Read(old), 160);
        table.found(&unit, Found::Unknown("down".into()), 170);
        table.found(&unit, Found::Read(Mark::Hash([2; 16])), 180);
        assert_eq!(table.changes(&name("web"))[0].after, 160);
    }
}
