//! A private copy of the files that a root reads: kustomize and helm write into its `charts/`, and never into the
//! tree.

use crate::discover::Root;
use crate::references;
use crate::report::Problem;
use anyhow::{Context as _, Result, anyhow};
use keyfill_diag::Cx;
use keyfill_files::{FileKind, Files, TreePath};
use std::path::{Path, PathBuf};

/// The most files in a copy of a whole tree.
const MOST_FILES: usize = 100_000;

/// The most bytes of these files: the copy is in a temporary folder, which may be in memory.
const MOST_BYTES: u64 = 1 << 30;

/// A folder that is deleted when this value is dropped, and when a signal ends the process.
pub struct Copy {
    folder: tempfile::TempDir,
    root: PathBuf,
    texts: usize,
    files: usize,
    bytes: u64,
}

impl Copy {
    /// Copies the files that the root reads, each to its path in the tree, so that `../base` still works. If these
    /// files cannot be known, because a plugin starts a program that may read anything, the whole tree is copied.
    pub fn of_root(files: &dyn Files, root: &Root, cx: &Cx) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("keyfill-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let at = place(&folder.path().join("tree"), &root.dir);
        std::fs::create_dir_all(&at)?;
        let mut copy = Self { folder, root: at, texts: 0, files: 0, bytes: 0 };
        let read = references::of_root(files, root, cx);
        cx.check().map_err(|stopped| anyhow!("stopped while copying files: {stopped}"))?;
        if read.open_ended {
            let whole = whole_tree(files, root, &read)?;
            copy.add_folder(files, &whole, cx)?;
        }
        for path in read.links.iter().chain(&read.files) {
            cx.check().map_err(|stopped| anyhow!("stopped while copying files: {stopped}"))?;
            copy.add(files, path)?;
        }
        Ok(copy)
    }

    /// Copies everything below a folder except `.git`. Links stay links; broken links and links out of the tree
    /// are skipped, since their targets must not be read.
    fn add_folder(&mut self, files: &dyn Files, dir: &TreePath, cx: &Cx) -> Result<()> {
        let mut ahead = vec![dir.clone()];
        while let Some(dir) = ahead.pop() {
            cx.check().map_err(|stopped| anyhow!("stopped while copying files: {stopped}"))?;
            std::fs::create_dir_all(place(&self.tree(), &dir))?;
            for entry in files.list(&dir)? {
                let Some(path) = dir.join(&entry.name).filter(|_| entry.name != ".git") else { continue };
                match entry.kind {
                    FileKind::Dir if !entry.is_link => ahead.push(path),
                    FileKind::Dir | FileKind::File => drop(self.add(files, &path)?),
                    FileKind::Other => {}
                }
                if self.files > MOST_FILES || self.bytes > MOST_BYTES {
                    let message = "a plugin starts a program, which may read anything, and the tree is too \
                                   large to be copied for it";
                    let hint =
                        "name a smaller folder that holds all that it reads with --root or KEYFILL_ROOT";
                    return Err(Problem::input(message).hint(hint).into());
                }
            }
        }
        Ok(())
    }

    /// The root's path in the copy.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder with the copy and all other files of the run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Copies one file, with the links in its path, and returns its path in the copy.
    pub fn add(&mut self, files: &dyn Files, path: &TreePath) -> Result<PathBuf> {
        let (real, kind) = self.add_links(files, path)?;
        let to = place(&self.tree(), &real);
        if kind == FileKind::File && !to.exists() {
            self.files += 1;
            self.bytes += copy_file(files, &real, &to).with_context(|| format!("cannot copy {path}"))?;
        }
        Ok(place(&self.tree(), path))
    }

    /// Creates the folders and the links in a path, and returns the path with links resolved.
    fn add_links(&self, files: &dyn Files, path: &TreePath) -> Result<(TreePath, FileKind)> {
        let (mut real, mut kind) = (TreePath::root(), FileKind::Dir);
        for part in path.parts() {
            let Some(next) = real.join(part) else { continue };
            (real, kind) = files.resolve(&next)?;
            let to = place(&self.tree(), &real);
            if let Some(dir) = to.parent() {
                std::fs::create_dir_all(dir)?;
            }
            if kind == FileKind::Dir {
                std::fs::create_dir_all(&to)?;
            }
            if real != next {
                link(&to, &place(&self.tree(), &next))?;
            }
        }
        Ok((real, kind))
    }

    /// Writes content to a path at which the tree has no file.
    pub fn add_content(&mut self, path: &TreePath, content: &[u8]) -> Result<()> {
        let to = place(&self.tree(), path);
        if let Some(dir) = to.parent() {
            std::fs::create_dir_all(dir)?;
        }
        self.files += 1;
        self.bytes += content.len() as u64;
        std::fs::write(&to, content).with_context(|| format!("cannot write {path}"))
    }

    /// Writes a text next to the tree and returns its path.
    pub fn add_text(&mut self, text: &str) -> Result<PathBuf> {
        self.texts += 1;
        let to = self.folder.path().join(format!("values-{}.yaml", self.texts));
        std::fs::write(&to, text).context("cannot write values for helm")?;
        Ok(to)
    }

    /// The output of an official tool, with the copy's paths replaced by the tree's.
    pub fn without_its_place(&self, said: &str) -> String {
        let real = std::fs::canonicalize(self.tree()).unwrap_or_else(|_| self.tree());
        let mut said = said.to_owned();
        for tree in [real, self.tree()] {
            let tree = tree.to_string_lossy();
            said = said.replace(&format!("{tree}/"), "").replace(&*tree, ".");
        }
        said
    }

    fn tree(&self) -> PathBuf {
        self.folder.path().join("tree")
    }
}

fn place(tree: &Path, path: &TreePath) -> PathBuf {
    path.parts().fold(tree.to_path_buf(), |place, part| place.join(part))
}

/// The folder to copy if anything may be read: the whole tree, or if that is the whole file system, the smallest
/// folder that contains all files that are known to be read.
fn whole_tree(files: &dyn Files, root: &Root, read: &references::References) -> Result<TreePath> {
    if files.is_bounded() {
        return Ok(TreePath::root());
    }
    let mut shared = root.dir.clone();
    for path in read.files.iter().chain(&read.roots) {
        while !path.is_within(&shared) {
            shared = shared.parent().unwrap_or_else(TreePath::root);
        }
    }
    if shared.is_root() {
        let message =
            "a plugin starts a program, which may read anything, and no folder holds all that is read";
        let hint = "name the folder that does with --root or KEYFILL_ROOT";
        return Err(Problem::input(message).hint(hint).into());
    }
    Ok(shared)
}

/// Copies a file's bytes and mode. The copy shares the blocks of the file if the file system supports that. A hard
/// link would share them too, but a program that writes to it would change the tree.
fn copy_file(files: &dyn Files, from: &TreePath, to: &Path) -> Result<u64> {
    if let Some(mut from) = files.open(from)? {
        let mut to = std::fs::File::create(to)?;
        let copied = std::io::copy(&mut from, &mut to)?;
        to.set_permissions(from.metadata()?.permissions())?;
        return Ok(copied);
    }
    let content = files.read(from)?;
    std::fs::write(to, &content)?;
    // The tree has no file modes: a file that looks like a program is made executable.
    if content.starts_with(b"#!") || content.starts_with(b"\x7fELF") {
        make_executable(to)?;
    }
    Ok(content.len() as u64)
}

#[cfg(unix)]
fn make_executable(file: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> std::io::Result<()> {
    Ok(())
}

/// Creates a link, unless it exists.
#[cfg(unix)]
fn link(target: &Path, at: &Path) -> std::io::Result<()> {
    if at.is_symlink() { Ok(()) } else { std::os::unix::fs::symlink(target, at) }
}

#[cfg(not(unix))]
fn link(_: &Path, _: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::Copy;
    use crate::discover::{Root, RootKind};
    use keyfill_diag::Cx;
    use keyfill_files::{DiskFiles, MemoryFiles, TreePath};
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::Path;

    fn app() -> Root {
        Root { dir: TreePath::new("app").unwrap(), kind: RootKind::Kustomization }
    }

    fn write(dir: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(dir.join(name).parent().unwrap()).unwrap();
        std::fs::write(dir.join(name), text).unwrap();
    }

    #[test]
    fn a_program_gets_the_whole_tree_with_modes_and_links() {
        let tree = tempfile::tempdir().unwrap();
        write(tree.path(), "app/kustomization.yaml", "generators: [g.yaml]");
        write(tree.path(), "app/g.yaml", "kind: ksops\nfiles: [s.yaml]");
        write(tree.path(), "keys/run", "binary");
        write(tree.path(), ".git/config", "");
        symlink("../keys", tree.path().join("app/keys")).unwrap();
        symlink("/etc/passwd", tree.path().join("app/out")).unwrap();
        std::fs::set_permissions(tree.path().join("keys/run"), std::fs::Permissions::from_mode(0o750))
            .unwrap();
        let files = DiskFiles::open(tree.path(), 1 << 20).unwrap();
        let copy = Copy::of_root(&files, &app(), &Cx::default()).unwrap();
        let mode = std::fs::metadata(copy.root().join("keys/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o750);
        assert!(copy.root().join("keys").is_symlink() && !copy.root().join("out").is_symlink());
        assert!(!copy.root().join("../.git").exists());
    }

    #[test]
    fn without_a_program_only_what_is_read_is_copied() {
        let files: MemoryFiles = [
            ("app/kustomization.yaml", "transformers: [t.yaml]"),
            ("app/t.yaml", "apiVersion: builtin\nkind: PatchTransformer\npath: p.yaml"),
            ("app/p.yaml", "#!/bin/x"),
            ("app/other.yaml", ""),
        ]
        .into_iter()
        .collect();
        let copy = Copy::of_root(&files, &app(), &Cx::default()).unwrap();
        assert!(copy.root().join("p.yaml").exists() && !copy.root().join("other.yaml").exists());
        assert_eq!(
            std::fs::metadata(copy.root().join("p.yaml")).unwrap().permissions().mode() & 0o111,
            0o111
        );
    }
}
