//! Reads a folder of plain manifests, and decides which of its files are left out.
//!
//! The `.yaml`, `.yml` and `.json` files at any depth are read, each folder's entries by name in byte order. Left
//! out with a warning are files without any manifest, kustomization files, and folders with a chart. Left out
//! silently are hidden files and folders (names that begin with a dot) and those in a `.keyfillignore`. A file
//! with both manifests and other documents is an error.

use super::{Content, documents, plain, refuse_binary, stopped};
use crate::discover::{self, KUSTOMIZATION_NAMES};
use crate::ignore_file::IgnoreFiles;
use crate::render::Rendered;
use crate::report::{Failure, Problem};
use anyhow::{Result, anyhow};
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Place};
use keyfill_files::{Decrypt, FileKind, Files, TreePath};
use keyfill_yaml::{Body, Document};

/// The rules by which a folder is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Habits {
    /// keyfill's rules, as described above.
    #[default]
    Own,
    /// argocd-vault-plugin's rules: every file is read, hidden ones and those of charts included.
    Avp,
}

/// The documents of a folder, or of a file if `dir` is one.
///
/// An encrypted file that is a manifest by its keys is decrypted first, if decryption is switched on.
pub fn folder(
    files: &dyn Files,
    dir: &TreePath,
    habits: Habits,
    decrypt: &dyn Decrypt,
    cx: &Cx,
) -> Result<Rendered> {
    let ignored = IgnoreFiles::new(files);
    let mut listing = Listing { files, habits, ignored, paths: Vec::new(), warnings: Vec::new() };
    let alone = files.is_file(dir);
    if alone {
        listing.paths.push(dir.clone());
    } else {
        listing.add(dir, cx)?;
    }
    if listing.paths.is_empty() && listing.warnings.is_empty() {
        let message = format!("{dir} holds no kustomization, no chart, and no .yaml, .yml or .json file");
        return Err(Problem::input(message).into());
    }
    let mut all: Vec<Document> = Vec::new();
    for path in &listing.paths {
        cx.check().map_err(|stopped| anyhow!("stopped while reading files: {stopped}"))?;
        let text = plain(files.read(path)?, path, decrypt, cx)?;
        refuse_binary(&text, path.as_str())?;
        let Some(mut documents) = documents_of(&text, path, habits, alone, cx)? else {
            listing.warnings.push(left_out(path, "it holds no manifest (apiVersion and kind)"));
            continue;
        };
        // The documents of each further file are separated from those before.
        if let (false, Some(first)) = (all.is_empty(), documents.first_mut())
            && !first.before.starts_with(b"---")
        {
            // Directives and comments before a separator are kept only at the beginning of the stream.
            first.before = Bytes::from_static(b"---\n");
        }
        all.append(&mut documents);
    }
    for (index, document) in all.iter_mut().enumerate() {
        document.origin.index = index + 1;
    }
    listing.warnings.extend(listing.ignored.take_warnings());
    Ok(Rendered { documents: all, warnings: listing.warnings, engine: "plain" })
}

/// The documents of a file; `None` if it contains no manifest and is not meant to. By AVP's rules all documents
/// are returned, and the fill stage refuses those without a kind. A file that is read `alone`, as in `check`, may
/// be a chart's values file: its placeholders are checked, but it is not printed.
fn documents_of(
    text: &Bytes,
    path: &TreePath,
    habits: Habits,
    alone: bool,
    cx: &Cx,
) -> Result<Option<Vec<Document>>> {
    let documents = documents(text, path.as_str(), cx).map_err(|why| stopped(path.as_str(), why))?;
    if habits == Habits::Avp {
        return Ok(Some(documents));
    }
    if Content::of_documents(&documents, cx) == Content::Other {
        return Ok(None);
    }
    for document in &documents {
        cx.check().map_err(|stopped| anyhow!("stopped while reading files: {stopped}"))?;
        let content = Content::of_document(document, cx);
        if alone && content == Content::Values {
            continue;
        }
        if let Some(why) = content.complaint() {
            let message = format!("this document of {path} is not a manifest: {why}");
            let hint =
                "a folder of plain YAML holds manifests: move other files, or name them in .keyfillignore";
            let error = Diagnostic::error(Class::Render, message).at(place_of(document, path)).hint(hint);
            return Err(Failure::from(error).into());
        }
    }
    Ok(Some(documents))
}

/// The position at which a document's text begins.
fn place_of(document: &Document, path: &TreePath) -> Place {
    let mut line = document.origin.line;
    if let Body::Raw(body) = &document.body {
        let space = &body[..body.len() - body.trim_ascii_start().len()];
        let lines = u32::try_from(memchr::memchr_iter(b'\n', space).count()).unwrap_or(u32::MAX);
        line = line.saturating_add(lines);
    }
    Place { document: Some(document.origin.index), ..Place::file(path.as_str(), Some(line)) }
}

fn left_out(path: &TreePath, why: &str) -> Diagnostic {
    let message = format!("{path} is left out: {why}");
    let hint = "name it in .keyfillignore to say that it is meant";
    Diagnostic::warning(Class::Render, message).at(Place::file(path.as_str(), None)).hint(hint)
}

/// Lists the files of a folder with names of manifests. Files that cannot be read are included, and a folder that
/// cannot be read is an error, since Argo CD would delete objects whose manifests are left out. Links to folders
/// are not followed.
struct Listing<'a> {
    files: &'a dyn Files,
    habits: Habits,
    ignored: IgnoreFiles<'a>,
    paths: Vec<TreePath>,
    warnings: Vec<Diagnostic>,
}

impl Listing<'_> {
    fn add(&mut self, dir: &TreePath, cx: &Cx) -> Result<()> {
        cx.check().map_err(|stopped| anyhow!("stopped while reading files: {stopped}"))?;
        for entry in self.files.list(dir)? {
            let Some(path) = dir.join(&entry.name) else { continue };
            let is_dir = entry.kind == FileKind::Dir;
            if (is_dir && (entry.is_link || entry.name == ".git")) || self.is_passed_over(&path, is_dir) {
                continue;
            }
            if is_dir {
                if self.habits == Habits::Own && discover::is_chart(self.files, &path) {
                    self.warnings.push(left_out(&path, "it is a chart, which has to be rendered by itself"));
                } else {
                    self.add(&path, cx)?;
                }
            } else if self.habits == Habits::Own
                && KUSTOMIZATION_NAMES.contains(&entry.name.as_str())
                && !discover::is_manifest_of_flux(self.files, &path, cx)
            {
                let why =
                    "kustomize reads it, and the folder of plain YAML around it is not built by kustomize";
                self.warnings.push(left_out(&path, why));
            } else if discover::is_manifest_name(&entry.name) {
                self.paths.push(path);
            }
        }
        Ok(())
    }

    fn is_passed_over(&mut self, path: &TreePath, is_dir: bool) -> bool {
        (self.habits == Habits::Own && path.name().starts_with('.')) || self.ignored.holds(path, is_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::{Habits, folder};
    use crate::render::Rendered;
    use crate::report::problems;
    use keyfill_diag::Cx;
    use keyfill_files::{MemoryFiles, TreePath};

    const A: &str = "apiVersion: v1\nkind: A\n";
    const B: &str = "apiVersion: v1\nkind: B\n";

    fn read(files: &[(&str, &'static str)], habits: Habits) -> anyhow::Result<Rendered> {
        let files: MemoryFiles = files.iter().copied().collect();
        folder(&files, &TreePath::root(), habits, &keyfill_files::NoDecrypt, &Cx::default())
    }

    fn printed(rendered: &Rendered) -> String {
        String::from_utf8(crate::emit::Output::of(&rendered.documents, &Cx::default()).unwrap().to_bytes())
            .unwrap()
    }

    #[test]
    fn a_folder_is_read_in_path_order() {
        let files = [
            ("b.yaml", B),
            ("a/z.yml", A),
            ("c.txt", "no"),
            ("a.json", "{\"apiVersion\":\"v1\",\"kind\":\"J\"}"),
        ];
        let rendered = read(&files, Habits::Own).unwrap();
        assert_eq!(printed(&rendered), format!("{A}---\n{{\"apiVersion\":\"v1\",\"kind\":\"J\"}}\n---\n{B}"));
        assert!(rendered.warnings.is_empty());
        assert!(read(&[], Habits::Own).is_err());
    }

    #[test]
    fn what_is_no_manifest_is_left_out_by_name() {
        let files = [
            ("a.yaml", A),
            ("ci.yml", "stages: [build]\n"),
            (".ci/workflow.yaml", B),
            (".hidden.yaml", B),
            ("k/kustomization.yaml", "resources: []\n"),
            ("chart/Chart.yaml", "apiVersion: v2\nname: c\n"),
            ("chart/templates/x.yaml", "a: {{ b }}"),
            ("ignored/x.yaml", B),
            (".keyfillignore", "ignored/\n"),
        ];
        let rendered = read(&files, Habits::Own).unwrap();
        assert_eq!(printed(&rendered), A);
        let named: Vec<&str> = rendered.warnings.iter().filter_map(|w| w.place.file.as_deref()).collect();
        assert_eq!(named.len(), 3, "{named:?}");
        for name in ["ci.yml", "k/kustomization.yaml", "chart"] {
            assert!(named.contains(&name), "{named:?}");
        }
    }

    #[test]
    fn a_manifest_of_flux_is_no_kustomization() {
        let flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {}\n";
        let rendered = read(&[("kustomization.yaml", flux)], Habits::Own).unwrap();
        assert_eq!((printed(&rendered).as_str(), rendered.warnings.len()), (flux, 0));
    }

    #[test]
    fn a_document_that_should_be_a_manifest_fails_with_its_place() {
        for (text, line) in [
            ("apiVersion: v1\nkind: A\n---\n\nstages: []\n", 5),
            ("metadata: {name: x}\nkind: A\n", 1),
            ("password: <path:kv/data/x#y>\n", 1),
            ("apiVersion: v1\nkind: A\n{% for %}\n", 1),
        ] {
            let error = read(&[("x.yaml", text), ("y.yaml", A)], Habits::Own).unwrap_err();
            let found = &problems(&error)[0];
            assert_eq!(
                (found.place.file.as_deref(), found.place.line),
                (Some("x.yaml"), Some(line)),
                "{text}"
            );
        }
    }

    #[test]
    fn hidden_manifests_are_read_as_argocd_vault_plugin_does() {
        let rendered = read(&[(".a/x.yaml", A), ("b.yaml", B)], Habits::Avp).unwrap();
        assert_eq!(printed(&rendered), format!("{A}---\n{B}"));
    }
}
