//! Reading files for one kustomization: relative paths, addresses, load restrictions, cycles.
//!
//! A fetched repository is mounted beside the tree ([`World`]), so that its files have paths like all others. A
//! kustomization in such a repository never reads files outside of that repository.

use super::names::FileNames;
use super::remote::{Repository, is_remote_file, names_a_manifest};
use super::remotes::{Remotes, file_name};
use super::spot::{Content, Source};
use super::world::World;
use crate::error::{Error, Result};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Report as _, nearest, without_users};
use keyfill_files::{FileErrorKind, FileKind, Files, TreePath};
use keyfill_yaml::{Limits, TextPlace, Value, load_value};
use std::sync::Arc;

/// The files that a kustomization may read (`--load-restrictor`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Files in or below the folder of the kustomization.
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// What an entry of `resources` names.
pub enum Opened {
    /// A folder, or a repository, whose folder is a base.
    Folder,
    /// A file with its content.
    File(Bytes),
}

/// The folder of a base or component.
pub struct Base {
    /// Path of the folder in the tree, with symbolic links resolved.
    pub root: TreePath,
    /// The fetched repository, if the base was named by an address.
    clone: Option<Cloned>,
}

/// A repository that was fetched.
struct Cloned {
    /// The address as it is listed.
    listed: String,
    /// The folder at which the repository is mounted.
    folder: TreePath,
}

/// Reads files for the kustomization of one folder. `root` is the path of that folder with symbolic links
/// resolved.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    files: &'a World<'a>,
    remotes: &'a Remotes<'a>,
    names: &'a FileNames,
    cx: &'a Cx,
    restrictor: LoadRestrictor,
    root: &'a TreePath,
    /// The fetched repository that contains the kustomization, if any.
    clone: Option<&'a Cloned>,
    /// Whether this kustomization is the first one of its repository: the one that lists it is outside of the
    /// repository.
    is_entry: bool,
    parent: Option<&'a Loader<'a>>,
}

impl<'a> Loader<'a> {
    /// A loader for the outermost kustomization. Symbolic links in `root` must be resolved.
    pub fn new(
        files: &'a World<'a>,
        remotes: &'a Remotes<'a>,
        names: &'a FileNames,
        cx: &'a Cx,
        restrictor: LoadRestrictor,
        root: &'a TreePath,
    ) -> Self {
        Self { files, remotes, names, cx, restrictor, root, clone: None, is_entry: true, parent: None }
    }

    /// A loader for a base or component; its root comes from [`Loader::resolve_base`].
    pub fn below(&'a self, base: &'a Base) -> Self {
        let (root, parent) = (&base.root, Some(self));
        match &base.clone {
            // The author of another repository's files may read nothing outside of the kustomization's own folder.
            Some(_) => Self {
                root,
                parent,
                clone: base.clone.as_ref(),
                is_entry: true,
                restrictor: LoadRestrictor::RootOnly,
                ..*self
            },
            None => Self { root, parent, is_entry: false, ..*self },
        }
    }

    /// The folder of the kustomization.
    pub fn root(&self) -> &'a TreePath {
        self.root
    }

    /// The tree that files are read from.
    pub fn files(&self) -> &'a World<'a> {
        self.files
    }

    /// Whether the kustomization is in the tree itself, and not in a fetched repository.
    pub fn is_in_tree(&self) -> bool {
        self.clone.is_none()
    }

    /// Fetches the repositories among the given entries, in parallel.
    pub fn gather<'t>(&self, entries: impl Iterator<Item = &'t str>) {
        let repository = |entry: &'t str| Repository::parse(entry).filter(|_| !names_a_manifest(entry));
        self.remotes.gather(entries.filter_map(repository), self.files, self.cx);
    }

    /// The names of the files that were read, by their numbers.
    pub fn names(&self) -> &'a FileNames {
        self.names
    }

    /// The context of the run: deadline, cancellation and limits.
    pub fn cx(&self) -> &'a Cx {
        self.cx
    }

    /// The number of kustomizations around this one.
    pub fn depth(&self) -> u32 {
        self.parent.map_or(0, |p| p.depth() + 1)
    }

    /// What an entry of `resources` names: a folder, or the text of a file.
    pub fn open(&self, path: &str) -> Result<Opened> {
        if is_remote_file(path) {
            return self.open_address(path);
        }
        let joined = match self.root.join(path) {
            Some(_) if !path.starts_with('/') && self.clone.is_some() => self.join(path)?,
            Some(joined) if !path.starts_with('/') => joined,
            _ if Repository::parse(path).is_some() => return Ok(Opened::Folder),
            _ => return self.load(path).map(Opened::File),
        };
        match self.files.resolve(&joined) {
            Ok((_, FileKind::Dir)) => Ok(Opened::Folder),
            Ok((real, _)) => {
                self.check()?;
                self.restrict(&real)?;
                self.files.read(&real).map(Opened::File).map_err(|e| self.file_error(path, &joined, &e))
            }
            Err(_) if Repository::parse(path).is_some() => Ok(Opened::Folder),
            Err(e) => Err(self.file_error(path, &joined, &e)),
        }
    }

    /// What an http address names. An address that may be a repository is fetched as one first, unless it ends
    /// like a manifest file; if there is no repository, it may still be a file.
    fn open_address(&self, address: &str) -> Result<Opened> {
        let Some(repository) = Repository::parse(address).filter(|_| !names_a_manifest(address)) else {
            return self.load(address).map(Opened::File);
        };
        match self.remotes.folder(&repository, self.files, self.cx) {
            Err(error) if !error.is_off() => match self.remotes.file(address, self.cx) {
                Ok(text) => Ok(Opened::File(text)),
                // It is loaded as a folder next, and that error says why there is no repository.
                Err(_) => Ok(Opened::Folder),
            },
            _ => Ok(Opened::Folder),
        }
    }

    /// The folder of a base, with symbolic links resolved. A folder that contains one which is being built is an
    /// error.
    pub fn resolve_base(&self, path: &str) -> Result<Base> {
        if path.is_empty() {
            return Err(Error::new("the path of a base cannot be empty"));
        }
        if let Some(repository) = Repository::parse(path) {
            return self.clone_of(path, &repository);
        }
        if path.starts_with('/') {
            return Err(Error::new(format!("the base \"{path}\" is an absolute path"))
                .hint("write it relative to the kustomization's folder"));
        }
        let joined = self.join(path)?;
        let root = self.folder(path, &joined)?;
        self.refuse_cycle(&root)?;
        Ok(Base { root, clone: None })
    }

    fn folder(&self, path: &str, joined: &TreePath) -> Result<TreePath> {
        match self.files.resolve(joined) {
            Ok((root, FileKind::Dir)) => Ok(root),
            Ok(_) => Err(Error::new(format!("\"{path}\" is not a folder"))),
            Err(e) => Err(self.file_error(path, joined, &e)),
        }
    }

    /// A base in another repository, which is fetched.
    fn clone_of(&self, listed: &str, repository: &Repository) -> Result<Base> {
        self.check()?;
        self.refuse_same(listed)?;
        self.refuse_depth()?;
        let folder = self.remotes.folder(repository, self.files, self.cx);
        let folder = folder.map_err(|error| Error::of_fetch(&error))?;
        let joined = folder.join(&repository.path).filter(|path| path.is_within(&folder));
        let joined = joined
            .ok_or_else(|| Error::new(without_users(&format!("\"{listed}\" leaves its repository"))))?;
        let root = self.folder(listed, &joined)?;
        Ok(Base { root, clone: Some(Cloned { listed: listed.to_owned(), folder }) })
    }

    /// Fails if the address is the start of one that led here, which the official tool reports as a cycle.
    fn refuse_same(&self, listed: &str) -> Result<()> {
        let (mut visited, mut entered) = (Some(self), 0);
        while let Some(loader) = visited {
            entered += u32::from(loader.is_entry);
            if entered > MOST_REPOSITORIES {
                let message = format!("repositories name each other more than {MOST_REPOSITORIES} deep");
                return Err(Error::new(message));
            }
            if let Some(clone) = loader.clone.filter(|clone| clone.listed.starts_with(listed)) {
                let message =
                    format!("cycle detected: \"{listed}\" is listed on the way from \"{}\"", clone.listed);
                return Err(Error::new(without_users(&message)));
            }
            visited = loader.parent;
        }
        Ok(())
    }

    /// Fails if the folder is, or contains, one that is being built.
    fn refuse_cycle(&self, candidate: &TreePath) -> Result<()> {
        let mut visited = Some(self);
        while let Some(loader) = visited {
            if loader.root.is_within(candidate) {
                return Err(Error::new(format!(
                    "cycle detected: folder '{candidate}' contains '{}', which is being built",
                    loader.root
                )));
            }
            // Folders of different repositories cannot contain each other.
            visited = loader.parent.filter(|_| !loader.is_entry);
        }
        self.refuse_depth()
    }

    fn refuse_depth(&self) -> Result<()> {
        if self.depth() >= self.cx.limits.depth.min(MOST_NESTED) {
            return Err(Error::new("bases are nested too deep"));
        }
        Ok(())
    }

    /// The content of a file.
    pub fn load(&self, path: &str) -> Result<Bytes> {
        self.check()?;
        if is_remote_file(path) {
            return self.remotes.file(path, self.cx).map_err(|error| Error::of_fetch(&error));
        }
        let joined = self.locate(path)?;
        self.files.read(&joined).map_err(|e| self.file_error(path, &joined, &e))
    }

    /// The content of a manifest or patch, its path in the tree, and the place for the locations of its nodes.
    pub fn load_manifest(&self, path: &str) -> Result<(TreePath, Bytes, TextPlace)> {
        let text = self.load(path)?;
        let file = self.name(path)?;
        let place = TextPlace::file(self.names.id(file.as_str()));
        Ok((file, text, place))
    }

    /// A configuration file, parsed and resolved, with the source that errors about its fields refer to.
    pub fn load_document(&self, path: &str, strict: bool) -> Result<(Value, Arc<Source>)> {
        let (file, text, place) = self.load_manifest(path)?;
        let limits = Limits::from(self.cx);
        let value = load_value(&text, &limits).map_err(|e| Error::yaml(file.as_str(), &e))?;
        let source = Source {
            file: file.as_str().into(),
            id: place.location(1).file(),
            content: Content::text(text, limits),
            strict,
            lenient: true,
        };
        Ok((value, Arc::new(source)))
    }

    /// Path of a file in the tree, if the load restrictor allows to read it.
    pub fn locate(&self, path: &str) -> Result<TreePath> {
        let joined = self.join(path)?;
        if self.restrictor == LoadRestrictor::None {
            return Ok(joined);
        }
        let (real, kind) = self.files.resolve(&joined).map_err(|e| self.file_error(path, &joined, &e))?;
        if kind == FileKind::Dir {
            return Err(Error::new(format!("'{path}' must resolve to a file")));
        }
        self.restrict(&real)?;
        Ok(real)
    }

    /// Fails if the load restrictor forbids to read a file, whose symbolic links are resolved.
    fn restrict(&self, real: &TreePath) -> Result<()> {
        let dir = real.parent().unwrap_or_else(TreePath::root);
        if self.restrictor == LoadRestrictor::None || dir.is_within(self.root) {
            return Ok(());
        }
        Err(Error::new(format!("security; file '{real}' is not in or below '{}'", self.root))
            .hint("move the file, or allow it with `--load-restrictor LoadRestrictionsNone`"))
    }

    /// Fails if the run was stopped.
    fn check(&self) -> Result<()> {
        self.cx.check().map_err(Error::from)
    }

    /// The name of a file in errors and origins: its path in the tree, or its address.
    pub fn name(&self, path: &str) -> Result<TreePath> {
        match is_remote_file(path).then(|| file_name(path)).flatten() {
            Some(name) => Ok(name),
            None => self.join(path),
        }
    }

    /// A path relative to the kustomization, as a path in the tree.
    pub fn join(&self, path: &str) -> Result<TreePath> {
        let place = if path.starts_with('/') { absolute(path) } else { self.root.join(path) };
        if let (Some(place), Some(clone)) = (&place, self.clone)
            && !place.is_within(&clone.folder)
        {
            let message = format!("'{path}' leaves the repository \"{}\"", without_users(&clone.listed));
            return Err(Error::with_class(Class::Forbidden, message));
        }
        place.ok_or_else(|| {
            Error::with_class(Class::Forbidden, format!("'{path}' leaves the tree"))
                .hint("only files of the git work tree, or of the folder given with --root, are read")
        })
    }

    /// The error about a file that could not be read. If there is none of that name, it suggests a similar name.
    pub fn file_error(&self, path: &str, joined: &TreePath, error: &keyfill_files::FileError) -> Error {
        if let Some(refused) = self.files.refused(joined).or_else(|| error.refused().cloned()) {
            return Error::of_fetch(&refused);
        }
        let cause = std::error::Error::source(error).filter(|_| error.kind() == FileErrorKind::Io);
        let message = cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"));
        let built = Error::with_class(error.class(), message);
        if error.kind() != FileErrorKind::NotFound {
            return built;
        }
        match self.near_miss(joined) {
            Some(name) => built.hint(format!("did you mean \"{}\"?", with_name(path, &name))),
            None => built,
        }
    }

    /// The entry of the folder whose name is most similar to a missing one.
    fn near_miss(&self, missing: &TreePath) -> Option<String> {
        let entries = self.files.list(&missing.parent()?).ok()?;
        nearest(missing.name(), entries.iter().map(|e| e.name.as_str())).map(str::to_owned)
    }
}

/// The deepest nesting of kustomizations. Real trees stay below ten.
const MOST_NESTED: u32 = 200;

/// The most repositories on one path of bases, each listed in the one before.
const MOST_REPOSITORIES: u32 = 32;

/// An absolute path as a path in the tree. This is right for a tree whose root is that of the file system.
fn absolute(path: &str) -> Option<TreePath> {
    let below = path.trim_start_matches('/');
    TreePath::new(below)
}

fn with_name(path: &str, name: &str) -> String {
    match path.rsplit_once('/') {
        Some((dir, _)) => format!("{dir}/{name}"),
        None => name.to_owned(),
    }
}
