//! The engines in process behind one call.

mod helm;
mod kustomize;

use super::Rendered;
use super::options::Options;
use crate::discover::{Root, RootKind};
use crate::outside::Outside;
use crate::report::Failure;
use crate::source_lines;
use keyfill_diag::{Cx, Diagnostic};
use keyfill_files::{DecryptError, Files};
use keyfill_helm::TemplateRequest;

/// An engine's error.
pub struct NativeError {
    diagnostics: Vec<Diagnostic>,
    unsupported: bool,
    of_chart: bool,
}

impl NativeError {
    /// Whether the engine only lacks a feature that the official binary has.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }

    /// Whether a chart refuses its values.
    pub fn is_of_chart(&self) -> bool {
        self.of_chart
    }

    /// The problems.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.clone()
    }

    /// As an error of the run.
    pub fn into_error(self) -> anyhow::Error {
        let error = anyhow::Error::from(Failure::new(self.diagnostics));
        if self.unsupported { error.context(super::Unsupported) } else { error }
    }
}

impl From<Diagnostic> for NativeError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self { diagnostics: vec![diagnostic], unsupported: false, of_chart: false }
    }
}

impl From<DecryptError> for NativeError {
    fn from(error: DecryptError) -> Self {
        error.diagnostic().clone().into()
    }
}

impl From<keyfill_helm::Error> for NativeError {
    fn from(error: keyfill_helm::Error) -> Self {
        Self {
            diagnostics: error.diagnostics(),
            unsupported: error.is_unsupported(),
            of_chart: error.is_of_chart(),
        }
    }
}

/// Renders a kustomization or a chart. What is wrong is shown with the line that it is about.
pub fn render(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, NativeError> {
    let complete = |diagnostics: &mut Vec<Diagnostic>| {
        diagnostics.iter_mut().for_each(|diagnostic| source_lines::complete(files, diagnostic));
    };
    match with_engine(files, root, options, outside, cx) {
        Ok(mut rendered) => {
            complete(&mut rendered.warnings);
            Ok(rendered)
        }
        Err(mut error) => {
            complete(&mut error.diagnostics);
            Err(error)
        }
    }
}

fn with_engine(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, NativeError> {
    if root.kind == RootKind::Chart {
        let request = helm::request(files, &root.dir, &options.helm, outside, cx)?;
        let templated = keyfill_helm::template(files, &request, &*outside.fetch, cx)?;
        return Ok(helm::rendered(templated));
    }
    kustomize::render(files, &root.dir, options, outside, cx)
}

/// Asks for all that a root needs from outside of its tree, and gives the warnings. With `anew`, charts that lie in
/// the tree and name a repository are asked for, too.
pub fn resolve(
    files: &dyn Files,
    root: &Root,
    options: &Options,
    outside: &Outside,
    anew: bool,
    cx: &Cx,
) -> Result<Vec<Diagnostic>, NativeError> {
    let found = match root.kind {
        RootKind::Chart => {
            let helm = options.helm.compat;
            let request = TemplateRequest { helm, ..TemplateRequest::new(root.dir.clone()) };
            keyfill_helm::resolve(files, &request, &*outside.fetch, anew, cx).map_err(NativeError::from)
        }
        RootKind::Kustomization => kustomize::resolve(files, &root.dir, options, outside, anew, cx),
        RootKind::Yaml => Ok(Vec::new()),
    };
    found.map_err(|mut error| {
        error.diagnostics.iter_mut().for_each(|diagnostic| source_lines::complete(files, diagnostic));
        error
    })
}
