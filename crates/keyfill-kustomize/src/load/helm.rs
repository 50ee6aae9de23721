//! `helmGlobals`, `helmCharts` and the older `helmChartInflationGenerator`.

use super::decode::{Item, Object};
use super::spot::{Spot, Spotted};
use crate::error::Result;
use keyfill_yaml::{Text, Value};

/// `helmGlobals`: settings for all charts of a kustomization.
#[derive(Clone, Debug, Default)]
pub struct HelmGlobals {
    /// The folder that holds charts; `charts` when empty.
    pub chart_home: Text,
    /// A folder for helm's own configuration. It has no effect, since no helm process is started.
    pub config_home: Text,
}

/// One chart to render.
#[derive(Clone, Debug, Default)]
pub struct ChartEntry {
    /// Name of the chart, which is its folder in the chart home.
    pub name: Text,
    /// Version of the chart; empty for any.
    pub version: Text,
    /// Address of the repository that the chart is fetched from, or empty.
    pub repo: Text,
    /// Name of the release; empty for a generated one.
    pub release_name: Text,
    /// Namespace of the release, or empty.
    pub namespace: Text,
    /// Values files whose values override the first ones.
    pub additional_values_files: Vec<Spotted<Text>>,
    /// The values file that is used instead of the chart's own.
    pub values_file: Spotted<Text>,
    /// Values written in the kustomization.
    pub values_inline: Vec<(Text, Value)>,
    /// How inline values and the values file are combined: `merge`, `override` or `replace`.
    pub values_merge: Text,
    /// Whether custom resource definitions of the chart are rendered, too.
    pub include_crds: bool,
    /// Whether hooks are left out.
    pub skip_hooks: bool,
    /// API versions that the cluster has, besides the built-in ones.
    pub api_versions: Vec<Text>,
    /// Kubernetes version of the cluster, or empty.
    pub kube_version: Text,
    /// Template for the release's name, or empty.
    pub name_template: Text,
    /// Whether test hooks are left out.
    pub skip_tests: bool,
    /// Whether prereleases are allowed if no version is set.
    pub devel: bool,
    /// Whether the chart is fetched even if the tree holds it. The request sets this for all charts.
    pub anew: bool,
    /// Where the entry is written.
    pub spot: Spot,
    /// Where its inline values are written.
    pub values_spot: Spot,
}

pub(super) const GLOBAL_FIELDS: [&str; 2] = ["chartHome", "configHome"];

pub(super) const CHART_FIELDS: [&str; 17] = [
    "name",
    "version",
    "repo",
    "releaseName",
    "namespace",
    "additionalValuesFiles",
    "valuesFile",
    "valuesInline",
    "valuesMerge",
    "includeCRDs",
    "skipHooks",
    "apiVersions",
    "kubeVersion",
    "nameTemplate",
    "skipTests",
    "debug",
    "devel",
];

const OLD_FIELDS: [&str; 13] = [
    "chartName",
    "chartVersion",
    "chartRepoUrl",
    "chartHome",
    "chartRepoName",
    "helmBin",
    "helmHome",
    "values",
    "valuesLocal",
    "valuesMerge",
    "releaseName",
    "releaseNamespace",
    "extraArgs",
];

/// Decodes `helmGlobals`.
pub fn decode_globals(item: &Item) -> Result<HelmGlobals> {
    decode_global_fields(&item.object(&GLOBAL_FIELDS)?)
}

/// Decodes the fields of `helmGlobals` from any mapping that has them.
pub fn decode_global_fields(object: &Object) -> Result<HelmGlobals> {
    Ok(HelmGlobals { chart_home: object.text("chartHome")?, config_home: object.text("configHome")? })
}

/// Decodes one entry of `helmCharts`.
pub fn decode_chart(item: &Item) -> Result<ChartEntry> {
    decode_chart_fields(&item.object(&CHART_FIELDS)?)
}

/// Decodes the fields of a chart entry from any mapping that has them.
pub fn decode_chart_fields(object: &Object) -> Result<ChartEntry> {
    // `debug` changes helm's own messages: it is checked, and has no effect here.
    object.get("debug").boolean()?;
    Ok(ChartEntry {
        name: object.text("name")?,
        version: object.text("version")?,
        repo: object.text("repo")?,
        release_name: object.text("releaseName")?,
        namespace: object.text("namespace")?,
        additional_values_files: object.get("additionalValuesFiles").spotted_texts()?,
        values_file: object.spotted("valuesFile")?,
        values_inline: decode_values(&object.get("valuesInline"))?,
        values_merge: object.text("valuesMerge")?,
        include_crds: object.get("includeCRDs").boolean()?,
        skip_hooks: object.get("skipHooks").boolean()?,
        api_versions: object.get("apiVersions").texts()?,
        kube_version: object.text("kubeVersion")?,
        name_template: object.text("nameTemplate")?,
        skip_tests: object.get("skipTests").boolean()?,
        devel: object.get("devel").boolean()?,
        anew: false,
        spot: object.item().spot(),
        values_spot: object.get("valuesInline").spot(),
    })
}

fn decode_values(item: &Item) -> Result<Vec<(Text, Value)>> {
    match item.value() {
        Value::Null => Ok(Vec::new()),
        Value::Map(entries) => Ok(entries.clone()),
        _ => Err(item.error("expected a mapping of values")),
    }
}

/// Decodes the entries of `helmChartInflationGenerator`: charts and globals. Of several globals the last ones
/// count.
pub fn decode_old(item: &Item) -> Result<(Vec<ChartEntry>, HelmGlobals)> {
    let mut globals = HelmGlobals::default();
    let mut charts = Vec::new();
    for entry in item.items()? {
        let object = entry.object(&OLD_FIELDS)?;
        let (home, config) = (object.text("chartHome")?, object.text("helmHome")?);
        if !home.is_empty() {
            globals.chart_home = home;
        }
        if !config.is_empty() {
            globals.config_home = config;
        }
        for unused in ["chartRepoName", "helmBin", "releaseNamespace"] {
            object.text(unused)?;
        }
        object.get("extraArgs").texts()?;
        charts.push(ChartEntry {
            name: object.text("chartName")?,
            version: object.text("chartVersion")?,
            repo: object.text("chartRepoUrl")?,
            values_file: object.spotted("values")?,
            values_inline: decode_values(&object.get("valuesLocal"))?,
            values_merge: object.text("valuesMerge")?,
            release_name: object.text("releaseName")?,
            spot: entry.spot(),
            values_spot: object.get("valuesLocal").spot(),
            ..ChartEntry::default()
        });
    }
    Ok((charts, globals))
}
