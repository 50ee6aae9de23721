//! `keyfill render`: replaces `kustomize build` and `helm template`.

use super::Caller;
use crate::cli::args::RenderCommandArgs;
use crate::discover::RootKind;
use crate::emit::Output;
use crate::memory;
use crate::output_files;
use crate::overrun;
use crate::pipeline::{self, Timings};
use crate::references;
use crate::report::{self, Failure};
use crate::run::Run;
use crate::settings::{Given, Purpose};
use anyhow::{Context as _, Result};
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_yaml::Document;
use std::path::Path;

/// Runs the command.
pub fn run(caller: &Caller<'_>, args: &RenderCommandArgs) -> Result<()> {
    let given = Given { run: &args.run, fetch: &args.fetch, ..caller.given(Purpose::Render) };
    let run = Run::of_command(&given, &args.render, &args.dir)?;
    run.bound_process();
    report::print(&run.settings.warnings);
    let mut timings = Timings::default();
    let root = pipeline::discover(&run);
    memory::prepare(root.as_ref().map(|root| root.kind));
    if let Some(root) = root.as_ref().filter(|root| root.kind == RootKind::Yaml) {
        // A kustomization file in a folder that is not a kustomization is a manifest of Flux.
        let of_flux =
            run.input.tree().and_then(|tree| references::kustomization_file(&*tree.files, &root.dir));
        return Err(Failure::from(no_root(&args.dir, of_flux.is_some())).into());
    }
    let rendered = pipeline::render(&run, root.as_ref(), &mut timings)?;
    match &args.output {
        None => pipeline::emit(&run, &rendered.documents, &rendered.warnings, &mut timings)?,
        Some(output) => {
            report::print(&rendered.warnings);
            write_to(output, &rendered.documents, &run.cx)?;
        }
    }
    if args.run.timings {
        timings.print();
    }
    Ok(())
}

/// The error for a folder of plain YAML, which `kustomize build` and `helm template` refuse too.
fn no_root(dir: &str, has_flux: bool) -> Diagnostic {
    let message = if has_flux {
        format!("the kustomization in {dir} is a manifest of Flux, which kustomize does not build")
    } else {
        format!("{dir} holds no kustomization.yaml, kustomization.yml, Kustomization or Chart.yaml")
    };
    Diagnostic::error(Class::Render, message).hint("keyfill generate reads a folder of plain YAML")
}

/// Writes one file, or if the path is a folder a file for each object, as `kustomize build -o` does.
fn write_to(path: &Path, documents: &[Document], cx: &Cx) -> Result<()> {
    if path.is_dir() {
        return output_files::write(path, documents, cx);
    }
    let output = Output::of(documents, cx)?.to_bytes();
    overrun::ends_no_more();
    std::fs::write(path, output).with_context(|| format!("cannot write {}", path.display()))
}
