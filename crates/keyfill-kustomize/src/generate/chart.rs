//! Rendering charts: a chart is found in the tree or fetched, rendered by an implementation of [`Charts`], and
//! its output is parsed as manifests.

use crate::error::{Error, Result};
use crate::load::{ChartEntry, HelmGlobals, Loader, objects_of};
use crate::merge;
use crate::outside::Outside;
use crate::resource::Resource;
use crate::schema::Schema;
use bytes::Bytes;
use keyfill_diag::{Class, Cx, Diagnostic, Remedy};
use keyfill_files::{ChartRef, Files, MemoryFiles, TreePath};
use keyfill_yaml::{Limits, Node, Text, TextPlace, Value, load_nodes_at, resolve, to_json, to_yaml};
use std::sync::Arc;

/// The arguments of one `helm template`.
#[derive(Clone, Debug)]
pub struct ChartRequest {
    /// The chart's folder in the tree.
    pub chart: TreePath,
    /// Name of the release; `None` for a generated one.
    pub release_name: Option<Text>,
    /// Namespace of the release, or empty.
    pub namespace: Text,
    /// A template for the release's name (`--name-template`), or empty.
    pub name_template: Text,
    /// Values files, as if given with `-f`: later ones override earlier ones.
    pub values: Vec<ChartValues>,
    /// API versions that the cluster has, besides the built-in ones.
    pub api_versions: Vec<Text>,
    /// Kubernetes version of the cluster, or empty for the default.
    pub kube_version: Text,
    /// Whether custom resource definitions of the chart are rendered, too.
    pub include_crds: bool,
    /// Whether test hooks are left out.
    pub skip_tests: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
}

/// Values for a chart, as YAML text.
#[derive(Clone, Debug)]
pub struct ChartValues {
    /// Path of the values file in the tree; `None` if the text is not the content of that file.
    pub file: Option<TreePath>,
    /// The YAML text.
    pub text: Bytes,
}

impl ChartValues {
    /// The values of a file that the kustomization names. If the file was decrypted, `file` is `None`, so that no
    /// error shows its lines.
    fn of(loader: &Loader, name: &str, text: Bytes) -> Self {
        let is_as_written = |file: &TreePath| loader.files().read(file).is_ok_and(|written| written == text);
        Self { file: loader.join(name).ok().filter(is_as_written), text }
    }
}

/// Why a chart could not be rendered.
#[derive(Clone, Debug)]
pub struct ChartError {
    /// What went wrong, with the place in the chart if it is known.
    pub diagnostic: Box<Diagnostic>,
    /// What the caller can do if no file can be corrected, for example render with the official tool.
    pub remedy: Remedy,
}

impl From<String> for ChartError {
    fn from(message: String) -> Self {
        Self { diagnostic: Box::new(Diagnostic::error(Class::Render, message)), remedy: Remedy::None }
    }
}

/// Renders charts for kustomizations.
///
/// ```
/// use keyfill_diag::Cx;
/// use keyfill_files::{Files, MemoryFiles};
/// use keyfill_kustomize::{BuildRequest, ChartError, ChartRequest, Charts, Outside, build};
///
/// struct OneMap;
///
/// impl Charts for OneMap {
///     fn inflate(&self, _: &dyn Files, chart: &ChartRequest, _: &Cx) -> Result<Vec<u8>, ChartError> {
///         let name = chart.release_name.as_deref().unwrap_or("release-name");
///         Ok(format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n").into_bytes())
///     }
///
///     fn unpack(&self, _: &[u8], _: &Cx) -> Result<MemoryFiles, ChartError> {
///         Err("all charts lie in the tree".to_owned().into())
///     }
/// }
///
/// let files: MemoryFiles = [
///     ("kustomization.yaml", "helmCharts: [{name: web, releaseName: shop}]\n"),
///     ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
///     ("charts/web/values.yaml", ""),
/// ]
/// .into_iter()
/// .collect();
/// let request = BuildRequest { enable_helm: true, ..BuildRequest::default() };
/// let outside = Outside { charts: &OneMap, ..Outside::default() };
/// let built = build(&files, &request, outside, &Cx::default())?;
/// assert!(built.text().ends_with(b"name: shop\n"));
/// # Ok::<(), keyfill_kustomize::Error>(())
/// ```
pub trait Charts: Sync {
    /// Renders a chart and returns the text that `helm template` prints.
    fn inflate(&self, files: &dyn Files, request: &ChartRequest, cx: &Cx) -> Result<Vec<u8>, ChartError>;

    /// Unpacks a chart's archive and returns the files that `helm pull --untar` writes into the chart's folder.
    fn unpack(&self, archive: &[u8], cx: &Cx) -> Result<MemoryFiles, ChartError>;
}

/// Renders no charts: each of them is an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCharts;

impl Charts for NoCharts {
    fn inflate(&self, _: &dyn Files, request: &ChartRequest, _: &Cx) -> Result<Vec<u8>, ChartError> {
        Err(format!("nothing here renders the chart {}", request.chart).into())
    }

    fn unpack(&self, _: &[u8], _: &Cx) -> Result<MemoryFiles, ChartError> {
        Err("nothing here unpacks charts".to_owned().into())
    }
}

/// Renders one chart and returns its objects.
pub fn chart(
    loader: &Loader,
    outside: Outside<'_>,
    globals: &HelmGlobals,
    entry: &ChartEntry,
    schema: &Schema,
) -> Result<Vec<Resource>> {
    if entry.name.is_empty() {
        return Err(Error::new("chart name cannot be empty").at_spot(&entry.spot.field("name")));
    }
    let home = if globals.chart_home.is_empty() { "charts" } else { globals.chart_home.as_str() };
    let below = if entry.version.is_empty() || entry.repo.is_empty() {
        format!("{home}/{}", entry.name)
    } else {
        format!("{home}/{0}-{1}/{0}", entry.name, entry.version)
    };
    let folder = loader.join(&below)?;
    let additional = entry
        .additional_values_files
        .iter()
        .map(|path| {
            let loaded =
                values_file(loader, outside, path).map(|(text, _)| ChartValues::of(loader, path, text));
            loaded.map_err(|e| e.context("could not load additionalValuesFile").at_spot(&path.spot))
        })
        .collect::<Result<Vec<_>>>()?;
    if !matches!(entry.values_merge.as_str(), "" | "merge" | "override" | "replace") {
        return Err(Error::new(format!("valuesMerge \"{}\" is not known", entry.values_merge))
            .at_spot(&entry.spot.field("valuesMerge"))
            .hint("valuesMerge must be one of merge, override, replace"));
    }
    let is_there = loader.files().is_dir(&folder);
    if !is_there || entry.anew && !entry.repo.is_empty() && loader.is_in_tree() {
        let chart = fetched(loader, outside, entry, &folder)?;
        loader.files().mount(&folder, Arc::new(chart));
    }
    let first_file = if entry.values_file.is_empty() {
        format!("{below}/values.yaml")
    } else {
        entry.values_file.to_string()
    };
    let first = first_values(loader, outside, entry, &first_file, schema);
    let mut values = vec![first.map_err(|e| e.at_spot(&entry.values_file.spot))?];
    values.extend(additional);
    let request = ChartRequest {
        chart: folder,
        release_name: (!entry.release_name.is_empty()).then(|| entry.release_name.clone()),
        namespace: entry.namespace.clone(),
        name_template: entry.name_template.clone(),
        values,
        api_versions: entry.api_versions.clone(),
        kube_version: entry.kube_version.clone(),
        include_crds: entry.include_crds,
        skip_tests: entry.skip_tests,
        skip_hooks: entry.skip_hooks,
    };
    let text = outside
        .charts
        .inflate(loader.files(), &request, loader.cx())
        .map_err(|e| Error::of_chart(e).context(format!("the chart {} could not be rendered", entry.name)))?;
    let limits = Limits::from(loader.cx());
    // What a chart renders to is in no file, so errors name the entry of the chart.
    let place = TextPlace::line(entry.spot.location());
    let nodes = objects_of(place, &text, &limits)
        .map_err(|e| e.context(format!("what the chart {} renders to", entry.name)))?;
    let made = nodes.into_iter().map(|node| {
        let mut resource = Resource::new(node, schema);
        resource.memory.from_chart = true;
        resource
    });
    Ok(made.collect())
}

/// Fetches a chart that is not in the tree: the files that `helm pull --untar` would write into `folder`.
fn fetched(
    loader: &Loader,
    outside: Outside<'_>,
    entry: &ChartEntry,
    folder: &TreePath,
) -> Result<MemoryFiles> {
    if entry.repo.is_empty() {
        return Err(Error::new(format!("no repo specified for pull, no chart found at '{folder}'"))
            .at_spot(&entry.spot.field("name")));
    }
    // Without a version, `devel` allows prereleases, too.
    let version = match (entry.version.as_str(), entry.devel) {
        ("", true) => ">0.0.0-0",
        (version, _) => version,
    };
    let want = ChartRef {
        repository: entry.repo.to_string(),
        name: entry.name.to_string(),
        version: version.to_owned(),
    };
    let chart = outside.fetch.chart(&want, loader.cx()).map_err(|error| {
        let vendor = format!("put the chart in {folder} (`helm pull --untar`)");
        let advice = error.help().map_or(vendor, str::to_owned);
        Error::of_fetch(&error).hint(advice)
    })?;
    if loader.is_in_tree() {
        outside.fetch.placed(folder, &chart);
    }
    outside.charts.unpack(&chart.archive, loader.cx()).map_err(|e| {
        Error::of_chart(e).context(format!("the archive of the chart {} {}", entry.name, chart.version))
    })
}

/// The text of a values file, decrypted if it is encrypted.
fn values_file(loader: &Loader, outside: Outside<'_>, path: &str) -> Result<(Bytes, TextPlace)> {
    let (file, text, place) = loader.load_manifest(path)?;
    if !outside.decrypt.is_encrypted(file.as_str(), &text) {
        return Ok((text, place));
    }
    let plain = outside.decrypt.decrypt(file.as_str(), &text, loader.cx());
    Ok((plain.map_err(|e| Error::of_decrypt(&e))?, place))
}

/// The values file merged with the inline values, as `valuesMerge` says.
fn first_values(
    loader: &Loader,
    outside: Outside<'_>,
    entry: &ChartEntry,
    first_file: &str,
    schema: &Schema,
) -> Result<ChartValues> {
    if entry.values_inline.is_empty() {
        let (text, _) = values_file(loader, outside, first_file)?;
        return Ok(ChartValues::of(loader, first_file, text));
    }
    let inline = Value::Map(entry.values_inline.clone());
    if entry.values_merge == "replace" {
        return Ok(ChartValues { file: None, text: to_yaml(&inline).into() });
    }
    let limits = Limits::from(loader.cx());
    let (text, place) = values_file(loader, outside, first_file)?;
    let read = |text: &[u8], place: TextPlace| -> Result<Node> {
        let nodes = load_nodes_at(text, place, &limits).map_err(|e| Error::yaml_at(place, &e))?;
        Ok(nodes.into_iter().next().unwrap_or_else(Node::map))
    };
    let of_file = read(&text, place)?;
    let mut of_kustomization = read(&to_json(&inline), TextPlace::line(entry.values_spot.location()))?;
    entry.values_spot.locate(&mut of_kustomization);
    let (mut under, over) =
        if entry.values_merge == "merge" { (of_kustomization, of_file) } else { (of_file, of_kustomization) };
    merge::strategic(&mut under, &over, schema, loader.cx())
        .map_err(|e| e.named().context(format!("could not merge the values of the chart {}", entry.name)))?;
    let merged = resolve(&under).map_err(|e| Error::of_yaml(&e))?;
    Ok(ChartValues { file: None, text: to_yaml(&merged).into() })
}
