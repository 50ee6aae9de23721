//! Which files differ between two commits, or between a commit and a folder on disk.

use super::super::object::{Id, Mode, Named};
use super::files::RevisionFiles;
use keyfill_diag::{Class, Cx};
use keyfill_files::{FetchError, FileError, FileKind, Files, TreePath};
use sha1::{Digest as _, Sha1};
use std::collections::BTreeSet;
use std::error::Error as _;
use std::sync::Arc;

/// Paths whose content, kind or presence differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The paths of the files, links and submodules, from the root of the repository.
    pub paths: BTreeSet<TreePath>,
}

/// The paths that differ between two commits. Folders that are the same git object in both are skipped.
pub fn changes(base: &RevisionFiles, head: &RevisionFiles, cx: &Cx) -> Result<Changes, FetchError> {
    let mut found = Changes::default();
    if base.root_id() != head.root_id() {
        let mut walk = Walk { base, head, found: &mut found.paths, cx };
        walk.folder(&TreePath::root(), true, true)?;
    }
    Ok(found)
}

struct Walk<'a> {
    base: &'a RevisionFiles,
    head: &'a RevisionFiles,
    found: &'a mut BTreeSet<TreePath>,
    cx: &'a Cx,
}

impl Walk<'_> {
    /// Compares a folder that exists in one of the commits, or in both.
    fn folder(&mut self, path: &TreePath, in_base: bool, in_head: bool) -> Result<(), FetchError> {
        self.cx.check().map_err(|stopped| FetchError::new(Class::Other, stopped.to_string()))?;
        let read = |files: &RevisionFiles, is_there: bool| {
            let folder = is_there.then(|| files.folder(path)).transpose();
            folder.map_err(|e| FetchError::new(Class::Render, chain(&e)))
        };
        let (base, head) = (read(self.base, in_base)?, read(self.head, in_head)?);
        let names: BTreeSet<&[u8]> = [&base, &head]
            .into_iter()
            .flatten()
            .flat_map(|folder| folder.entries.iter().map(|entry| entry.name.as_slice()))
            .collect();
        for name in names {
            let of = |folder: &Option<Arc<super::files::Folder>>| -> Option<(Mode, Id)> {
                let entry = folder.as_ref()?.entry(name)?;
                Some((entry.mode, entry.id))
            };
            let (one, other) = (of(&base), of(&head));
            if one == other {
                continue;
            }
            let Some(path) = below(path, name) else { continue };
            let is_folder =
                |entry: Option<(Mode, Id)>| matches!(entry, Some((Mode::Folder | Mode::Submodule, _)));
            if [one, other].into_iter().flatten().any(|(mode, _)| !matches!(mode, Mode::Folder)) {
                self.found.insert(path.clone());
            }
            if is_folder(one) || is_folder(other) {
                self.folder(&path, is_folder(one), is_folder(other))?;
            }
        }
        Ok(())
    }
}

/// The path of an entry; `None` for a name that a [`TreePath`] cannot hold.
pub(super) fn below(folder: &TreePath, name: &[u8]) -> Option<TreePath> {
    let name = std::str::from_utf8(name).ok().filter(|name| !["", ".", ".."].contains(name))?;
    folder.join(name).filter(|_| !name.contains('/'))
}

impl RevisionFiles {
    /// The paths that differ between this commit and a folder, such as a work tree with uncommitted changes. Files
    /// are hashed as git does it, but without its filters; files that git ignores are compared like any other.
    pub fn changes_to(&self, disk: &dyn Files, cx: &Cx) -> Result<Changes, FetchError> {
        let mut found = BTreeSet::new();
        self.compare(disk, &TreePath::root(), true, &mut found, cx)?;
        Ok(Changes { paths: found })
    }

    fn compare(
        &self,
        disk: &dyn Files,
        path: &TreePath,
        in_commit: bool,
        found: &mut BTreeSet<TreePath>,
        cx: &Cx,
    ) -> Result<(), FetchError> {
        cx.check().map_err(|stopped| FetchError::new(Class::Other, stopped.to_string()))?;
        let folder = in_commit.then(|| self.folder(path)).transpose();
        let folder = folder.map_err(|e| FetchError::new(Class::Render, chain(&e)))?;
        let entries: &[Named] = folder.as_ref().map_or(&[], |folder| &folder.entries);
        let on_disk = disk.list(path).unwrap_or_default();
        let names: BTreeSet<&[u8]> = on_disk.iter().map(|there| there.name.as_bytes()).collect();
        for entry in entries {
            let is_there = names.contains(entry.name.as_slice());
            if let (false, Some(path)) = (is_there, below(path, &entry.name)) {
                match entry.mode {
                    // git has no empty folders: what is missing is the files below.
                    Mode::Folder => found.extend(self.walk(&path)),
                    Mode::Submodule if self.walk(&path).is_empty() => {}
                    _ => drop(found.insert(path)),
                }
            }
        }
        for there in &on_disk {
            if path.is_root() && there.name == ".git" {
                continue;
            }
            let Some(path) = below(path, there.name.as_bytes()) else { continue };
            let entry = folder.as_ref().and_then(|folder| folder.entry(&there.name));
            let mode = entry.map(|entry| entry.mode);
            if there.is_link {
                let same = mode == Some(Mode::Link) && self.resolve(&path).ok() == disk.resolve(&path).ok();
                if !same {
                    found.insert(path);
                }
                continue;
            }
            if there.kind == FileKind::Dir {
                let in_commit = matches!(mode, Some(Mode::Folder | Mode::Submodule));
                if entry.is_some() && !in_commit {
                    found.insert(path.clone());
                }
                self.compare(disk, &path, in_commit, found, cx)?;
                continue;
            }
            let is_file = matches!(mode, Some(Mode::File | Mode::Executable));
            let content = if is_file { disk.read(&path).ok() } else { None };
            if entry.zip(content).is_none_or(|(entry, content)| entry.id != blob_id(&content)) {
                found.insert(path);
            }
        }
        Ok(())
    }
}

/// The object name that git gives a file's content.
fn blob_id(content: &[u8]) -> Id {
    let mut hash = Sha1::new();
    hash.update(format!("blob {}\0", content.len()).as_bytes());
    hash.update(content);
    hash.finalize().into()
}

/// The text of an error with that of its cause.
fn chain(error: &FileError) -> String {
    error.source().map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
