//! A repository on this machine, read without the program `git`: references, commits, trees and files of any
//! revision. Nothing is checked out and nothing is written.

mod changes;
mod config;
mod files;
mod objects;
mod packed;
mod references;
mod revision;
#[cfg(test)]
mod tests;

pub use changes::{Changes, changes};
pub use files::RevisionFiles;
pub use revision::Revision;

use super::object::{self, Id, ObjectKind};
use config::Config;
use keyfill_diag::Class;
use keyfill_files::FetchError;
use objects::Objects;
use references::References;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A repository: the `.git` of a work tree, or a bare repository.
pub struct LocalRepository {
    /// The folder with the files of this work tree, such as `HEAD`.
    git_dir: PathBuf,
    /// The folder with what all work trees share: objects, branches, configuration.
    common_dir: PathBuf,
    objects: Arc<Objects>,
    config: Config,
}

/// The largest file of git's own that is read as text: `HEAD`, a reference, `packed-refs`, `config`.
const MOST_TEXT: u64 = 64 << 20;

impl LocalRepository {
    /// Opens the repository of the work tree at `folder`, whose `.git` may be a folder or a file that names one. If
    /// `folder` is a bare repository, that is opened.
    pub fn open(folder: &Path) -> Result<Self, FetchError> {
        let git_dir = git_dir(folder)?;
        let common_dir = match text(&git_dir.join("commondir")) {
            Some(path) => git_dir.join(path.trim()),
            None => git_dir.clone(),
        };
        let config = Config::parse(&text(&common_dir.join("config")).unwrap_or_default());
        for (name, known) in [("extensions.objectformat", "sha1"), ("extensions.refstorage", "files")] {
            if let Some(format) = config.get(name).filter(|format| !format.eq_ignore_ascii_case(known)) {
                let message = format!("the repository in {} uses {name} = {format}", git_dir.display());
                let hint = format!("keyfill reads repositories with {known}: clone it with that format");
                return Err(FetchError::new(Class::Render, message).hint(hint));
            }
        }
        let objects = Objects::open(&common_dir.join("objects"));
        Ok(Self { git_dir, common_dir, objects: Arc::new(objects), config })
    }

    /// Whether the repository is a shallow clone, which lacks older commits.
    pub fn is_shallow(&self) -> bool {
        self.common_dir.join("shallow").exists()
    }

    /// The addresses of the repository's remotes.
    pub fn remotes(&self) -> Vec<&str> {
        self.config.all("remote", "url")
    }

    /// The commit that an expression names: `HEAD`, a branch, a tag, or the first digits of a commit, each perhaps
    /// followed by `~N` and `^N`. `A...B` is the merge base of two.
    pub fn revision(&self, expression: &str) -> Result<Revision, FetchError> {
        revision::resolve(self, expression)
    }

    /// The newest commit that two commits both descend from.
    pub fn merge_base(&self, one: &Revision, other: &Revision) -> Result<Revision, FetchError> {
        revision::merge_base(self, one, other)
    }

    /// The files of a commit.
    pub fn files(&self, revision: &Revision) -> Result<RevisionFiles, FetchError> {
        let tree = self.tree_of(&revision.id)?;
        let modules = self.common_dir.join("modules");
        Ok(RevisionFiles::new(Arc::clone(&self.objects), tree, Some(modules)))
    }

    fn references(&self) -> References<'_> {
        References { git_dir: &self.git_dir, common_dir: &self.common_dir }
    }

    fn tree_of(&self, commit: &Id) -> Result<Id, FetchError> {
        let content = self.commit(commit)?;
        object::header(&content, "tree").ok_or_else(|| broken(commit, "it names no tree"))
    }

    /// The content of a commit object.
    fn commit(&self, id: &Id) -> Result<Arc<Vec<u8>>, FetchError> {
        match self.objects.get(id) {
            Ok((ObjectKind::Commit, content)) => Ok(content),
            Ok(_) => Err(broken(id, "it is no commit")),
            Err(why) => Err(self.missing(id, &why)),
        }
    }

    /// The error for an object that cannot be read, with a hint for clones that lack objects.
    fn missing(&self, id: &Id, why: &str) -> FetchError {
        let name = crate::digest::to_hex(id);
        let error = FetchError::new(Class::Render, format!("cannot read the git object {name}: {why}"));
        if self.is_shallow() {
            return error.hint(SHALLOW);
        }
        if !self.config.all("remote", "promisor").is_empty() {
            return error.hint("this is a partial clone: fetch what is missing with `git fetch --refetch`");
        }
        error
    }
}

/// The hint for a commit that a shallow clone lacks.
const SHALLOW: &str = "this is a shallow clone: fetch more with `git fetch --deepen=N` or `git fetch --unshallow` (fetch-depth: 0)";

/// The git folder of a work tree, which holds `HEAD`; or the folder itself if it is a bare repository.
fn git_dir(folder: &Path) -> Result<PathBuf, FetchError> {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return Ok(dot_git);
    }
    // The `.git` of a linked work tree (`git worktree`) and of a submodule is a file.
    if let Some(path) = text(&dot_git).as_deref().and_then(|text| text.strip_prefix("gitdir:")) {
        return Ok(folder.join(path.trim()));
    }
    if folder.join("HEAD").is_file() && folder.join("objects").is_dir() {
        return Ok(folder.to_owned());
    }
    let message = format!("{} is not in a git repository", folder.display());
    Err(FetchError::new(Class::Usage, message).hint("run it in a clone, or name the folder with --root"))
}

/// The text of one of git's own files; `None` if it does not exist or is too large.
fn text(path: &Path) -> Option<String> {
    let is_small = std::fs::metadata(path).ok()?.len() <= MOST_TEXT;
    is_small.then(|| std::fs::read(path).ok()).flatten().map(|b| String::from_utf8_lossy(&b).into_owned())
}

fn broken(id: &Id, why: &str) -> FetchError {
    let name = crate::digest::to_hex(id);
    FetchError::new(Class::Render, format!("the git object {name} cannot be used: {why}"))
}
