//! A chart and its subcharts as loaded, before any template is executed.
//!
//! Charts refer to each other (a child to its parent, two aliases to the same requirements), and helm changes them
//! in place while it decides which subcharts are enabled. Here they are in one arena and refer to each other by
//! index, so that a change has the same effects as in helm.

mod archive;
mod decode;
mod folder;
mod ignore;
mod load;
mod lock;
mod metadata;

pub(crate) use decode::{Fields, text};
pub(crate) use folder::{load_archives, load_into, load_root, pack, unpack};
pub(crate) use metadata::{Dependency, ImportValues, Maintainer, Metadata};

use crate::error::{Error, Result};
use bytes::Bytes;
use keyfill_files::Later;
use keyfill_template::value::{Map, Str};
use std::sync::Arc;

/// The index of a chart in its [`Charts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChartId(usize);

/// The index of a requirement in its [`Charts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DependencyId(usize);

/// A file of a chart: its path and its content.
#[derive(Clone, Debug)]
pub(crate) struct ChartFile {
    /// The path, relative to the chart's folder.
    pub(crate) name: String,
    /// The content, which is read on first use: most files of a chart are never used.
    pub(crate) data: Later,
}

impl ChartFile {
    /// The content, without a byte order mark.
    pub(crate) fn content(&self) -> Result<Bytes> {
        self.data.get().map(without_bom).map_err(|e| Error::file(UNREADABLE, e))
    }

    /// The content as a template value that is read on first use. A file that cannot be read appears to be empty;
    /// [`Charts::check_read`] returns the error afterwards.
    pub(crate) fn deferred(&self) -> Str {
        struct Content(Later);
        impl AsRef<[u8]> for Content {
            fn as_ref(&self) -> &[u8] {
                let bytes = self.0.bytes();
                bytes.strip_prefix(BOM).unwrap_or(bytes)
            }
        }
        Str::deferred(Content(self.data.clone()))
    }
}

/// The message of errors about files of a chart that cannot be read.
const UNREADABLE: &str = "a file of the chart cannot be read";
/// The byte order mark, which helm removes.
const BOM: &[u8] = b"\xef\xbb\xbf";

fn without_bom(data: Bytes) -> Bytes {
    if data.starts_with(BOM) { data.slice(BOM.len()..) } else { data }
}

/// A chart.
#[derive(Clone)]
pub(crate) struct Chart {
    /// The content of `Chart.yaml`, changed by `requirements.yaml` and by aliases.
    pub(crate) metadata: Metadata,
    /// `values.yaml`. Read-only: changes are made to a copy.
    pub(crate) values: Map,
    /// `values.schema.json`.
    pub(crate) schema: Option<Bytes>,
    /// The files below `templates/`.
    pub(crate) templates: Arc<[ChartFile]>,
    /// The files that templates reach through `.Files`, CRDs among them.
    pub(crate) files: Arc<[ChartFile]>,
    /// The path of the chart's folder or archive in the tree, for errors.
    pub(crate) origin: Arc<str>,
    /// `Chart.lock` or `requirements.lock`: the versions to which the requirements were resolved.
    pub(crate) lock: Option<Arc<lock::Lock>>,
    /// The chart that has this chart as a subchart; none for the root.
    pub(crate) parent: Option<ChartId>,
    /// The subcharts, in order.
    pub(crate) children: Vec<ChartId>,
}

/// A file of custom resource definitions.
pub(crate) struct Crd {
    /// The path of the file as helm prints it.
    pub(crate) name: String,
    /// The path of the file in the tree.
    pub(crate) file: Arc<str>,
    /// The content of the file.
    pub(crate) data: Bytes,
}

/// A chart with all its subcharts and requirements.
#[derive(Default)]
pub(crate) struct Charts {
    charts: Vec<Chart>,
    dependencies: Vec<Dependency>,
    /// Warnings that helm would log while it loads the charts.
    pub(crate) warnings: Vec<String>,
}

impl Chart {
    /// The path of one of the chart's files in the tree, for errors.
    pub(crate) fn place_of(&self, name: &str) -> String {
        load::join(&self.origin, name)
    }
}

impl Charts {
    /// Adds a chart.
    pub(crate) fn add(&mut self, chart: Chart) -> ChartId {
        self.charts.push(chart);
        ChartId(self.charts.len() - 1)
    }

    /// Adds a copy of a chart, with copies of its requirements and subcharts.
    pub(crate) fn add_copy(&mut self, id: ChartId) -> ChartId {
        let mut copy = self.chart(id).clone();
        for dependency in copy.metadata.dependencies.iter_mut().flatten() {
            *dependency = self.add_dependency(self.dependency(*dependency).clone());
        }
        let children = copy.children.iter().map(|child| self.add(self.chart(*child).clone())).collect();
        let copy = self.add(copy);
        self.set_children(copy, children);
        copy
    }

    /// The number of charts, copies included.
    pub(crate) fn len(&self) -> usize {
        self.charts.len()
    }

    /// Adds a requirement.
    pub(crate) fn add_dependency(&mut self, dependency: Dependency) -> DependencyId {
        self.dependencies.push(dependency);
        DependencyId(self.dependencies.len() - 1)
    }

    /// The chart at an index.
    pub(crate) fn chart(&self, id: ChartId) -> &Chart {
        &self.charts[id.0]
    }

    /// The chart at an index, for changes.
    pub(crate) fn chart_mut(&mut self, id: ChartId) -> &mut Chart {
        &mut self.charts[id.0]
    }

    /// The requirement at an index.
    pub(crate) fn dependency(&self, id: DependencyId) -> &Dependency {
        &self.dependencies[id.0]
    }

    /// The requirement at an index, for changes.
    pub(crate) fn dependency_mut(&mut self, id: DependencyId) -> &mut Dependency {
        &mut self.dependencies[id.0]
    }

    /// Replaces a chart's subcharts, and makes the chart their parent.
    pub(crate) fn set_children(&mut self, id: ChartId, children: Vec<ChartId>) {
        for child in &children {
            self.charts[child.0].parent = Some(id);
        }
        self.charts[id.0].children = children;
    }

    /// The chart's path in helm's names of templates: `root/charts/sub`.
    pub(crate) fn full_path(&self, id: ChartId) -> String {
        let chart = self.chart(id);
        match chart.parent {
            Some(parent) => format!("{}/charts/{}", self.full_path(parent), chart.metadata.name),
            None => chart.metadata.name.clone(),
        }
    }

    /// Adds a subchart after the chart's other subcharts.
    pub(crate) fn add_child(&mut self, id: ChartId, child: ChartId) {
        self.charts[child.0].parent = Some(id);
        self.charts[id.0].children.push(child);
    }

    /// The CRD files of a chart and its subcharts, with the path that helm prints for each.
    pub(crate) fn crds(&self, id: ChartId) -> Result<Vec<Crd>> {
        let mut found = Vec::new();
        self.collect_crds(id, &mut found)?;
        Ok(found)
    }

    /// Returns an error if a file that templates used could not be read.
    pub(crate) fn check_read(&self) -> Result<()> {
        let mut files = self.charts.iter().flat_map(|chart| chart.files.iter());
        match files.find_map(|file| file.data.error()) {
            Some(error) => Err(Error::file(UNREADABLE, error.clone())),
            None => Ok(()),
        }
    }

    fn collect_crds(&self, id: ChartId, found: &mut Vec<Crd>) -> Result<()> {
        let chart = self.chart(id);
        let base = self.full_path(id);
        for file in chart.files.iter().filter(|f| f.name.starts_with("crds/") && is_manifest(&f.name)) {
            found.push(Crd {
                name: format!("{base}/{}", file.name),
                file: Arc::from(chart.place_of(&file.name)),
                data: file.content()?,
            });
        }
        chart.children.iter().try_for_each(|child| self.collect_crds(*child, found))
    }
}

/// Whether a file in `crds/` counts as a manifest, by its extension.
fn is_manifest(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rsplit_once('.')
        .is_some_and(|(_, ext)| ["yaml", "yml", "json"].iter().any(|known| ext.eq_ignore_ascii_case(known)))
}
