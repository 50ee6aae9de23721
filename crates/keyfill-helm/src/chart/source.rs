//! Where the charts that a chart depends on come from when they do not lie in `charts/`.

use super::folder::load_into;
use super::{ChartId, Charts, Dependency};
use crate::error::{Error, Result};
use crate::request::TemplateRequest;
use crate::versions;
use keyfill_diag::Cx;
use keyfill_files::Files;

/// A source of charts that are not vendored. Downloading ones would be another implementation.
pub(crate) trait Dependencies {
    /// Loads the chart that a requirement of the request's chart names; none where this source cannot have it.
    fn load(
        &self,
        charts: &mut Charts,
        files: &dyn Files,
        request: &TemplateRequest,
        dependency: &Dependency,
        cx: &Cx,
    ) -> Result<Option<ChartId>>;
}

/// `file://` repositories inside the tree; every other missing chart has to be vendored first.
pub(crate) struct Vendored;

impl Dependencies for Vendored {
    fn load(
        &self,
        charts: &mut Charts,
        files: &dyn Files,
        request: &TemplateRequest,
        dependency: &Dependency,
        cx: &Cx,
    ) -> Result<Option<ChartId>> {
        let Some(place) = dependency.repository.strip_prefix("file://") else { return Ok(None) };
        let Some(path) = request.root.join(place) else {
            let message = format!(
                "dependency {:?} has the repository {:?}, which lies outside the tree",
                dependency.name, dependency.repository
            );
            return Err(Error::render(message));
        };
        let id = load_into(charts, files, &path, request.helm, cx)?;
        let found = &charts.chart(id).metadata;
        if found.name != dependency.name || !versions::is_compatible(&dependency.version, &found.version) {
            let message = format!(
                "dependency {} {} is not what lies at {}: that is {} {}",
                dependency.name, dependency.version, dependency.repository, found.name, found.version
            );
            return Err(Error::render(message));
        }
        Ok(Some(id))
    }
}
