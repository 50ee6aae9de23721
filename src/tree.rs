//! The tree that a run reads: the folder on disk that is its boundary, and the app's path in it.

use crate::report::Problem;
use crate::settings::Env;
use anyhow::{Context as _, Result};
use keyfill_files::{DiskFiles, FileKind, Files, TreePath};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A folder or file in a tree, whose boundary no path may leave.
#[derive(Clone)]
pub struct Tree {
    /// The files below the boundary.
    pub files: Arc<dyn Files>,
    /// The same files, if they are on disk.
    disk: Option<Arc<DiskFiles>>,
    /// The requested folder or file.
    pub at: TreePath,
    /// Whether it is a folder or a file.
    pub kind: FileKind,
    /// The current folder, if it is in the tree. Relative paths on the command line start from it.
    pub current: Option<TreePath>,
}

/// The settings that decide the tree's boundary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Boundary<'a> {
    /// `--root` or `KEYFILL_ROOT`.
    pub named: Option<&'a Path>,
    /// Inside Argo CD: the app's path in its repository (`ARGOCD_APP_SOURCE_PATH`), empty if it is not set.
    pub argo_cd: Option<&'a str>,
}

impl<'a> Boundary<'a> {
    /// The settings by the environment. Inside Argo CD the app's name or its path is set.
    pub fn of_env(named: Option<&'a Path>, env: &'a Env) -> Self {
        let place = env.get("ARGOCD_APP_SOURCE_PATH");
        let argo_cd = place.or_else(|| env.get("ARGOCD_APP_NAME").map(|_| ""));
        Self { named, argo_cd }
    }
}

impl Tree {
    /// Opens the tree around `path`. Its boundary is the named one; inside Argo CD the files that Argo CD sent;
    /// else the git work tree that contains `path`; else the file system's root, and then only the official tools'
    /// own rules apply.
    pub fn open(path: &Path, boundary: Boundary<'_>, most_bytes: u64) -> Result<Self> {
        let shown = path.display();
        let place =
            std::fs::canonicalize(path).with_context(|| Problem::input(format!("cannot read {shown}")))?;
        let root = match boundary.named {
            Some(root) => std::fs::canonicalize(root)
                .with_context(|| Problem::usage(format!("cannot read --root {}", root.display())))?,
            None => default_boundary(&place, boundary.argo_cd),
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

    /// A tree that is not on disk, such as a revision of a repository. Relative paths on the command line start
    /// from `current`.
    pub fn of_files(files: Arc<dyn Files>, current: Option<TreePath>) -> Self {
        Self { files, disk: None, at: TreePath::root(), kind: FileKind::Dir, current }
    }

    /// Whether the boundary is the whole file system: there is neither a work tree nor `--root`.
    pub fn is_whole_file_system(&self) -> bool {
        self.disk.as_ref().is_some_and(|files| files.root().parent().is_none())
    }

    /// The path of the boundary, if the tree is on disk.
    pub fn root(&self) -> Option<&Path> {
        self.disk.as_ref().map(|files| files.root())
    }

    /// The tree path of a file on the command line: relative to the current folder, and inside the tree.
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

fn default_boundary(place: &Path, argo_cd: Option<&str>) -> PathBuf {
    let folder = if place.is_dir() { place } else { place.parent().unwrap_or(place) };
    if let Some(app_path) = argo_cd {
        return sent_by_argo_cd(folder, app_path).to_path_buf();
    }
    let work_tree = folder.ancestors().find(|dir| dir.join(".git").exists());
    work_tree.unwrap_or_else(|| place.ancestors().last().unwrap_or(place)).to_path_buf()
}

/// The folder in which argocd-cmp-server creates a folder for each request.
const REQUESTS: &str = "_cmp_server";

/// The top folder of the files that Argo CD sent for the app in `folder`; never the file system's root. `.git` is
/// not considered, since the author may have created it.
fn sent_by_argo_cd<'a>(folder: &'a Path, app_path: &str) -> &'a Path {
    // `<temporary folder>/_cmp_server/<id>`: the outermost one, since a tree may contain a folder of that name.
    let request = |dir: &&Path| dir.parent().is_some_and(|above| above.ends_with(REQUESTS));
    if let Some(sent) = folder.ancestors().filter(request).last() {
        return sent;
    }
    // Elsewhere the repository is found by removing the app's path from the end of `folder`, if `folder` ends with
    // it.
    let repository = cleaned(app_path).filter(|place| folder.ends_with(place)).and_then(|place| {
        let repository = folder.ancestors().nth(place.components().count())?;
        repository.parent().map(|_| repository)
    });
    repository.unwrap_or(folder)
}

/// A relative path without `.` and `..`; `None` if it leaves the repository.
fn cleaned(path: &str) -> Option<PathBuf> {
    let mut clean = PathBuf::new();
    for part in Path::new(path.trim_start_matches('/')).components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir if clean.pop() => {}
            _ => return None,
        }
    }
    Some(clean)
}

#[cfg(test)]
mod tests {
    use super::{Boundary, Tree, sent_by_argo_cd};
    use std::path::Path;

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
    fn inside_argo_cd_the_boundary_is_what_was_sent() {
        for (folder, app_path, boundary) in [
            // The folders of argocd-cmp-server, whatever the app's path is.
            ("/tmp/_cmp_server/123/apps/a", "apps/a", "/tmp/_cmp_server/123"),
            ("/tmp/_cmp_server/123/apps/a", "../../..", "/tmp/_cmp_server/123"),
            ("/tmp/_cmp_server/123", ".", "/tmp/_cmp_server/123"),
            ("/tmp/_cmp_server/123/_cmp_server/x/a", "a", "/tmp/_cmp_server/123"),
            // Elsewhere by the app's path, in any spelling.
            ("/work/repo/apps/a", "apps/a", "/work/repo"),
            ("/work/repo/apps/a", "./apps/a/", "/work/repo"),
            ("/work/repo/apps/a", "apps/x/../a", "/work/repo"),
            ("/work/repo/apps/a", "/apps/a", "/work/repo"),
            // If the path does not match, or the app is the repository's root, the boundary is the app's own folder.
            ("/work/repo", ".", "/work/repo"),
            ("/work/repo", "./", "/work/repo"),
            ("/work/repo", "", "/work/repo"),
            ("/work/repo/a", "apps/a", "/work/repo/a"),
            ("/work/repo/a", "../repo/a", "/work/repo/a"),
            ("/work/repo/a", "work/repo/a", "/work/repo/a"),
        ] {
            assert_eq!(
                sent_by_argo_cd(Path::new(folder), app_path),
                Path::new(boundary),
                "{folder} {app_path}"
            );
        }
    }

    #[test]
    fn git_moves_no_boundary_inside_argo_cd() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("x/apps/a");
        std::fs::create_dir_all(&app).unwrap();
        for git in [".git", "x/apps/.git", "x/apps/a/.git"] {
            std::fs::create_dir_all(dir.path().join(git)).unwrap();
            let open = |path| Tree::open(&app, Boundary { named: None, argo_cd: Some(path) }, 1).unwrap();
            assert_eq!((open("apps/a").at.as_str(), open("other/a").at.as_str()), ("apps/a", ""), "{git}");
        }
    }
}
