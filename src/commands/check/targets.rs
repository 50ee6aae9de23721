//! From changed files and folders to the roots that use them.

use crate::discover::{self, Root, RootKind};
use crate::references;
use crate::report::Problem;
use crate::tree::Tree;
use anyhow::Result;
use keyfill_diag::{Class, Diagnostic};
use keyfill_files::{Files, Kind, TreePath};
use std::collections::{BTreeMap, BTreeSet};

/// The roots to check: those at or below the folders, and those that use the files. All below the current
/// folder when nothing is named. A root that another checked root stands on is checked with that one.
///
/// A path that is not there may be a file that was deleted. Where no root reads it, that is a warning; when
/// there is nothing else to check, an error, so that a mistyped folder does not pass.
pub fn roots(tree: &Tree, named: &[String]) -> Result<(Vec<Root>, Vec<Diagnostic>)> {
    let files = &*tree.files;
    let mut wanted: Vec<Root> = Vec::new();
    let mut changed: BTreeSet<TreePath> = BTreeSet::new();
    let mut gone: BTreeSet<TreePath> = BTreeSet::new();
    if named.is_empty() {
        wanted = files_apart(files, discover::all_roots(files, &tree.at));
    }
    for name in named {
        let path = tree.named_file(name)?;
        match files.resolve(&path) {
            Ok((_, Kind::Dir)) => wanted.extend(files_apart(files, discover::all_roots(files, &path))),
            Ok(_) => drop(changed.insert(path)),
            // A file that was deleted still concerns those that name it; its folder tells which they are.
            Err(_) => {
                gone.insert(path.clone());
                changed.insert(path);
            }
        }
    }
    if !changed.is_empty() {
        // Roots that use a file may lie anywhere in the tree; without a work tree, at or above the folder.
        let everywhere = if tree.is_whole_file_system() { tree.at.clone() } else { TreePath::root() };
        let users = users(files, &everywhere, &changed);
        gone.retain(|path| !users.explained.contains(path));
        wanted.extend(users.roots);
    }
    let unknown = |path: &TreePath| format!("{path} does not exist, and no kustomization or chart reads it");
    if let Some(path) = gone.first().filter(|_| wanted.is_empty() && gone.len() == named.len()) {
        return Err(Problem::usage(format!("nothing to check: {}", unknown(path))).into());
    }
    let warnings = gone.iter().map(|path| Diagnostic::warning(Class::Usage, unknown(path))).collect();
    Ok((without_bases(files, wanted), warnings))
}

/// Plain YAML stands for itself, file by file, unless a kustomization or a chart reads it.
fn files_apart(files: &dyn Files, roots: Vec<Root>) -> Vec<Root> {
    let mut used: BTreeSet<TreePath> = BTreeSet::new();
    for root in roots.iter().filter(|r| r.kind != RootKind::Yaml) {
        used.extend(references::of_root(files, root).files);
    }
    let mut apart = Vec::new();
    for root in roots {
        if root.kind == RootKind::Yaml {
            let alone = own_manifests(files, &root.dir).into_iter().filter(|path| !used.contains(path));
            apart.extend(alone.map(|dir| Root { dir, kind: RootKind::Yaml }));
        } else {
            apart.push(root);
        }
    }
    apart
}

fn own_manifests(files: &dyn Files, dir: &TreePath) -> Vec<TreePath> {
    let entries = files.list(dir).unwrap_or_default();
    let manifests = entries.iter().filter(|e| e.kind == Kind::File && discover::is_manifest_name(&e.name));
    manifests.filter_map(|e| dir.join(&e.name)).collect()
}

/// The roots that read changed files, and which files they read.
struct Users {
    roots: Vec<Root>,
    explained: BTreeSet<TreePath>,
}

/// The roots of the tree that read one of the files.
fn users(files: &dyn Files, everywhere: &TreePath, changed: &BTreeSet<TreePath>) -> Users {
    let all = discover::all_roots(files, everywhere);
    let mut found = Vec::new();
    let mut explained: BTreeSet<TreePath> = BTreeSet::new();
    for root in all.iter().filter(|r| r.kind != RootKind::Yaml) {
        let reads = references::of_root(files, root);
        let hits: Vec<&TreePath> = changed
            .iter()
            .filter(|path| {
                reads.files.contains(*path) || root.kind == RootKind::Chart && path.is_within(&root.dir)
            })
            .collect();
        if !hits.is_empty() {
            explained.extend(hits.into_iter().cloned());
            found.push(root.clone());
        }
    }
    // A manifest that no root names stands for itself.
    let alone =
        changed.iter().filter(|path| !explained.contains(*path) && discover::is_manifest_name(path.name()));
    let alone = alone.filter(|path| files.is_file(path));
    found.extend(alone.map(|path| Root { dir: path.clone(), kind: RootKind::Yaml }));
    Users { roots: found, explained }
}

/// Leaves out what another root of the list stands on, and what occurs twice.
fn without_bases(files: &dyn Files, roots: Vec<Root>) -> Vec<Root> {
    let mut by_place: BTreeMap<TreePath, Root> = BTreeMap::new();
    for root in roots {
        by_place.entry(root.dir.clone()).or_insert(root);
    }
    let mut bases: BTreeSet<TreePath> = BTreeSet::new();
    for root in by_place.values().filter(|r| r.kind == RootKind::Kustomization) {
        bases.extend(references::of_root(files, root).roots.into_iter().filter(|base| *base != root.dir));
    }
    by_place.into_values().filter(|root| !bases.contains(&root.dir)).collect()
}

#[cfg(test)]
mod tests {
    use super::{users, without_bases};
    use crate::discover::all_roots;
    use keyfill_files::{MemoryFiles, TreePath};

    fn tree() -> MemoryFiles {
        [
            ("base/kustomization.yaml", "resources: [d.yaml]"),
            ("base/d.yaml", "kind: D"),
            ("dev/kustomization.yaml", "resources: [../base]\npatches: [{path: p.yaml}]"),
            ("dev/p.yaml", "kind: P"),
            ("prod/kustomization.yaml", "resources: [../base]"),
            ("chart/Chart.yaml", "name: c"),
            ("chart/templates/t.yaml", ""),
            ("plain/x.yaml", "kind: X"),
        ]
        .into_iter()
        .collect()
    }

    fn using(changed: &[&str]) -> Vec<String> {
        let files = tree();
        let changed = changed.iter().map(|p| TreePath::new(p).unwrap()).collect();
        let found = without_bases(&files, users(&files, &TreePath::root(), &changed).roots);
        found.iter().map(|r| r.dir.to_string()).collect()
    }

    #[test]
    fn a_changed_file_leads_to_the_roots_that_use_it() {
        assert_eq!(using(&["base/d.yaml"]), ["dev", "prod"]);
        assert_eq!(using(&["dev/p.yaml"]), ["dev"]);
        assert_eq!(using(&["chart/templates/t.yaml"]), ["chart"]);
        assert_eq!(using(&["chart/templates/gone.yaml"]), ["chart"]);
        assert_eq!(using(&["plain/x.yaml"]), ["plain/x.yaml"]);
        assert!(using(&["README.md"]).is_empty());
    }

    #[test]
    fn bases_are_checked_with_their_overlays() {
        let files = tree();
        let roots = without_bases(&files, all_roots(&files, &TreePath::root()));
        let names: Vec<String> = roots.iter().map(|r| r.dir.to_string()).collect();
        assert!(!names.contains(&"base".to_owned()) && names.contains(&"dev".to_owned()), "{names:?}");
    }
}
