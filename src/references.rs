//! What a root reads, told from its files without rendering it.
//!
//! Used where a superset is good enough and cheap: discovery, copies for the official binaries, and the
//! mapping from changed files to roots. Every string of a kustomization that names a file or folder of the
//! tree counts as read, but for the fields that never hold a path.

use crate::discover::{KUSTOMIZATION_NAMES, Root, RootKind, is_manifest_name};
use keyfill_files::{Files, Kind, TreePath};
use keyfill_yaml::Node;
use std::collections::BTreeSet;

/// What a root reads.
#[derive(Clone, Debug, Default)]
pub struct References {
    /// Files, its own included.
    pub files: BTreeSet<TreePath>,
    /// Kustomizations and charts that it stands on; the root itself is not among them.
    pub roots: BTreeSet<TreePath>,
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
    "vars",
];

/// The kustomization file of a folder.
pub fn kustomization_file(files: &dyn Files, dir: &TreePath) -> Option<TreePath> {
    KUSTOMIZATION_NAMES.iter().filter_map(|name| dir.join(name)).find(|path| files.is_file(path))
}

/// What a root reads. Files that cannot be read or parsed end the search there: rendering will say so.
pub fn of_root(files: &dyn Files, root: &Root) -> References {
    let mut found = References::default();
    match root.kind {
        RootKind::Kustomization => kustomization(files, &root.dir, &mut found, &mut BTreeSet::new()),
        RootKind::Chart => found.files.extend(files.walk(&root.dir)),
        RootKind::Yaml => {
            let manifests = files.walk(&root.dir).into_iter().filter(|p| is_manifest_name(p.name()));
            found.files.extend(manifests);
        }
    }
    found
}

fn kustomization(files: &dyn Files, dir: &TreePath, found: &mut References, seen: &mut BTreeSet<TreePath>) {
    let Ok((dir, Kind::Dir)) = files.resolve(dir) else { return };
    if !seen.insert(dir.clone()) {
        return;
    }
    let Some(file) = kustomization_file(files, &dir) else { return };
    let Ok(text) = files.read(&file) else { return };
    found.files.insert(file);
    let Ok(documents) = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::default()) else { return };
    let mut names = Vec::new();
    for document in &documents {
        strings(document, &mut names);
    }
    if documents.iter().any(inflates_charts) {
        names.push("charts".to_owned());
    }
    for name in names {
        let Some(path) = dir.join(&name) else { continue };
        match files.resolve(&path) {
            Ok((real, Kind::File)) => {
                found.files.insert(path);
                found.files.insert(real);
            }
            Ok((real, Kind::Dir)) if kustomization_file(files, &real).is_some() => {
                found.roots.insert(real.clone());
                kustomization(files, &real, found, seen);
            }
            Ok((real, Kind::Dir)) => found.files.extend(files.walk(&real)),
            _ => {}
        }
    }
}

fn inflates_charts(document: &Node) -> bool {
    document.as_map().is_some_and(|map| map.keys().any(|k| k.starts_with("helmChart")))
}

/// Every string that may be a path; `name=path` of generators gives the path.
fn strings(node: &Node, into: &mut Vec<String>) {
    match node {
        Node::Scalar(scalar) => {
            // A longer text is an inline patch or inline values.
            let text = scalar.text.as_str();
            if text.len() > 1_000 || text.contains('\n') || text.is_empty() {
                return;
            }
            if let Some((_, path)) = text.split_once('=') {
                into.push(path.to_owned());
            }
            into.push(text.to_owned());
        }
        Node::Seq(seq) => seq.items.iter().for_each(|item| strings(item, into)),
        Node::Map(map) => {
            for (_, value) in map.iter().filter(|(key, _)| !NO_PATHS.contains(key)) {
                strings(value, into);
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
        let found = of_root(&files, &root);
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
