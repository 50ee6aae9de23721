//! Renders kustomizations with keyfill-kustomize, and their `helmCharts` with keyfill-helm.

use crate::cli::render_args::Reorder;
use crate::outside::Outside;
use crate::render::Rendered;
use crate::render::options::{KustomizeOptions, Options};
use crate::report::Failure;
use keyfill_diag::{Cx, Diagnostic, Place, Report as _};
use keyfill_files::{Fetch, Files, MemoryFiles, TreePath};
use keyfill_helm::{Filler, HelmCompat, TemplateRequest, ValuesSource};
use keyfill_kustomize::{BuildRequest, ChartError, ChartRequest, Charts, LoadRestrictor, SortOrder};

/// Renders a kustomization.
pub fn render(
    files: &dyn Files,
    dir: &TreePath,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, Failure> {
    build(files, &build_request(dir, &options.kustomize), options, outside, cx)
}

/// Builds a kustomization only to fetch what it needs; charts are enabled. With `anew`, charts that are in the
/// tree are fetched too.
pub fn resolve(
    files: &dyn Files,
    dir: &TreePath,
    options: &Options,
    outside: &Outside,
    anew: bool,
    cx: &Cx,
) -> Result<Vec<Diagnostic>, Failure> {
    let request = build_request(dir, &options.kustomize);
    let request = BuildRequest { enable_helm: true, fetch_charts_anew: anew, ..request };
    Ok(build(files, &request, options, outside, cx)?.warnings)
}

fn build(
    files: &dyn Files,
    request: &BuildRequest,
    options: &Options,
    outside: &Outside,
    cx: &Cx,
) -> Result<Rendered, Failure> {
    let fetch = &*outside.fetch;
    let fill = outside.filler(options.helm.fills_values);
    let charts = HelmCharts { seed: options.helm.seed, compat: options.helm.compat, fetch, fill };
    let outside = keyfill_kustomize::Outside { charts: &charts, fetch, decrypt: &*outside.decrypt };
    let built = keyfill_kustomize::build(files, request, outside, cx).map_err(|e| Failure::of(&e))?;
    Ok(Rendered { documents: built.documents, warnings: built.warnings, engine: "kustomize" })
}

fn build_request(dir: &TreePath, options: &KustomizeOptions) -> BuildRequest {
    BuildRequest {
        root: Some(dir.clone()),
        load_restrictor: if options.restrict_to_root {
            LoadRestrictor::RootOnly
        } else {
            LoadRestrictor::None
        },
        reorder: match options.reorder {
            Some(Reorder::None) => SortOrder::Fifo,
            Some(Reorder::Legacy) | None => SortOrder::default(),
        },
        enable_helm: options.enable_helm,
        fetch_charts_anew: false,
        enable_alpha_plugins: options.enable_alpha_plugins,
        enable_managedby_label: options.enable_managedby_label,
        helm_kube_version: options.helm_kube_version.as_deref().unwrap_or_default().into(),
        helm_api_versions: options.helm_api_versions.iter().map(|v| v.as_str().into()).collect(),
    }
}

/// Renders kustomize's `helmCharts` with keyfill-helm.
struct HelmCharts<'a> {
    seed: Option<u64>,
    compat: HelmCompat,
    fetch: &'a dyn Fetch,
    fill: Option<Filler>,
}

impl Charts for HelmCharts<'_> {
    fn inflate(&self, files: &dyn Files, request: &ChartRequest, cx: &Cx) -> Result<Vec<u8>, ChartError> {
        let release_name = match (&request.release_name, request.name_template.as_str()) {
            (Some(name), "") => name.to_string(),
            (None, "") => UNNAMED.to_owned(),
            (None, template) => keyfill_helm::release_name(template, cx).map_err(|e| chart_error(&e))?,
            (Some(_), _) => {
                return Err("cannot set nameTemplate and also releaseName".to_owned().into());
            }
        };
        let mut values = Vec::with_capacity(request.values.len());
        for given in &request.values {
            let text =
                std::str::from_utf8(&given.text).map_err(|e| format!("the values are not UTF-8: {e}"))?;
            let name = given.file.as_ref().map_or_else(|| VALUES.to_owned(), ToString::to_string);
            values.push(ValuesSource::Text { name, text: text.to_owned() });
        }
        let defaults = TemplateRequest::new(request.chart.clone());
        let helm = TemplateRequest {
            release_name,
            namespace: if request.namespace.is_empty() {
                defaults.namespace
            } else {
                request.namespace.to_string()
            },
            values,
            kube_version: (!request.kube_version.is_empty()).then(|| request.kube_version.to_string()),
            api_versions: request.api_versions.iter().map(ToString::to_string).collect(),
            include_crds: request.include_crds,
            skip_tests: request.skip_tests,
            no_hooks: request.skip_hooks,
            seed: self.seed,
            helm: self.compat,
            fill: self.fill.clone(),
            ..TemplateRequest::new(request.chart.clone())
        };
        let templated = keyfill_helm::template(files, &helm, self.fetch, cx).map_err(|e| chart_error(&e))?;
        Ok(templated.text())
    }

    fn unpack(&self, archive: &[u8], cx: &Cx) -> Result<MemoryFiles, ChartError> {
        keyfill_helm::unpack(archive, self.compat, cx).map_err(|e| chart_error(&e))
    }
}

/// The name of inline values of a kustomization in errors. No file has this name.
const VALUES: &str = "<values of helmCharts>";

fn chart_error(error: &keyfill_helm::Error) -> ChartError {
    let mut all = error.diagnostics().into_iter();
    let mut diagnostic = all.next().unwrap_or_else(|| Diagnostic::error(error.class(), error.to_string()));
    if diagnostic.place.file.as_deref() == Some(VALUES) {
        diagnostic.place = Place::default();
    }
    ChartError { diagnostic: Box::new(diagnostic), remedy: error.remedy() }
}

/// The release name of a chart without one. kustomize passes `--generate-name` to helm, but `helm template`
/// ignores that and uses this default (helm issue 6019).
const UNNAMED: &str = "release-name";
