//! The lock file `keyfill.lock`: the version, commit and digest of each chart, git reference and file that an app
//! refers to. It is committed to git.
//!
//! It is YAML with sorted entries, each a block of lines, and without times, so that git can merge two branches.

use crate::Digest;
use crate::git::of_repository;
use keyfill_files::{ChartRef, GitRef, TreePath};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The name of the lock file, which lies at the root of the tree.
pub const FILE_NAME: &str = "keyfill.lock";

const HEAD: &str =
    "# Written by `keyfill lock`: what charts, git references and URLs resolved to. Commit it.\n";

/// The entries of a lock file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// Charts, by repository, name and version or range.
    pub charts: BTreeMap<ChartRef, LockedChart>,
    /// Trees of git repositories, by URL and reference.
    pub git: BTreeMap<GitRef, LockedTree>,
    /// Digests of files, by their URL.
    pub files: BTreeMap<String, Digest>,
}

/// What a chart resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedChart {
    /// The version that was chosen.
    pub version: String,
    /// The URL of its archive; empty for charts of OCI registries.
    pub url: String,
    /// SHA-256 of the archive.
    pub digest: Digest,
}

/// What a git reference resolved to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockedTree {
    /// The 40 hexadecimal digits of the commit.
    pub commit: String,
    /// The digests that its files must have.
    pub files: LockedFiles,
}

/// The digests that the files of a commit must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LockedFiles {
    /// SHA-256 over the modes, paths and contents of all files, as lock files of version 1 have it.
    All(Digest),
    /// For each folder that a file is read from, SHA-256 over the names, modes and contents directly in it.
    Folders(BTreeMap<TreePath, Digest>),
}

impl LockedTree {
    /// The folders that are locked; `None` where one digest locks all files.
    pub fn folders(&self) -> Option<&BTreeMap<TreePath, Digest>> {
        match &self.files {
            LockedFiles::Folders(folders) => Some(folders),
            LockedFiles::All(_) => None,
        }
    }

    /// Adds the folders of another entry, if it is of the same commit.
    fn with_folders_of(mut self, other: &Self) -> Self {
        if let (LockedFiles::Folders(own), Some(others)) = (&mut self.files, other.folders())
            && self.commit == other.commit
        {
            for (dir, digest) in others {
                own.entry(dir.clone()).or_insert(*digest);
            }
        }
        self
    }
}

/// Why a lock file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LockError {
    /// The line of the lock file, counted from 1; 0 where it is not known.
    pub line: u32,
    /// The error, in one sentence.
    pub message: String,
    /// What the reader of the error can do.
    pub hint: &'static str,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for LockError {}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with the field version")]
struct File {
    version: u32,
    #[serde(default)]
    charts: Option<Vec<ChartEntry>>,
    #[serde(default)]
    git: Option<Vec<GitEntry>>,
    #[serde(default)]
    files: Option<Vec<FileEntry>>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entry of a chart")]
struct ChartEntry {
    repo: String,
    name: String,
    version: String,
    resolved: String,
    #[serde(default)]
    url: String,
    digest: String,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entry of a repository")]
struct GitEntry {
    url: String,
    #[serde(rename = "ref")]
    reference: String,
    commit: String,
    tree: Option<String>,
    folders: Option<Pairs>,
}

/// The entries of a YAML mapping in their order, with duplicate keys.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping of folders to digests")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields, expecting = "an entry of a file")]
struct FileEntry {
    url: String,
    digest: String,
}

const LOCK_AGAIN: &str = "write it again with `keyfill lock --all`";

impl Lock {
    /// Reads a lock file.
    pub fn parse(text: &str) -> Result<Self, LockError> {
        let error = |line: usize, message: String, hint| LockError { line: line as u32, message, hint };
        let is_mark = |line: &str| {
            ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|mark| line.starts_with(mark))
        };
        if let Some(at) = text.lines().position(is_mark) {
            let message = format!("{FILE_NAME} holds the marks of a merge conflict");
            let hint = "keep the entries of both sides, or take one side and run `keyfill lock --all`";
            return Err(error(at + 1, message, hint));
        }
        let file: File = serde_yaml::from_str(text).map_err(|e| {
            let line = e.location().map_or(0, |at| at.line());
            error(line, format!("{FILE_NAME} cannot be read: {e}"), LOCK_AGAIN)
        })?;
        if !matches!(file.version, 1 | 2) {
            let message =
                format!("{FILE_NAME} has version {}, and this keyfill knows versions 1 and 2", file.version);
            return Err(error(1, message, "use a newer keyfill"));
        }
        let mut lock = Self::default();
        for entry in file.charts.unwrap_or_default() {
            lock.add_chart(entry).map_err(|(what, wrong)| wrong_at(text, &what, &wrong))?;
        }
        for entry in file.git.unwrap_or_default() {
            lock.add_git(entry).map_err(|(what, wrong)| wrong_at(text, &what, &wrong))?;
        }
        for entry in file.files.unwrap_or_default() {
            let wrong = || (entry.digest.clone(), format!("the digest of {}", entry.url));
            let digest = Digest::parse(&entry.digest).ok_or_else(wrong);
            let digest = digest.map_err(|(what, wrong)| wrong_at(text, &what, &wrong))?;
            if lock.files.insert(entry.url.clone(), digest).is_some_and(|other| other != digest) {
                return Err(twice(text, &entry.url));
            }
        }
        Ok(lock)
    }

    fn add_chart(&mut self, entry: ChartEntry) -> Result<(), (String, String)> {
        let ChartEntry { repo, name, version, resolved, url, digest } = entry;
        let Some(digest) = Digest::parse(&digest) else {
            return Err((digest, format!("the digest of {name}")));
        };
        let key = ChartRef { repository: repo, name: name.clone(), version };
        let locked = LockedChart { version: resolved, url, digest };
        match self.charts.insert(key, locked.clone()) {
            Some(other) if other != locked => {
                Err((name.clone(), format!("the chart {name}, which occurs twice with different values")))
            }
            _ => Ok(()),
        }
    }

    fn add_git(&mut self, entry: GitEntry) -> Result<(), (String, String)> {
        let GitEntry { url, reference, commit, tree, folders } = entry;
        if commit.len() != 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err((commit, format!("the commit of {url}")));
        }
        let files = match (tree, folders) {
            (Some(tree), None) => {
                let digest = Digest::parse(&tree);
                LockedFiles::All(digest.ok_or_else(|| (tree, format!("the tree of {url}")))?)
            }
            (None, Some(pairs)) => LockedFiles::Folders(folders_of(pairs, &url)?),
            _ => return Err((url.clone(), format!("{url}, which needs either a tree or folders,"))),
        };
        let locked = LockedTree { commit, files };
        match self.git.insert(GitRef { url: url.clone(), reference }, locked.clone()) {
            Some(other) if other != locked => {
                Err((url.clone(), format!("{url}, which occurs twice with different values")))
            }
            _ => Ok(()),
        }
    }

    /// Whether the lock has no entry.
    pub fn is_empty(&self) -> bool {
        self.charts.is_empty() && self.git.is_empty() && self.files.is_empty()
    }

    /// A copy without the entries that match `name`: the name of a chart, the address of a repository, or the URL of
    /// a file. The last part of the address is enough for a git repository.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        let mut kept = self.clone();
        let last = |url: &str| url.trim_end_matches(".git").rsplit(['/', ':']).next() == Some(name);
        kept.charts.retain(|want, _| want.name != name && want.repository != name);
        kept.git.retain(|want, _| want.url != name && !last(&want.url));
        kept.files.retain(|url, _| url != name);
        kept
    }

    /// Describes the entries and folders that this lock holds and `other` does not.
    pub fn names_beyond(&self, other: &Self) -> Vec<String> {
        let charts = self.charts.keys().filter(|want| !other.charts.contains_key(want));
        let git = self.git.keys().filter(|want| !other.git.contains_key(want));
        let files = self.files.keys().filter(|url| !other.files.contains_key(*url));
        let charts =
            charts.map(|want| format!("the chart {} {} of {}", want.name, want.version, want.repository));
        let git = git.map(repository);
        let folders = self.git.iter().filter_map(|(want, found)| {
            let (own, others) = (found.folders()?, other.git.get(want)?.folders()?);
            let beyond = own.keys().filter(move |dir| !others.contains_key(*dir));
            Some(beyond.map(move |dir| of_repository(&repository(want), dir)))
        });
        charts.chain(git).chain(folders.flatten()).chain(files.map(|url| format!("the file {url}"))).collect()
    }

    /// Adds the entries of another lock, which replace those of this one. Where both have the same commit, the
    /// folders of both are kept.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.charts.extend(other.charts);
        for (want, found) in other.git {
            let found = match self.git.get(&want) {
                Some(known) => found.with_folders_of(known),
                None => found,
            };
            self.git.insert(want, found);
        }
        self.files.extend(other.files);
        self
    }
}

impl fmt::Display for Lock {
    /// Writes the text of the lock file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        let has_folders = self.git.values().any(|found| found.folders().is_some());
        writeln!(f, "version: {}", if has_folders { 2 } else { 1 })?;
        if !self.charts.is_empty() {
            f.write_str("charts:\n")?;
        }
        for (want, found) in &self.charts {
            writeln!(f, "- repo: {}", scalar(&want.repository))?;
            writeln!(f, "  name: {}", scalar(&want.name))?;
            writeln!(f, "  version: {}", scalar(&want.version))?;
            writeln!(f, "  resolved: {}", scalar(&found.version))?;
            if !found.url.is_empty() {
                writeln!(f, "  url: {}", scalar(&found.url))?;
            }
            writeln!(f, "  digest: {}", found.digest)?;
        }
        if !self.git.is_empty() {
            f.write_str("git:\n")?;
        }
        for (want, found) in &self.git {
            writeln!(f, "- url: {}", scalar(&want.url))?;
            writeln!(f, "  ref: {}", scalar(&want.reference))?;
            writeln!(f, "  commit: {}", scalar(&found.commit))?;
            match &found.files {
                LockedFiles::All(digest) => writeln!(f, "  tree: {digest}")?,
                LockedFiles::Folders(folders) if folders.is_empty() => f.write_str("  folders: {}\n")?,
                LockedFiles::Folders(folders) => {
                    f.write_str("  folders:\n")?;
                    for (dir, digest) in folders {
                        let dir = if dir.is_root() { "." } else { dir.as_str() };
                        writeln!(f, "    {}: {digest}", scalar(dir))?;
                    }
                }
            }
        }
        if !self.files.is_empty() {
            f.write_str("files:\n")?;
        }
        for (url, digest) in &self.files {
            writeln!(f, "- url: {}", scalar(url))?;
            writeln!(f, "  digest: {digest}")?;
        }
        Ok(())
    }
}

/// A repository as messages name it.
fn repository(want: &GitRef) -> String {
    format!("the repository {} at {:?}", want.url, want.reference)
}

/// The folders of an entry. The error is the invalid text in the lock file, and its name for the message.
fn folders_of(pairs: Pairs, url: &str) -> Result<BTreeMap<TreePath, Digest>, (String, String)> {
    let mut folders = BTreeMap::new();
    for (dir, text) in pairs.0 {
        let wrong = || (dir.clone(), format!("the folder {dir} of {url}"));
        let path = TreePath::new(&dir).ok_or_else(wrong)?;
        let digest = Digest::parse(&text).ok_or_else(wrong)?;
        if folders.insert(path, digest).is_some_and(|other| other != digest) {
            return Err((dir.clone(), format!("the folder {dir} of {url}, which occurs twice,")));
        }
    }
    Ok(folders)
}

/// A text as a YAML scalar: without quotes only if it cannot be parsed as another type.
fn scalar(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@:+".contains(c);
    let bare = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(plain)
        && text.contains(['/', '-'])
        && !text.ends_with(':');
    // A JSON string is also a YAML string.
    if bare { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

fn wrong_at(text: &str, what: &str, wrong: &str) -> LockError {
    let line = text.lines().position(|line| line.contains(what)).map_or(0, |at| at as u32 + 1);
    LockError { line, message: format!("{FILE_NAME} cannot be used: {wrong} is wrong"), hint: LOCK_AGAIN }
}

fn twice(text: &str, url: &str) -> LockError {
    wrong_at(text, url, &format!("{url}, which occurs twice,"))
}

#[cfg(test)]
mod tests {
    use super::{Lock, LockedChart, LockedFiles, LockedTree};
    use crate::Digest;
    use keyfill_files::{ChartRef, GitRef, TreePath};

    fn all(text: &[u8]) -> LockedFiles {
        LockedFiles::All(Digest::of(text))
    }

    fn lock() -> Lock {
        let chart = |version: &str| ChartRef {
            repository: "https://charts.example/stable".into(),
            name: "db".into(),
            version: version.into(),
        };
        let mut lock = Lock::default();
        let url = "https://charts.example/stable/db-1.2.0.tgz".to_owned();
        for version in ["~1.2", "", "1.2.0", "*"] {
            let found = LockedChart { version: "1.2.0".into(), url: url.clone(), digest: Digest::of(b"db") };
            lock.charts.insert(chart(version), found);
        }
        let git = GitRef { url: "https://git.example/org/repo".into(), reference: String::new() };
        lock.git.insert(git, LockedTree { commit: "1".repeat(40), files: all(b"tree") });
        lock.files.insert("https://raw.example/a.yaml?x=1&y=\"2\"".into(), Digest::of(b"file"));
        lock
    }

    #[test]
    fn a_lock_comes_back_as_it_was_written() {
        let text = lock().to_string();
        assert_eq!(Lock::parse(&text), Ok(lock()), "{text}");
        assert_eq!(Lock::parse(&text).expect("a lock").to_string(), text);
        assert_eq!(Lock::parse(&Lock::default().to_string()), Ok(Lock::default()));
        assert_eq!(Lock::parse(&text.replace('\n', "\r\n")), Ok(lock()));
    }

    #[test]
    fn texts_that_look_like_numbers_stay_texts() {
        let mut lock = Lock::default();
        let want =
            ChartRef { repository: "oci://r.example/a".into(), name: "n".into(), version: "1e3".into() };
        let found = LockedChart { version: "1.0".into(), url: String::new(), digest: Digest::of(b"") };
        lock.charts.insert(want, found);
        let git = GitRef { url: "https://g.example/a".into(), reference: "0123456789".repeat(4) };
        lock.git.insert(git, LockedTree { commit: "0123456789".repeat(4), files: all(b"") });
        assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
    }

    #[test]
    fn a_merge_conflict_is_reported_with_its_line() {
        let text = lock().to_string().replace("git:\n", "<<<<<<< HEAD\ngit:\n=======\n>>>>>>> other\n");
        let error = Lock::parse(&text).expect_err("a conflict");
        let line = text.lines().position(|line| line.starts_with("<<<<<<<")).expect("a mark") as u32 + 1;
        assert_eq!(error.line, line);
        assert!(error.message.contains("conflict"), "{error}");
    }

    #[test]
    fn an_invalid_entry_is_reported_with_its_line() {
        let text = lock().to_string();
        for (from, to, says) in [
            ("version: 1\n", "version: 3\n", "version 3"),
            ("  tree:", "  folders: {a: b}\n  tree:", "either a tree or folders"),
            ("sha256:", "md5:", "digest of db"),
            (&"1".repeat(40), "main-branch", "commit"),
            ("  resolved:", "  resolvd:", "resolvd"),
            ("charts:", "charts: 7\nother:", ""),
        ] {
            let error = Lock::parse(&text.replacen(from, to, 1)).expect_err(from);
            assert!(error.line > 0 && error.message.contains(says), "{from}: {error:?}");
        }
    }

    /// A lock with one repository, of which some folders are locked.
    fn of_folders(commit: &str, folders: &[(&str, &[u8])]) -> Lock {
        let folder = |(dir, text): &(&str, &[u8])| (TreePath::new(dir).expect("a path"), Digest::of(text));
        let files = LockedFiles::Folders(folders.iter().map(folder).collect());
        let mut lock = Lock::default();
        let git = GitRef { url: "https://git.example/org/repo".into(), reference: "v1".into() };
        lock.git.insert(git, LockedTree { commit: commit.repeat(40), files });
        lock
    }

    #[test]
    fn folders_come_back_as_they_were_written() {
        for lock in [
            of_folders("1", &[("", b"root"), ("base", b"b"), ("over lays/1.0", b"o"), ("true", b"t")]),
            of_folders("1", &[]),
        ] {
            let text = lock.to_string();
            assert!(text.contains("\nversion: 2\n"), "{text}");
            assert_eq!(Lock::parse(&text), Ok(lock), "{text}");
        }
    }

    #[test]
    fn an_invalid_folder_is_reported_with_its_line() {
        let text = of_folders("1", &[("base", b"b"), ("other", b"o")]).to_string();
        for (from, to, says) in [
            ("\"other\"", "\"base\"", "occurs twice"),
            ("\"base\"", "\"../base\"", "the folder ../base"),
            ("sha256:", "md5:", "the folder base"),
        ] {
            let error = Lock::parse(&text.replacen(from, to, 1)).expect_err(from);
            assert!(error.line > 0 && error.message.contains(says), "{from}: {error:?}");
        }
    }

    #[test]
    fn folders_of_the_same_commit_are_merged_and_those_of_another_replaced() {
        let old = of_folders("1", &[("a", b"a"), ("b", b"b")]);
        let both = old.clone().with(of_folders("1", &[("c", b"c")]));
        assert_eq!(both, of_folders("1", &[("a", b"a"), ("b", b"b"), ("c", b"c")]));
        assert_eq!(old.clone().with(of_folders("2", &[("c", b"c")])), of_folders("2", &[("c", b"c")]));
        assert!(old.names_beyond(&of_folders("1", &[("a", b"a")]))[0].contains("the folder b of"));
    }

    #[test]
    fn two_different_entries_for_one_url_are_an_error() {
        let text = lock().to_string();
        let entry = "- url: \"https://raw.example/a.yaml?x=1&y=\\\"2\\\"\"\n  digest: ";
        let doubled = format!("{text}{entry}{}\n", Digest::of(b"other"));
        assert!(Lock::parse(&doubled).expect_err("twice").message.contains("twice"));
        let same = format!("{text}{entry}{}\n", Digest::of(b"file"));
        assert_eq!(Lock::parse(&same), Ok(lock()), "the same answer twice does no harm");
    }
}
