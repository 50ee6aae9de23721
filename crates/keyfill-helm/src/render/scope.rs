//! The templates of a chart, their order, and the dot of each.

use crate::chart::{Chart, ChartId, Charts};
use crate::error::Result;
use crate::objects::{self, ChartObject, FilesObject};
use crate::request::HelmCompat;
use crate::values::table_at;
use bytes::Bytes;
use keyfill_template::value::{ANY_MAP, Map};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One template file.
pub(super) struct Template {
    /// The template's name in helm: `chart/charts/sub/templates/x.yaml`.
    pub(super) name: String,
    /// The path of the file in the tree.
    pub(super) file: Arc<str>,
    /// The source text.
    pub(super) text: Bytes,
    /// The dot that all templates of a chart share.
    pub(super) dot: Map,
    /// `.Template.BasePath`
    base_path: String,
    helm: HelmCompat,
}

impl Template {
    /// Whether the file only defines templates for others: its name begins with `_`.
    pub(super) fn is_partial(&self) -> bool {
        base_name(&self.name).starts_with('_')
    }

    /// The dot, with `.Template` set for this file.
    pub(super) fn dot(&self) -> Map {
        let entries = vec![("Name", self.name.as_str().into()), ("BasePath", self.base_path.as_str().into())];
        self.dot.set("Template", objects::values(self.helm, entries));
        self.dot.clone()
    }
}

/// The templates of a chart and its subcharts, the deepest first, and within one depth in descending order of
/// names. So of two definitions with one name, the one nearest to the root is used.
pub(super) fn templates(
    charts: &Charts,
    root: ChartId,
    top: &Map,
    helm: HelmCompat,
) -> Result<Vec<Template>> {
    let mut collector = Collector { charts, helm, found: BTreeMap::new() };
    collector.chart(root, top)?;
    let mut templates: Vec<Template> = collector.found.into_values().collect();
    let depth = |t: &Template| t.name.bytes().filter(|b| *b == b'/').count();
    templates.sort_by(|a, b| depth(b).cmp(&depth(a)).then_with(|| b.name.cmp(&a.name)));
    Ok(templates)
}

/// Collects templates by their names.
struct Collector<'a> {
    charts: &'a Charts,
    helm: HelmCompat,
    found: BTreeMap<String, Template>,
}

impl Collector<'_> {
    /// Adds the templates of a chart and its subcharts, and returns the chart's dot. `above` is the parent's dot;
    /// for the root chart it has Release, Capabilities and Values.
    fn chart(&mut self, id: ChartId, above: &Map) -> Result<Map> {
        let chart = self.charts.chart(id);
        let is_root = chart.parent.is_none();
        let values = if is_root {
            above.get(b"Values")
        } else {
            table_at(above, &format!("Values.{}", chart.metadata.name))
                .map(|table| objects::as_values(self.helm, &table).into())
        };
        let subcharts = Map::new();
        let dot = objects::values(
            self.helm,
            vec![
                ("Chart", ChartObject::of(&chart.metadata, self.charts, is_root, self.helm)),
                ("Files", FilesObject::of(&chart.files).into()),
                ("Release", above.get(b"Release").unwrap_or_default()),
                ("Capabilities", above.get(b"Capabilities").unwrap_or_default()),
                ("Values", values.unwrap_or_else(|| objects::values(self.helm, Vec::new()).into())),
                ("Subcharts", subcharts.clone().into()),
            ],
        );
        for child in &chart.children {
            let inner = self.chart(*child, &dot)?;
            subcharts.set(self.charts.chart(*child).metadata.name.as_str(), inner.with_type(&ANY_MAP));
        }
        self.add(chart, &self.charts.full_path(id), &dot)?;
        Ok(dot)
    }

    fn add(&mut self, chart: &Chart, path: &str, dot: &Map) -> Result<()> {
        for file in chart.templates.iter() {
            if chart.metadata.is_library() && !base_name(&file.name).starts_with('_') {
                continue;
            }
            let name = format!("{path}/{}", file.name);
            let template = Template {
                name: name.clone(),
                file: Arc::from(chart.place_of(&file.name)),
                text: file.content()?,
                dot: dot.clone(),
                base_path: format!("{path}/templates"),
                helm: self.helm,
            };
            self.found.insert(name, template);
        }
        Ok(())
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
