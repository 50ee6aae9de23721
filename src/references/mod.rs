//! Finds the files that a root reads, without rendering it.
//!
//! Used where a superset is good enough and cheap: discovery, copies for the official binaries, and the mapping
//! from changed files to roots. Every string of a kustomization that is the path of a file or folder in the tree
//! counts as read, except in fields that never contain a path. The same applies to every string of a plugin's
//! configuration (`plugins`).

mod plugins;

use crate::discover::{KUSTOMIZATION_NAMES, Root, RootKind, is_manifest_name};
use keyfill_diag::Cx;
use keyfill_files::{FileErrorKind, FileKind, Files, TreePath};
use keyfill_yaml::Node;
use std::collections::BTreeSet;

/// The paths that a root reads.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// Files, the root's own files included.
    pub files: BTreeSet<TreePath>,
    /// Paths that may be meant as a file or a folder but do not exist.
    pub missing: BTreeSet<TreePath>,
    /// Links to folders in the paths to these files.
    pub links: BTreeSet<TreePath>,
    /// Kustomizations and charts that the root uses as bases or components, without the root itself.
    pub roots: BTreeSet<TreePath>,
    /// Whether more may be read than is listed here: a program that a plugin starts may open any file, and a file
    /// that cannot be parsed may name others.
    pub open_ended: bool,
}

/// Fields of a kustomization whose strings are never paths.
const NO_PATHS: &[&str] = &[
    "apiVersion",
    "buildMetadata",
    "commonAnnotations",
    "commonLabels",
    "generatorOptions",
    "images",
    "kind",
    "labels",
    "literals",
    "metadata",
    "namePrefix",
    "nameSuffix",
    "namespace",
    "replicas",
    "sortOptions",
    "valuesInline",
    "vars",
];

/// Fields of a kustomization with configurations of plugins: inline text, or paths.
const PLUGINS: &[&str] = &["generators", "transformers", "validators"];

/// A longer text, or one of several lines, is an inline patch or inline values and not a path. In bytes.
const LONGEST_PATH: usize = 1_000;

/// The kustomization file of a folder, if it has one.
pub fn kustomization_file(files: &dyn Files, dir: &TreePath) -> Option<TreePath> {
    KUSTOMIZATION_NAMES.iter().filter_map(|name| dir.join(name)).find(|path| files.is_file(path))
}

/// The paths that a root reads. Files that cannot be read or parsed are not searched further; rendering will
/// report them.
pub fn of_root(files: &dyn Files, root: &Root, cx: &Cx) -> References {
    match root.kind {
        RootKind::Kustomization => of_kustomization(files, &root.dir, &mut BTreeSet::new(), cx),
        RootKind::Chart => {
            References { files: files.walk(&root.dir).into_iter().collect(), ..References::default() }
        }
        RootKind::Yaml => {
            let manifests = files.walk(&root.dir).into_iter().filter(|p| is_manifest_name(p.name()));
            References { files: manifests.collect(), ..References::default() }
        }
    }
}

/// `configured` are the folders of plugin configurations that are being searched; they may refer to each other in
/// a loop.
fn of_kustomization(
    files: &dyn Files,
    dir: &TreePath,
    configured: &mut BTreeSet<TreePath>,
    cx: &Cx,
) -> References {
    let ahead = vec![dir.clone()];
    let mut search = Search { files, configured, found: References::default(), ahead, cx };
    let mut seen = BTreeSet::new();
    while let Some(dir) = search.ahead.pop() {
        if cx.check().is_err() {
            search.found.open_ended = true;
            break;
        }
        if let Ok((dir, FileKind::Dir)) = files.resolve(&dir)
            && seen.insert(dir.clone())
        {
            search.kustomization(&dir);
        }
    }
    search.found
}

/// A search from one kustomization through all its bases and components.
struct Search<'a> {
    files: &'a dyn Files,
    configured: &'a mut BTreeSet<TreePath>,
    found: References,
    /// Kustomizations that are still to be searched.
    ahead: Vec<TreePath>,
    /// The run: at its deadline the search ends.
    cx: &'a Cx,
}

impl Search<'_> {
    fn kustomization(&mut self, dir: &TreePath) {
        let Some(file) = kustomization_file(self.files, dir) else { return };
        self.found.files.insert(file.clone());
        let Some(documents) = self.nodes(&file) else { return };
        let (mut names, mut plugins) = (Vec::new(), Vec::new());
        for document in &documents {
            strings(document, NO_PATHS, &mut names);
            for field in PLUGINS {
                let entries = document.as_map().and_then(|map| map.get(field));
                plugins.extend(entries.into_iter().filter_map(Node::as_seq).flat_map(|seq| &seq.items));
            }
        }
        if documents.iter().any(inflates_charts) {
            names.push("charts".to_owned());
        }
        for name in names {
            self.follow(dir, &name);
        }
        for plugin in plugins {
            self.plugin(dir, plugin);
        }
    }

    /// The documents of a file. A file that cannot be read or parsed makes the result open-ended.
    fn nodes(&mut self, file: &TreePath) -> Option<Vec<Node>> {
        let text = self.files.read(file).ok();
        let nodes = text.and_then(|text| nodes_of(&text, self.cx));
        self.found.open_ended |= nodes.is_none();
        nodes
    }

    /// Adds the file or folder with this path relative to `dir`, if it exists.
    fn follow(&mut self, dir: &TreePath, name: &str) {
        let Some(path) = dir.join(name) else { return };
        let resolved = self.files.resolve(&path);
        if let Ok((real, FileKind::Dir)) = &resolved
            && *real != path
        {
            self.found.links.insert(path.clone());
        }
        match resolved {
            Ok((real, FileKind::File)) => {
                self.found.files.insert(path);
                self.found.files.insert(real);
            }
            Ok((real, FileKind::Dir)) if kustomization_file(self.files, &real).is_some() => {
                self.found.roots.insert(real.clone());
                self.ahead.push(real);
            }
            Ok((real, FileKind::Dir)) => self.found.files.extend(self.files.walk(&real)),
            Err(error) if error.kind() == FileErrorKind::NotFound => {
                self.found.missing.insert(path);
            }
            _ => {}
        }
    }
}

fn nodes_of(text: &[u8], cx: &Cx) -> Option<Vec<Node>> {
    keyfill_yaml::load_nodes(text, &keyfill_yaml::Limits::from(cx)).ok()
}

fn inflates_charts(document: &Node) -> bool {
    document.as_map().is_some_and(|map| map.keys().any(|k| k.starts_with("helmChart")))
}

/// Collects every string that may be a path, except below the fields `without`. From `name=path`, the form of
/// generators, the path is added too.
fn strings(node: &Node, without: &[&str], into: &mut Vec<String>) {
    match node {
        Node::Scalar(scalar) => {
            let text = scalar.text.as_str();
            if text.len() > LONGEST_PATH || text.contains('\n') || text.is_empty() {
                return;
            }
            if let Some((_, path)) = text.split_once('=') {
                into.push(path.to_owned());
            }
            into.push(text.to_owned());
        }
        Node::Seq(seq) => seq.items.iter().for_each(|item| strings(item, without, into)),
        Node::Map(map) => {
            for (_, value) in map.iter().filter(|(key, _)| !without.contains(key)) {
                strings(value, without, into);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::of_root;
    use crate::discover::{Root, RootKind};
    use keyfill_files::{MemoryFiles, TreePath};

    #[test]
    fn follows_what_a_kustomization_names() {
        let files: MemoryFiles = [
            ("app/kustomization.yaml", "resources: [../base, d.yaml]\nconfigMapGenerator:\n- name: x\n  files: [k=f.txt]\nnamespace: other"),
            ("app/d.yaml", ""),
            ("app/f.txt", ""),
            ("app/unused.yaml", ""),
            ("app/other/x.yaml", ""),
            ("base/kustomization.yaml", "resources: [../app]\nhelmCharts: [{name: c}]"),
            ("base/charts/c/Chart.yaml", ""),
        ]
        .into_iter()
        .collect();
        let root = Root { dir: TreePath::new("app").unwrap(), kind: RootKind::Kustomization };
        let found = of_root(&files, &root, &keyfill_diag::Cx::default());
        let names: Vec<&str> = found.files.iter().map(TreePath::as_str).collect();
        let want = [
            "app/d.yaml",
            "app/f.txt",
            "app/kustomization.yaml",
            "base/charts/c/Chart.yaml",
            "base/kustomization.yaml",
        ];
        assert_eq!(names, want);
        assert!(found.roots.iter().any(|r| r.as_str() == "base"));
    }
}
