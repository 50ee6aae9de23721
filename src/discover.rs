//! Finds out what a folder is (kustomization, chart or plain YAML), and which folders contain placeholders.

use crate::fill::scan;
use crate::ignore_file::IgnoreFiles;
use crate::references::{self, References};
use crate::render::options::Options;
use crate::render::plain::Content;
use keyfill_diag::Cx;
use keyfill_files::{FileKind, Files, TreePath};
use memchr::memmem;
use std::io::Read as _;

/// The names of a kustomization file, in the order in which kustomize searches for them.
pub const KUSTOMIZATION_NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a folder is, which decides how it is rendered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// It contains a kustomization file.
    Kustomization,
    /// It contains a `Chart.yaml`.
    Chart,
    /// It contains plain YAML or JSON files, at any depth.
    Yaml,
}

/// The kind of a folder. A folder without a kustomization and without a chart is plain YAML, even if it is empty.
pub fn kind_of(files: &dyn Files, dir: &TreePath, cx: &Cx) -> RootKind {
    if holds_kustomization(files, dir, cx) {
        RootKind::Kustomization
    } else if is_chart(files, dir) {
        RootKind::Chart
    } else {
        RootKind::Yaml
    }
}

/// The kind of a folder for an app. A folder that is both a kustomization and a chart is rendered as the
/// administrator prefers. Without a preference it is a chart if the app has settings that apply only to charts, so
/// that these are not ignored.
pub fn kind_for_app(files: &dyn Files, dir: &TreePath, options: &Options, cx: &Cx) -> RootKind {
    let is_chart_preferred = match options.prefer {
        None => !options.helm.given.is_empty(),
        Some(kind) => kind == RootKind::Chart,
    };
    match kind_of(files, dir, cx) {
        RootKind::Kustomization if is_chart_preferred && is_chart(files, dir) => RootKind::Chart,
        kind => kind,
    }
}

/// Whether a folder contains a kustomization that kustomize can build.
fn holds_kustomization(files: &dyn Files, dir: &TreePath, cx: &Cx) -> bool {
    references::kustomization_file(files, dir).is_some_and(|file| !is_manifest_of_flux(files, &file, cx))
}

/// Whether a folder is a chart.
pub fn is_chart(files: &dyn Files, dir: &TreePath) -> bool {
    dir.join("Chart.yaml").is_some_and(|p| files.is_file(&p))
}

/// The beginning of the `apiVersion` of Flux's own Kustomization.
const FLUX: &[u8] = b"kustomize.toolkit.fluxcd.io/";

/// Whether a file with the name of a kustomization file is a Flux manifest. Flux's Kustomization is an object in
/// the cluster, and kustomize cannot build a folder with it.
pub fn is_manifest_of_flux(files: &dyn Files, file: &TreePath, cx: &Cx) -> bool {
    let Ok(text) = files.read(file) else { return false };
    if memmem::find(&text, FLUX).is_none() {
        return false;
    }
    let documents = keyfill_yaml::load_nodes(&text, &keyfill_yaml::Limits::from(cx)).unwrap_or_default();
    let is_flux = |node: &keyfill_yaml::Node| {
        node.get("apiVersion")
            .and_then(keyfill_yaml::Node::text)
            .is_some_and(|v| v.as_bytes().starts_with(FLUX))
    };
    documents.first().is_some_and(is_flux)
}

/// Whether a file's extension is one of manifests: `.yaml`, `.yml` or `.json`.
pub fn is_manifest_name(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending))
}

/// A folder that can be rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    /// Its path in the tree.
    pub dir: TreePath,
    /// Its kind.
    pub kind: RootKind,
}

/// Every root at or below a folder. If the folder itself is a kustomization or a chart, it is the only root:
/// folders below belong to it, or to other apps. Hidden folders, links to folders and paths in a `.keyfillignore`
/// are skipped. A search that exceeds its deadline ends early; the caller has to check for that.
pub fn roots(files: &dyn Files, dir: &TreePath, cx: &Cx) -> Vec<Root> {
    let kind = kind_of(files, dir, cx);
    if kind != RootKind::Yaml {
        return vec![Root { dir: dir.clone(), kind }];
    }
    all_roots(files, dir, &mut IgnoreFiles::new(files), cx)
}

/// Every root below a folder, including roots inside other roots, but not inside charts. A folder of plain YAML is
/// a root if it contains a manifest or a placeholder.
pub fn all_roots(files: &dyn Files, dir: &TreePath, ignored: &mut IgnoreFiles<'_>, cx: &Cx) -> Vec<Root> {
    let mut found = Vec::new();
    collect(files, dir, ignored, &mut found, cx);
    found
}

fn collect(files: &dyn Files, dir: &TreePath, ignored: &mut IgnoreFiles<'_>, found: &mut Vec<Root>, cx: &Cx) {
    if cx.check().is_err() {
        return;
    }
    let Ok(entries) = files.list(dir) else { return };
    let kind = kind_of(files, dir, cx);
    if kind != RootKind::Yaml || !own_manifests(files, dir, ignored, cx).is_empty() {
        found.push(Root { dir: dir.clone(), kind });
    }
    if kind == RootKind::Chart {
        return;
    }
    for entry in &entries {
        let below = entry.kind == FileKind::Dir && !entry.is_link && !entry.name.starts_with('.');
        if let Some(path) = below.then(|| dir.join(&entry.name)).flatten()
            && !ignored.holds(&path, true)
        {
            collect(files, &path, ignored, found, cx);
        }
    }
}

/// The files of one folder, without subfolders, that contain a manifest or a placeholder. Files that cannot be
/// read are included, so that rendering reports them.
pub fn own_manifests(
    files: &dyn Files,
    dir: &TreePath,
    ignored: &mut IgnoreFiles<'_>,
    cx: &Cx,
) -> Vec<TreePath> {
    let entries = files.list(dir).unwrap_or_default();
    let named = entries
        .iter()
        .filter(|e| e.kind != FileKind::Dir && is_manifest_name(&e.name) && !e.name.starts_with('.'))
        .filter_map(|e| dir.join(&e.name));
    let named = named.take_while(|_| cx.check().is_ok());
    named.filter(|path| !ignored.holds(path, false) && is_manifest(files, path, cx)).collect()
}

/// Whether a file contains a manifest or a placeholder, or cannot be read. Templates of other tools are not
/// manifests, and neither is a file in which a document is such a template, unless it has placeholders.
pub fn is_manifest(files: &dyn Files, path: &TreePath, cx: &Cx) -> bool {
    let Ok(text) = files.read(path) else { return true };
    match Content::of_file(&text, cx) {
        Content::Manifest if Content::is_partly_template(&text, cx) => scan::holds_placeholder(&text),
        Content::Manifest | Content::Broken(_) | Content::Values => true,
        Content::Nothing | Content::Other | Content::Template => false,
    }
}

/// Whether the files of a root contain placeholders or AVP annotations. If `decrypts`, encrypted files and
/// generators of the kind ksops count too.
pub fn is_ours(files: &dyn Files, root: &Root, decrypts: bool, cx: &Cx) -> bool {
    let mut counts = |path: &TreePath, content: &[u8]| holds_marks(path, content, decrypts, cx);
    match root.kind {
        RootKind::Yaml => {
            // Only the folder's own files are searched, since subfolders are listed as separate roots.
            let own: Vec<TreePath> =
                own_manifests(files, &root.dir, &mut IgnoreFiles::new(files), cx).into_iter().collect();
            files.any(&own, &mut counts)
        }
        RootKind::Kustomization | RootKind::Chart => {
            let References { files: read, .. } = references::of_root(files, root, cx);
            let paths: Vec<TreePath> = read.into_iter().collect();
            files.any(&paths, &mut counts)
        }
    }
}

/// How many bytes of an unpacked archive are searched.
const MOST_ARCHIVE_BYTES: u64 = 64 << 20;

/// Texts that only SOPS-encrypted files and generators of the kind ksops contain.
const ENCRYPTED: [&[u8]; 2] = [b"ENC[AES256_GCM,", b"viaduct.ai/v1"];

/// Whether a file contains a placeholder or is encrypted. After the deadline it returns `false` at once, since the
/// caller discards the result.
fn holds_marks(path: &TreePath, content: &[u8], decrypts: bool, cx: &Cx) -> bool {
    if cx.check().is_err() {
        return false;
    }
    if decrypts && ENCRYPTED.iter().any(|mark| memmem::find(content, mark).is_some()) {
        return true;
    }
    if path.name().ends_with(".tgz") || path.name().ends_with(".tar.gz") {
        return archive_holds_placeholder(content, cx);
    }
    scan::holds_placeholder(content)
}

/// The same for a packed archive, which is unpacked piece by piece and never as a whole.
fn archive_holds_placeholder(content: &[u8], cx: &Cx) -> bool {
    /// How many unpacked bytes are searched at once.
    const WINDOW: usize = 256 << 10;
    /// How many bytes two windows share, since a placeholder may be across their border. The texts that are
    /// searched for are shorter.
    const OVERLAP: usize = 256;
    let mut archive = flate2::read::MultiGzDecoder::new(content).take(MOST_ARCHIVE_BYTES);
    let (mut window, mut held) = (vec![0; WINDOW], 0);
    while cx.check().is_ok() {
        let Ok(read) = archive.read(&mut window[held..]) else { return false };
        held += read;
        if read == 0 || held == WINDOW {
            if scan::holds_placeholder(&window[..held]) {
                return true;
            }
            if read == 0 {
                return false;
            }
            window.copy_within(held - OVERLAP.., 0);
            held = OVERLAP;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{Root, RootKind, is_ours, roots};
    use crate::cli::render_args::RenderArgs;
    use crate::render::options::{self, Chosen};
    use keyfill_diag::Cx;
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
            super::kind_for_app(&files, &dir, &options, &Cx::default())
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
        let all: Vec<Root> = roots(files, &TreePath::root(), &Cx::default());
        all.iter().filter(|r| is_ours(files, r, false, &Cx::default())).map(|r| r.dir.to_string()).collect()
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
        let found: Vec<(String, RootKind)> = roots(&files, &TreePath::root(), &Cx::default())
            .into_iter()
            .map(|r| (r.dir.to_string(), r.kind))
            .collect();
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
    fn a_placeholder_in_a_packed_chart_is_found_wherever_it_lies() {
        use std::io::Write as _;
        let packed = |before: usize, text: &str| {
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            zip.write_all(&vec![b'x'; before]).and_then(|()| zip.write_all(text.as_bytes())).unwrap();
            zip.write_all(&[b'y'; 1_000]).unwrap();
            zip.finish().unwrap()
        };
        let holds = |content: &[u8]| super::archive_holds_placeholder(content, &Cx::default());
        for before in [0, 262_140, 262_144, 524_000, 524_030, 1_000_000] {
            assert!(holds(&packed(before, "<path:a#b>")), "{before}");
            assert!(!holds(&packed(before, "<pat:a#b>")), "{before}");
        }
        assert!(!holds(b"no archive"));
    }

    #[test]
    fn a_search_ends_with_its_run() {
        let files = tree(&[("a/x.yaml", "apiVersion: v1\nkind: X\na: <path:x#y>")]);
        let over = Cx::with_time(std::time::Duration::ZERO);
        assert!(roots(&files, &TreePath::root(), &over).is_empty());
        let root = Root { dir: TreePath::new("a").unwrap(), kind: RootKind::Yaml };
        assert!(is_ours(&files, &root, false, &Cx::default()) && !is_ours(&files, &root, false, &over));
    }

    #[test]
    fn encrypted_files_count_where_they_are_decrypted() {
        const SECRET: &str =
            "apiVersion: v1\nkind: Secret\nstringData: {a: 'ENC[AES256_GCM,data:x]'}\nsops: {}\n";
        const KSOPS: &str = "apiVersion: viaduct.ai/v1\nkind: ksops\nfiles: [secret.enc.yaml]\n";
        let generated = tree(&[("kustomization.yaml", "generators: [g.yaml]"), ("g.yaml", KSOPS)]);
        let cx = Cx::default();
        for files in [tree(&[("s.yaml", SECRET)]), generated] {
            let all = roots(&files, &TreePath::root(), &cx);
            assert!(is_ours(&files, &all[0], true, &cx) && !is_ours(&files, &all[0], false, &cx));
        }
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
