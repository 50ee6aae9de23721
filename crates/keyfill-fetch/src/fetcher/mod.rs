//! Fetches charts, trees and files for one run, within its lock file and host policy, and notes what was fetched.

mod commits;

pub use commits::Handed;

use crate::Digest;
use crate::charts::{Registry, Repository, Taken};
use crate::lock::{Lock, LockedChart};
use crate::network::Network;
use crate::options::{Mode, Options};
use crate::store::{Name, Record, now};
use crate::web::{Web, allows, record, unkept, while_running};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Report as _, without_users};
use keyfill_files::{ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, GitRef};
use keyfill_http::shown;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::Url;

/// The error where a run must not send requests and the store does not hold what is needed.
pub const NOT_CACHED: &str = "it is not in the cache, and this run sends no requests";
/// The end of the error about a chart, repository or file that the lock file does not name.
pub const NOT_LOCKED: &str = "is not in keyfill.lock";
/// The hint for that error.
pub(crate) const LOCK_IT: &str = "run `keyfill lock` in the tree and commit keyfill.lock";
/// The largest file that is fetched by its URL, in bytes.
const MOST_FILE: u64 = 64 << 20;
/// The most charts, repositories and files that one run fetches, and the most bytes in all. What would exceed them is
/// refused.
const MOST_FETCHED: usize = 5_000;
const MOST_BYTES: u64 = 4 << 30;

/// Gets charts, trees and files for one run, from the store or the network. Clones share their state.
#[derive(Clone)]
pub struct Fetcher {
    network: Arc<Network>,
    options: Arc<Options>,
    state: Arc<State>,
}

/// What a run has fetched so far.
#[derive(Default)]
struct State {
    taken: Mutex<Lock>,
    warnings: Mutex<Vec<Diagnostic>>,
    /// What was fetched without an entry in the lock file, for the warning about it.
    unlocked: Mutex<Vec<String>>,
    /// Whether anything was fetched without an entry in the lock file.
    may_move: AtomicBool,
    /// How many charts, repositories and files were fetched over the network.
    asked: AtomicUsize,
    taken_in: AtomicU64,
}

impl Fetcher {
    /// The fetcher of one run.
    pub fn new(network: Arc<Network>, options: Options) -> Self {
        Self { network, options: Arc::new(options), state: Arc::default() }
    }

    /// What was fetched so far, as the entries of a lock file.
    pub fn taken(&self) -> Lock {
        held(&self.state.taken).clone()
    }

    /// Whether something was fetched that the lock file does not name. A later run may get another version of it.
    pub fn may_move(&self) -> bool {
        self.state.may_move.load(Ordering::Relaxed)
    }

    /// Takes the warnings that remain even if a lock file is written, and leaves none.
    pub fn take_lasting_warnings(&self) -> Vec<Diagnostic> {
        std::mem::take(&mut *held(&self.state.warnings))
    }

    /// Adds a warning that remains even if a lock file is written.
    pub fn warn(&self, message: String) {
        let mut warnings = held(&self.state.warnings);
        if !warnings.iter().any(|warning| warning.message == message) {
            warnings.push(Diagnostic::warning(Class::Store, message));
        }
    }

    /// Checks that the run's mode allows to fetch `what`; the error says what to do.
    fn permit(&self, what: &str, is_locked: bool) -> Result<(), FetchError> {
        match self.options.mode {
            Mode::Off => Err(FetchError::off(format!("{what} is not in the tree, and fetching is off"))
                .hint("write it into the tree with `keyfill vendor`, or allow fetching with --fetch or KEYFILL_FETCH_HOSTS")),
            Mode::Locked if !is_locked => {
                Err(FetchError::new(Class::Forbidden, format!("{what} {NOT_LOCKED}"))
                    .hint(LOCK_IT))
            }
            _ => {
                if !is_locked {
                    self.state.may_move.store(true, Ordering::Relaxed);
                    held(&self.state.unlocked).push(what.to_owned());
                }
                Ok(())
            }
        }
    }

    /// Makes an error final where a lock file or a host policy applies: the official tools, which know neither, must
    /// not fetch it instead.
    fn decided(&self, error: FetchError) -> FetchError {
        if !self.is_bound() {
            return error;
        }
        let decided = FetchError::new(Class::Forbidden, error.to_string());
        error.help().map_or(decided.clone(), |hint| decided.hint(hint))
    }

    fn run<T>(&self, cx: &Cx, work: impl Future<Output = Result<T, FetchError>>) -> Result<T, FetchError> {
        cx.check().map_err(|why| FetchError::new(Class::Other, format!("fetching was stopped: {why}")))?;
        let runtime = self.network.runtime().map_err(|e| unkept(&e))?;
        runtime.block_on(while_running(cx, work))
    }

    fn web(&self, cx: &Cx) -> Result<Web<'_>, FetchError> {
        if self.options.offline {
            return Err(FetchError::off(NOT_CACHED).hint("fetch it with --fetch on"));
        }
        let asked = self.state.asked.fetch_add(1, Ordering::Relaxed);
        if asked >= MOST_FETCHED || self.state.taken_in.load(Ordering::Relaxed) >= MOST_BYTES {
            let message = format!(
                "one run fetches at most {MOST_FETCHED} charts, repositories and files, and {} MiB",
                MOST_BYTES >> 20
            );
            return Err(FetchError::new(Class::Render, message));
        }
        Ok(Web::new(&self.network, &self.options, cx))
    }

    /// A content from the store, not older than `fresh`, if the policy allows every URL that it was fetched from.
    fn stored(&self, name: &Name, fresh: Option<Duration>) -> Option<(Record, Bytes)> {
        let record = self.network.store.record(name)?;
        let allowed = allows(&self.options.policy, &record);
        if !allowed || fresh.is_some_and(|ttl| record.age() >= ttl) {
            return None;
        }
        if fresh.is_some() {
            self.network.counters.used(record.age());
        }
        let bytes = self.network.store.read(&record.digest()?).ok()??;
        self.network.counters.hit();
        Some((record, bytes))
    }

    /// Identifies the login for a chart's repository. It is a part of the name in the store, so that only runs with
    /// this login find the chart.
    fn chart_login(&self, want: &ChartRef, cx: &Cx) -> Result<String, FetchError> {
        let web = Web::new(&self.network, &self.options, cx);
        if want.repository.starts_with("oci://") {
            return Ok(Registry::at(web, want)?.login_id());
        }
        Ok(Repository::at(web, want)?.chart_id())
    }

    /// A chart from the store, if the run has the logins of its repository and of its archive. An index may name
    /// archives on another server, which needs another login.
    fn stored_chart(
        &self,
        name: &Name,
        want: &ChartRef,
        fresh: Option<Duration>,
        cx: &Cx,
    ) -> Option<(Record, Bytes)> {
        let (record, archive) = self.stored(name, fresh)?;
        if !want.repository.starts_with("oci://") {
            let web = Web::new(&self.network, &self.options, cx);
            let (_, url) = record.resolved.split_once(' ')?;
            let login = Repository::at(web, want).ok()?.archive_id(&Url::parse(url).ok()?, &record.urls);
            (record.login == self.network.store.mark(&login)).then_some(())?;
        }
        Some((record, archive))
    }

    fn chart_name(&self, want: &ChartRef, version: &str, digest: &str, login: &str) -> Name {
        self.network.store.name(&["chart", &want.repository, &want.name, version, digest, login])
    }

    /// A chart that the lock file names; its archive must have the locked digest.
    fn locked_chart(
        &self,
        want: &ChartRef,
        locked: &LockedChart,
        cx: &Cx,
    ) -> Result<FetchedChart, FetchError> {
        let login = self.chart_login(want, cx)?;
        let name = self.chart_name(want, &locked.version, &locked.digest.to_string(), &login);
        let from_store = || {
            let (_, archive) = self.stored_chart(&name, want, None, cx)?;
            Some(fetched(want, locked, archive))
        };
        if let Some(chart) = from_store() {
            return Ok(chart);
        }
        let web = self.web(cx)?;
        self.run(cx, async {
            let flight = self.network.flight(&format!("{name:?}"));
            let _guard = flight.lock().await;
            if let Some(chart) = from_store() {
                return Ok(chart);
            }
            let taken = self.fetch_locked(web, want, locked).await?;
            if taken.digest != locked.digest {
                let message = format!("the archive is not the locked one: it has {}, and keyfill.lock says {}", taken.digest, locked.digest);
                return Err(FetchError::new(Class::Forbidden, message).hint(
                    "someone published other content under the same version: find out why before you run `keyfill lock --update`",
                ));
            }
            self.keep_chart(&name, &taken)?;
            Ok(fetched(want, locked, taken.archive))
        })
    }

    async fn fetch_locked(
        &self,
        web: Web<'_>,
        want: &ChartRef,
        locked: &LockedChart,
    ) -> Result<Taken, FetchError> {
        if want.repository.starts_with("oci://") {
            return Registry::at(web, want)?.fetch(&locked.version).await;
        }
        let repository = Repository::at(web, want)?;
        // The lock file holds the archive's URL, so that a large index need not be read. The URL may be outdated:
        // then the index is read.
        if let Ok(url) = Url::parse(&locked.url)
            && let Ok(taken) = repository.archive(&url, &want.name, &locked.version).await
            && taken.digest == locked.digest
        {
            return Ok(taken);
        }
        let exact = ChartRef { version: locked.version.clone(), ..want.clone() };
        let (index, warning) = repository.index(self.options.ttl).await?;
        warning.into_iter().for_each(|text| self.warn(text));
        repository.fetch(&want.name, repository.find(&index, &exact)?).await
    }

    /// A chart that the lock file does not name: the newest version in the range. The flag says whether it was
    /// fetched just now.
    fn newest_chart(&self, want: &ChartRef, cx: &Cx) -> Result<(Taken, bool), FetchError> {
        let login = self.chart_login(want, cx)?;
        let name = self.chart_name(want, &want.version, "", &login);
        if let Some(found) = self.fresh_chart(&name, want, cx) {
            return Ok((found, false));
        }
        let web = self.web(cx)?;
        self.run(cx, async {
            let flight = self.network.flight(&format!("{name:?}"));
            let _guard = flight.lock().await;
            if let Some(found) = self.fresh_chart(&name, want, cx) {
                return Ok((found, false));
            }
            let taken = match self.resolve_and_fetch(web, want).await {
                Ok(taken) => taken,
                Err(error) => return self.old_chart(&name, want, error, cx),
            };
            self.keep_chart(&name, &taken)?;
            let bound = self.chart_name(want, &taken.version, &taken.digest.to_string(), &login);
            self.keep_chart(&bound, &taken)?;
            Ok((taken, true))
        })
    }

    async fn resolve_and_fetch(&self, web: Web<'_>, want: &ChartRef) -> Result<Taken, FetchError> {
        if want.repository.starts_with("oci://") {
            let registry = Registry::at(web, want)?;
            let version = registry.version(want).await?;
            return registry.fetch(&version).await;
        }
        let repository = Repository::at(web, want)?;
        let (index, warning) = repository.index(self.options.ttl).await?;
        warning.into_iter().for_each(|text| self.warn(text));
        let listed = repository.find(&index, want)?;
        let taken = repository.fetch(&want.name, listed).await?;
        self.compare(want, &taken, &listed.digest)?;
        Ok(taken)
    }

    /// Compares an archive with the digest in the index. helm does not, and some public indexes have wrong digests:
    /// hence only a warning unless the run is strict.
    fn compare(&self, want: &ChartRef, taken: &Taken, listed: &str) -> Result<(), FetchError> {
        if listed.is_empty() || Digest::parse(listed) == Some(taken.digest) {
            return Ok(());
        }
        let message = format!(
            "{} {} has the digest {}, and the index of {} says {listed}",
            want.name,
            taken.version,
            taken.digest,
            without_users(&want.repository)
        );
        if self.options.strict {
            return Err(FetchError::new(Class::Forbidden, message).hint("tell the owner of the repository"));
        }
        self.warn(message);
        Ok(())
    }

    fn fresh_chart(&self, name: &Name, want: &ChartRef, cx: &Cx) -> Option<Taken> {
        let found = self.stored_chart(name, want, Some(self.options.ttl), cx);
        found.and_then(|(record, archive)| of_record(record, archive))
    }

    /// The chart that was fetched earlier, where its server is down; else the error.
    fn old_chart(
        &self,
        name: &Name,
        want: &ChartRef,
        error: FetchError,
        cx: &Cx,
    ) -> Result<(Taken, bool), FetchError> {
        let old = (error.class() == Class::Store).then(|| self.stored_chart(name, want, None, cx)).flatten();
        let age = old.as_ref().map(|(record, _)| record.age()).unwrap_or_default();
        match old.and_then(|(record, archive)| of_record(record, archive)) {
            Some(taken) => {
                self.network.counters.used_stale(age);
                self.warn(format!("{error}; what was fetched before is used"));
                Ok((taken, false))
            }
            None => Err(error),
        }
    }

    fn keep_chart(&self, name: &Name, taken: &Taken) -> Result<(), FetchError> {
        let store = &self.network.store;
        self.state.taken_in.fetch_add(taken.archive.len() as u64, Ordering::Relaxed);
        let digest = store.put(&taken.archive).map_err(|e| unkept(&e))?;
        let record = Record {
            digest: digest.to_string(),
            resolved: format!("{} {}", taken.version, taken.url),
            urls: taken.urls.clone(),
            login: store.mark(&taken.login),
            at: now(),
            ..Record::default()
        };
        store.put_record(name, &record).map_err(|e| unkept(&e))
    }

    /// The address of a repository that is written as `@NAME` or `alias:NAME`; others are returned as they are.
    fn address(&self, repository: &str) -> Result<String, FetchError> {
        if repository.starts_with('@') || repository.starts_with("alias:") {
            return self.options.credentials.aliased(repository).map(str::to_owned).ok_or_else(|| {
                let message = format!("no repository is called {repository}");
                let error = if self.options.offline {
                    // Another environment, in which the app is rendered, may know the name.
                    FetchError::off(message)
                } else {
                    FetchError::new(Class::Render, message)
                };
                error.hint("write its address, or add it with `helm repo add` where keyfill runs")
            });
        }
        Ok(repository.to_owned())
    }

    fn file_bytes(&self, url: &Url, locked: Option<&Digest>, cx: &Cx) -> Result<(Digest, Bytes), FetchError> {
        let login = self.options.credentials.login_for(url);
        let id = self.options.credentials.id(url, login);
        let bound = locked.map(Digest::to_string).unwrap_or_default();
        let name = self.network.store.name(&["file", url.as_str(), &bound, &id]);
        let ttl = locked.is_none().then_some(self.options.ttl);
        let from_store =
            |ttl| self.stored(&name, ttl).and_then(|(record, bytes)| Some((record.digest()?, bytes)));
        if let Some(found) = from_store(ttl) {
            return Ok(found);
        }
        let web = self.web(cx)?;
        self.run(cx, async {
            let flight = self.network.flight(&format!("{name:?}"));
            let _guard = flight.lock().await;
            if let Some(found) = from_store(ttl) {
                return Ok(found);
            }
            let (reply, bytes) = match web.bytes(&Web::get(url, login, MOST_FILE)).await {
                Ok(answer) => answer,
                Err(error) if error.class() == Class::Store && locked.is_none() => {
                    let Some(old) = from_store(None) else { return Err(error) };
                    let age = self.network.store.record(&name).map(|record| record.age()).unwrap_or_default();
                    self.network.counters.used_stale(age);
                    self.warn(format!("{error}; what was fetched before is used"));
                    return Ok(old);
                }
                Err(error) => return Err(error),
            };
            let digest = Digest(reply.digest);
            self.state.taken_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if let Some(locked) = locked.filter(|locked| **locked != digest) {
                let message = format!(
                    "{} is not the locked file: it has {digest}, and keyfill.lock says {locked}",
                    shown(url)
                );
                return Err(FetchError::new(Class::Forbidden, message)
                    .hint("its content changed: look at it, then run `keyfill lock --update`"));
            }
            let store = &self.network.store;
            store.put(&bytes).map_err(|e| unkept(&e))?;
            store.put_record(&name, &record(&reply, &digest, "")).map_err(|e| unkept(&e))?;
            Ok((digest, bytes))
        })
    }
}

impl Fetch for Fetcher {
    fn chart(&self, want: &ChartRef, cx: &Cx) -> Result<FetchedChart, FetchError> {
        let want = ChartRef { repository: self.address(&want.repository)?, ..want.clone() };
        // The lock file is committed to git: it must not hold the user and the password of an address.
        let key = ChartRef { repository: without_users(&want.repository), ..want.clone() };
        let what = format!("the chart {} {} of {}", key.name, key.version, key.repository);
        let locked = self.options.lock.charts.get(&key);
        self.permit(&what, locked.is_some())?;
        let earlier = held(&self.state.taken).charts.get(&key).cloned();
        let about = |error: FetchError| error.context(format!("{what} cannot be fetched"));
        if let Some(locked) = locked.cloned().or(earlier) {
            let chart = self.locked_chart(&want, &locked, cx).map_err(about)?;
            held(&self.state.taken).charts.insert(key, locked);
            return Ok(chart);
        }
        let (taken, _) = self.newest_chart(&want, cx).map_err(about)?;
        let found = LockedChart { version: taken.version.clone(), url: taken.url, digest: taken.digest };
        let chart = fetched(&want, &found, taken.archive);
        held(&self.state.taken).charts.insert(key, found);
        Ok(chart)
    }

    fn git(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError> {
        self.repository_files(want, cx)
    }

    fn file(&self, url: &str, cx: &Cx) -> Result<Bytes, FetchError> {
        let what = without_users(url);
        let locked = self.options.lock.files.get(&what);
        self.permit(&what, locked.is_some())?;
        let earlier = held(&self.state.taken).files.get(&what).copied();
        let about = |error: FetchError| error.context(format!("{what} cannot be fetched"));
        let parsed =
            Url::parse(url).map_err(|_| FetchError::new(Class::Render, format!("{what} is not a URL")))?;
        let bound = locked.copied().or(earlier);
        let (digest, bytes) = self.file_bytes(&parsed, bound.as_ref(), cx).map_err(about)?;
        held(&self.state.taken).files.insert(what.clone(), digest);
        Ok(bytes)
    }

    fn is_bound(&self) -> bool {
        self.options.mode == Mode::Locked || self.options.policy.is_listed()
    }

    /// One warning names all that was fetched without an entry in the lock file.
    fn take_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.take_lasting_warnings();
        let mut unlocked = std::mem::take(&mut *held(&self.state.unlocked));
        unlocked.sort();
        unlocked.dedup();
        if !unlocked.is_empty() {
            let message = format!("fetched without a lock: {}", unlocked.join(", "));
            let hint = "bind it with `keyfill lock` and commit keyfill.lock";
            warnings.push(Diagnostic::warning(Class::Render, message).hint(hint));
        }
        warnings
    }

    fn repository(&self, repository: &str) -> Option<String> {
        self.options.credentials.aliased(repository).map(str::to_owned)
    }
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A chart with the file name that helm gives its archive: the last part of its URL.
fn fetched(want: &ChartRef, found: &LockedChart, archive: Bytes) -> FetchedChart {
    let url = Url::parse(&found.url).ok();
    let last = url.as_ref().and_then(|url| url.path_segments()?.next_back());
    let last = last.filter(|name| name.ends_with(".tgz") && !name.contains('%'));
    let file_name = last.map_or_else(|| format!("{}-{}.tgz", want.name, found.version), str::to_owned);
    FetchedChart { version: found.version.clone(), file_name, archive }
}

fn of_record(record: Record, archive: Bytes) -> Option<Taken> {
    let digest = record.digest()?;
    let (version, url) = record.resolved.split_once(' ')?;
    Some(Taken {
        version: version.to_owned(),
        url: url.to_owned(),
        digest,
        archive,
        urls: record.urls,
        login: String::new(),
    })
}
