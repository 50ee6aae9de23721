//! What a folder is, by the names in it, and which folders hold placeholders.

use crate::fill::scan;
use crate::ignore_file::IgnoreFiles;
use crate::references::{self, References};
use crate::render::options::Options;
use crate::render::plain::Content;
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
    if holds_kustomization(files, dir) {
        RootKind::Kustomization
    } else if is_chart(files, dir) {
        RootKind::Chart
    } else {
        RootKind::Yaml
    }
}

/// What the folder is for an app. One that is a kustomization and a chart is what the administrator prefers, else the
/// chart where the app says something that only a chart listens to, so that nothing of it is dropped.
pub fn kind_for_app(files: &dyn Files, dir: &TreePath, options: &Options) -> RootKind {
    let is_chart_preferred = match options.prefer {
        None => !options.helm.given.is_empty(),
        Some(kind) => kind == RootKind::Chart,
    };
    match kind_of(files, dir) {
        RootKind::Kustomization if is_chart_preferred && is_chart(files, dir) => RootKind::Chart,
        kind => kind,
    }
}

/// Whether kustomize has something to build in a folder.
fn holds_kustomization(files: &dyn Files, dir: &TreePath) -> bool {
    references::kustomization_file(files, dir).is_some_and(|file| !is_manifest_of_flux(files, &file))
}

/// Whether a folder is a chart.
pub fn is_chart(files: &dyn Files, dir: &TreePath) -> bool {
    dir.join("Chart.yaml").is_some_and(|p| files.is_file(&p))
}

/// What every `apiVersion` of Flux's own Kustomization begins with.
const FLUX: &[u8] = b"kustomize.toolkit.fluxcd.io/";

/// Whether a file that is named like a kustomization is a manifest of Flux, whose Kustomization is an object
/// of the cluster. kustomize builds no folder that holds one.
pub fn is_manifest_of_flux(files: &dyn Files, file: &TreePath) -> bool {
    let Ok(text) = files.read(file) else { return false };
    if memchr::memmem::find(&text, FLUX).is_none() {
        return false;
    }
    let documents = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::default()).unwrap_or_default();
    let is_flux = |node: &keyfill_yaml::Node| {
        node.get("apiVersion")
            .and_then(keyfill_yaml::Node::text)
            .is_some_and(|v| v.as_bytes().starts_with(FLUX))
    };
    documents.first().is_some_and(is_flux)
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
/// what lies below belongs to it, or to other apps. Passed over are hidden folders, those that links lead to,
/// and what a `.keyfillignore` names.
pub fn roots(files: &dyn Files, dir: &TreePath) -> Vec<Root> {
    let kind = kind_of(files, dir);
    if kind != RootKind::Yaml {
        return vec![Root { dir: dir.clone(), kind }];
    }
    all_roots(files, dir, &mut IgnoreFiles::new(files))
}

/// Every root below a folder, those inside other roots included; charts are not entered. A folder of plain
/// YAML is a root when it holds a manifest or a placeholder.
pub fn all_roots(files: &dyn Files, dir: &TreePath, ignored: &mut IgnoreFiles<'_>) -> Vec<Root> {
    let mut found = Vec::new();
    collect(files, dir, ignored, &mut found);
    found
}

fn collect(files: &dyn Files, dir: &TreePath, ignored: &mut IgnoreFiles<'_>, found: &mut Vec<Root>) {
    let Ok(entries) = files.list(dir) else { return };
    let kind = kind_of(files, dir);
    if kind != RootKind::Yaml || !own_manifests(files, dir, ignored).is_empty() {
        found.push(Root { dir: dir.clone(), kind });
    }
    if kind == RootKind::Chart {
        return;
    }
    for entry in &entries {
        let below = entry.kind == Kind::Dir && !entry.is_link && !entry.name.starts_with('.');
        if let Some(path) = below.then(|| dir.join(&entry.name)).flatten()
            && !ignored.holds(&path, true)
        {
            collect(files, &path, ignored, found);
        }
    }
}

/// The files of one folder that hold a manifest or a placeholder. One that cannot be read is among them, so
/// that rendering says so.
pub fn own_manifests(files: &dyn Files, dir: &TreePath, ignored: &mut IgnoreFiles<'_>) -> Vec<TreePath> {
    let entries = files.list(dir).unwrap_or_default();
    let named = entries
        .iter()
        .filter(|e| e.kind != Kind::Dir && is_manifest_name(&e.name) && !e.name.starts_with('.'))
        .filter_map(|e| dir.join(&e.name));
    named.filter(|path| !ignored.holds(path, false) && is_manifest(files, path)).collect()
}

/// Whether a file holds a manifest or a placeholder, or cannot be read. A template of another tool is none.
pub fn is_manifest(files: &dyn Files, path: &TreePath) -> bool {
    let Ok(text) = files.read(path) else { return true };
    match Content::of_file(&text) {
        Content::Manifest | Content::Broken(_) | Content::Values => true,
        Content::Nothing | Content::Other | Content::Template => false,
    }
}

/// Whether what a root reads holds placeholders or AVP annotations.
pub fn is_ours(files: &dyn Files, root: &Root) -> bool {
    match root.kind {
        RootKind::Yaml => {
            // Subfolders are roots of their own in a listing; here only the folder's own files count.
            let own: Vec<TreePath> =
                own_manifests(files, &root.dir, &mut IgnoreFiles::new(files)).into_iter().collect();
            files.any(&own, &mut holds_placeholder)
        }
        RootKind::Kustomization | RootKind::Chart => {
            let References { files: read, .. } = references::of_root(files, root);
            let paths: Vec<TreePath> = read.into_iter().collect();
            files.any(&paths, &mut holds_placeholder)
        }
    }
}

/// What an archive may hold when it is looked into.
const MOST_ARCHIVE_BYTES: u64 = 64 << 20;

fn holds_placeholder(path: &TreePath, content: &[u8]) -> bool {
    if path.name().ends_with(".tgz") || path.name().ends_with(".tar.gz") {
        let mut text = Vec::new();
        let mut archive = flate2::read::MultiGzDecoder::new(content).take(MOST_ARCHIVE_BYTES);
        return archive.read_to_end(&mut text).is_ok() && scan::holds_placeholder(&text);
    }
    scan::holds_placeholder(content)
}

#[cfg(test)]
mod tests {
    use super::{Root, RootKind, is_ours, roots};
    use crate::cli::render_args::RenderArgs;
    use crate::render::options::{self, Chosen};
    use keyfill_files::{MemoryFiles, TreePath};

    fn tree(files: &[(&str, &'static str)]) -> MemoryFiles {
        files.iter().copied().collect()
    }

    #[test]
    fn a_folder_of_both_kinds_is_what_the_app_means() {
        let files = tree(&[("a/kustomization.yaml", ""), ("a/Chart.yaml", ""), ("b/kustomization.yaml", "")]);
        let kind = |dir: &str, vars: &[(&str, &str)], prefer| {
            let (dir, env) = (TreePath::new(dir).unwrap(), vars.iter().copied().collect());
            let chosen = Chosen { prefer, ..Chosen::default() };
            let options = options::resolve(&RenderArgs::default(), &env, &dir, true, chosen).unwrap();
            super::kind_for_app(&files, &dir, &options)
        };
        let (chart, kustomization) = (RootKind::Chart, RootKind::Kustomization);
        let args: &[_] = &[("ARGOCD_ENV_helm_args", "--set a=b")];
        let parameters: &[_] = &[("ARGOCD_APP_PARAMETERS", r#"[{"name":"helm-set","map":{}}]"#)];
        for (dir, vars, prefer, want) in [
            ("a", &[][..], None, kustomization),
            ("a", args, None, chart),
            ("a", parameters, None, chart),
            ("a", args, Some("kustomization"), kustomization),
            ("a", &[], Some("chart"), chart),
            ("b", args, Some("chart"), kustomization),
        ] {
            assert_eq!(kind(dir, vars, prefer), want, "{dir} {vars:?} {prefer:?}");
        }
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
            ("apps/plain/a.yaml", "apiVersion: v1\nkind: A\n"),
            ("apps/values/v.yaml", "a: <path:x#y>"),
            ("ansible/site.yaml", "- hosts: all\n"),
            (".ci/x.yaml", "apiVersion: v1\nkind: A\n"),
            (
                "flux/kustomization.yaml",
                "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {}\n",
            ),
            ("README.md", ""),
        ]);
        let found: Vec<(String, RootKind)> =
            roots(&files, &TreePath::root()).into_iter().map(|r| (r.dir.to_string(), r.kind)).collect();
        let want = [
            ("apps/c", RootKind::Chart),
            ("apps/k", RootKind::Kustomization),
            ("apps/plain", RootKind::Yaml),
            ("apps/values", RootKind::Yaml),
            ("flux", RootKind::Yaml),
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
