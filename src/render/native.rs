//! The engines in process: keyfill-kustomize and keyfill-helm behind one call.

use super::Rendered;
use super::options::Options;
use crate::discover::{Root, RootKind};
use crate::report::Failure;
use keyfill_diag::{Class, Cx, Diagnostic};
use keyfill_files::Files;

/// An engine's error.
pub struct NativeError {
    diagnostics: Vec<Diagnostic>,
    unsupported: bool,
}

impl NativeError {
    /// Whether the engine only lacks a feature that the official binary has.
    pub fn is_unsupported(&self) -> bool {
        self.unsupported
    }

    /// The problems.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.clone()
    }

    /// As an error of the run.
    pub fn into_error(self) -> anyhow::Error {
        Failure::new(self.diagnostics).into()
    }
}

/// Renders a kustomization or a chart.
pub fn render(
    _files: &dyn Files,
    root: &Root,
    _options: &Options,
    _cx: &Cx,
) -> Result<Rendered, NativeError> {
    let what = match root.kind {
        RootKind::Kustomization => "kustomizations",
        RootKind::Chart => "charts",
        RootKind::Yaml => "plain YAML",
    };
    let diagnostic = Diagnostic::error(Class::Render, format!("{what} are not rendered in process yet"))
        .hint("install the official tool, or name it with KEYFILL_KUSTOMIZE or KEYFILL_HELM");
    Err(NativeError { diagnostics: vec![diagnostic], unsupported: true })
}
