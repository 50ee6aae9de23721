//! From changed files and folders to the roots that use them.

use crate::discover::{self, Root, RootKind};
use crate::ignore_file::IgnoreFiles;
use crate::references::{self, References};
use crate::report::Problem;
use crate::tree::Tree;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::{Files, Kind, TreePath};
use keyfill_yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What is checked.
#[derive(Debug, Default)]
pub struct Targets {
    /// Folders that are rendered, and single files.
    pub roots: Vec<Root>,
    /// How many files they read.
    pub files: usize,
    /// What should be said of the paths that were named.
    pub warnings: Vec<Diagnostic>,
}

/// The roots to check: those at or below the folders, and those that use the files. All below the current
/// folder when nothing is named. A root that another checked root stands on is checked with that one.
/// `exclude` leaves out more than the `.keyfillignore` files do.
///
/// A path that is not there may be a file that was deleted. Where no root reads it, that is a warning; when
/// there is nothing else to check, an error, so that a mistyped folder does not pass.
pub fn targets(tree: &Tree, named: &[String], exclude: &[String], cx: &Cx) -> Result<Targets> {
    let files = &*tree.files;
    let mut ignored = IgnoreFiles::new(files);
    let from = tree.current.clone().unwrap_or_else(|| tree.at.clone());
    ignored.exclude(&from, exclude).map_err(|why| Problem::usage(format!("--exclude {why}")))?;
    let mut search = Search { files, ignored, references: BTreeMap::new(), cx };
    let mut wanted: Vec<Root> = Vec::new();
    let mut changed: BTreeSet<TreePath> = BTreeSet::new();
    let mut gone: BTreeSet<TreePath> = BTreeSet::new();
    if named.is_empty() {
        wanted = search.below(&tree.at);
    }
    for name in named {
        let path = tree.named_file(name)?;
        match files.resolve(&path) {
            Ok((_, Kind::Dir)) => wanted.extend(search.below(&path)),
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
        let everywhere = if files.is_bounded() { TreePath::root() } else { tree.at.clone() };
        let users = search.users(&everywhere, &changed);
        gone.retain(|path| !users.explained.contains(path));
        wanted.extend(users.roots);
    }
    let unknown = |path: &TreePath| format!("{path} does not exist, and no kustomization or chart reads it");
    if let Some(path) = gone.first().filter(|_| wanted.is_empty() && gone.len() == named.len()) {
        return Err(Problem::usage(format!("nothing to check: {}", unknown(path))).into());
    }
    let mut warnings: Vec<Diagnostic> =
        gone.iter().map(|path| Diagnostic::warning(Class::Usage, unknown(path))).collect();
    warnings.extend(search.ignored.take_warnings());
    let roots = search.without_bases(wanted);
    cx.check().map_err(|stopped| Problem::input(format!("stopped while looking for roots: {stopped}")))?;
    Ok(Targets { files: search.count_files(&roots), roots, warnings })
}

/// The roots that read changed files, and which files they read.
struct Users {
    roots: Vec<Root>,
    explained: BTreeSet<TreePath>,
}

/// A search for roots. What each reads is looked up once.
struct Search<'a> {
    files: &'a dyn Files,
    ignored: IgnoreFiles<'a>,
    references: BTreeMap<TreePath, References>,
    cx: &'a Cx,
}

impl Search<'_> {
    fn reads(&mut self, root: &Root) -> &References {
        let (files, cx) = (self.files, self.cx);
        self.references.entry(root.dir.clone()).or_insert_with(|| references::of_root(files, root, cx))
    }

    /// The roots at or below a folder. Plain YAML stands for itself, file by file, unless a kustomization or a
    /// chart reads it. What others are made of is checked with them: it is only looked at by itself where it
    /// is the folder that was asked for.
    fn below(&mut self, dir: &TreePath) -> Vec<Root> {
        let roots = discover::all_roots(self.files, dir, &mut self.ignored, self.cx);
        let mut used: BTreeSet<TreePath> = BTreeSet::new();
        for root in roots.iter().filter(|r| r.kind != RootKind::Yaml) {
            used.extend(self.reads(root).files.iter().cloned());
        }
        let mut apart = Vec::new();
        for root in roots {
            if root.kind == RootKind::Yaml {
                let own = discover::own_manifests(self.files, &root.dir, &mut self.ignored, self.cx);
                let alone = own.into_iter().filter(|path| !used.contains(path));
                apart.extend(alone.map(|dir| Root { dir, kind: RootKind::Yaml }));
            } else if root.dir == *dir || !is_a_part(self.files, &root, self.cx) {
                apart.push(root);
            }
        }
        apart
    }

    /// The roots of the tree that read one of the files.
    fn users(&mut self, everywhere: &TreePath, changed: &BTreeSet<TreePath>) -> Users {
        let all = discover::all_roots(self.files, everywhere, &mut self.ignored, self.cx);
        let mut found = Vec::new();
        let mut explained: BTreeSet<TreePath> = BTreeSet::new();
        for root in all.into_iter().filter(|r| r.kind != RootKind::Yaml) {
            let reads = self.reads(&root);
            let is_read = |path: &&TreePath| {
                reads.files.contains(*path) || root.kind == RootKind::Chart && path.is_within(&root.dir)
            };
            let hits: Vec<TreePath> = changed.iter().filter(is_read).cloned().collect();
            if !hits.is_empty() {
                explained.extend(hits);
                found.extend(Some(root).filter(|root| !is_a_part(self.files, root, self.cx)));
            }
        }
        // A manifest that no root names stands for itself.
        for path in changed.iter().filter(|path| !explained.contains(*path)) {
            if discover::is_manifest_name(path.name())
                && self.files.is_file(path)
                && !self.ignored.holds_anywhere(path, false)
                && discover::is_manifest(self.files, path, self.cx)
            {
                found.push(Root { dir: path.clone(), kind: RootKind::Yaml });
            }
        }
        Users { roots: found, explained }
    }

    /// Leaves out what another root of the list stands on, and what occurs twice.
    fn without_bases(&mut self, roots: Vec<Root>) -> Vec<Root> {
        let mut by_place: BTreeMap<TreePath, Root> = BTreeMap::new();
        for root in roots {
            by_place.entry(root.dir.clone()).or_insert(root);
        }
        let mut bases: BTreeSet<TreePath> = BTreeSet::new();
        for root in by_place.values().filter(|r| r.kind == RootKind::Kustomization) {
            bases.extend(self.reads(root).roots.iter().filter(|base| **base != root.dir).cloned());
        }
        by_place.into_values().filter(|root| !bases.contains(&root.dir)).collect()
    }

    fn count_files(&mut self, roots: &[Root]) -> usize {
        let mut all: BTreeSet<TreePath> = BTreeSet::new();
        for root in roots {
            if root.kind == RootKind::Yaml {
                all.insert(root.dir.clone());
            } else {
                all.extend(self.reads(root).files.iter().cloned());
            }
        }
        all.len()
    }
}

/// Whether a root is made to be a part of others and renders to nothing of use alone: a component, whose
/// patches change what others bring, and a chart that is a library.
fn is_a_part(files: &dyn Files, root: &Root, cx: &Cx) -> bool {
    let (file, field, value) = match root.kind {
        RootKind::Kustomization => (references::kustomization_file(files, &root.dir), "kind", "Component"),
        RootKind::Chart => (root.dir.join("Chart.yaml"), "type", "library"),
        RootKind::Yaml => return false,
    };
    let text = file.and_then(|file| files.read(&file).ok()).unwrap_or_default();
    let nodes = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::from(cx)).unwrap_or_default();
    nodes.first().is_some_and(|node| node.get(field).and_then(Node::text) == Some(value))
}

#[cfg(test)]
mod tests {
    use super::Search;
    use crate::ignore_file::IgnoreFiles;
    use keyfill_files::{MemoryFiles, TreePath};
    use std::collections::BTreeMap;

    fn search(files: &MemoryFiles) -> Search<'_> {
        let cx = Box::leak(Box::new(keyfill_diag::Cx::default()));
        Search { files, ignored: IgnoreFiles::new(files), references: BTreeMap::new(), cx }
    }

    fn tree() -> MemoryFiles {
        [
            ("base/kustomization.yaml", "resources: [d.yaml]"),
            ("base/d.yaml", "kind: D"),
            ("dev/kustomization.yaml", "resources: [../base]\npatches: [{path: p.yaml}]"),
            ("dev/p.yaml", "kind: P"),
            ("prod/kustomization.yaml", "resources: [../base]"),
            ("chart/Chart.yaml", "name: c"),
            ("chart/templates/t.yaml", ""),
            ("plain/x.yaml", "apiVersion: v1\nkind: X"),
            ("part/kustomization.yaml", "kind: Component\nresources: [r.yaml]"),
            ("part/r.yaml", "apiVersion: v1\nkind: R"),
            ("lib/Chart.yaml", "name: l\ntype: library"),
            ("ansible/site.yaml", "- hosts: all"),
        ]
        .into_iter()
        .collect()
    }

    fn using(changed: &[&str]) -> Vec<String> {
        let files = tree();
        let changed = changed.iter().map(|p| TreePath::new(p).unwrap()).collect();
        let mut search = search(&files);
        let users = search.users(&TreePath::root(), &changed);
        let found = search.without_bases(users.roots);
        found.iter().map(|r| r.dir.to_string()).collect()
    }

    #[test]
    fn a_changed_file_leads_to_the_roots_that_use_it() {
        assert_eq!(using(&["base/d.yaml"]), ["dev", "prod"]);
        assert_eq!(using(&["dev/p.yaml"]), ["dev"]);
        assert_eq!(using(&["chart/templates/t.yaml"]), ["chart"]);
        assert_eq!(using(&["chart/templates/gone.yaml"]), ["chart"]);
        assert_eq!(using(&["plain/x.yaml"]), ["plain/x.yaml"]);
        for nobodys in ["README.md", "ansible/site.yaml", "part/r.yaml", "lib/Chart.yaml"] {
            assert!(using(&[nobodys]).is_empty(), "{nobodys}");
        }
    }

    #[test]
    fn bases_are_checked_with_their_overlays() {
        let files = tree();
        let mut search = search(&files);
        let below = search.below(&TreePath::root());
        let roots = search.without_bases(below);
        let names: Vec<String> = roots.iter().map(|r| r.dir.to_string()).collect();
        assert!(!names.contains(&"base".to_owned()) && names.contains(&"dev".to_owned()), "{names:?}");
    }

    #[test]
    fn a_part_is_checked_alone_only_where_it_is_asked_for() {
        let files = tree();
        let below = |dir: &str| -> Vec<String> {
            search(&files).below(&TreePath::new(dir).unwrap()).iter().map(|r| r.dir.to_string()).collect()
        };
        assert!(!below(".").iter().any(|dir| dir == "part" || dir == "lib"));
        assert_eq!((below("part"), below("lib")), (vec!["part".to_owned()], vec!["lib".to_owned()]));
    }
}
