//! The messages by which workers ask for charts, bases and files that their archive does not hold, and the answers.

use super::orders::class_of;
use keyfill_diag::Report as _;
use keyfill_fetch::{Digest, Lock, LockedChart, LockedFiles, LockedTree};
use keyfill_files::{ChartRef, FetchError, GitRef, TreePath};
use serde::{Deserialize, Serialize};

/// Something that a worker asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Want {
    /// A chart: repository, name, version.
    Chart([String; 3]),
    /// The tree of a git repository: URL, reference.
    Tree([String; 2]),
    /// A folder of such a tree: URL, reference, path.
    Folder([String; 3]),
    /// A file by its URL.
    File(String),
    /// The address of a chart repository by its name (`@NAME`, `alias:NAME`). Nothing is fetched for it.
    Repository(String),
}

impl Want {
    /// A question for a chart.
    pub fn chart(want: &ChartRef) -> Self {
        let ChartRef { repository, name, version } = want.clone();
        Self::Chart([repository, name, version])
    }

    /// A question for a git tree.
    pub fn tree(want: &GitRef) -> Self {
        let GitRef { url, reference } = want.clone();
        Self::Tree([url, reference])
    }

    /// The bytes of all strings in the question.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Chart(texts) | Self::Folder(texts) => texts.iter().map(String::len).sum(),
            Self::Tree(texts) => texts.iter().map(String::len).sum(),
            Self::File(text) | Self::Repository(text) => text.len(),
        }
    }
}

/// A question. The first one of an order carries the content of keyfill.lock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Question {
    /// The chart, git tree, file or repository name that is asked for.
    pub want: Want,
    /// The content of keyfill.lock, if it was not sent before.
    pub lock: Option<Locked>,
}

/// The content of keyfill.lock. The worker parses the file: the supervisor parses no author's files.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Locked {
    /// Repository, name and version as the author wrote them; the version that was chosen, its URL; SHA-256 digest.
    charts: Vec<([String; 5], [u8; 32])>,
    /// URL, reference; commit; digests of its files.
    git: Vec<([String; 3], Files)>,
    /// URL; SHA-256 digest.
    files: Vec<(String, [u8; 32])>,
}

/// The SHA-256 digest of all files of a commit, or the digests of single folders.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Files {
    All([u8; 32]),
    Folders(Vec<(String, [u8; 32])>),
}

impl Files {
    fn of(files: LockedFiles) -> Self {
        match files {
            LockedFiles::All(digest) => Self::All(digest.0),
            LockedFiles::Folders(folders) => {
                Self::Folders(folders.into_iter().map(|(dir, digest)| (dir.to_string(), digest.0)).collect())
            }
        }
    }

    fn read(self) -> LockedFiles {
        match self {
            Self::All(digest) => LockedFiles::All(Digest(digest)),
            Self::Folders(folders) => {
                let folder = |(dir, digest): (String, [u8; 32])| Some((TreePath::new(&dir)?, Digest(digest)));
                LockedFiles::Folders(folders.into_iter().filter_map(folder).collect())
            }
        }
    }
}

impl Locked {
    /// The lock as it is sent to the supervisor.
    pub fn of(lock: Lock) -> Self {
        let chart = |(want, found): (ChartRef, LockedChart)| {
            let LockedChart { version, url, digest } = found;
            ([want.repository, want.name, want.version, version, url], digest.0)
        };
        let tree = |(want, found): (GitRef, LockedTree)| {
            ([want.url, want.reference, found.commit], Files::of(found.files))
        };
        Self {
            charts: lock.charts.into_iter().map(chart).collect(),
            git: lock.git.into_iter().map(tree).collect(),
            files: lock.files.into_iter().map(|(url, digest)| (url, digest.0)).collect(),
        }
    }

    /// The lock that was sent.
    pub fn read(self) -> Lock {
        let chart = |([repository, name, asked, version, url], digest): ([String; 5], [u8; 32])| {
            let found = LockedChart { version, url, digest: Digest(digest) };
            (ChartRef { repository, name, version: asked }, found)
        };
        let tree = |([url, reference, commit], files): ([String; 3], Files)| {
            (GitRef { url, reference }, LockedTree { commit, files: files.read() })
        };
        Lock {
            charts: self.charts.into_iter().map(chart).collect(),
            git: self.git.into_iter().map(tree).collect(),
            files: self.files.into_iter().map(|(url, digest)| (url, Digest(digest))).collect(),
        }
    }
}

/// What was found. The bytes are sent as the order's tail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// A chart; its archive is the tail.
    Chart {
        /// The version that was chosen.
        version: String,
        /// The archive's name in `charts/`.
        file_name: String,
    },
    /// A git tree, in the file whose descriptor is sent along.
    Tree {
        /// The commit ID, 40 hexadecimal digits.
        commit: String,
        /// The SHA-256 digest of the tree.
        digest: [u8; 32],
        /// Folders of the tree, with the number of bytes that each takes of the tail; `None` if all files are in the tree.
        folders: Option<Vec<(String, u64)>>,
        /// Whether the other folders may be asked for.
        more: bool,
    },
    /// A folder, whose content is the tail.
    Folder,
    /// A file, whose content is the tail.
    File,
    /// The address of the chart repository with this name; `None` if there is none.
    Repository(Option<String>),
    /// Fetching takes long: the worker gives up the request, which is sent again when the fetch is done.
    Later,
}

/// Why something was not fetched: [`FetchError`] as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotFetched {
    class: u8,
    message: String,
    hint: Option<String>,
    off: bool,
}

impl NotFetched {
    /// The error as it is sent to the worker.
    pub fn of(error: &FetchError) -> Self {
        let (class, hint) = (error.class().exit_code(), error.help().map(str::to_owned));
        Self { class, message: error.to_string(), hint, off: error.is_off() }
    }

    /// The error that was sent.
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
    fn a_lock_arrives_unchanged() {
        let digest = "0123456789abcdef".repeat(4);
        let text = format!(
            "version: 1\ncharts:\n- repo: https://charts.example\n  name: db\n  version: ~1\n  resolved: 1.2.3\n  \
             url: https://charts.example/db-1.2.3.tgz\n  digest: sha256:{digest}\ngit:\n- url: \
             https://git.example/a\n  ref: v1\n  commit: {commit}\n  tree: sha256:{digest}\n- url: \
             https://git.example/b\n  ref: v1\n  commit: {commit}\n  folders:\n    base: sha256:{digest}\n    \".\": \
             sha256:{digest}\nfiles:\n- url: \
             https://files.example/a.yaml\n  digest: sha256:{digest}\n",
            commit = "ab".repeat(20)
        );
        let lock = Lock::parse(&text).unwrap();
        assert_eq!((lock.charts.len(), lock.git.len(), lock.files.len()), (1, 2, 1));
        assert_eq!(Locked::of(lock.clone()).read(), lock);
    }

    #[test]
    fn an_error_arrives_with_its_class_and_hint() {
        let error = NotFetched::of(&FetchError::new(Class::Forbidden, "not allowed").hint("list it")).read();
        let parts = (error.class(), error.to_string(), error.help().map(str::to_owned), error.is_off());
        assert_eq!(parts, (Class::Forbidden, "not allowed".to_owned(), Some("list it".to_owned()), false));
        assert!(NotFetched::of(&FetchError::off("off")).read().is_off());
    }
}
