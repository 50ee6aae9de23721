//! Finds the roots to check, from changed files and folders.

use crate::discover::{self, Root, RootKind};
use crate::ignore_file::IgnoreFiles;
use crate::progress::Progress;
use crate::references::{self, References};
use crate::render::plain::Content;
use crate::report::Problem;
use crate::tree::Tree;
use anyhow::Result;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::{FileKind, Files, TreePath};
use keyfill_yaml::Node;
use std::collections::{BTreeMap, BTreeSet};

/// The roots to check.
#[derive(Debug, Default)]
pub struct Targets {
    /// Folders to render, and single files of plain YAML.
    pub roots: Vec<Root>,
    /// The number of files that they read.
    pub files: usize,
    /// Warnings about the paths on the command line.
    pub warnings: Vec<Diagnostic>,
}

/// The roots to check: those at or below the named folders, and those that use the named files. If nothing is
/// named, all roots below the current folder. A root that is the base of another checked root is checked with that
/// one. `exclude` are patterns in addition to the `.keyfillignore` files.
///
/// A path that does not exist may be a deleted file. If no root reads it, it is a warning; if there is nothing
/// else to check, an error, so that a mistyped folder is noticed.
pub fn targets(tree: &Tree, named: &[String], exclude: &[String], cx: &Cx) -> Result<Targets> {
    let _progress = Progress::of("looking for roots");
    let files = &*tree.files;
    let mut ignored = IgnoreFiles::new(files);
    let from = tree.current.clone().unwrap_or_else(|| tree.at.clone());
    ignored.exclude(&from, exclude).map_err(|why| Problem::usage(format!("--exclude {why}")))?;
    let mut search = Search { files, ignored, memory: Memory::default(), cx };
    let mut wanted: Vec<Root> = Vec::new();
    let mut changed: BTreeSet<TreePath> = BTreeSet::new();
    let mut gone: BTreeSet<TreePath> = BTreeSet::new();
    if named.is_empty() {
        wanted = search.below(&tree.at);
    }
    for name in named {
        let path = tree.named_file(name)?;
        match files.resolve(&path) {
            Ok((_, FileKind::Dir)) => wanted.extend(search.below(&path)),
            Ok(_) => drop(changed.insert(path)),
            // A deleted file still affects the roots that refer to it.
            Err(_) => {
                gone.insert(path.clone());
                changed.insert(path);
            }
        }
    }
    if !changed.is_empty() {
        // Roots that use a file may be anywhere in the tree. Without a work tree only the folder is searched.
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

/// The roots of a whole tree that read one of these files, and the manifests among the files that no root reads.
/// Bases of other returned roots are left out. `exclude` patterns are relative to the folder `from`.
pub fn reached(
    files: &dyn Files,
    from: &TreePath,
    changed: &BTreeSet<TreePath>,
    exclude: &[String],
    cx: &Cx,
) -> Result<Vec<Root>> {
    reached_again(files, from, changed, exclude, &mut Memory::default(), cx).map(|targets| targets.roots)
}

/// Like [`reached`], with the cached results of earlier searches of the same tree.
pub fn reached_again(
    files: &dyn Files,
    from: &TreePath,
    changed: &BTreeSet<TreePath>,
    exclude: &[String],
    memory: &mut Memory,
    cx: &Cx,
) -> Result<Targets> {
    let mut ignored = IgnoreFiles::new(files);
    ignored.exclude(from, exclude).map_err(|why| Problem::usage(format!("--exclude {why}")))?;
    // A root that read a deleted file is known only from the earlier search.
    let mut readers = memory.readers(changed);
    memory.saved(changed);
    let mut search = Search { files, ignored, memory: std::mem::take(memory), cx };
    let users = search.users(&TreePath::root(), changed);
    readers.retain(|root| search.stands_alone(root));
    let roots = search.without_bases(readers.into_iter().chain(users.roots).collect());
    let count = search.count_files(&roots);
    let stopped = cx.check();
    // An incomplete search must not be cached.
    *memory = if stopped.is_ok() { search.memory } else { Memory::default() };
    stopped.map_err(|stopped| Problem::input(format!("stopped while looking for roots: {stopped}")))?;
    Ok(Targets { files: count, roots, warnings: Vec::new() })
}

/// A cache of searches of a tree: its roots, and the files that each of them reads.
#[derive(Default)]
pub struct Memory {
    /// All roots of the tree, once they were searched for.
    all: Option<Vec<Root>>,
    references: BTreeMap<TreePath, References>,
}

impl Memory {
    /// The roots that read one of the files, as of the last search.
    fn readers(&self, changed: &BTreeSet<TreePath>) -> Vec<Root> {
        let reads = |root: &&Root| {
            let reads = self.references.get(&root.dir).filter(|_| root.kind != RootKind::Yaml);
            reads.is_some_and(|reads| changed.iter().any(|path| reads.files.contains(path)))
        };
        self.all.iter().flatten().filter(reads).cloned().collect()
    }

    /// Removes the cached references of roots that read one of the changed files, since they may have changed.
    fn saved(&mut self, changed: &BTreeSet<TreePath>) {
        self.references.retain(|dir, reads| {
            !changed.iter().any(|path| reads.files.contains(path) || path.parent().as_ref() == Some(dir))
        });
    }

    /// Whether any root reads a file.
    pub fn knows(&self, path: &TreePath) -> bool {
        self.references.values().any(|reads| reads.files.contains(path))
    }

    /// The folders of all files that any root reads.
    pub fn folders(&self) -> BTreeSet<TreePath> {
        let files = self.references.values().flat_map(|reads| &reads.files);
        files.filter_map(TreePath::parent).collect()
    }
}

/// The roots that read changed files, and the changed files that some root reads.
struct Users {
    roots: Vec<Root>,
    explained: BTreeSet<TreePath>,
}

/// A search for roots. The references of each root are computed once.
struct Search<'a> {
    files: &'a dyn Files,
    ignored: IgnoreFiles<'a>,
    memory: Memory,
    cx: &'a Cx,
}

impl Search<'_> {
    fn reads(&mut self, root: &Root) -> &References {
        let (files, cx) = (self.files, self.cx);
        self.memory.references.entry(root.dir.clone()).or_insert_with(|| references::of_root(files, root, cx))
    }

    /// The roots at or below a folder. Each file of plain YAML is a root, unless a kustomization or a chart reads
    /// it. Components and library charts are checked with the roots that use them, and separately only if they are
    /// the folder itself.
    fn below(&mut self, dir: &TreePath) -> Vec<Root> {
        let roots = discover::all_roots(self.files, dir, &mut self.ignored, self.cx);
        let mut used: BTreeSet<TreePath> = BTreeSet::new();
        for root in roots.iter().filter(|r| r.kind != RootKind::Yaml) {
            used.extend(self.reads(root).files.iter().cloned());
        }
        let mut apart = Vec::new();
        for root in roots {
            if root.dir != *dir && is_template(self.files, &root, self.cx) {
                continue;
            }
            if root.kind == RootKind::Yaml {
                let own = discover::own_manifests(self.files, &root.dir, &mut self.ignored, self.cx);
                let alone = own.into_iter().filter(|path| !used.contains(path));
                apart.extend(alone.map(|dir| Root { dir, kind: RootKind::Yaml }));
            } else if root.dir == *dir || !is_a_part(self.files, &root, self.cx) {
                if root.kind == RootKind::Chart {
                    apart.extend(self.further_values(&root.dir));
                }
                apart.push(root);
            }
        }
        apart
    }

    /// Additional values files of a chart that contain placeholders: these are checked as separate files.
    fn further_values(&mut self, chart: &TreePath) -> Vec<Root> {
        let own = discover::own_manifests(self.files, chart, &mut self.ignored, self.cx).into_iter();
        own.filter(|path| is_further_values(self.files, path, self.cx))
            .map(|dir| Root { dir, kind: RootKind::Yaml })
            .collect()
    }

    /// Whether a root can be checked separately: it is no component or library chart, and no template of another
    /// tool.
    fn stands_alone(&self, root: &Root) -> bool {
        !is_a_part(self.files, root, self.cx) && !is_template(self.files, root, self.cx)
    }

    /// The roots of the tree that read one of the files.
    fn users(&mut self, everywhere: &TreePath, changed: &BTreeSet<TreePath>) -> Users {
        let (files, cx) = (self.files, self.cx);
        let ignored = &mut self.ignored;
        let all = self.memory.all.get_or_insert_with(|| discover::all_roots(files, everywhere, ignored, cx));
        let all = all.clone();
        let mut found = Vec::new();
        let mut explained: BTreeSet<TreePath> = BTreeSet::new();
        for root in all.into_iter().filter(|r| r.kind != RootKind::Yaml) {
            let reads = self.reads(&root);
            let is_read = |path: &&TreePath| {
                reads.files.contains(*path)
                    || root.kind == RootKind::Chart && path.is_within(&root.dir)
                    || is_missed(reads, path)
            };
            let hits: Vec<TreePath> = changed.iter().filter(is_read).cloned().collect();
            if !hits.is_empty() {
                explained.extend(hits);
                found.extend(Some(root).filter(|root| self.stands_alone(root)));
            }
        }
        // A manifest that no root reads is checked separately, and so are values files that a chart does not read
        // by default.
        let (files, cx) = (self.files, self.cx);
        let stands_alone =
            |path: &&TreePath| !explained.contains(*path) || is_further_values(files, path, cx);
        for path in changed.iter().filter(stands_alone) {
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

    /// Removes roots that are bases of others in the list, and duplicates.
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

/// Whether a root refers to a missing file, or to a missing folder that would contain it.
fn is_missed(reads: &References, path: &TreePath) -> bool {
    let mut at = Some(path.clone());
    while let Some(here) = at.filter(|_| !reads.missing.is_empty()) {
        if reads.missing.contains(&here) {
            return true;
        }
        at = here.parent();
    }
    false
}

/// Whether a root is only useful as a part of others: a component, whose patches change resources of others, or a
/// library chart.
fn is_a_part(files: &dyn Files, root: &Root, cx: &Cx) -> bool {
    let (field, value) = match root.kind {
        RootKind::Kustomization => ("kind", "Component"),
        RootKind::Chart => ("type", "library"),
        RootKind::Yaml => return false,
    };
    let nodes = own_file(files, root).and_then(|text| nodes_of(&text, cx)).unwrap_or_default();
    nodes.first().is_some_and(|node| node.get(field).and_then(Node::text) == Some(value))
}

/// Whether a file is a values file with placeholders other than `values.yaml`, which a chart reads by default.
fn is_further_values(files: &dyn Files, path: &TreePath, cx: &Cx) -> bool {
    path.name() != "values.yaml"
        && discover::is_manifest_name(path.name())
        && files.read(path).is_ok_and(|text| Content::of_file(&text, cx) == Content::Values)
}

/// Whether the kustomization file or `Chart.yaml` is a template of another tool: a skeleton of cookiecutter or
/// Backstage, a template of Ansible.
fn is_template(files: &dyn Files, root: &Root, cx: &Cx) -> bool {
    let Some(text) = own_file(files, root) else { return false };
    let has_mark =
        |text: &[u8]| [&b"{{"[..], b"{%"].iter().any(|mark| memchr::memmem::find(text, mark).is_some());
    if !has_mark(&text) {
        return false;
    }
    let Some(nodes) = nodes_of(&text, cx) else { return true };
    let name = nodes.first().and_then(|node| node.get("name"));
    root.kind == RootKind::Chart
        && name.is_some_and(|name| name.text().is_none_or(|name| has_mark(name.as_bytes())))
}

/// The kustomization file or `Chart.yaml` of a root.
fn own_file(files: &dyn Files, root: &Root) -> Option<bytes::Bytes> {
    let file = match root.kind {
        RootKind::Kustomization => references::kustomization_file(files, &root.dir),
        RootKind::Chart => root.dir.join("Chart.yaml"),
        RootKind::Yaml => None,
    };
    files.read(&file?).ok()
}

fn nodes_of(text: &[u8], cx: &Cx) -> Option<Vec<Node>> {
    keyfill_yaml::load_nodes(text, &keyfill_yaml::Limits::from(cx)).ok()
}

#[cfg(test)]
mod tests {
    use super::{Memory, Search};
    use crate::discover::Root;
    use crate::ignore_file::IgnoreFiles;
    use keyfill_files::{MemoryFiles, TreePath};

    fn search(files: &MemoryFiles) -> Search<'_> {
        let cx = Box::leak(Box::new(keyfill_diag::Cx::default()));
        Search { files, ignored: IgnoreFiles::new(files), memory: Memory::default(), cx }
    }

    fn tree() -> MemoryFiles {
        [
            ("base/kustomization.yaml", "resources: [d.yaml]"),
            ("base/d.yaml", "kind: D"),
            (
                "dev/kustomization.yaml",
                "resources: [../base, gone.yaml, ../gone/base]\npatches: [{path: p.yaml}]",
            ),
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
        assert_eq!(using(&["dev/gone.yaml"]), ["dev"], "it is named, and not there");
        assert_eq!(using(&["gone/base/x.yaml"]), ["dev"]);
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
    fn values_that_another_place_gives_a_chart_are_checked_by_themselves() {
        let files: MemoryFiles = [
            ("c/Chart.yaml", "name: c"),
            ("c/values.yaml", "a: <path:kv/x#y>"),
            ("c/values-prod.yaml", "a: <path:kv/x#y>"),
            ("c/values-dev.yaml", "a: b"),
        ]
        .into_iter()
        .collect();
        let names = |roots: Vec<Root>| -> Vec<String> { roots.iter().map(|r| r.dir.to_string()).collect() };
        assert_eq!(names(search(&files).below(&TreePath::root())), ["c/values-prod.yaml", "c"]);
        let using = |file: &str| {
            let changed = [TreePath::new(file).unwrap()].into_iter().collect();
            names(search(&files).users(&TreePath::root(), &changed).roots)
        };
        assert_eq!(using("c/values-prod.yaml"), ["c", "c/values-prod.yaml"]);
        assert_eq!(
            (using("c/values-dev.yaml"), using("c/values.yaml")),
            (vec!["c".to_owned()], vec!["c".to_owned()])
        );
    }

    #[test]
    fn templates_of_other_tools_are_no_roots() {
        let files: MemoryFiles = [
            ("cookie/Chart.yaml", "apiVersion: v2\nname: {{ cookiecutter.name }}\nversion: 0.1.0\n"),
            ("quoted/Chart.yaml", "apiVersion: v2\nname: ${{ values.name }}\nversion: 0.1.0\n"),
            ("jinja/kustomization.yaml", "resources:\n{% for x in y %}\n- {{ x }}\n{% endfor %}\n"),
            ("broken/kustomization.yaml", "resources: [\n"),
            ("own/kustomization.yaml", "commonAnnotations: {a: '<path:kv/{{ app.name }}#k>'}\n"),
        ]
        .into_iter()
        .collect();
        let below = |dir: &str| -> Vec<String> {
            search(&files).below(&TreePath::new(dir).unwrap()).iter().map(|r| r.dir.to_string()).collect()
        };
        assert_eq!(below("."), ["broken", "own"]);
        assert_eq!(below("jinja"), ["jinja"], "it is asked for");
        let changed = [TreePath::new("jinja/kustomization.yaml").unwrap()].into_iter().collect();
        assert!(search(&files).users(&TreePath::root(), &changed).roots.is_empty());
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
