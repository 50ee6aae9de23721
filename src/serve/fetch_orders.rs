//! What workers ask for that their archive does not hold, and the answers, as they cross.

use super::orders::class_of;
use keyfill_diag::Report as _;
use keyfill_fetch::{Digest, Lock, LockedChart, LockedTree};
use keyfill_files::{ChartRef, FetchError, GitRef};
use serde::{Deserialize, Serialize};

/// One thing that is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Want {
    /// A chart: repository, name, version.
    Chart([String; 3]),
    /// The tree of a repository: URL, reference.
    Tree([String; 2]),
    /// A file by its URL.
    File(String),
    /// The address of a repository's name; nothing is fetched.
    Repository(String),
}

impl Want {
    /// A chart.
    pub fn chart(want: &ChartRef) -> Self {
        let ChartRef { repository, name, version } = want.clone();
        Self::Chart([repository, name, version])
    }

    /// A tree.
    pub fn tree(want: &GitRef) -> Self {
        let GitRef { url, reference } = want.clone();
        Self::Tree([url, reference])
    }

    /// Bytes of its texts.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Chart(texts) => texts.iter().map(String::len).sum(),
            Self::Tree(texts) => texts.iter().map(String::len).sum(),
            Self::File(text) | Self::Repository(text) => text.len(),
        }
    }
}

/// A question, with the lock in the first one of an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// What is asked for.
    pub want: Want,
    /// keyfill.lock, where it was not sent before.
    pub lock: Option<Locked>,
}

/// keyfill.lock, read by the worker: the supervisor reads no file of an author.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Locked {
    /// Repository, name, version; version that was chosen, URL; digest.
    charts: Vec<([String; 5], [u8; 32])>,
    /// URL, reference; commit; digest.
    git: Vec<([String; 3], [u8; 32])>,
    /// URL; digest.
    files: Vec<(String, [u8; 32])>,
}

impl Locked {
    /// For the way to the supervisor.
    pub fn of(lock: Lock) -> Self {
        let chart = |(want, found): (ChartRef, LockedChart)| {
            let LockedChart { version, url, digest } = found;
            ([want.repository, want.name, want.version, version, url], digest.0)
        };
        let tree =
            |(want, found): (GitRef, LockedTree)| ([want.url, want.reference, found.commit], found.tree.0);
        Self {
            charts: lock.charts.into_iter().map(chart).collect(),
            git: lock.git.into_iter().map(tree).collect(),
            files: lock.files.into_iter().map(|(url, digest)| (url, digest.0)).collect(),
        }
    }

    /// What it says.
    pub fn read(self) -> Lock {
        let chart = |([repository, name, asked, version, url], digest): ([String; 5], [u8; 32])| {
            let found = LockedChart { version, url, digest: Digest(digest) };
            (ChartRef { repository, name, version: asked }, found)
        };
        let tree = |([url, reference, commit], digest): ([String; 3], [u8; 32])| {
            (GitRef { url, reference }, LockedTree { commit, tree: Digest(digest) })
        };
        Lock {
            charts: self.charts.into_iter().map(chart).collect(),
            git: self.git.into_iter().map(tree).collect(),
            files: self.files.into_iter().map(|(url, digest)| (url, Digest(digest))).collect(),
        }
    }
}

/// What was found, beside the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// A chart; its archive is the tail.
    Chart {
        /// The version that was chosen.
        version: String,
        /// The archive's name in `charts/`.
        file_name: String,
    },
    /// A tree, in the file that comes along.
    Tree {
        /// The commit's 40 digits.
        commit: String,
        /// The digest over the files.
        digest: [u8; 32],
    },
    /// A file; it is the tail.
    File,
    /// The address of a repository's name, where there is one.
    Repository(Option<String>),
    /// It takes its time: the work is given up, and begun again when it is there.
    Later,
}

/// [`FetchError`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFetched {
    class: u8,
    message: String,
    hint: Option<String>,
    off: bool,
}

impl NotFetched {
    /// For the way to the worker.
    pub fn of(error: &FetchError) -> Self {
        let (class, hint) = (error.class().exit_code(), error.help().map(str::to_owned));
        Self { class, message: error.to_string(), hint, off: error.is_off() }
    }

    /// What it says.
    pub fn read(self) -> FetchError {
        let error = match self.off {
            true => FetchError::off(self.message),
            false => FetchError::new(class_of(self.class), self.message),
        };
        match self.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Locked, NotFetched};
    use keyfill_diag::{Class, Report as _};
    use keyfill_fetch::Lock;
    use keyfill_files::FetchError;

    #[test]
    fn a_lock_crosses_whole() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!(
            "version: 1\ncharts:\n- repo: https://charts.example\n  name: db\n  version: ~1\n  resolved: 1.2.3\n  \
             url: https://charts.example/db-1.2.3.tgz\n  digest: sha256:{digest}\ngit:\n- url: \
             https://git.example/a\n  ref: v1\n  commit: {}\n  tree: sha256:{digest}\nfiles:\n- url: \
             https://files.example/a.yaml\n  digest: sha256:{digest}\n",
            "ab".repeat(20)
        );
        let lock = Lock::parse(&text).unwrap();
        assert_eq!((lock.charts.len(), lock.git.len(), lock.files.len()), (1, 1, 1));
        assert_eq!(Locked::of(lock.clone()).read(), lock);
    }

    #[test]
    fn an_error_crosses_with_its_class_and_hint() {
        let error = NotFetched::of(&FetchError::new(Class::Forbidden, "not allowed").hint("list it")).read();
        let parts = (error.class(), error.to_string(), error.help().map(str::to_owned), error.is_off());
        assert_eq!(parts, (Class::Forbidden, "not allowed".to_owned(), Some("list it".to_owned()), false));
        assert!(NotFetched::of(&FetchError::off("off")).read().is_off());
    }
}
