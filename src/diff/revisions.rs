//! Opens both sides of a comparison as trees of files, and finds the files that differ. A revision is read from
//! git's objects; the newer side may be the work tree on disk.

use crate::report::{Failure, Problem};
use crate::tree::Tree;
use anyhow::Result;
use keyfill_diag::Cx;
use keyfill_fetch::{LocalRepository, changes};
use keyfill_files::TreePath;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The name of the newer side if it is not a revision.
pub const WORK_TREE: &str = "the work tree";

/// One side of a comparison.
pub struct Side {
    /// Its name: the revision expression, and the beginning of the commit's hash.
    pub name: String,
    /// Its files.
    pub tree: Tree,
}

/// Both sides of a comparison.
pub struct Revisions {
    /// The older side.
    pub base: Side,
    /// The newer side.
    pub head: Side,
    /// The files that differ.
    pub changed: BTreeSet<TreePath>,
    /// The URLs of the repository's remotes.
    pub remotes: Vec<String>,
}

/// Opens two revisions of the repository whose work tree is `tree`. `base` may be `A..B`, or `A...B` for the merge
/// base of both. Without `head` the newer side is the work tree.
pub fn open(tree: &Tree, base: &str, head: Option<&str>, cx: &Cx) -> Result<Revisions> {
    let Some(root) = tree.root().filter(|_| !tree.is_whole_file_system()) else {
        let problem = Problem::usage("there is no git repository around the current folder");
        return Err(problem.hint("run it in a clone, or name one with --root").into());
    };
    let repository = LocalRepository::open(root).map_err(|e| Failure::of(&e))?;
    let (base, head) = sides(base, head)?;
    let base = repository.revision(&base).map_err(|e| Failure::of(&e))?;
    let base_files = repository.files(&base).map_err(|e| Failure::of(&e))?;
    let current = tree.current.clone();
    let named = |name: &str, commit: &str| match commit.starts_with(name) {
        true => commit[..12].to_owned(),
        false => format!("{name} ({})", &commit[..12]),
    };
    let base_name = named(&base.name, &base.commit());
    let (changed, head) = match head {
        None => {
            let changed = base_files.changes_to(&*tree.files, cx).map_err(|e| Failure::of(&e))?;
            (changed, Side { name: WORK_TREE.to_owned(), tree: tree.clone() })
        }
        Some(head) => {
            let head = repository.revision(&head).map_err(|e| Failure::of(&e))?;
            let files = repository.files(&head).map_err(|e| Failure::of(&e))?;
            let changed = changes(&base_files, &files, cx).map_err(|e| Failure::of(&e))?;
            let tree = Tree::of_files(Arc::new(files), current.clone());
            (changed, Side { name: named(&head.name, &head.commit()), tree })
        }
    };
    let base = Side { name: base_name, tree: Tree::of_files(Arc::new(base_files), current) };
    let remotes = repository.remotes().into_iter().map(str::to_owned).collect();
    Ok(Revisions { base, head, changed: changed.paths, remotes })
}

/// The revision expressions of both sides.
fn sides(base: &str, head: Option<&str>) -> Result<(String, Option<String>)> {
    let is_range = base.contains("..");
    if is_range && head.is_some() {
        let message = format!("{base} names both sides, and a newer side is named besides");
        return Err(Problem::usage(message).hint("write BASE HEAD, BASE..HEAD or BASE...HEAD").into());
    }
    let or_head = |name: &str| if name.is_empty() { "HEAD".to_owned() } else { name.to_owned() };
    let newer = |name: &str| (!name.is_empty()).then(|| name.to_owned());
    if let Some((_, other)) = base.split_once("...") {
        return Ok((base.to_owned(), newer(other)));
    }
    if let Some((one, other)) = base.split_once("..") {
        return Ok((or_head(one), newer(other)));
    }
    Ok((base.to_owned(), head.map(str::to_owned)))
}
