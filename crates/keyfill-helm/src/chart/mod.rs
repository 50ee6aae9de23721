//! A chart and its subcharts, as they were read and before any template runs.
//!
//! Charts refer to each other (a child to its parent, two aliases to the same requirements), and helm
//! changes them in place while it decides which subcharts are on. They lie in one arena here and refer to
//! each other by index, so that the same changes have the same effects.

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

/// A chart's place in its [`Charts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ChartId(usize);

/// A requirement's place in its [`Charts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DependencyId(usize);

/// A file of a chart: its path in the chart, and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct ChartFile {
    /// Relative to the chart's folder.
    pub(crate) name: String,
    /// The content. Most files of a chart are never looked at.
    pub(crate) data: Later,
}

impl ChartFile {
    /// The content, without a byte order mark.
    pub(crate) fn content(&self) -> Result<Bytes> {
        self.data.get().map(without_bom).map_err(|e| Error::file(UNREADABLE, e))
    }

    /// The content as a string of templates, which is read when a template looks at it. Where it cannot be
    /// read it seems empty: [`Charts::check_read`] tells afterwards.
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

/// What is wrong when a file of a chart cannot be read.
const UNREADABLE: &str = "a file of the chart cannot be read";
/// The byte order mark that helm drops.
const BOM: &[u8] = b"\xef\xbb\xbf";

fn without_bom(data: Bytes) -> Bytes {
    if data.starts_with(BOM) { data.slice(BOM.len()..) } else { data }
}

/// One chart.
#[derive(Clone)]
pub(crate) struct Chart {
    /// What `Chart.yaml` says, changed by `requirements.yaml` and by aliases.
    pub(crate) metadata: Metadata,
    /// `values.yaml`. Read only: it is copied before anything is changed.
    pub(crate) values: Map,
    /// `values.schema.json`.
    pub(crate) schema: Option<Bytes>,
    /// The files below `templates/`.
    pub(crate) templates: Arc<[ChartFile]>,
    /// The files that templates reach through `.Files`, CRDs among them.
    pub(crate) files: Arc<[ChartFile]>,
    /// Where the chart lies in the tree, for errors: a folder, or an archive.
    pub(crate) origin: Arc<str>,
    /// What its requirements were resolved to.
    pub(crate) lock: Option<Arc<lock::Lock>>,
    /// The chart that this one belongs to.
    pub(crate) parent: Option<ChartId>,
    /// The subcharts, in order.
    pub(crate) children: Vec<ChartId>,
}

/// A file of custom resource definitions.
pub(crate) struct Crd {
    /// Its path as helm prints it.
    pub(crate) name: String,
    /// Where it lies in the tree.
    pub(crate) file: Arc<str>,
    /// What it holds.
    pub(crate) data: Bytes,
}

/// A chart with all its subcharts and requirements.
#[derive(Default)]
pub(crate) struct Charts {
    charts: Vec<Chart>,
    dependencies: Vec<Dependency>,
    /// What helm would log while it loads: problems that do not stop it.
    pub(crate) warnings: Vec<String>,
}

impl Chart {
    /// Where a file of the chart lies in the tree, for errors.
    pub(crate) fn place_of(&self, name: &str) -> String {
        load::join(&self.origin, name)
    }
}

impl Charts {
    /// Puts a chart in.
    pub(crate) fn add(&mut self, chart: Chart) -> ChartId {
        self.charts.push(chart);
        ChartId(self.charts.len() - 1)
    }

    /// Puts a copy of a chart in, with requirements and subcharts of its own.
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

    /// How many charts there are, copies included.
    pub(crate) fn len(&self) -> usize {
        self.charts.len()
    }

    /// Puts a requirement in.
    pub(crate) fn add_dependency(&mut self, dependency: Dependency) -> DependencyId {
        self.dependencies.push(dependency);
        DependencyId(self.dependencies.len() - 1)
    }

    /// The chart at an index.
    pub(crate) fn chart(&self, id: ChartId) -> &Chart {
        &self.charts[id.0]
    }

    /// The chart at an index, to change it.
    pub(crate) fn chart_mut(&mut self, id: ChartId) -> &mut Chart {
        &mut self.charts[id.0]
    }

    /// The requirement at an index.
    pub(crate) fn dependency(&self, id: DependencyId) -> &Dependency {
        &self.dependencies[id.0]
    }

    /// The requirement at an index, to change it.
    pub(crate) fn dependency_mut(&mut self, id: DependencyId) -> &mut Dependency {
        &mut self.dependencies[id.0]
    }

    /// Replaces a chart's subcharts; each of them then belongs to it.
    pub(crate) fn set_children(&mut self, id: ChartId, children: Vec<ChartId>) {
        for child in &children {
            self.charts[child.0].parent = Some(id);
        }
        self.charts[id.0].children = children;
    }

    /// The chart's path as helm names its templates: `root/charts/sub`.
    pub(crate) fn full_path(&self, id: ChartId) -> String {
        let chart = self.chart(id);
        match chart.parent {
            Some(parent) => format!("{}/charts/{}", self.full_path(parent), chart.metadata.name),
            None => chart.metadata.name.clone(),
        }
    }

    /// Adds a subchart behind those that a chart has.
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

    /// Whether all that templates looked at could be read.
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

/// Whether a file in `crds/` counts as a manifest, by its ending.
fn is_manifest(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    base.rsplit_once('.')
        .is_some_and(|(_, ext)| ["yaml", "yml", "json"].iter().any(|known| ext.eq_ignore_ascii_case(known)))
}
