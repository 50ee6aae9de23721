//! Makes a chart's own folder the boundary for its templates and its author's flags, if the tree has no other
//! boundary.

use bytes::Bytes;
use keyfill_files::{Entry, FileError, FileErrorKind, FileKind, Files, Later, TreePath};
use std::collections::BTreeSet;
use std::fs::File;

/// A tree in which only one folder can be read, links included.
pub struct Fenced<'a> {
    files: &'a dyn Files,
    folder: TreePath,
    /// The folder as it was given, which may contain links.
    given: TreePath,
    /// Files that the command line names; they may be outside of the folder.
    named: BTreeSet<TreePath>,
}

impl<'a> Fenced<'a> {
    /// The tree limited to a folder and to these files of the command line.
    pub fn new(files: &'a dyn Files, folder: &TreePath, named: impl IntoIterator<Item = TreePath>) -> Self {
        let real = files.resolve(folder).map_or_else(|_| folder.clone(), |(real, _)| real);
        Self { files, folder: real, given: folder.clone(), named: named.into_iter().collect() }
    }

    /// Whether a path is a parent folder of something that may be read. Paths are compared as text, so that an
    /// author's link cannot make a folder readable.
    fn is_above(&self, path: &TreePath) -> bool {
        let mut readable = [&self.folder, &self.given].into_iter().chain(&self.named);
        readable.any(|readable| readable.is_within(path))
    }

    fn check(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        let found = self.files.resolve(path)?;
        if self.named.contains(path) || found.0.is_within(&self.folder) {
            Ok(found)
        } else {
            Err(FileError::new(path, FileErrorKind::Escapes))
        }
    }
}

impl Files for Fenced<'_> {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        self.check(path)?;
        self.files.read(path)
    }

    fn later(&self, path: &TreePath) -> Result<Later, FileError> {
        self.check(path)?;
        self.files.later(path)
    }

    fn open(&self, path: &TreePath) -> Result<Option<File>, FileError> {
        self.check(path)?;
        self.files.open(path)
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        self.check(dir)?;
        self.files.list(dir)
    }

    /// Parent folders can be resolved, but not listed, since a copy for an official binary needs their paths.
    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        if self.is_above(path) { self.files.resolve(path) } else { self.check(path) }
    }
}

#[cfg(test)]
mod tests {
    use super::Fenced;
    use keyfill_files::{DiskFiles, FileErrorKind, Files as _, TreePath};

    #[test]
    fn a_fence_holds_for_paths_and_links_and_lets_named_files_through() {
        let dir = tempfile::tempdir().unwrap();
        let write = |path: &str| {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        };
        for path in ["chart/own", "values.yaml", "secret"] {
            write(path);
        }
        #[cfg(unix)]
        for (target, link) in [("../secret", "chart/out"), ("own", "chart/in")] {
            std::os::unix::fs::symlink(target, dir.path().join(link)).unwrap();
        }
        let files = DiskFiles::open(dir.path(), 1 << 20).unwrap();
        let at = |path: &str| TreePath::new(path).unwrap();
        let fenced = Fenced::new(&files, &at("chart"), [at("values.yaml")]);
        assert!(fenced.read(&at("chart/own")).is_ok() && fenced.read(&at("values.yaml")).is_ok());
        let secret = at("secret");
        assert_eq!(fenced.read(&secret).unwrap_err().kind(), FileErrorKind::Escapes);
        assert_eq!(fenced.later(&secret).unwrap_err().kind(), FileErrorKind::Escapes);
        assert_eq!(fenced.open(&secret).unwrap_err().kind(), FileErrorKind::Escapes);
        // The parent folder can be resolved but not listed.
        let above = TreePath::root();
        assert!(fenced.resolve(&above).is_ok());
        assert_eq!(fenced.list(&above).unwrap_err().kind(), FileErrorKind::Escapes);
        assert_eq!(fenced.resolve(&secret).unwrap_err().kind(), FileErrorKind::Escapes);
        // The content is read only when it is asked for.
        let later = fenced.later(&at("chart/own")).unwrap();
        std::fs::write(dir.path().join("chart/own"), "y").unwrap();
        assert_eq!(&later.get().unwrap()[..], b"y");
        #[cfg(unix)]
        {
            assert!(fenced.read(&at("chart/in")).is_ok());
            assert_eq!(fenced.read(&at("chart/out")).unwrap_err().kind(), FileErrorKind::Escapes);
        }
    }
}
