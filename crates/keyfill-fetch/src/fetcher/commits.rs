//! Commits of git repositories: the commit that a reference resolves to, the names of its files, and the files folder
//! by folder.

use super::{Fetcher, held};
use crate::git::{self, Folder, Folders, Snapshot, Tree, not_locked, of_repository};
use crate::lock::{LockedFiles, LockedTree};
use crate::options::Mode;
use crate::store::{Name, Record, now};
use crate::web::{Web, allows, unkept};
use crate::{Digest, Login};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Report as _, without_users};
use keyfill_files::{FetchError, FetchedTree, Files, GitRef, TreePath};
use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long the commit of a version tag, such as `v1.2.3`, is used before the server is asked for it again, at least.
const TAG_HOLDS: Duration = Duration::from_secs(600);
/// The most bytes of folders that are handed to another process with the names of all files. Where folders are
/// larger, a tree with all files is handed over instead.
const MOST_HANDED: usize = 64 << 20;

/// The files of a commit, as they are handed to another process.
pub struct Handed {
    /// The 40 hexadecimal digits of the commit.
    pub commit: String,
    /// The digest of the tree in `file`.
    pub digest: Digest,
    /// The tree, for [`Snapshot::of_file`].
    pub file: File,
    /// Folders of the tree, for [`Tree::of_parts`]. `None` where `file` holds the contents of all files.
    pub folders: Option<Vec<(TreePath, Bytes)>>,
    /// Whether other folders are read with [`Fetcher::hand_folder`]. If not, they must not be read.
    pub more: bool,
}

/// A commit of a repository, and what the lock file says about its files.
#[derive(Clone)]
struct Commit {
    /// The repository and reference as the lock file names them: without user and password.
    key: GitRef,
    /// The repository and reference as errors name them.
    what: String,
    at: git::Address,
    commit: String,
    locked: Option<LockedFiles>,
}

impl Commit {
    fn locked_folders(&self) -> Option<&BTreeMap<TreePath, Digest>> {
        match &self.locked {
            Some(LockedFiles::Folders(folders)) => Some(folders),
            _ => None,
        }
    }

    /// Checks that a folder has the digest that is locked for it, if one is.
    fn bind(&self, dir: &TreePath, found: Digest) -> Result<(), FetchError> {
        match self.locked_folders().and_then(|folders| folders.get(dir)) {
            Some(locked) if *locked != found => {
                let what =
                    format!("the files in {} at commit {}", of_repository(&self.what, dir), self.commit);
                Err(other_files(&what, found, *locked))
            }
            _ => Ok(()),
        }
    }
}

fn other_files(what: &str, found: Digest, locked: Digest) -> FetchError {
    let message =
        format!("{what} are not the locked ones: they have {found}, and keyfill.lock says {locked}");
    FetchError::new(Class::Forbidden, message).hint("do not trust this server")
}

impl Fetcher {
    /// The commit of a reference that is not locked.
    fn newest_commit(&self, want: &GitRef, at: &git::Address, cx: &Cx) -> Result<String, FetchError> {
        if git::is_commit(&want.reference) {
            return Ok(want.reference.to_ascii_lowercase());
        }
        let (login, id) = self.git_login(at);
        let name = self.network.store.name(&["ref", &want.url, &want.reference, &id]);
        let holds = if git::is_version_tag(&want.reference) && !self.options.ttl.is_zero() {
            TAG_HOLDS.max(self.options.ttl)
        } else {
            self.options.ttl
        };
        let known = |within: Option<Duration>| {
            let record = self.network.store.record(&name)?;
            let fresh = within.is_none_or(|holds| record.age() < holds);
            (fresh && allows(&self.options.policy, &record)).then_some(record.resolved)
        };
        if let Some(commit) = known(Some(holds)) {
            return Ok(commit);
        }
        let web = self.web(cx)?;
        self.run(cx, async {
            let flight = self.network.flight(&format!("{name:?}"));
            let _guard = flight.lock().await;
            if let Some(commit) = known(Some(holds)) {
                return Ok(commit);
            }
            match git::resolve(web, at, login, &want.reference).await {
                Ok((commit, urls)) => {
                    let record = Record { resolved: commit.clone(), urls, at: now(), ..Record::default() };
                    self.network.store.put_record(&name, &record).map_err(|e| unkept(&e))?;
                    Ok(commit)
                }
                Err(error) if error.class() == Class::Store => {
                    let Some(old) = known(None) else { return Err(error) };
                    let age = self.network.store.record(&name).map(|record| record.age()).unwrap_or_default();
                    self.network.counters.used_stale(age);
                    self.warn(format!("{error}; the commit that was resolved earlier is used"));
                    Ok(old)
                }
                Err(error) => Err(error),
            }
        })
    }

    /// The login for a repository, and the text that identifies it in the store.
    fn git_login(&self, at: &git::Address) -> (Option<&Login>, String) {
        match &self.options.ssh {
            Some(ssh) if at.url.scheme() == "ssh" => (None, format!("ssh {}", ssh.key.display())),
            _ => {
                let login = self.options.credentials.login_for(&at.url);
                (login, self.options.credentials.id(&at.url, login))
            }
        }
    }

    /// Resolves a reference to its commit, after it was checked that the run may fetch it.
    fn commit(&self, want: &GitRef, cx: &Cx) -> Result<Commit, FetchError> {
        let key = GitRef { url: without_users(&want.url), ..want.clone() };
        let reference =
            if want.reference.is_empty() { String::new() } else { format!(" at {}", want.reference) };
        let what = format!("the repository {}{reference}", key.url);
        let at = git::address(&want.url, self.options.ssh.is_some()).map_err(|error| self.decided(error))?;
        let locked = self.options.lock.git.get(&key);
        self.permit(&what, locked.is_some())?;
        let about = |error: FetchError| error.context(format!("{what} cannot be fetched"));
        git::check_reference(&want.reference).map_err(about)?;
        let earlier = held(&self.state.taken).git.get(&key).map(|taken| taken.commit.clone());
        let commit = match locked.map(|locked| locked.commit.clone()).or(earlier) {
            Some(known) => known,
            None => self.newest_commit(want, &at, cx).map_err(about)?,
        };
        let locked = locked.map(|locked| locked.files.clone());
        Ok(Commit { key, what, at, commit, locked })
    }

    /// The files of a repository at a reference.
    pub(super) fn repository_files(&self, want: &GitRef, cx: &Cx) -> Result<FetchedTree, FetchError> {
        let of = self.commit(want, cx)?;
        let about = |error: FetchError| error.context(format!("{} cannot be fetched", of.what));
        let commit = of.commit.clone();
        let files: Arc<dyn Files> = if let Some(LockedFiles::All(digest)) = &of.locked {
            let (_, snapshot) = self.whole(&of, cx).map_err(about)?;
            self.take(&of, LockedFiles::All(*digest));
            Arc::new(snapshot)
        } else {
            let (_, names) = self.names(&of, cx).map_err(about)?;
            self.take(&of, LockedFiles::Folders(BTreeMap::new()));
            // Locked folders are fetched in one request. Without a lock, a folder is fetched when one of its files is
            // read.
            let locked: Vec<TreePath> =
                of.locked_folders().into_iter().flatten().map(|(dir, _)| dir.clone()).collect();
            self.folders(&of, &names, &locked, cx).map_err(about)?;
            Arc::new(Tree::new(names, Box::new(Of { fetcher: self.clone(), of, cx: cx.clone() })))
        };
        Ok(FetchedTree { commit, files })
    }

    /// The files of a repository at a reference, for another process. Where the lock file names folders, these are
    /// handed over. Without a lock, if the server can filter, only the names of the files are.
    pub fn hand(&self, want: &GitRef, cx: &Cx) -> Result<Handed, FetchError> {
        let of = self.commit(want, cx)?;
        let about = |error: FetchError| error.context(format!("{} cannot be fetched", of.what));
        let commit = of.commit.clone();
        let is_locked = self.options.mode == Mode::Locked && of.locked_folders().is_some();
        let binds_all = matches!(of.locked, Some(LockedFiles::All(_)));
        let locked: Vec<TreePath> =
            of.locked_folders().into_iter().flatten().map(|(dir, _)| dir.clone()).collect();
        if !binds_all {
            let (digest, names) = self.names(&of, cx).map_err(about)?;
            let more = !is_locked && !names.is_whole();
            if is_locked || more {
                let folders = self.folders(&of, &names, &locked, cx).map_err(about)?;
                if folders.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() <= MOST_HANDED {
                    return Ok(Handed {
                        commit,
                        digest,
                        file: names.into_file(),
                        folders: Some(folders),
                        more,
                    });
                }
            }
        }
        let (digest, snapshot) = self.whole(&of, cx).map_err(about)?;
        self.folders(&of, &snapshot, &locked, cx).map_err(about)?;
        Ok(Handed { commit, digest, file: snapshot.into_file(), folders: None, more: false })
    }

    /// A folder of a repository as bytes, for the process that got the names of its files from [`Self::hand`].
    pub fn hand_folder(&self, want: &GitRef, dir: &TreePath, cx: &Cx) -> Result<Bytes, FetchError> {
        let of = self.commit(want, cx)?;
        let (_, names) = self.names(&of, cx)?;
        Of { fetcher: self.clone(), of, cx: cx.clone() }.bytes(&names, dir)
    }

    /// The digests of those of the folders `dirs` that the commit has.
    pub fn digests(
        &self,
        want: &GitRef,
        dirs: &[TreePath],
        cx: &Cx,
    ) -> Result<BTreeMap<TreePath, Digest>, FetchError> {
        let of = self.commit(want, cx)?;
        let (_, names) = self.names(&of, cx)?;
        let found = self.folders(&of, &names, dirs, cx)?;
        Ok(found.into_iter().map(|(dir, bytes)| (dir, Digest::of(&bytes))).collect())
    }

    /// Notes the commit for the lock file, unless an earlier entry exists.
    fn take(&self, of: &Commit, files: LockedFiles) {
        let commit = of.commit.clone();
        held(&self.state.taken).git.entry(of.key.clone()).or_insert(LockedTree { commit, files });
    }

    fn tree_name(&self, of: &Commit, kind: &str) -> Name {
        let (_, id) = self.git_login(&of.at);
        self.network.store.name(&[kind, of.at.url.as_str(), &of.commit, &id])
    }

    fn stored_tree(&self, of: &Commit, kind: &str) -> Option<(Digest, Snapshot)> {
        let record = self.network.store.record(&self.tree_name(of, kind))?;
        let digest = record.digest().filter(|_| allows(&self.options.policy, &record))?;
        let snapshot = Snapshot::open(&self.network.store, &digest)?;
        self.network.counters.hit();
        Some((digest, snapshot))
    }

    fn keep_tree(
        &self,
        of: &Commit,
        kind: &str,
        digest: Digest,
        urls: Vec<String>,
    ) -> Result<(Digest, Snapshot), FetchError> {
        let resolved = of.commit.clone();
        let record = Record { digest: digest.to_string(), resolved, urls, at: now(), ..Record::default() };
        let store = &self.network.store;
        store.put_record(&self.tree_name(of, kind), &record).map_err(|e| unkept(&e))?;
        let snapshot = Snapshot::open(store, &digest);
        snapshot.map(|snapshot| (digest, snapshot)).ok_or_else(lost)
    }

    /// The names of a commit's files. Where the server cannot filter, the contents are fetched with them.
    fn names(&self, of: &Commit, cx: &Cx) -> Result<(Digest, Snapshot), FetchError> {
        let from_store = || self.stored_tree(of, WHOLE).or_else(|| self.stored_tree(of, NAMES));
        if let Some(found) = from_store() {
            return Ok(found);
        }
        let web = self.web(cx)?;
        self.run(cx, async {
            let flight = self.network.flight(&format!("{:?}", self.tree_name(of, WHOLE)));
            let _guard = flight.lock().await;
            if let Some(found) = from_store() {
                return Ok(found);
            }
            let (login, _) = self.git_login(&of.at);
            if git::filters(web, &of.at, login).await? {
                let store = &self.network.store;
                match git::names(web, &of.at, login, store, &of.commit, cx).await {
                    Ok((digest, size, urls)) => {
                        self.state.taken_in.fetch_add(size, Ordering::Relaxed);
                        return self.keep_tree(of, NAMES, digest, urls);
                    }
                    // Some servers claim to filter and fail when they are asked to.
                    Err(error) if error.class() == Class::Render => {}
                    Err(error) => return Err(error),
                }
            }
            self.fetch_whole(web, of, login, cx).await
        })
    }

    /// All files of a commit, checked against the lock file.
    fn whole(&self, of: &Commit, cx: &Cx) -> Result<(Digest, Snapshot), FetchError> {
        let found = match self.stored_tree(of, WHOLE) {
            Some(found) => found,
            None => {
                let web = self.web(cx)?;
                self.run(cx, async {
                    let flight = self.network.flight(&format!("{:?}", self.tree_name(of, WHOLE)));
                    let _guard = flight.lock().await;
                    match self.stored_tree(of, WHOLE) {
                        Some(found) => Ok(found),
                        None => self.fetch_whole(web, of, self.git_login(&of.at).0, cx).await,
                    }
                })?
            }
        };
        match &of.locked {
            Some(LockedFiles::All(locked)) if *locked != found.0 => {
                Err(other_files(&format!("the files of commit {}", of.commit), found.0, *locked))
            }
            _ => Ok(found),
        }
    }

    async fn fetch_whole(
        &self,
        web: Web<'_>,
        of: &Commit,
        login: Option<&Login>,
        cx: &Cx,
    ) -> Result<(Digest, Snapshot), FetchError> {
        let (pack, urls) = git::fetch(web, &of.at, login, &of.commit).await?;
        self.state.taken_in.fetch_add(pack.len() as u64, Ordering::Relaxed);
        let digest = Snapshot::write(&self.network.store, &pack, &of.commit, cx)?;
        self.keep_tree(of, WHOLE, digest, urls)
    }

    fn folder_name(&self, of: &Commit, dir: &TreePath) -> Name {
        let (_, id) = self.git_login(&of.at);
        self.network.store.name(&["folder", of.at.url.as_str(), &of.commit, dir.as_str(), &id])
    }

    fn stored_folder(&self, of: &Commit, dir: &TreePath) -> Option<Bytes> {
        let record = self.network.store.record(&self.folder_name(of, dir))?;
        let digest = record.digest().filter(|_| allows(&self.options.policy, &record))?;
        self.network.store.read(&digest).ok()?
    }

    /// Folders as bytes, checked against the lock file. Those that the store does not hold are fetched in one
    /// request.
    fn folders(
        &self,
        of: &Commit,
        names: &Snapshot,
        dirs: &[TreePath],
        cx: &Cx,
    ) -> Result<Vec<(TreePath, Bytes)>, FetchError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for dir in dirs.iter().filter(|dir| names.has_folder(dir)) {
            let absent = names.absent(dir);
            let known = if absent.is_empty() {
                Some(
                    names
                        .folder(dir, &BTreeMap::new())
                        .map_err(|e| unkept(&std::io::Error::other(e)))?
                        .into(),
                )
            } else {
                self.stored_folder(of, dir)
            };
            match known {
                Some(bytes) => found.push((dir.clone(), bytes)),
                None => missing.push((dir.clone(), absent)),
            }
        }
        if !missing.is_empty() {
            let web = self.web(cx)?;
            let fetched = self.run(cx, async {
                // A concurrent call may have fetched some folders while this one waited.
                let flight = self.network.flight(&format!("{:?} folders", self.tree_name(of, NAMES)));
                let _guard = flight.lock().await;
                let (mut fetched, mut missing) = (Vec::new(), missing);
                missing.retain(|(dir, _)| match self.stored_folder(of, dir) {
                    Some(bytes) => {
                        fetched.push((dir.clone(), bytes));
                        false
                    }
                    None => true,
                });
                if !missing.is_empty() {
                    fetched.extend(self.fetch_folders(web, of, names, missing, cx).await?);
                }
                Ok(fetched)
            })?;
            found.extend(fetched);
        }
        for (dir, bytes) in &found {
            of.bind(dir, Digest::of(bytes))?;
        }
        Ok(found)
    }

    /// Fetches the files that are missing in folders, and stores the folders after they were checked against the lock
    /// file.
    async fn fetch_folders(
        &self,
        web: Web<'_>,
        of: &Commit,
        names: &Snapshot,
        missing: Vec<(TreePath, Vec<git::Id>)>,
        cx: &Cx,
    ) -> Result<Vec<(TreePath, Bytes)>, FetchError> {
        let (login, _) = self.git_login(&of.at);
        let mut wanted: Vec<git::Id> = missing.iter().flat_map(|(_, absent)| absent).copied().collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut whole = None;
        let (blobs, urls) = match git::files(web, &of.at, login, &wanted, cx).await {
            Ok(found) => found,
            // Some servers can filter, but do not send single files by their object name.
            Err(error) if error.class() == Class::Render => {
                let (_, snapshot) = self.fetch_whole(web, of, login, cx).await.map_err(|_| error)?;
                whole = Some(snapshot);
                Default::default()
            }
            Err(error) => return Err(error),
        };
        let names = whole.as_ref().unwrap_or(names);
        let mut found = Vec::new();
        for (dir, _) in missing {
            let bytes = names.folder(&dir, &blobs).map_err(|e| unkept(&std::io::Error::other(e)))?;
            of.bind(&dir, Digest::of(&bytes))?;
            if whole.is_none() {
                self.state.taken_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                self.keep_folder(of, &dir, &bytes, urls.clone()).map_err(|e| unkept(&e))?;
            }
            found.push((dir, bytes.into()));
        }
        Ok(found)
    }

    fn keep_folder(
        &self,
        of: &Commit,
        dir: &TreePath,
        bytes: &[u8],
        urls: Vec<String>,
    ) -> std::io::Result<()> {
        let store = &self.network.store;
        let digest = store.put(bytes)?.to_string();
        let record = Record { digest, urls, at: now(), ..Record::default() };
        store.put_record(&self.folder_name(of, dir), &record)
    }
}

/// The kinds of trees in the store: with the contents of all files, and with their names only.
const WHOLE: &str = "tree";
const NAMES: &str = "names";

fn lost() -> FetchError {
    FetchError::new(Class::Other, "the cache lost what was just written into it")
}

/// Provides the folders of one commit to a [`Tree`].
struct Of {
    fetcher: Fetcher,
    of: Commit,
    cx: Cx,
}

impl Of {
    /// A folder as bytes, if the lock file or the run's mode allows to read it.
    fn bytes(&self, names: &Snapshot, dir: &TreePath) -> Result<Bytes, FetchError> {
        let Self { fetcher, of, cx } = self;
        if of.locked_folders().is_some_and(|folders| !folders.contains_key(dir)) {
            if fetcher.options.mode == Mode::Locked {
                return Err(not_locked(&of.what, dir));
            }
            fetcher.permit(&of_repository(&of.what, dir), false)?;
        }
        let about =
            |error: FetchError| error.context(format!("{} cannot be fetched", of_repository(&of.what, dir)));
        let found = fetcher.folders(of, names, std::slice::from_ref(dir), cx).map_err(about)?;
        found.into_iter().next().map(|(_, bytes)| bytes).ok_or_else(lost)
    }
}

impl Folders for Of {
    fn folder(&self, names: &Snapshot, dir: &TreePath) -> Result<Folder, FetchError> {
        let Self { fetcher, of, .. } = self;
        let folder = Folder::read(&self.bytes(names, dir)?).ok_or_else(lost)?;
        if let Some(LockedTree { files: LockedFiles::Folders(taken), .. }) =
            held(&fetcher.state.taken).git.get_mut(&of.key)
        {
            taken.insert(dir.clone(), folder.digest());
        }
        Ok(folder)
    }
}
