//! Loads the chart of a request, and determines its subcharts and values.

use super::missing::{self, Wanted};
use crate::capabilities::Capabilities;
use crate::chart::{self, ChartId, Charts, Crd};
use crate::error::{Error, Result};
use crate::objects;
use crate::request::{Filler, TemplateRequest};
use crate::values::{self, Coalesce, Nulls};
use crate::versions;
use keyfill_diag::Cx;
use keyfill_files::{Fetch, Files};
use keyfill_template::value::Map;

/// The most bytes that the name of a release may have.
const LONGEST_NAME: usize = 53;

/// A chart that is ready for its templates to run.
pub(super) struct Prepared {
    pub(super) charts: Charts,
    pub(super) root: ChartId,
    /// `.Release`, `.Capabilities` and `.Values` of the root chart.
    pub(super) top: Map,
    pub(super) warnings: Vec<String>,
}

impl Prepared {
    /// The CRDs, if the request includes them.
    pub(super) fn crds(&self, request: &TemplateRequest) -> Result<Vec<Crd>> {
        if request.include_crds { self.charts.crds(self.root) } else { Ok(Vec::new()) }
    }
}

/// Loads the chart and determines its subcharts and values. The checks have helm's order, so that of several
/// errors the same one is reported.
pub(super) fn prepare(
    files: &dyn Files,
    request: &TemplateRequest,
    fetch: &dyn Fetch,
    cx: &Cx,
) -> Result<Prepared> {
    let capabilities =
        Capabilities::new(request.kube_version.as_deref(), &request.api_versions, request.helm)?;
    let mut given = values::user_values(files, request, cx)?;
    let (mut charts, root) = chart::load_root(files, request, cx)?;
    if let Some(Filler(fill)) = &request.fill {
        given = values::filled(given, &**fill, cx)?;
        let own = values::filled(charts.chart(root).values.clone(), &**fill, cx)?;
        charts.chart_mut(root).values = own;
    }
    let mut warnings = std::mem::take(&mut charts.warnings);
    check_installable(&charts, root, &mut warnings)?;
    let wanted = Wanted { files, request, fetch, anew: false };
    missing::add(&mut charts, root, &wanted, cx, &mut warnings)?;
    check_release_name(&request.release_name)?;

    let given_by = |error: Error, charts: &Charts| {
        let own = charts.chart(root).place_of("values.yaml");
        values::where_given(error, files, request, &own)
    };
    values::process_dependencies(&mut charts, root, &given, request.helm, cx, &mut warnings)
        .map_err(|error| given_by(error, &charts))?;
    let merged = Coalesce::new(&charts, request.helm, &mut warnings, cx)
        .chart(root, &given, Nulls::Remove)
        .map_err(|error| given_by(error, &charts))?;
    if !request.skip_schema_validation {
        values::validate_schema(&charts, root, &merged, cx, &mut warnings)?;
    }
    check_kube_version(&charts, root, &capabilities)?;
    let top = objects::values(
        request.helm,
        vec![
            ("Release", objects::release(request).into()),
            ("Capabilities", objects::capabilities(capabilities)),
            ("Values", objects::as_values(request.helm, &merged).into()),
        ],
    );
    Ok(Prepared { charts, root, top, warnings })
}

fn check_installable(charts: &Charts, root: ChartId, warnings: &mut Vec<String>) -> Result<()> {
    let chart = charts.chart(root);
    if chart.metadata.is_library() {
        return Err(Error::render("library charts are not installable")
            .in_file(chart.place_of("Chart.yaml"))
            .hint("render the chart that depends on it"));
    }
    if chart.metadata.deprecated {
        warnings.push(format!("chart {} is deprecated", chart.metadata.name));
    }
    Ok(())
}

/// Checks the name of a release: letters, digits, `-` and `.`, as in names of Kubernetes objects.
fn check_release_name(name: &str) -> Result<()> {
    let part = |part: &str| {
        let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        ends(part.chars().next()) && ends(part.chars().last()) && part.chars().all(inner)
    };
    if name.is_empty() {
        return Err(Error::usage("the release has no name").hint("name it with --release-name"));
    }
    if name.len() > LONGEST_NAME || !name.split('.').all(part) {
        return Err(Error::usage(format!("release name {name:?} is invalid")).hint(format!(
            "use small letters, digits, `-` and `.`, a letter or digit at both ends, at most {LONGEST_NAME} characters"
        )));
    }
    Ok(())
}

fn check_kube_version(charts: &Charts, root: ChartId, capabilities: &Capabilities) -> Result<()> {
    let chart = charts.chart(root);
    let (wanted, ours) = (&chart.metadata.kube_version, &capabilities.kube_version.version);
    if wanted.is_empty() || versions::is_compatible(wanted, &capabilities.kube_version.numbers) {
        return Ok(());
    }
    let message =
        format!("chart requires kubeVersion: {wanted} which is incompatible with Kubernetes {ours}");
    Err(Error::render(message)
        .in_file(chart.place_of("Chart.yaml"))
        .at_path("kubeVersion")
        .hint("say which version your cluster has with --kube-version"))
}

#[cfg(test)]
mod tests {
    use super::check_release_name;

    #[test]
    fn release_names_are_checked_as_in_kubernetes() {
        for good in ["a", "my-release", "a.b-c.d", &"x".repeat(53)] {
            assert!(check_release_name(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", &"x".repeat(54)] {
            assert!(check_release_name(bad).is_err(), "{bad}");
        }
    }
}
