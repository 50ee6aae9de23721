//! The native engines behind one function.

mod helm;
mod kustomize;

use super::Rendered;
use super::options::Options;
use crate::discover::{Root, RootKind};
use crate::outside::Outside;
use crate::report::Failure;
use crate::source_lines::Lines;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::Files;
use keyfill_helm::TemplateRequest;

/// Renders a kustomization or a chart. Problems get the text of their source line.
pub fn render(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, Failure> {
    let mut rendered = with_engine(files, root, options, outside, cx).map_err(|e| with_lines(files, e))?;
    let lines = Lines::of(files);
    rendered.warnings.iter_mut().for_each(|warning| lines.complete(warning));
    Ok(rendered)
}

fn with_lines(files: &dyn Files, failure: Failure) -> Failure {
    let lines = Lines::of(files);
    failure.rewritten(|mut problem| {
        lines.complete(&mut problem);
        problem
    })
}

fn with_engine(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, Failure> {
    if root.kind == RootKind::Chart {
        let request = helm::request(files, &root.dir, &options.helm, outside, cx)?;
        let templated =
            keyfill_helm::template(files, &request, &*outside.fetch, cx).map_err(|e| Failure::of(&e))?;
        return Ok(helm::rendered(templated));
    }
    kustomize::render(files, &root.dir, options, outside, cx)
}

/// Fetches everything that a root needs from outside of its tree, and returns the warnings. With `anew`, charts
/// that are in the tree and have a repository are fetched too.
pub fn resolve(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    anew: bool,
    cx: &Cx,
) -> Result<Vec<Diagnostic>, Failure> {
    let found = match root.kind {
        RootKind::Chart => {
            let helm = options.helm.compat;
            let request = TemplateRequest { helm, ..TemplateRequest::new(root.dir.clone()) };
            keyfill_helm::resolve(files, &request, &*outside.fetch, anew, cx).map_err(|e| Failure::of(&e))
        }
        RootKind::Kustomization => kustomize::resolve(files, &root.dir, options, outside, anew, cx),
        RootKind::Yaml => Ok(Vec::new()),
    };
    found.map_err(|failure| with_lines(files, failure))
}
