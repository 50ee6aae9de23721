//! Translates one source of an Application to the parts that are rendered.

use super::application::{Application, is_own, text_at};
use super::overlay::Overlay;
use super::{AppSide, World, kustomize};
use crate::diff::reach::Part;
use crate::discover::{self, Root, RootKind, is_manifest_name};
use crate::references;
use crate::render::options::{HelmOptions, Options, ValuesFile};
use crate::settings::Env;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ignore::overrides::OverrideBuilder;
use keyfill_diag::Cx;
use keyfill_files::{ChartRef, Files, TreePath};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A source, translated to parts.
#[derive(Default)]
pub struct Source {
    /// The parts to render.
    pub parts: Vec<Part>,
    /// Files of the repository that the source reads.
    pub reads: BTreeSet<TreePath>,
    /// Notes about what is not supported.
    pub notes: Vec<String>,
}

/// Translates the source with index `at` in an app's list of sources.
pub fn parts(world: &World<'_>, side: &AppSide<'_>, app: &Application, at: usize, cx: &Cx) -> Result<Source> {
    let spec = &app.sources[at];
    let files = &side.side.tree.files;
    let url = text_at(spec, "/repoURL");
    let chart = text_at(spec, "/chart");
    let path = text_at(spec, "/path");
    if chart.is_empty() && path.is_empty() {
        // A source that only provides values files for other sources.
        return Ok(Source::default());
    }
    if chart.is_empty() && !is_own(world.repository, url) {
        let note = format!("app {}: a source is of another repository, {url}", app.name);
        return Ok(Source { notes: vec![note], ..Source::default() });
    }
    let folder =
        TreePath::new(path).with_context(|| format!("the path {path} lies outside of the repository"))?;
    let env = environment(world.env, app, spec, path);
    let mut options = (world.options)(&env, &folder)?;
    let mut source = Source::default();
    let helm = spec.get("helm").filter(|helm| !helm.is_null());
    if !chart.is_empty() {
        options.helm = helm_options(&options.helm, world, files, app, spec, &TreePath::root(), &mut source)?;
        return fetched(side, app, spec, options, source, cx);
    }
    if !files.is_dir(&folder) {
        bail!("there is no folder {path}");
    }
    let kind = kind(files, &folder, spec, &options, cx);
    match kind {
        RootKind::Chart => {
            if spec.get("plugin").is_none() {
                options.helm = helm_options(&options.helm, world, files, app, spec, &folder, &mut source)?;
            }
        }
        RootKind::Yaml => return directory(side, app, spec, &folder, options, source),
        RootKind::Kustomization => {
            if helm.is_some() {
                source.notes.push(format!("app {}: helm is set for a kustomization", app.name));
            }
        }
    }
    let root = Root { dir: folder, kind };
    source.reads.extend(references::of_root(&**files, &root, cx).files);
    let mut shown = Arc::clone(files);
    let kustomize = spec.get("kustomize").filter(|spec| kind == RootKind::Kustomization && !spec.is_null());
    if let (Some(spec), Some(file)) = (kustomize, references::kustomization_file(&**files, &root.dir)) {
        let text = kustomize::edited(&files.read(&file)?, file.as_str(), spec, cx)?;
        shown = Arc::new(Overlay::new(shown, BTreeMap::from([(file, Bytes::from(text))])));
        // Components that only the Application adds are read too.
        source.reads.extend(references::of_root(&*shown, &root, cx).files);
    }
    source.parts.push(part(side, shown, root, options));
    Ok(source)
}

fn part(side: &AppSide<'_>, files: Arc<dyn Files>, root: Root, options: Options) -> Part {
    Part { root, files, options: Arc::new(options), outside: side.outside.clone() }
}

/// The kind of a folder by Argo CD's rules: the tool that the source sets, else by the folder's files, a chart first.
fn kind(files: &Arc<dyn Files>, folder: &TreePath, spec: &Value, options: &Options, cx: &Cx) -> RootKind {
    let says = |field: &str| spec.get(field).is_some_and(|value| !value.is_null());
    if says("plugin") {
        return discover::kind_for_app(&**files, folder, options, cx);
    }
    if says("kustomize") {
        return RootKind::Kustomization;
    }
    if says("helm") || (!says("directory") && discover::is_chart(&**files, folder)) {
        return RootKind::Chart;
    }
    if says("directory") { RootKind::Yaml } else { discover::kind_of(&**files, folder, cx) }
}

/// The environment variables that Argo CD sets for an app.
fn environment(base: &Env, app: &Application, spec: &Value, path: &str) -> Env {
    let mut all: Vec<(String, String)> = base
        .iter()
        .filter(|(name, _)| !name.starts_with("ARGOCD_"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    for (name, value) in [
        ("ARGOCD_APP_NAME", app.release.as_str()),
        ("ARGOCD_APP_NAMESPACE", &app.namespace),
        ("ARGOCD_APP_PROJECT_NAME", &app.project),
        ("ARGOCD_APP_SOURCE_PATH", path),
    ] {
        all.push((name.to_owned(), value.to_owned()));
    }
    let entries =
        spec.pointer("/plugin/env").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for entry in entries {
        all.push((format!("ARGOCD_ENV_{}", text_at(entry, "/name")), text_at(entry, "/value").to_owned()));
    }
    if let Some(parameters) = spec.pointer("/plugin/parameters").filter(|value| !value.is_null()) {
        all.push(("ARGOCD_APP_PARAMETERS".to_owned(), parameters.to_string()));
    }
    all.into_iter().collect()
}

/// The parts of a folder of plain YAML: the files that `directory` selects.
fn directory(
    side: &AppSide<'_>,
    app: &Application,
    spec: &Value,
    folder: &TreePath,
    options: Options,
    mut source: Source,
) -> Result<Source> {
    let files = &side.side.tree.files;
    let recurse = spec.pointer("/directory/recurse") == Some(&Value::Bool(true));
    let globs = |field: &str| -> Result<Option<ignore::overrides::Override>> {
        let glob = text_at(spec, &format!("/directory/{field}"));
        if glob.is_empty() {
            return Ok(None);
        }
        let mut builder = OverrideBuilder::new("/");
        builder.add(glob)?;
        Ok(Some(builder.build()?))
    };
    let (include, exclude) = (globs("include")?, globs("exclude")?);
    let options = Arc::new(options);
    for path in files.walk(folder) {
        let below =
            path.as_str().strip_prefix(folder.as_str()).unwrap_or(path.as_str()).trim_start_matches('/');
        let fits = |globs: &Option<ignore::overrides::Override>, without: bool| {
            globs.as_ref().map_or(without, |globs| globs.matched(below, false).is_whitelist())
        };
        if (!recurse && below.contains('/')) || !fits(&include, true) || fits(&exclude, false) {
            continue;
        }
        if path.name().ends_with(".jsonnet") {
            source.notes.push(format!("app {}: jsonnet is not rendered ({path})", app.name));
        }
        if is_manifest_name(path.name()) {
            source.reads.insert(path.clone());
            let root = Root { dir: path, kind: RootKind::Yaml };
            let (files, outside) = (Arc::clone(files), side.outside.clone());
            source.parts.push(Part { root, files, options: Arc::clone(&options), outside });
        }
    }
    Ok(source)
}

/// The part of a chart from a chart repository, which is fetched if the run's settings allow it.
fn fetched(
    side: &AppSide<'_>,
    app: &Application,
    spec: &Value,
    options: Options,
    mut source: Source,
    cx: &Cx,
) -> Result<Source> {
    let url = text_at(spec, "/repoURL");
    let want = ChartRef {
        // In Argo CD the URL of a registry has no scheme.
        repository: if url.contains("://") { url.to_owned() } else { format!("oci://{url}") },
        name: text_at(spec, "/chart").to_owned(),
        version: text_at(spec, "/targetRevision").to_owned(),
    };
    let chart = match side.outside.fetch.chart(&want, cx) {
        Ok(chart) => chart,
        Err(error) => {
            let name = format!("{} {}", want.name, want.version);
            source.notes.push(format!("app {}: the chart {name} is not rendered: {error}", app.name));
            return Ok(source);
        }
    };
    let dir =
        TreePath::new(&format!(".keyfill-diff/{}.tgz", want.name)).context("the chart has no usable name")?;
    let content = BTreeMap::from([(dir.clone(), chart.archive)]);
    let files: Arc<dyn Files> = Arc::new(Overlay::new(Arc::clone(&side.side.tree.files), content));
    source.parts.push(part(side, files, Root { dir, kind: RootKind::Chart }, options));
    Ok(source)
}

/// The chart options of the source, on top of those of the run.
fn helm_options(
    run: &HelmOptions,
    world: &World<'_>,
    files: &Arc<dyn Files>,
    app: &Application,
    spec: &Value,
    folder: &TreePath,
    source: &mut Source,
) -> Result<HelmOptions> {
    let mut options = HelmOptions { release_name: app.release.clone(), ..run.clone() };
    if !app.namespace.is_empty() {
        options.namespace = app.namespace.clone();
    }
    let Some(helm) = spec.get("helm").filter(|helm| !helm.is_null()) else { return Ok(options) };
    let substituted = |text: &str| substituted(text, app, folder);
    let says = |field: &str| helm.get(field) == Some(&Value::Bool(true));
    let list = |field: &str| helm.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (field, into) in [("releaseName", &mut options.release_name), ("namespace", &mut options.namespace)] {
        if let Some(text) = helm.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()) {
            *into = substituted(text);
        }
    }
    for name in list("valueFiles").iter().filter_map(Value::as_str) {
        let name = substituted(name);
        let Some(path) = value_file(world, app, &name, folder)? else {
            source.notes.push(format!("app {}: the values file {name} is of another repository", app.name));
            continue;
        };
        source.reads.insert(path.clone());
        if says("ignoreMissingValueFiles") && !files.is_file(&path) {
            continue;
        }
        options.values.push(ValuesFile::InTree(path));
    }
    let inline = match helm.get("valuesObject").filter(|values| !values.is_null()) {
        Some(values) => Some(values.to_string()),
        None => helm.get("values").and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned),
    };
    if let Some(text) = inline {
        options.values.push(ValuesFile::Text { name: format!("<values of the app {}>", app.name), text });
    }
    for parameter in list("parameters") {
        let (name, value) = (text_at(parameter, "/name"), substituted(text_at(parameter, "/value")));
        let is_list = value.starts_with('{') && value.ends_with('}');
        let value = if is_list { value } else { value.replace("\\,", ",").replace(',', "\\,") };
        let is_text = parameter.get("forceString") == Some(&Value::Bool(true));
        let into = if is_text { &mut options.set_string } else { &mut options.set };
        into.push(format!("{name}={value}"));
    }
    for parameter in list("fileParameters") {
        let name = text_at(parameter, "/path");
        let Some(path) = value_file(world, app, name, folder)? else { continue };
        source.reads.insert(path.clone());
        options.set_file.push((text_at(parameter, "/name").to_owned(), ValuesFile::InTree(path)));
    }
    options.include_crds &= !says("skipCrds");
    options.skip_tests |= says("skipTests");
    options.skip_schema_validation |= says("skipSchemaValidation");
    options.api_versions.extend(list("apiVersions").iter().filter_map(Value::as_str).map(str::to_owned));
    if let Some(version) = helm.get("kubeVersion").and_then(Value::as_str).filter(|text| !text.is_empty()) {
        options.kube_version = Some(version.to_owned());
    }
    Ok(options)
}

/// The path of a values file: relative to the source's folder, to the repository if it begins with `/`, or to the
/// repository of another source by its `ref`. `None` if that is another repository.
fn value_file(
    world: &World<'_>,
    app: &Application,
    name: &str,
    folder: &TreePath,
) -> Result<Option<TreePath>> {
    let outside = || format!("the values file {name} lies outside of the repository");
    if let Some(rest) = name.strip_prefix('$') {
        let (reference, path) = rest.split_once('/').unwrap_or((rest, ""));
        let other = app.sources.iter().find(|source| text_at(source, "/ref") == reference);
        let other = other.with_context(|| format!("no source of the app has the ref {reference}"))?;
        if !is_own(world.repository, text_at(other, "/repoURL")) {
            return Ok(None);
        }
        return Ok(Some(TreePath::new(path).with_context(outside)?));
    }
    if name.contains("://") {
        return Ok(None);
    }
    match name.strip_prefix('/') {
        Some(path) => Ok(Some(TreePath::new(path).with_context(outside)?)),
        None => Ok(Some(folder.join(name).with_context(outside)?)),
    }
}

/// Replaces Argo CD's own variables in a text, as `$NAME` and `${NAME}`.
fn substituted(text: &str, app: &Application, folder: &TreePath) -> String {
    let mut text = text.to_owned();
    for (name, value) in [
        ("ARGOCD_APP_NAMESPACE", app.namespace.as_str()),
        ("ARGOCD_APP_NAME", &app.release),
        ("ARGOCD_APP_PROJECT_NAME", &app.project),
        ("ARGOCD_APP_SOURCE_PATH", folder.as_str()),
    ] {
        text = text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    text
}
