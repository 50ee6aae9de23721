//! The file tree of a build, in which fetched repositories and charts are mounted at folders.

use super::submodules;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, without_users};
use keyfill_files::{
    Entry, Fetch, FetchError, FileError, FileErrorKind, FileKind, Files, GitRef, Later, Submodule, TreePath,
};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The most submodules that one build fetches.
const MOST_SUBMODULES: usize = 100;
/// The deepest nesting of submodules.
const DEEPEST: usize = 16;

/// A file tree in which other trees are mounted.
pub struct World<'a> {
    own: &'a dyn Files,
    fetch: &'a dyn Fetch,
    cx: &'a Cx,
    mounts: RwLock<BTreeMap<TreePath, Mount>>,
    /// The submodules that a path led into, by their folders, each with the error if it could not be fetched.
    submodules: RwLock<BTreeMap<TreePath, Option<FetchError>>>,
}

/// A tree that is mounted at a folder.
#[derive(Clone)]
struct Mount {
    files: Arc<dyn Files>,
    /// The address of the repository, if its submodules are to be fetched when a path leads into one.
    repository: Option<Arc<str>>,
}

/// The mount that a path leads into, the folder of that mount, and the path below it.
struct Located {
    mount: Mount,
    folder: TreePath,
    inner: TreePath,
}

impl<'a> World<'a> {
    /// A tree without mounts. `fetch` fetches the submodules of repositories that will be mounted.
    pub fn new(own: &'a dyn Files, fetch: &'a dyn Fetch, cx: &'a Cx) -> Self {
        Self { own, fetch, cx, mounts: RwLock::default(), submodules: RwLock::default() }
    }

    fn mounts(&self) -> RwLockReadGuard<'_, BTreeMap<TreePath, Mount>> {
        self.mounts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn mounts_mut(&self) -> RwLockWriteGuard<'_, BTreeMap<TreePath, Mount>> {
        self.mounts.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Mounts files at a folder. They hide what the tree itself has there.
    pub fn mount(&self, folder: &TreePath, files: Arc<dyn Files>) {
        self.mounts_mut().insert(folder.clone(), Mount { files, repository: None });
    }

    /// Mounts files at a folder of the given name, or of a similar one, so that no other mount is in it or around
    /// it; returns the folder. Submodules are fetched if `repository` is the address that was cloned.
    pub fn mount_apart(&self, name: &str, files: Arc<dyn Files>, repository: Option<&str>) -> TreePath {
        let mut mounts = self.mounts_mut();
        let taken =
            |path: &TreePath| mounts.keys().any(|known| known.is_within(path) || path.is_within(known));
        let plain = TreePath::new(name).filter(|path| !path.is_root() && !taken(path));
        let numbered = || {
            let numbered = (mounts.len()..).filter_map(|n| TreePath::new(&format!("fetched:{n}")));
            let mut numbered = numbered.filter(|path| !taken(path));
            numbered.next().map(|path| path.join(name).filter(|inner| inner.is_within(&path)).unwrap_or(path))
        };
        let folder = plain.or_else(numbered).unwrap_or_else(TreePath::root);
        mounts.insert(folder.clone(), Mount { files, repository: repository.map(Arc::from) });
        folder
    }

    /// The error of the submodule that a path leads into, if it could not be fetched.
    pub fn refused(&self, path: &TreePath) -> Option<FetchError> {
        let submodules = self.submodules.read().unwrap_or_else(PoisonError::into_inner);
        let around = submodules.iter().filter(|(place, _)| path.is_within(place));
        around.filter_map(|(_, refused)| refused.clone()).next_back()
    }

    /// The mount that a path leads into. Submodules that the path leads through are fetched.
    fn mounted(&self, path: &TreePath) -> Option<Located> {
        let mut located = self.nearest(path)?;
        for _ in 0..DEEPEST {
            let Some(repository) = &located.mount.repository else { break };
            let Some(submodule) = located.mount.files.submodule(&located.inner) else { break };
            let Some(place) = located.folder.join(submodule.path.as_str()) else { break };
            if !self.enter(&place, repository, &located, &submodule) {
                break;
            }
            let Some(next) = place.join(submodule.below.as_str()).and_then(|path| self.nearest(&path)) else {
                break;
            };
            located = next;
        }
        Some(located)
    }

    fn nearest(&self, path: &TreePath) -> Option<Located> {
        let mounts = self.mounts();
        if mounts.is_empty() {
            return None;
        }
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        let (folder, mount) = ends.filter_map(|end| mounts.get_key_value(&text[..end])).next_back()?;
        let inner = TreePath::new(text[folder.as_str().len()..].trim_start_matches('/'))?;
        Some(Located { mount: mount.clone(), folder: folder.clone(), inner })
    }

    /// Whether a submodule is mounted. It is fetched if that was not tried before.
    fn enter(&self, place: &TreePath, of: &str, located: &Located, submodule: &Submodule) -> bool {
        // The lock is held during the fetch: another thread that needs a submodule waits.
        let mut submodules = self.submodules.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = submodules.get(place) {
            return known.is_none();
        }
        let fetched = if submodules.len() < MOST_SUBMODULES {
            self.fetch_submodule(of, &*located.mount.files, submodule)
        } else {
            let message = format!("one build reads at most {MOST_SUBMODULES} submodules");
            Err(FetchError::new(Class::Render, message))
        };
        let refused = match fetched {
            Ok(mount) => {
                self.mounts_mut().insert(place.clone(), mount);
                None
            }
            Err(error) => {
                let what = format!("the submodule {} of {}", submodule.path, without_users(of));
                Some(error.context(what))
            }
        };
        let is_there = refused.is_none();
        submodules.insert(place.clone(), refused);
        is_there
    }

    fn fetch_submodule(
        &self,
        of: &str,
        files: &dyn Files,
        submodule: &Submodule,
    ) -> Result<Mount, FetchError> {
        let wrong = |why: String| FetchError::new(Class::Render, why);
        let modules = TreePath::new(submodules::FILE_NAME).unwrap_or_else(TreePath::root);
        let text = match files.read(&modules) {
            Ok(text) => text,
            Err(error) if error.kind() == FileErrorKind::NotFound => Bytes::new(),
            Err(error) => return Err(wrong(error.to_string())),
        };
        let url = submodules::address(&text, submodule.path.as_str(), of).map_err(wrong)?;
        let want = GitRef { url: url.clone(), reference: submodule.commit.clone() };
        let tree = self.fetch.git(&want, self.cx)?;
        Ok(Mount { files: tree.files, repository: Some(url.into()) })
    }
}

impl Files for World<'_> {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        match self.mounted(path) {
            Some(Located { mount, inner, .. }) => mount.files.read(&inner).map_err(|e| e.at(path)),
            None => self.own.read(path),
        }
    }

    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        match self.mounted(path) {
            Some(Located { mount, inner, .. }) => mount.files.later(&inner).map_err(|e| e.at(path)),
            None => self.own.later(path),
        }
    }

    fn is_bounded(&self) -> bool {
        self.own.is_bounded()
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        match self.mounted(dir) {
            Some(Located { mount, inner, .. }) => mount.files.list(&inner).map_err(|e| e.at(dir)),
            None => self.own.list(dir),
        }
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        let Some(Located { mount, folder, inner }) = self.mounted(path) else {
            return self.own.resolve(path);
        };
        let (real, kind) = mount.files.resolve(&inner).map_err(|e| e.at(path))?;
        let real = folder.join(real.as_str()).unwrap_or_else(|| path.clone());
        Ok((real, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::World;
    use keyfill_diag::Cx;
    use keyfill_files::{FileErrorKind, FileKind, Files, MemoryFiles, NoFetch, TreePath};
    use std::sync::Arc;

    #[test]
    fn mounted_files_are_read_below_their_folder() {
        let tree: MemoryFiles = [("app/k.yaml", "k"), ("app/charts-2/x", "x")].into_iter().collect();
        let chart: MemoryFiles = [("Chart.yaml", "c"), ("templates/t", "t")].into_iter().collect();
        let at = |path: &str| TreePath::new(path).expect("a path");
        let cx = Cx::default();
        let world = World::new(&tree, &NoFetch, &cx);
        assert!(!world.is_dir(&at("app/charts")));
        world.mount(&at("app/charts"), Arc::new(chart));
        assert_eq!(&world.read(&at("app/charts/templates/t")).expect("read")[..], b"t");
        assert_eq!(&world.read(&at("app/charts-2/x")).expect("read")[..], b"x");
        assert_eq!(world.resolve(&at("app/charts")).expect("there"), (at("app/charts"), FileKind::Dir));
        let names: Vec<String> =
            world.list(&at("app/charts")).expect("listed").into_iter().map(|e| e.name).collect();
        assert_eq!(names, ["Chart.yaml", "templates"]);
        let missing = world.read(&at("app/charts/values.yaml")).expect_err("missing");
        assert_eq!(missing.kind(), FileErrorKind::NotFound);
        assert_eq!(missing.path().as_str(), "app/charts/values.yaml");
    }

    #[test]
    fn no_repository_hides_a_part_of_another() {
        let tree = MemoryFiles::new();
        let cx = Cx::default();
        let world = World::new(&tree, &NoFetch, &cx);
        let one = || -> Arc<dyn Files> { Arc::new([("b/x", "x")].into_iter().collect::<MemoryFiles>()) };
        let first = world.mount_apart("https://h/a@HEAD", one(), None);
        assert_eq!(first.as_str(), "https:/h/a@HEAD");
        for name in ["https://h/a@HEAD/b", "https://h", "https://h/a@HEAD", "../..", ""] {
            let other = world.mount_apart(name, one(), None);
            assert!(!other.is_within(&first) && !first.is_within(&other), "{name}: {other}");
        }
        assert_eq!(&world.read(&first.join("b/x").expect("a path")).expect("read")[..], b"x");
    }
}
