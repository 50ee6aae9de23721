//! A private copy of what a root reads: kustomize and helm write into `charts/`, and never into the tree.

use crate::discover::Root;
use crate::references;
use anyhow::{Context as _, Result};
use keyfill_files::{Files, TreePath};
use std::path::{Path, PathBuf};

/// A folder that goes away with this value, and when the process is ended by a signal.
pub struct Copy {
    folder: tempfile::TempDir,
    root: PathBuf,
    texts: usize,
}

impl Copy {
    /// Copies what the root reads, each file at its place in the tree, so that `../base` leads where it did.
    pub fn of_root(files: &dyn Files, root: &Root) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("keyfill-")
            .tempdir()
            .context("cannot make a temporary folder")?;
        let at = place(&folder.path().join("tree"), &root.dir);
        std::fs::create_dir_all(&at)?;
        let mut copy = Self { folder, root: at, texts: 0 };
        for path in references::of_root(files, root).files {
            copy.add(files, &path)?;
        }
        Ok(copy)
    }

    /// The root's place in the copy.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that holds the copy, and everything else of the run.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Copies one file and says where it lies.
    pub fn add(&mut self, files: &dyn Files, path: &TreePath) -> Result<PathBuf> {
        let to = place(&self.tree(), path);
        if let Some(dir) = to.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(&to, files.read(path)?).with_context(|| format!("cannot copy {path}"))?;
        Ok(to)
    }

    /// Writes a text beside the tree and says where it lies.
    pub fn add_text(&mut self, text: &str) -> Result<PathBuf> {
        self.texts += 1;
        let to = self.folder.path().join(format!("values-{}.yaml", self.texts));
        std::fs::write(&to, text).context("cannot write values for helm")?;
        Ok(to)
    }

    /// What an official tool says, with the tree's paths in place of the copy's.
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
