//! `keyfill edit`: sets an image, an annotation or a number of replicas in a kustomization, a chart's values or
//! manifests, without changing any other byte.

mod changes;
mod splice;

use super::lock::{replace, say};
use crate::cli::args::{EditArgs, EditCommand};
use crate::discover::KUSTOMIZATION_NAMES;
use crate::report::Problem;
use anyhow::{Context as _, Result};
use changes::{TargetKind, Wanted};
use keyfill_diag::Limits as Bounds;
use keyfill_yaml::Limits;
use std::path::{Path, PathBuf};

/// Runs the command.
pub fn run(args: &EditArgs) -> Result<()> {
    let (common, wanted) = match &args.what {
        EditCommand::Image { common, at, images } => (common, Wanted::images(images, at.as_deref())?),
        EditCommand::Annotation { common, at, annotations } => {
            (common, Wanted::annotations(annotations, at.as_deref())?)
        }
        EditCommand::Replicas { common, at, replicas } => {
            (common, Wanted::replicas(replicas, at.as_deref())?)
        }
    };
    let limits = Limits::from(&keyfill_diag::Cx::default());
    let mut changed: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    let mut found = false;
    for (path, kind) in targets(&common.dir)? {
        let about = || format!("{}", path.display());
        let text = read(&path)?;
        let edited = edit(&text, kind, &wanted, &limits).with_context(about)?;
        found |= edited.found;
        if edited.text != text {
            changed.push((path, edited.text));
        }
    }
    if !found {
        let message =
            format!("{} holds nothing that {} could be set at", common.dir.display(), wanted.name());
        return Err(Problem::missing(message)
            .hint("name the file, or write the field there once; values take --at PATH")
            .into());
    }
    if common.check && !changed.is_empty() {
        let names: Vec<String> = changed.iter().map(|(path, _)| path.display().to_string()).collect();
        return Err(Problem::missing(format!("would be changed: {}", names.join(", "))).into());
    }
    for (path, text) in &changed {
        // Each file is replaced atomically, and a symbolic link stays a link.
        let place = std::fs::canonicalize(path).with_context(|| format!("cannot read {}", path.display()))?;
        let rights = std::fs::metadata(&place).map(|meta: std::fs::Metadata| meta.permissions());
        replace(&place, text)?;
        if let Ok(rights) = rights {
            std::fs::set_permissions(&place, rights)
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        say(&format!("changed {}", path.display()))?;
    }
    Ok(())
}

/// The edited text, and whether it had a field for the edit.
struct Edited {
    text: Vec<u8>,
    found: bool,
}

fn edit(text: &[u8], kind: TargetKind, wanted: &Wanted, limits: &Limits) -> Result<Edited> {
    let (mut edited, mut found) = (Vec::with_capacity(text.len()), false);
    // A stream without documents counts as one empty document, so that a field can be added to an empty
    // kustomization.
    let mut parts: Vec<keyfill_yaml::Part> = keyfill_yaml::split_stream(text).collect();
    if parts.is_empty() {
        parts.push(keyfill_yaml::Part { before: 0..0, body: 0..text.len(), line: 1 });
    }
    for part in parts {
        edited.extend_from_slice(&text[part.before.clone()]);
        let body = &text[part.body.clone()];
        let changes = wanted.changes(&splice::read(body, limits)?, kind)?;
        found |= changes.is_some();
        let at = |error: anyhow::Error| error.context(format!("in the document at line {}", part.line));
        edited.extend(splice::apply(body, &changes.unwrap_or_default(), limits).map_err(at)?);
    }
    Ok(Edited { text: edited, found })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let cannot = || Problem::input(format!("cannot read {}", path.display()));
    let meta = std::fs::metadata(path).with_context(cannot)?;
    if meta.len() > Bounds::default().file_bytes {
        return Err(Problem::input(format!("{} is too large", path.display())).into());
    }
    std::fs::read(path).with_context(cannot)
}

/// The files to edit in a folder: its kustomization, else the values of its chart, else its manifests.
fn targets(dir: &Path) -> Result<Vec<(PathBuf, TargetKind)>> {
    let meta =
        std::fs::metadata(dir).with_context(|| Problem::usage(format!("cannot read {}", dir.display())))?;
    if !meta.is_dir() {
        return Ok(vec![(dir.to_owned(), kind_of(dir)?)]);
    }
    if let Some(file) = KUSTOMIZATION_NAMES.iter().map(|name| dir.join(name)).find(|file| file.is_file()) {
        return Ok(vec![(file, TargetKind::Kustomization)]);
    }
    if dir.join("Chart.yaml").is_file() {
        return Ok(vec![(dir.join("values.yaml"), TargetKind::Values)]);
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry.with_context(|| format!("cannot read {}", dir.display()))?.path();
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        if is_yaml && path.is_file() && kind_of(&path)? == TargetKind::Manifest {
            files.push((path, TargetKind::Manifest));
        }
    }
    files.sort();
    Ok(files)
}

/// The kind of a file: a kustomization by its name, manifests by `kind` and `apiVersion`, else values.
fn kind_of(path: &Path) -> Result<TargetKind> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if KUSTOMIZATION_NAMES.contains(&name) {
        return Ok(TargetKind::Kustomization);
    }
    let text = read(path)?;
    let limits = Limits::from(&keyfill_diag::Cx::default());
    let nodes = keyfill_yaml::load_nodes(&text, &limits)
        .map_err(|error| Problem::input(format!("{}: {error}", path.display())))?;
    let is_manifest = nodes.iter().any(|node| node.get("kind").is_some() && node.get("apiVersion").is_some());
    Ok(if is_manifest { TargetKind::Manifest } else { TargetKind::Values })
}
