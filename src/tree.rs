//! The tree that a run reads from: which folder on disk is its boundary, and where the app lies in it.

use crate::report::Problem;
use anyhow::{Context as _, Result};
use keyfill_files::{DiskFiles, Files, Kind, TreePath};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder (or file), seen from the boundary that no path may leave.
#[derive(Clone)]
pub struct Tree {
    /// The files below the boundary.
    pub files: Arc<dyn Files>,
    /// The same files, when they lie on disk.
    disk: Option<Arc<DiskFiles>>,
    /// The folder or file that was asked for.
    pub at: TreePath,
    /// What it is.
    pub kind: Kind,
    /// The current folder, when it lies in the tree: what relative names on the command line mean.
    pub current: Option<TreePath>,
}

/// Where the boundary comes from, when it was not named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Boundary<'a> {
    /// `--root` or `KEYFILL_ROOT`.
    pub named: Option<&'a Path>,
    /// `ARGOCD_APP_SOURCE_PATH`: the app's place in its repository, from which the repository's place follows
    /// when Argo CD sent it without `.git`.
    pub app_path: Option<&'a str>,
}

impl Tree {
    /// Opens the tree around `path`. Its boundary is the named one, else the git work tree that holds it,
    /// else what Argo CD says, else the file system's root: then only the official tools' own rules hold.
    pub fn open(path: &Path, boundary: Boundary<'_>, most_bytes: u64) -> Result<Self> {
        let shown = path.display();
        let place =
            std::fs::canonicalize(path).with_context(|| Problem::input(format!("cannot read {shown}")))?;
        let root = match boundary.named {
            Some(root) => std::fs::canonicalize(root)
                .with_context(|| Problem::usage(format!("cannot read --root {}", root.display())))?,
            None => default_boundary(&place, boundary.app_path),
        };
        let files = DiskFiles::open(&root, most_bytes)
            .with_context(|| Problem::input(format!("cannot read {}", root.display())))?;
        let Some(at) = files.tree_path(&place) else {
            return Err(Problem::forbidden(format!("{shown} lies outside of {}", root.display())).into());
        };
        let (at, kind) = files.resolve(&at)?;
        let current = std::env::current_dir().and_then(std::fs::canonicalize).ok();
        let current = current.and_then(|c| files.tree_path(&c));
        let files = Arc::new(files);
        Ok(Self { disk: Some(Arc::clone(&files)), files, at, kind, current })
    }

    /// The folder of an app in an archive, whose root is the boundary.
    #[cfg(unix)]
    pub fn of_archive(files: Arc<dyn Files>, at: TreePath) -> Self {
        Self { files, disk: None, at, kind: Kind::Dir, current: None }
    }

    /// Whether the boundary is the whole file system: there is neither a work tree nor `--root`.
    pub fn is_whole_file_system(&self) -> bool {
        self.disk.as_ref().is_some_and(|files| files.root().parent().is_none())
    }

    /// The boundary on disk, where the tree lies there.
    pub fn root(&self) -> Option<&Path> {
        self.disk.as_ref().map(|files| files.root())
    }

    /// A file that the command line names: relative to the current folder, and inside the tree.
    pub fn named_file(&self, name: &str) -> Result<TreePath> {
        let found = if Path::new(name).is_absolute() {
            self.disk.as_ref().and_then(|files| files.tree_path(Path::new(name)))
        } else {
            self.current.as_ref().and_then(|c| c.join(name))
        };
        let root = self.disk.as_ref().map_or_else(|| Path::new("the archive"), |files| files.root());
        let outside = || format!("{name} lies outside of {}", root.display());
        found.ok_or_else(|| Problem::forbidden(outside()).into())
    }
}

fn default_boundary(place: &Path, app_path: Option<&str>) -> PathBuf {
    let folder = if place.is_dir() { place } else { place.parent().unwrap_or(place) };
    if let Some(work_tree) = folder.ancestors().find(|dir| dir.join(".git").exists()) {
        return work_tree.to_path_buf();
    }
    let repository = app_path.and_then(|app| {
        let parts =
            Path::new(app).components().filter(|c| matches!(c, std::path::Component::Normal(_))).count();
        folder.ends_with(app.trim_matches('/')).then(|| folder.ancestors().nth(parts))?
    });
    repository.unwrap_or_else(|| place.ancestors().last().unwrap_or(place)).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Tree};

    #[test]
    fn the_git_work_tree_is_the_boundary() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("repo/apps/a");
        std::fs::create_dir_all(&app).unwrap();
        std::fs::create_dir(dir.path().join("repo/.git")).unwrap();
        let tree = Tree::open(&app, Boundary::default(), 1).unwrap();
        assert_eq!(tree.at.as_str(), "apps/a");
        let named = Boundary { named: Some(&app), ..Boundary::default() };
        assert!(Tree::open(&app, named, 1).unwrap().at.is_root());
        assert!(Tree::open(dir.path(), named, 1).is_err());
    }

    #[test]
    fn without_git_argo_cd_says_where_the_repository_begins() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("x/apps/a");
        std::fs::create_dir_all(&app).unwrap();
        let open = |app_path| Tree::open(&app, Boundary { named: None, app_path }, 1).unwrap();
        assert_eq!(open(Some("apps/a")).at.as_str(), "apps/a");
        assert!(open(Some("other/a")).at.as_str().ends_with("x/apps/a"), "not believed when it does not fit");
    }
}
