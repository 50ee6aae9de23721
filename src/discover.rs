//! What a folder is, by the names in it, and which folders hold placeholders.

use crate::fill::scan;
use crate::references::{self, References};
use keyfill_files::{Files, Kind, TreePath};
use std::io::Read as _;

/// The names under which kustomize finds a kustomization, in its order.
pub const KUSTOMIZATION_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// It holds a kustomization file.
    Kustomization,
    /// It holds a Chart.yaml.
    Chart,
    /// It holds plain YAML or JSON, at any depth.
    Yaml,
}

/// What the folder is. A folder without a kustomization and without a chart is plain YAML, empty or not.
pub fn kind_of(files: &dyn Files, dir: &TreePath) -> RootKind {
    if references::kustomization_file(files, dir).is_some() {
        RootKind::Kustomization
    } else if dir.join("Chart.yaml").is_some_and(|p| files.is_file(&p)) {
        RootKind::Chart
    } else {
        RootKind::Yaml
    }
}

/// Whether a file's name says that it holds manifests.
pub fn is_manifest_name(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// A folder that can be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub dir: TreePath,
    /// What it is.
    pub kind: RootKind,
}

/// Every root at or below a folder. A folder that is itself a kustomization or a chart is asked for alone:
/// what lies below belongs to it, or to other apps. `.git` and folders that links lead to are passed over.
pub fn roots(files: &dyn Files, dir: &TreePath) -> Vec<Root> {
    let kind = kind_of(files, dir);
    if kind != RootKind::Yaml {
        return vec![Root { dir: dir.clone(), kind }];
    }
    let mut found = Vec::new();
    collect(files, dir, &mut found);
    found
}

/// Every root below a folder, those inside other roots included; charts are not entered.
pub fn all_roots(files: &dyn Files, dir: &TreePath) -> Vec<Root> {
    let mut found = Vec::new();
    collect(files, dir, &mut found);
    found
}

fn collect(files: &dyn Files, dir: &TreePath, found: &mut Vec<Root>) {
    let Ok(entries) = files.list(dir) else { return };
    let kind = kind_of(files, dir);
    // One that cannot be read counts, so that rendering says so.
    let has_yaml = || entries.iter().any(|e| e.kind != Kind::Dir && is_manifest_name(&e.name));
    if kind != RootKind::Yaml || has_yaml() {
        found.push(Root { dir: dir.clone(), kind });
    }
    if kind == RootKind::Chart {
        return;
    }
    for entry in &entries {
        let below = entry.kind == Kind::Dir && !entry.is_link && entry.name != ".git";
        if let Some(path) = below.then(|| dir.join(&entry.name)).flatten() {
            collect(files, &path, found);
        }
    }
}

/// Whether what a root reads holds placeholders or AVP annotations.
pub fn is_ours(files: &dyn Files, root: &Root) -> bool {
    match root.kind {
        RootKind::Yaml => {
            // Subfolders are roots of their own in a listing; here only the folder's own files count.
            let entries = files.list(&root.dir).unwrap_or_default();
            let manifests = entries.iter().filter(|e| e.kind == Kind::File && is_manifest_name(&e.name));
            manifests.filter_map(|e| root.dir.join(&e.name)).any(|path| holds_placeholder(files, &path))
        }
        RootKind::Kustomization | RootKind::Chart => {
            let References { files: read, .. } = references::of_root(files, root);
            read.iter().any(|path| holds_placeholder(files, path))
        }
    }
}

/// What an archive may hold when it is looked into.
const MOST_ARCHIVE_BYTES: u64 = 64 << 20;

fn holds_placeholder(files: &dyn Files, path: &TreePath) -> bool {
    let Ok(content) = files.read(path) else { return false };
    if path.name().ends_with(".tgz") || path.name().ends_with(".tar.gz") {
        let mut text = Vec::new();
        let mut archive = flate2::read::MultiGzDecoder::new(&content[..]).take(MOST_ARCHIVE_BYTES);
        return archive.read_to_end(&mut text).is_ok() && scan::holds_placeholder(&text);
    }
    scan::holds_placeholder(&content)
}

#[cfg(test)]
mod tests {
    use super::{Root, RootKind, is_ours, roots};
    use keyfill_files::{MemoryFiles, TreePath};

    fn tree(files: &[(&str, &'static str)]) -> MemoryFiles {
        files.iter().copied().collect()
    }

    fn ours(files: &MemoryFiles) -> Vec<String> {
        let all: Vec<Root> = roots(files, &TreePath::root());
        all.iter().filter(|r| is_ours(files, r)).map(|r| r.dir.to_string()).collect()
    }

    #[test]
    fn finds_roots_by_their_names() {
        let files = tree(&[
            ("apps/k/kustomization.yml", ""),
            ("apps/c/Chart.yaml", ""),
            ("apps/c/templates/x.yaml", ""),
            ("apps/plain/a.yaml", ""),
            ("README.md", ""),
        ]);
        let found: Vec<(String, RootKind)> =
            roots(&files, &TreePath::root()).into_iter().map(|r| (r.dir.to_string(), r.kind)).collect();
        let want = [
            ("apps/c", RootKind::Chart),
            ("apps/k", RootKind::Kustomization),
            ("apps/plain", RootKind::Yaml),
        ];
        assert!(found.iter().map(|(d, k)| (d.as_str(), *k)).eq(want), "{found:?}");
    }

    #[test]
    fn a_kustomization_is_ours_when_something_it_reads_is() {
        let files = tree(&[
            ("kustomization.yaml", "resources: [base]"),
            ("base/kustomization.yaml", "resources: [s.yaml]"),
            ("base/s.yaml", "kind: Secret\nstringData: {a: <path:secret/data/x#y>}"),
        ]);
        assert_eq!(ours(&files), ["."]);
        let files = tree(&[
            ("kustomization.yaml", "resources: [base]"),
            ("base/kustomization.yaml", "resources: [s.yaml]"),
            ("base/s.yaml", "kind: Secret"),
            ("other/s.yaml", "a: <path:secret/data/x#y>"),
        ]);
        assert!(ours(&files).is_empty(), "what it does not read does not count");
    }
}
