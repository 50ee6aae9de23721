//! Where the charts that a chart depends on come from when they do not lie in `charts/`.

use super::folder::load_into;
use super::{ChartId, Charts, Dependency};
use crate::error::{Error, Result};
use crate::versions;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};

/// A source of charts that are not vendored. Downloading ones would be another implementation.
pub(crate) trait Dependencies {
    /// Loads the chart that a requirement names. `chart` is the folder of the chart that requires it.
    fn load(
        &self,
        charts: &mut Charts,
        files: &dyn Files,
        chart: &TreePath,
        dependency: &Dependency,
        cx: &Cx,
    ) -> Result<ChartId>;
}

/// `file://` repositories inside the tree; every other missing chart has to be vendored first.
pub(crate) struct Vendored;

impl Dependencies for Vendored {
    fn load(
        &self,
        charts: &mut Charts,
        files: &dyn Files,
        chart: &TreePath,
        dependency: &Dependency,
        cx: &Cx,
    ) -> Result<ChartId> {
        let Some(place) = dependency.repository.strip_prefix("file://") else {
            return Err(missing(chart, dependency).unsupported());
        };
        let Some(path) = chart.join(place) else {
            let message = format!(
                "dependency {:?} has the repository {:?}, which lies outside the tree",
                dependency.name, dependency.repository
            );
            return Err(Error::render(message).in_file(chart_yaml(chart)));
        };
        let id = load_into(charts, files, &path, cx)?;
        let found = &charts.chart(id).metadata;
        if found.name != dependency.name || !versions::is_compatible(&dependency.version, &found.version) {
            let message = format!(
                "dependency {} {} is not what lies at {}: that is {} {}",
                dependency.name, dependency.version, dependency.repository, found.name, found.version
            );
            return Err(Error::render(message).in_file(chart_yaml(chart)));
        }
        Ok(id)
    }
}

fn missing(chart: &TreePath, dependency: &Dependency) -> Error {
    let from = match dependency.repository.as_str() {
        "" => "no repository".to_owned(),
        repository => format!("repository {repository}"),
    };
    let message = format!(
        "the chart needs {} {} ({from}), which is missing in its charts/ folder",
        dependency.name, dependency.version
    );
    Error::render(message)
        .in_file(chart_yaml(chart))
        .hint(format!("run `helm dependency build {chart}` and commit the charts/ folder"))
}

fn chart_yaml(chart: &TreePath) -> String {
    chart.join("Chart.yaml").unwrap_or_else(|| chart.clone()).to_string()
}
