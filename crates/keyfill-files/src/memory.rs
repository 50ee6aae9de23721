//! A tree in memory: for tests, fuzzing and generated files.

use crate::{Entry, FileError, FileErrorKind, FileKind, Files, TreePath};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::ops::Bound;

/// Files by path. A folder exists if it contains a file. There are no links.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: BTreeMap<TreePath, Bytes>,
}

impl MemoryFiles {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file, or replaces an existing one.
    pub fn insert(&mut self, path: TreePath, content: impl Into<Bytes>) {
        self.files.insert(path, content.into());
    }

    /// All files with their content, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&TreePath, &Bytes)> {
        self.files.iter()
    }

    /// The files below a folder, by path.
    fn below(&self, dir: &TreePath) -> impl Iterator<Item = &TreePath> {
        let prefix = if dir.is_root() { String::new() } else { format!("{dir}/") };
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let found: Vec<&TreePath> = self
            .files
            .range::<str, _>(from)
            .map(|(path, _)| path)
            .take_while(|path| path.as_str().starts_with(&prefix))
            .collect();
        found.into_iter()
    }

    fn is_folder(&self, dir: &TreePath) -> bool {
        if dir.is_root() {
            return true;
        }
        let prefix = format!("{dir}/");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        self.files.range::<str, _>(from).next().is_some_and(|(path, _)| path.as_str().starts_with(&prefix))
    }
}

impl<P: AsRef<str>, C: Into<Bytes>> FromIterator<(P, C)> for MemoryFiles {
    /// Paths that leave the tree are skipped.
    fn from_iter<I: IntoIterator<Item = (P, C)>>(files: I) -> Self {
        let files = files.into_iter().filter_map(|(p, c)| Some((TreePath::new(p.as_ref())?, c.into())));
        Self { files: files.collect() }
    }
}

impl Files for MemoryFiles {
    fn read(&self, path: &TreePath) -> Result<Bytes, FileError> {
        if let Some(content) = self.files.get(path) {
            return Ok(content.clone());
        }
        let kind = if self.is_dir(path) { FileErrorKind::IsDir } else { FileErrorKind::NotFound };
        Err(FileError::new(path, kind))
    }

    fn list(&self, dir: &TreePath) -> Result<Vec<Entry>, FileError> {
        if self.files.contains_key(dir) {
            return Err(FileError::new(dir, FileErrorKind::NotDir));
        }
        let depth = dir.parts().count();
        let mut entries: BTreeMap<&str, FileKind> = BTreeMap::new();
        for path in self.below(dir) {
            let mut below = path.parts().skip(depth);
            if let Some(name) = below.next() {
                entries.insert(name, if below.next().is_some() { FileKind::Dir } else { FileKind::File });
            }
        }
        if entries.is_empty() && !dir.is_root() {
            return Err(FileError::new(dir, FileErrorKind::NotFound));
        }
        let entry = |(name, kind): (&str, FileKind)| Entry { name: name.to_owned(), kind, is_link: false };
        Ok(entries.into_iter().map(entry).collect())
    }

    fn resolve(&self, path: &TreePath) -> Result<(TreePath, FileKind), FileError> {
        if self.files.contains_key(path) {
            Ok((path.clone(), FileKind::File))
        } else if self.is_folder(path) {
            Ok((path.clone(), FileKind::Dir))
        } else {
            Err(FileError::new(path, FileErrorKind::NotFound))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::MemoryFiles;
    use crate::{FileErrorKind, FileKind, Files, TreePath};

    #[test]
    fn lists_and_reads() {
        let files: MemoryFiles =
            [("base/a.yaml", "a"), ("base/sub/b.yaml", "b"), ("c", "c")].into_iter().collect();
        let at = |p: &str| TreePath::new(p).unwrap();
        let names: Vec<(String, FileKind)> =
            files.list(&at("base")).unwrap().into_iter().map(|e| (e.name, e.kind)).collect();
        assert_eq!(names, [("a.yaml".into(), FileKind::File), ("sub".into(), FileKind::Dir)]);
        assert_eq!(&files.read(&at("base/sub/b.yaml")).unwrap()[..], b"b");
        assert_eq!(files.read(&at("base")).unwrap_err().kind(), FileErrorKind::IsDir);
        assert_eq!(files.read(&at("nope")).unwrap_err().kind(), FileErrorKind::NotFound);
        assert!(files.is_dir(&TreePath::root()) && files.is_file(&at("c")) && !files.is_dir(&at("c")));
    }
}
