//! `keyfill render`: in place of `kustomize build` and `helm template`.

use crate::cli::args::{RenderCommandArgs, parse_duration};
use crate::cli::env::Env;
use crate::discover::RootKind;
use crate::emit::Output;
use crate::pipeline::{self, Timings};
use crate::report::{self, Failure, Problem};
use crate::tree::{Boundary, Tree};
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_yaml::{Body, Document, Value};
use std::path::Path;

/// Runs the command.
pub fn run(args: &RenderCommandArgs, env: &Env) -> Result<()> {
    let time = match (args.run.deadline, env.get("KEYFILL_DEADLINE")) {
        (Some(time), _) => time,
        (None, Some(text)) => {
            parse_duration(text).map_err(|e| Problem::usage(format!("KEYFILL_DEADLINE: {e}")))?
        }
        (None, None) => std::time::Duration::from_secs(55),
    };
    let cx = Cx::with_time(time);
    let named = args.run.root.as_deref().or_else(|| env.get("KEYFILL_ROOT").map(Path::new));
    let boundary = Boundary { named, app_path: env.get("ARGOCD_APP_SOURCE_PATH") };
    let tree = Tree::open(Path::new(&args.dir), boundary, cx.limits.file_bytes)?;
    let options =
        crate::render::options::resolve(&args.render, env, &tree.at, false, env.get("KEYFILL_ENGINE"))?;
    let mut timings = Timings::default();
    let root = pipeline::root_of(&tree, false);
    if root.as_ref().is_some_and(|root| root.kind == RootKind::Yaml) {
        return Err(Failure::from(no_root(&args.dir)).into());
    }
    let rendered = pipeline::render(&tree, root.as_ref(), &options, &cx, &mut timings)?;
    let Some(output) = &args.output else {
        // The official tools print nothing for nothing, and nothing is pruned by a render alone.
        return pipeline::emit(&rendered.documents, true, &args.run, &rendered.warnings, &mut timings);
    };
    report::print(&rendered.warnings);
    write_to(output, &rendered.documents)
}

/// `render` stands where `kustomize build` and `helm template` stood, which refuse such a folder.
fn no_root(dir: &str) -> Diagnostic {
    let message =
        format!("{dir} holds no kustomization.yaml, kustomization.yml, Kustomization or Chart.yaml");
    Diagnostic::error(Class::Render, message).hint("keyfill generate reads a folder of plain YAML")
}

/// Writes one file, or a file for each resource when the path is a folder, as `kustomize build -o` does.
fn write_to(path: &Path, documents: &[Document]) -> Result<()> {
    if !path.is_dir() {
        return std::fs::write(path, Output::of(documents).to_bytes())
            .with_context(|| format!("cannot write {}", path.display()));
    }
    for document in documents {
        let alone = Document { before: bytes::Bytes::new(), ..document.clone() };
        let Some(name) = file_name(&alone)? else { continue };
        let to = path.join(name);
        std::fs::write(&to, Output::of(&[alone]).to_bytes())
            .with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// `apps_v1_deployment_web.yaml`, with the namespace first where there is one; none for empty documents.
fn file_name(document: &Document) -> Result<Option<String>> {
    let value = match &document.body {
        Body::Raw(text) => keyfill_yaml::load_object(text, &keyfill_yaml::Limits::default())?,
        Body::Tree(node) => keyfill_yaml::resolve(node)?,
    };
    if value == Value::Null {
        return Ok(None);
    }
    let text = |path: &[&str]| value.at(path).and_then(Value::as_str).unwrap_or_default();
    let parts = [
        text(&["metadata", "namespace"]),
        text(&["apiVersion"]),
        text(&["kind"]),
        text(&["metadata", "name"]),
    ];
    let joined: Vec<String> =
        parts.iter().filter(|p| !p.is_empty()).map(|p| p.to_lowercase().replace(['/', '\\'], "_")).collect();
    Ok(Some(format!("{}.yaml", joined.join("_"))))
}
