//! `keyfill render`: in place of `kustomize build` and `helm template`.

use super::Caller;
use crate::cli::args::RenderCommandArgs;
use crate::discover::RootKind;
use crate::emit::Output;
use crate::memory;
use crate::pipeline::{self, Timings};
use crate::report::{self, Failure};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Diagnostic};
use keyfill_yaml::{Body, Document, Value};
use std::path::Path;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &RenderCommandArgs) -> Result<()> {
    let given = Given { run: &args.run, ..caller.given(Purpose::Render) };
    let run = Run::of_command(&given, &args.render, &args.dir)?;
    report::print(&run.settings.warnings);
    let mut timings = Timings::default();
    let root = pipeline::discover(&run);
    memory::prepare(root.as_ref().map(|root| root.kind));
    if root.as_ref().is_some_and(|root| root.kind == RootKind::Yaml) {
        return Err(Failure::from(no_root(&args.dir)).into());
    }
    let rendered = pipeline::render(&run, root.as_ref(), &mut timings)?;
    match &args.output {
        None => pipeline::emit(&run, &rendered.documents, &rendered.warnings, &mut timings)?,
        Some(output) => {
            report::print(&rendered.warnings);
            write_to(output, &rendered.documents)?;
        }
    }
    if args.run.timings {
        timings.print();
    }
    Ok(())
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
