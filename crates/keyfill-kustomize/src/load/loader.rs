//! Reading files for one kustomization: paths relative to its folder, restrictions, cycles.

use super::names::FileNames;
use super::remote::{is_remote_file, is_repository};
use super::spot::{Content, Source};
use super::world::World;
use crate::error::{Error, Result};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, nearest};
use keyfill_files::{FileErrorKind, Files, Kind, TreePath};
use keyfill_yaml::{Limits, TextPlace, Value, load_value};
use std::sync::Arc;

/// Which files a kustomization may read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LoadRestrictor {
    /// Files in or below its own folder.
    #[default]
    RootOnly,
    /// Any file of the tree.
    None,
}

/// What an entry of `resources` names.
pub enum Opened {
    /// A folder, or a repository that stands for one.
    Folder,
    /// A file, with its text.
    File(Bytes),
}

/// Reads files for the kustomization of one folder. Links are already followed in its root.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    files: &'a World<'a>,
    names: &'a FileNames,
    cx: &'a Cx,
    restrictor: LoadRestrictor,
    root: &'a TreePath,
    parent: Option<&'a Loader<'a>>,
}

impl<'a> Loader<'a> {
    /// A loader at the folder of the outermost kustomization, with its links followed.
    pub fn new(
        files: &'a World<'a>,
        names: &'a FileNames,
        cx: &'a Cx,
        restrictor: LoadRestrictor,
        root: &'a TreePath,
    ) -> Self {
        Self { files, names, cx, restrictor, root, parent: None }
    }

    /// A loader for a base or component; its root comes from [`Loader::resolve_base`].
    pub fn below(&'a self, root: &'a TreePath) -> Self {
        Self { root, parent: Some(self), ..*self }
    }

    /// The folder of the kustomization.
    pub fn root(&self) -> &'a TreePath {
        self.root
    }

    /// The tree that files are read from.
    pub fn files(&self) -> &'a World<'a> {
        self.files
    }

    /// The names of the files that were read.
    pub fn names(&self) -> &'a FileNames {
        self.names
    }

    /// The circumstances of the run.
    pub fn cx(&self) -> &'a Cx {
        self.cx
    }

    /// How deep this kustomization is nested.
    pub fn depth(&self) -> u32 {
        self.parent.map_or(0, |p| p.depth() + 1)
    }

    /// What an entry of `resources` names: a folder, or the text of a file.
    pub fn open(&self, path: &str) -> Result<Opened> {
        let joined = match self.root.join(path) {
            Some(joined) if !path.starts_with('/') && !is_remote_file(path) => joined,
            _ if is_repository(path) => return Ok(Opened::Folder),
            _ => return self.load(path).map(Opened::File),
        };
        match self.files.resolve(&joined) {
            Ok((_, Kind::Dir)) => Ok(Opened::Folder),
            Ok((real, _)) => {
                self.check()?;
                self.restrict(&real)?;
                self.files.read(&real).map(Opened::File).map_err(|e| self.file_error(path, &joined, &e))
            }
            Err(_) if is_repository(path) => Ok(Opened::Folder),
            Err(e) => Err(self.file_error(path, &joined, &e)),
        }
    }

    /// The folder of a base, with links followed; refused are folders that contain one that is being
    /// visited.
    pub fn resolve_base(&self, path: &str) -> Result<TreePath> {
        if path.is_empty() {
            return Err(Error::new("the path of a base cannot be empty"));
        }
        if is_repository(path) {
            return Err(remote(path));
        }
        if path.starts_with('/') {
            return Err(Error::new(format!("the base \"{path}\" is an absolute path"))
                .hint("write it relative to the kustomization's folder"));
        }
        let joined = self.join(path)?;
        let root = match self.files.resolve(&joined) {
            Ok((root, Kind::Dir)) => root,
            Ok(_) => return Err(Error::new(format!("\"{path}\" is not a folder"))),
            Err(e) => return Err(self.file_error(path, &joined, &e)),
        };
        self.refuse_cycle(&root)?;
        Ok(root)
    }

    /// Refuses a folder that is, or contains, one that is being visited.
    fn refuse_cycle(&self, candidate: &TreePath) -> Result<()> {
        let mut visited = Some(self);
        while let Some(loader) = visited {
            if loader.root.is_within(candidate) {
                return Err(Error::new(format!(
                    "cycle detected: folder '{candidate}' contains '{}', which is being built",
                    loader.root
                )));
            }
            visited = loader.parent;
        }
        if self.depth() >= self.cx.limits.depth.min(MOST_NESTED) {
            return Err(Error::new("bases are nested too deep"));
        }
        Ok(())
    }

    /// The bytes of a file.
    pub fn load(&self, path: &str) -> Result<Bytes> {
        self.check()?;
        if is_remote_file(path) {
            return Err(remote(path));
        }
        let joined = self.locate(path)?;
        self.files.read(&joined).map_err(|e| self.file_error(path, &joined, &e))
    }

    /// The bytes of a manifest or patch, with its path in the tree and its place for nodes.
    pub fn load_manifest(&self, path: &str) -> Result<(TreePath, Bytes, TextPlace)> {
        let text = self.load(path)?;
        let file = self.join(path)?;
        let place = TextPlace::file(self.names.id(file.as_str()));
        Ok((file, text, place))
    }

    /// A configuration file, decoded leniently, with the source of its places.
    pub fn load_document(&self, path: &str, strict: bool) -> Result<(Value, Arc<Source>)> {
        let (file, text, place) = self.load_manifest(path)?;
        let limits = Limits::from(self.cx);
        let value = load_value(&text, &limits).map_err(|e| Error::yaml(file.as_str(), &e))?;
        let source = Source {
            file: file.as_str().into(),
            id: place.location(1).file(),
            content: Content::text(text),
            strict,
            lenient: true,
        };
        Ok((value, Arc::new(source)))
    }

    /// Where a file lies, once the restrictions have let it pass.
    pub fn locate(&self, path: &str) -> Result<TreePath> {
        let joined = self.join(path)?;
        if self.restrictor == LoadRestrictor::None {
            return Ok(joined);
        }
        let (real, kind) = self.files.resolve(&joined).map_err(|e| self.file_error(path, &joined, &e))?;
        if kind == Kind::Dir {
            return Err(Error::new(format!("'{path}' must resolve to a file")));
        }
        self.restrict(&real)?;
        Ok(real)
    }

    /// Refuses a file, its links followed, that the restrictions do not let pass.
    fn restrict(&self, real: &TreePath) -> Result<()> {
        let dir = real.parent().unwrap_or_else(TreePath::root);
        if self.restrictor == LoadRestrictor::None || dir.is_within(self.root) {
            return Ok(());
        }
        Err(Error::new(format!("security; file '{real}' is not in or below '{}'", self.root))
            .hint("move the file, or allow it with `--load-restrictor LoadRestrictionsNone`"))
    }

    /// Whether to go on.
    fn check(&self) -> Result<()> {
        self.cx.check().map_err(Error::from)
    }

    /// A path of the kustomization as a path of the tree, for names in errors and origins.
    pub fn join(&self, path: &str) -> Result<TreePath> {
        let place = if path.starts_with('/') { absolute(path) } else { self.root.join(path) };
        place.ok_or_else(|| {
            Error::with_class(Class::Forbidden, format!("'{path}' leaves the tree"))
                .hint("only files of the git work tree, or of the folder given with --root, are read")
        })
    }

    /// Why a file could not be read, with a near name where there is none of that name.
    pub fn file_error(&self, path: &str, joined: &TreePath, error: &keyfill_files::FileError) -> Error {
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

    /// The entry of the folder whose name is nearest to a missing one.
    fn near_miss(&self, missing: &TreePath) -> Option<String> {
        let entries = self.files.list(&missing.parent()?).ok()?;
        nearest(missing.name(), entries.iter().map(|e| e.name.as_str())).map(str::to_owned)
    }
}

/// Kustomizations nested deeper than this are taken for a mistake: real trees stay below ten.
const MOST_NESTED: u32 = 200;

/// An absolute path as a path of the tree, which holds for a tree whose root is the file system's.
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

fn remote(path: &str) -> Error {
    Error::unsupported(format!("fetching \"{path}\" from the network"))
}
