//! The files of a commit, each read from git's objects when it is needed.

use super::super::object::{self, Id, Mode, Named, ObjectKind};
use super::config::Config;
use super::objects::Objects;
use super::{changes, text};
use bytes::Bytes;
use keyfill_files::{Entry, FileError, FileErrorKind, FileKind, Files, Found, TreePath, follow};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The files of a commit. A submodule is a folder. It has files if the submodule was checked out once, so that its
/// repository is in `.git/modules`; else it is empty, as in a work tree.
pub struct RevisionFiles {
    objects: Arc<Objects>,
    root: Id,
    /// The folder with the repositories of submodules.
    modules: Option<PathBuf>,
    folders: Mutex<HashMap<TreePath, Arc<Folder>>>,
    submodules: Mutex<HashMap<TreePath, Option<Arc<Objects>>>>,
    gitmodules: OnceLock<Config>,
}

/// The entries of a folder, and the repository's objects that they refer to.
pub(super) struct Folder {
    pub(super) objects: Arc<Objects>,
    /// Sorted by the bytes of their names.
    pub(super) entries: Vec<Named>,
}

impl RevisionFiles {
    pub(super) fn new(objects: Arc<Objects>, root: Id, modules: Option<PathBuf>) -> Self {
        Self {
            objects,
            root,
            modules,
            folders: Mutex::default(),
            submodules: Mutex::default(),
            gitmodules: OnceLock::new(),
        }
    }

    pub(super) fn root_id(&self) -> Id {
        self.root
    }

    /// The entries of a folder. Its path must not lead through links.
    pub(super) fn folder(&self, path: &TreePath) -> Result<Arc<Folder>, FileError> {
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = folders.get(path) {
            return Ok(Arc::clone(folder));
        }
        drop(folders);
        let folder = Arc::new(self.load(path)?);
        folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.insert(path.clone(), Arc::clone(&folder));
        Ok(folder)
    }

    fn load(&self, path: &TreePath) -> Result<Folder, FileError> {
        let Some(above) = path.parent() else { return read_folder(&self.objects, &self.root, path) };
        let above = self.folder(&above)?;
        match above.entry(path.name()).map(|entry| (entry.mode, entry.id)) {
            Some((Mode::Folder, id)) => read_folder(&above.objects, &id, path),
            Some((Mode::Submodule, commit)) => match self.submodule(path) {
                Some(objects) => {
                    let tree = objects.get(&commit).ok().and_then(|(_, text)| object::header(&text, "tree"));
                    tree.map_or_else(
                        || Ok(Folder { objects: Arc::clone(&objects), entries: Vec::new() }),
                        |tree| read_folder(&objects, &tree, path),
                    )
                }
                None => Ok(Folder { objects: Arc::clone(&above.objects), entries: Vec::new() }),
            },
            Some(_) => Err(FileError::new(path, FileErrorKind::NotDir)),
            None => Err(FileError::new(path, FileErrorKind::NotFound)),
        }
    }

    /// The objects of a submodule; `None` if it was never checked out. Its folder in `.git/modules` has the
    /// submodule's name, which is usually its path.
    fn submodule(&self, path: &TreePath) -> Option<Arc<Objects>> {
        let modules = self.modules.as_deref()?;
        let mut known = self.submodules.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = known.get(path) {
            return objects.clone();
        }
        drop(known);
        let config = self.gitmodules.get_or_init(|| {
            let text = TreePath::new(".gitmodules").and_then(|path| self.read(&path).ok());
            Config::parse(&String::from_utf8_lossy(&text.unwrap_or_default()))
        });
        let name = config.section_with("submodule", "path", path.as_str()).unwrap_or(path.as_str());
        // The name is written by an author: the folder must be below `modules`.
        let folder = TreePath::new(name).map(|name| modules.join(name.as_str()));
        let objects = folder.filter(|folder| is_repository(folder));
        let objects = objects.map(|folder| Arc::new(Objects::open(&folder.join("objects"))));
        known = self.submodules.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(path.clone(), objects.clone());
        objects
    }

    fn follow(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        follow(path, |next| {
            let above = next.parent().unwrap_or_else(TreePath::root);
            let folder = self.folder(&above).map_err(|e| match e.kind() {
                FileErrorKind::NotDir => FileError::new(path, FileErrorKind::NotFound),
                _ => e,
            })?;
            let entry =
                folder.entry(next.name()).ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))?;
            match entry.mode {
                Mode::Folder | Mode::Submodule => Ok(Found::Is(FileKind::Dir)),
                Mode::File | Mode::Executable => Ok(Found::Is(FileKind::File)),
                Mode::Link => {
                    let target = folder.objects.get(&entry.id).map_err(|why| unread(path, &why))?.1;
                    match std::str::from_utf8(&target) {
                        Ok(target) if !target.starts_with('/') => Ok(Found::Link(target.to_owned())),
                        _ => Err(FileError::new(path, FileErrorKind::Escapes)),
                    }
                }
            }
        })
    }
}

impl Folder {
    /// An entry by its name.
    pub(super) fn entry(&self, name: impl AsRef<[u8]>) -> Option<&Named> {
        let name = name.as_ref();
        let at = self.entries.binary_search_by(|entry| entry.name.as_slice().cmp(name)).ok()?;
        self.entries.get(at)
    }
}

fn is_repository(folder: &Path) -> bool {
    folder.join("objects").is_dir() && text(&folder.join("HEAD")).is_some()
}

fn read_folder(objects: &Arc<Objects>, id: &Id, path: &TreePath) -> Result<Folder, FileError> {
    let (kind, tree) = objects.get(id).map_err(|why| unread(path, &why))?;
    if kind != ObjectKind::Tree {
        return Err(unread(path, "it is no tree"));
    }
    let mut entries = object::named(&tree).map_err(|why| unread(path, &why))?;
    // git sorts a folder as if its name ended in a slash.
    entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(Folder { objects: Arc::clone(objects), entries })
}

fn unread(path: &TreePath, why: &str) -> FileError {
    FileError::io(path, io::Error::other(why.to_owned()))
}

impl Files for RevisionFiles {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        let (real, kind) = self.follow(path)?;
        if kind == FileKind::Dir {
            return Err(FileError::new(path, FileErrorKind::IsDir));
        }
        let folder = self.folder(&real.parent().unwrap_or_else(TreePath::root))?;
        let entry = folder.entry(real.name()).ok_or_else(|| FileError::new(path, FileErrorKind::NotFound))?;
        let (_, content) = folder.objects.get(&entry.id).map_err(|why| unread(path, &why))?;
        Ok(Arc::try_unwrap(content).unwrap_or_else(|shared| shared.to_vec()).into())
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        let (real, kind) = self.follow(dir)?;
        if kind != FileKind::Dir {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let folder = self.folder(&real)?;
        let entry = |entry: &Named| {
            let name = String::from_utf8_lossy(&entry.name).into_owned();
            let is_link = entry.mode == Mode::Link;
            let path = changes::below(&real, &entry.name);
            let kind = match (entry.mode, path) {
                (_, None) => FileKind::Other,
                (Mode::Folder | Mode::Submodule, _) => FileKind::Dir,
                (Mode::File | Mode::Executable, _) => FileKind::File,
                (Mode::Link, Some(path)) => self.follow(&path).map_or(FileKind::Other, |(_, kind)| kind),
            };
            Entry { name, kind, is_link }
        };
        let mut entries: Vec<Entry> = folder.entries.iter().map(entry).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        self.follow(path)
    }
}
