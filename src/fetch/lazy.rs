//! A fetcher that is created when something is first fetched.

use super::{Logins, Plan, proof};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Report as _};
use keyfill_fetch::{Fetcher, Lock, Network, Options, Store};
use keyfill_files::{
    ChartRef, Fetch, FetchError, FetchedChart, FetchedTree, FileErrorKind, Files, GitRef, NoFetch, TreePath,
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Fetches by a [`Plan`].
pub struct Lazy {
    plan: Plan,
    files: Arc<dyn Files>,
    lock: TreePath,
    fetcher: OnceLock<Result<Fetcher, FetchError>>,
}

impl Lazy {
    /// Makes a fetcher for a tree; `lock` is the path of its lock file.
    pub fn new(plan: Plan, files: Arc<dyn Files>, lock: TreePath) -> Self {
        Self { plan, files, lock, fetcher: OnceLock::new() }
    }

    fn fetcher(&self) -> Result<&Fetcher, FetchError> {
        let made = self.fetcher.get_or_init(|| {
            let lock = read_lock(&*self.files, &self.lock)?;
            self.plan.fetcher(lock)
        });
        made.as_ref().map_err(Clone::clone)
    }
}

impl Plan {
    /// Makes a fetcher with a lock.
    pub fn fetcher(&self, lock: Lock) -> Result<Fetcher, FetchError> {
        self.fetcher_over(Arc::new(self.network()?), &Logins::default(), lock)
    }

    /// Makes the cache and the HTTP client, which several runs may share.
    pub fn network(&self) -> Result<Network, FetchError> {
        Ok(Network::new(self.store()?, self.proxies.clone(), None))
    }

    /// Makes a fetcher with a lock, and a network and logins that several runs may share.
    pub fn fetcher_over(
        &self,
        network: Arc<Network>,
        logins: &Logins,
        lock: Lock,
    ) -> Result<Fetcher, FetchError> {
        let (credentials, warning) = logins.of(self)?;
        let options = Options {
            mode: self.mode,
            policy: self.policy.clone(),
            proofs: proof::read(&self.proofs)?,
            ssh: self.ssh.clone(),
            credentials,
            lock,
            strict: self.strict,
            offline: self.offline,
            ..Options::default()
        };
        let options = match (self.fresh, self.offline) {
            (true, _) => Options { ttl: Duration::ZERO, ..options },
            // Offline, cached results never expire.
            (false, true) => Options { ttl: Duration::MAX, ..options },
            (false, false) => options,
        };
        let fetcher = Fetcher::new(network, options);
        warning.into_iter().for_each(|warning| fetcher.warn(warning));
        Ok(fetcher)
    }

    /// The cache: in the configured folder, else in the user's cache folder, else a temporary one for this process.
    fn store(&self) -> Result<Store, FetchError> {
        if let Some(folder) = &self.cache {
            match Store::open(folder, self.cache_size) {
                Ok(store) => return Ok(store),
                Err(error) if self.cache_is_named => {
                    let message = format!("the cache {} cannot be used: {error}", folder.display());
                    let hint = "set KEYFILL_CACHE_DIR to a folder that can be written";
                    return Err(FetchError::new(Class::Usage, message).hint(hint));
                }
                Err(_) => {}
            }
        }
        Store::temporary(self.cache_size).map_err(|error| {
            FetchError::new(Class::Other, format!("no cache can be made: {error}"))
                .hint("set KEYFILL_CACHE_DIR to a folder that can be written")
        })
    }
}

/// The lock of a tree; empty if there is no lock file.
pub fn read_lock(files: &dyn Files, path: &TreePath) -> Result<Lock, FetchError> {
    let text = match files.read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == FileErrorKind::NotFound => return Ok(Lock::default()),
        Err(error) => return Err(FetchError::new(error.class(), error.to_string())),
    };
    let text = std::str::from_utf8(&text);
    let text = text.map_err(|_| FetchError::new(Class::Usage, format!("{path} is not UTF-8")))?;
    Lock::parse(text).map_err(|wrong| {
        let line = if wrong.line > 0 { format!(" (line {} of {path})", wrong.line) } else { String::new() };
        FetchError::new(Class::Usage, format!("{wrong}{line}")).hint(wrong.hint)
    })
}

impl Fetch for Lazy {
    fn chart(&self, want: &ChartRef, cx: &Cx) -> Result<FetchedChart, FetchError> {
        self.fetcher()?.chart(want, cx)
    }

    fn git(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError> {
        self.fetcher()?.git(want, cx)
    }

    fn file(&self, url: &str, cx: &Cx) -> Result<Bytes, FetchError> {
        self.fetcher()?.file(url, cx)
    }

    fn is_bound(&self) -> bool {
        self.fetcher().is_ok_and(Fetch::is_bound)
    }

    fn repository(&self, name: &str) -> Option<String> {
        self.fetcher().ok()?.repository(name)
    }

    fn take_warnings(&self) -> Vec<Diagnostic> {
        match self.fetcher.get() {
            // `check` uses whatever is in the cache, so that warnings about it are not useful.
            Some(Ok(fetcher)) if !self.plan.offline => fetcher.take_warnings(),
            _ => Vec::new(),
        }
    }
}

/// Fetches nothing; its errors say how to allow fetching.
pub struct Off;

/// The hint of errors while fetching is off.
const ADVICE: &str = "write it into the tree with `keyfill vendor`, or allow fetching with --fetch on, or KEYFILL_FETCH_HOSTS inside Argo CD";

impl Fetch for Off {
    fn chart(&self, want: &ChartRef, cx: &Cx) -> Result<FetchedChart, FetchError> {
        NoFetch.chart(want, cx).map_err(|error| error.hint(ADVICE))
    }

    fn git(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError> {
        NoFetch.git(want, cx).map_err(|error| error.hint(ADVICE))
    }

    fn file(&self, url: &str, cx: &Cx) -> Result<Bytes, FetchError> {
        NoFetch.file(url, cx).map_err(|error| error.hint(ADVICE))
    }
}
