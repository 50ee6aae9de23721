//! `helmGlobals`, `helmCharts` and the older `helmChartInflationGenerator`.

use super::decode::{Item, Object};
use super::spot::{Spot, Spotted};
use crate::error::Result;
use keyfill_yaml::{Text, Value};

/// What holds for all charts of a kustomization.
#[derive(Clone, Debug, Default)]
pub struct HelmGlobals {
    /// The folder that holds charts; `charts` when empty.
    pub chart_home: Text,
    /// A folder for helm's own configuration; it has no meaning in process.
    pub config_home: Text,
}

/// One chart to render.
#[derive(Clone, Debug, Default)]
pub struct ChartEntry {
    /// Name of the chart: its folder in the chart home.
    pub name: Text,
    /// Version; empty for whatever lies there.
    pub version: Text,
    /// Where it can be fetched from.
    pub repo: Text,
    /// Name of the release; empty for a generated one.
    pub release_name: Text,
    /// Namespace of the release.
    pub namespace: Text,
    /// Further values files.
    pub additional_values_files: Vec<Spotted<Text>>,
    /// The values file in place of the chart's own.
    pub values_file: Spotted<Text>,
    /// Values written in the kustomization.
    pub values_inline: Vec<(Text, Value)>,
    /// `merge`, `override` or `replace`.
    pub values_merge: Text,
    /// Custom resource definitions too.
    pub include_crds: bool,
    /// No hooks.
    pub skip_hooks: bool,
    /// API versions that the cluster has.
    pub api_versions: Vec<Text>,
    /// Version of the cluster.
    pub kube_version: Text,
    /// Template for the release's name.
    pub name_template: Text,
    /// No tests.
    pub skip_tests: bool,
    /// Without a version, prereleases count too.
    pub devel: bool,
    /// It is fetched even when it lies in the tree: the request says so.
    pub anew: bool,
    /// Where the entry stands.
    pub spot: Spot,
    /// Where its inline values stand.
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

/// `helmGlobals`.
pub fn decode_globals(item: &Item) -> Result<HelmGlobals> {
    decode_global_fields(&item.object(&GLOBAL_FIELDS)?)
}

/// The fields of `helmGlobals`, wherever they stand.
pub fn decode_global_fields(object: &Object) -> Result<HelmGlobals> {
    Ok(HelmGlobals { chart_home: object.text("chartHome")?, config_home: object.text("configHome")? })
}

/// One entry of `helmCharts`.
pub fn decode_chart(item: &Item) -> Result<ChartEntry> {
    decode_chart_fields(&item.object(&CHART_FIELDS)?)
}

/// The fields of a chart entry, wherever they stand.
pub fn decode_chart_fields(object: &Object) -> Result<ChartEntry> {
    // Said for helm's own messages: checked, without effect here.
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

/// The entries of `helmChartInflationGenerator`: charts, and the globals that their last ones set.
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
