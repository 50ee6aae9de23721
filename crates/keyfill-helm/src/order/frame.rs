//! What helm prints around documents: the `---` separator, the `# Source:` line that names the template, and
//! newlines.

use super::split::{self, trim_end};
use super::{Manifest, Sorted};
use crate::chart::Crd;
use crate::error::{Error, Result};
use crate::request::TemplateRequest;
use bytes::Bytes;
use keyfill_diag::Cx;
use keyfill_go::path;
use keyfill_yaml::{Body, Document, Origin, split_stream};
use memchr::memmem;
use std::sync::Arc;

/// One piece of the output: a document (or a CRD file) and what helm prints around it.
#[derive(Debug)]
pub(crate) struct Printed {
    /// The separator before the piece, with an empty line in front of it if only hooks are printed.
    before: &'static str,
    /// The `# Source:` line and the content.
    body: Vec<u8>,
    /// The path in the tree of the file that the piece comes from.
    file: Option<Arc<str>>,
}

const SEPARATOR: &str = "---\n";

/// The pieces in the order of printing: CRDs, documents, hooks; or only those that `--show-only` names.
pub(crate) fn text(
    crds: &[Crd],
    sorted: &Sorted,
    request: &TemplateRequest,
    cx: &Cx,
) -> Result<Vec<Printed>> {
    let mut pieces: Vec<Printed> = Vec::with_capacity(crds.len() + sorted.manifests.len());
    pieces.extend(crds.iter().map(|crd| piece(&crd.name, &crd.file, &crd.data)));
    pieces.extend(sorted.manifests.iter().map(framed));
    // helm trims all pieces up to here as one text and ends it with one newline.
    if let Some(last) = pieces.last_mut() {
        let kept = trim_end(&last.body).len();
        last.body.truncate(kept);
        last.body.push(b'\n');
    }
    let only_hooks = pieces.is_empty();
    if !request.no_hooks {
        let shown = sorted.hooks.iter().filter(|hook| !(request.skip_tests && hook.is_test));
        pieces.extend(shown.map(framed));
    }
    if !request.show_only.is_empty() {
        return show_only(&pieces, request, cx);
    }
    if let (true, Some(first)) = (only_hooks, pieces.first_mut()) {
        first.before = "\n---\n";
    }
    Ok(pieces)
}

fn framed(manifest: &Manifest) -> Printed {
    piece(&manifest.name, &manifest.file, &manifest.content)
}

fn piece(name: &str, file: &Arc<str>, content: &[u8]) -> Printed {
    let mut body = Vec::with_capacity(content.len() + name.len() + 12);
    body.extend_from_slice(b"# Source: ");
    body.extend_from_slice(name.as_bytes());
    body.push(b'\n');
    body.extend_from_slice(content);
    body.push(b'\n');
    Printed { before: SEPARATOR, body, file: Some(file.clone()) }
}

/// The pieces that `--show-only` names. helm splits the printed text again and searches it for the names, so a
/// document that has no `# Source:` line of its own cannot be chosen.
fn show_only(pieces: &[Printed], request: &TemplateRequest, cx: &Cx) -> Result<Vec<Printed>> {
    let mut all = Vec::new();
    for piece in pieces {
        all.extend_from_slice(SEPARATOR.as_bytes());
        all.extend_from_slice(&piece.body);
    }
    let documents = split::manifests(&all, request.helm);
    let mut shown = Vec::new();
    for wanted in &request.show_only {
        cx.check().map_err(Error::stopped)?;
        let before = shown.len();
        for document in &documents {
            let Some(name) = source(document) else { continue };
            if path::matches(wanted.as_bytes(), name.as_bytes()) == Ok(true) {
                let mut body = document.to_vec();
                body.push(b'\n');
                let file = pieces.iter().find(|p| source(&p.body).as_deref() == Some(&name));
                shown.push(Printed { before: SEPARATOR, body, file: file.and_then(|p| p.file.clone()) });
            }
        }
        if shown.len() == before {
            return Err(Error::usage(format!("could not find template {wanted} in chart"))
                .hint("the path is relative to the chart, as in `templates/deployment.yaml`"));
        }
    }
    Ok(shown)
}

/// The template's path below the chart, from the first `# Source:` line that has one.
fn source(document: &[u8]) -> Option<String> {
    let mut rest = document;
    while let Some(at) = memmem::find(rest, b"# Source: ") {
        rest = &rest[at + b"# Source: ".len()..];
        let line = rest.split(|b| *b == b'\n').next().unwrap_or_default();
        // The name of a chart contains neither newlines nor slashes.
        if let Some(slash) = memchr::memchr(b'/', line).filter(|slash| *slash > 0 && slash + 1 < line.len()) {
            return Some(String::from_utf8_lossy(&line[slash + 1..]).into_owned());
        }
    }
    None
}

/// The pieces as documents. A CRD file may contain several documents, which are then returned separately.
pub(crate) fn documents(pieces: Vec<Printed>) -> Vec<Document> {
    let mut documents = Vec::with_capacity(pieces.len());
    for piece in pieces {
        let body = Bytes::from(piece.body);
        let first = documents.len();
        for part in split_stream(&body) {
            let before = if documents.len() == first {
                // A piece begins with its `# Source:` line, so the piece has no text before its first part.
                Bytes::from_static(piece.before.as_bytes())
            } else {
                body.slice(part.before)
            };
            let origin =
                Origin { file: piece.file.clone(), line: 0, index: documents.len() + 1, ..Origin::default() };
            documents.push(Document { before, body: Body::Raw(body.slice(part.body)), origin });
        }
    }
    documents
}
