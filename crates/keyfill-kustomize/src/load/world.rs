//! The tree of a build, with what was fetched at the places that it would have there.

use bytes::Bytes;
use keyfill_files::{Entry, FileError, Files, Kind, Later, TreePath};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A tree in which folders are there that it does not hold itself.
pub struct World<'a> {
    own: &'a dyn Files,
    mounts: RwLock<BTreeMap<TreePath, Arc<dyn Files>>>,
}

impl<'a> World<'a> {
    /// A tree with nothing mounted.
    pub fn new(own: &'a dyn Files) -> Self {
        Self { own, mounts: RwLock::default() }
    }

    /// Puts files at a folder. What the tree itself holds below it is hidden.
    pub fn mount(&self, folder: &TreePath, files: Arc<dyn Files>) {
        self.mounts.write().unwrap_or_else(PoisonError::into_inner).insert(folder.clone(), files);
    }

    /// Puts files at a folder of that name which lies in nothing else that is mounted, and says where.
    pub fn mount_apart(&self, name: &str, files: Arc<dyn Files>) -> TreePath {
        let mut mounts = self.mounts.write().unwrap_or_else(PoisonError::into_inner);
        let taken =
            |path: &TreePath| mounts.keys().any(|known| known.is_within(path) || path.is_within(known));
        let plain = TreePath::new(name).filter(|path| !path.is_root() && !taken(path));
        let numbered = || {
            let numbered = (mounts.len()..).filter_map(|n| TreePath::new(&format!("fetched:{n}")));
            let mut numbered = numbered.filter(|path| !taken(path));
            numbered.next().map(|path| path.join(name).filter(|inner| inner.is_within(&path)).unwrap_or(path))
        };
        let folder = plain.or_else(numbered).unwrap_or_else(TreePath::root);
        mounts.insert(folder.clone(), files);
        folder
    }

    /// The mounted tree that a path lies in, with its folder and the path in it.
    fn mounted(&self, path: &TreePath) -> Option<(Arc<dyn Files>, TreePath, TreePath)> {
        let mounts = self.mounts.read().unwrap_or_else(PoisonError::into_inner);
        if mounts.is_empty() {
            return None;
        }
        let text = path.as_str();
        let ends = text.match_indices('/').map(|(at, _)| at).chain([text.len()]);
        let (folder, files) = ends.filter_map(|end| mounts.get_key_value(&text[..end])).next_back()?;
        let inner = TreePath::new(text[folder.as_str().len()..].trim_start_matches('/'))?;
        Some((Arc::clone(files), folder.clone(), inner))
    }
}

impl Files for World<'_> {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        match self.mounted(path) {
            Some((files, _, inner)) => files.read(&inner).map_err(|e| e.at(path)),
            None => self.own.read(path),
        }
    }

    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        match self.mounted(path) {
            Some((files, _, inner)) => files.later(&inner).map_err(|e| e.at(path)),
            None => self.own.later(path),
        }
    }

    fn is_bounded(&self) -> bool {
        self.own.is_bounded()
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        match self.mounted(dir) {
            Some((files, _, inner)) => files.list(&inner).map_err(|e| e.at(dir)),
            None => self.own.list(dir),
        }
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, Kind), FileError> {
        let Some((files, folder, inner)) = self.mounted(path) else { return self.own.resolve(path) };
        let (real, kind) = files.resolve(&inner).map_err(|e| e.at(path))?;
        let real = folder.join(real.as_str()).unwrap_or_else(|| path.clone());
        Ok((real, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::World;
    use keyfill_files::{FileErrorKind, Files, Kind, MemoryFiles, TreePath};
    use std::sync::Arc;

    #[test]
    fn what_is_mounted_is_read_at_its_place() {
        let tree: MemoryFiles = [("app/k.yaml", "k"), ("app/charts-2/x", "x")].into_iter().collect();
        let chart: MemoryFiles = [("Chart.yaml", "c"), ("templates/t", "t")].into_iter().collect();
        let at = |path: &str| TreePath::new(path).expect("a path");
        let world = World::new(&tree);
        assert!(!world.is_dir(&at("app/charts")));
        world.mount(&at("app/charts"), Arc::new(chart));
        assert_eq!(&world.read(&at("app/charts/templates/t")).expect("read")[..], b"t");
        assert_eq!(&world.read(&at("app/charts-2/x")).expect("read")[..], b"x");
        assert_eq!(world.resolve(&at("app/charts")).expect("there"), (at("app/charts"), Kind::Dir));
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
        let world = World::new(&tree);
        let one = || -> Arc<dyn Files> { Arc::new([("b/x", "x")].into_iter().collect::<MemoryFiles>()) };
        let first = world.mount_apart("https://h/a@HEAD", one());
        assert_eq!(first.as_str(), "https:/h/a@HEAD");
        for name in ["https://h/a@HEAD/b", "https://h", "https://h/a@HEAD", "../..", ""] {
            let other = world.mount_apart(name, one());
            assert!(!other.is_within(&first) && !first.is_within(&other), "{name}: {other}");
        }
        assert_eq!(&world.read(&first.join("b/x").expect("a path")).expect("read")[..], b"x");
    }
}
