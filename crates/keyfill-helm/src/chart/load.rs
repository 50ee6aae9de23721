//! Builds a chart from its files, which come from a folder or an archive.

use super::archive::{self, Budget};
use super::lock::Lock;
use super::{Chart, ChartFile, ChartId, Charts, Metadata};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use crate::values;
use keyfill_diag::Cx;
use keyfill_yaml::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The deepest nesting of subcharts.
const DEEPEST: u32 = 64;

/// Loads charts into `charts`, within a budget.
pub(super) struct Loader<'a> {
    pub(super) charts: &'a mut Charts,
    pub(super) cx: &'a Cx,
    pub(super) helm: HelmCompat,
    pub(super) budget: Budget,
}

/// The files of a chart by purpose.
#[derive(Default)]
struct Sorted {
    templates: Vec<ChartFile>,
    files: Vec<ChartFile>,
    /// The files below `charts/`, grouped by the first part of their path. Their names include that part.
    subcharts: BTreeMap<String, Vec<ChartFile>>,
}

impl Loader<'_> {
    /// Loads the chart that consists of these files, with its subcharts. `origin` is the path of its folder or
    /// archive.
    pub(super) fn load(&mut self, files: Vec<ChartFile>, origin: &str, depth: u32) -> Result<ChartId> {
        if depth > DEEPEST {
            return Err(Error::render(format!("charts are nested more than {DEEPEST} deep")).in_file(origin));
        }
        self.cx.check().map_err(Error::stopped)?;
        let mut metadata = self.chart_yaml(&files, origin)?;
        let mut values = None;
        let mut schema = None;
        let mut sorted = Sorted::default();
        let mut lock = None;
        for file in files {
            match file.name.as_str() {
                "Chart.yaml" => {}
                "Chart.lock" => lock = Some(self.lock(&file, origin)?),
                "values.yaml" => values = Some(self.values_yaml(&file, origin)?),
                "values.schema.json" => schema = Some(file.content()?),
                "requirements.yaml" | "requirements.lock" => {
                    if file.name == "requirements.lock" {
                        lock = Some(self.lock(&file, origin)?);
                    }
                    self.helm2_file(file, &mut metadata, &mut sorted, origin)?;
                }
                _ => sorted.add(file),
            }
        }
        let Some(mut metadata) = metadata else {
            return Err(Error::render("Chart.yaml file is missing").in_file(origin));
        };
        let in_chart_yaml = |e: Error| e.in_file("Chart.yaml").below(|file| join(origin, file));
        metadata.validate(self.charts).map_err(in_chart_yaml)?;
        let name = metadata.name.clone();
        let id = self.charts.add(Chart {
            metadata,
            values: values.unwrap_or_default(),
            schema,
            templates: Arc::from(sorted.templates),
            files: Arc::from(sorted.files),
            origin: Arc::from(origin),
            lock: lock.map(Arc::new),
            parent: None,
            children: Vec::new(),
        });
        let children = self.subcharts(sorted.subcharts, &name, origin, depth)?;
        self.charts.set_children(id, children);
        Ok(id)
    }

    fn lock(&self, file: &ChartFile, origin: &str) -> Result<Lock> {
        let document = self.yaml(file, origin)?;
        Lock::read(&document, &file.name).map_err(|e| {
            e.context(&format!("cannot load {}", file.name))
                .in_file(join(origin, &file.name))
                .hint("write it anew with `helm dependency update`")
        })
    }

    fn chart_yaml(&mut self, files: &[ChartFile], origin: &str) -> Result<Option<Metadata>> {
        let mut metadata = None;
        for file in files.iter().filter(|f| f.name == "Chart.yaml") {
            let document = self.yaml(file, origin)?;
            let target: &mut Metadata = metadata.get_or_insert_default();
            let wrong = |e: Error| e.context("cannot load Chart.yaml").in_file(join(origin, &file.name));
            target.read(&document, &file.name, self.charts).map_err(wrong)?;
            if target.api_version.is_empty() {
                target.api_version.push_str("v1");
            }
        }
        Ok(metadata)
    }

    /// Handles `requirements.yaml` or `requirements.lock`. Charts of `apiVersion: v1` keep these among their files.
    fn helm2_file(
        &mut self,
        file: ChartFile,
        metadata: &mut Option<Metadata>,
        sorted: &mut Sorted,
        origin: &str,
    ) -> Result<()> {
        let document = self.yaml(&file, origin)?;
        let target = metadata.get_or_insert_default();
        if target.api_version != "v1" {
            let place = join(origin, &file.name);
            self.charts
                .warnings
                .push(format!("{place}: a chart of apiVersion v2 names its dependencies in Chart.yaml"));
        }
        if file.name == "requirements.yaml" {
            let wrong =
                |e: Error| e.context("cannot load requirements.yaml").in_file(join(origin, &file.name));
            target.read(&document, &file.name, self.charts).map_err(wrong)?;
            target.in_requirements |= document.get("dependencies").is_some();
        }
        if target.api_version == "v1" {
            sorted.files.push(file);
        }
        Ok(())
    }

    fn values_yaml(&self, file: &ChartFile, origin: &str) -> Result<keyfill_template::value::Map> {
        let place = join(origin, &file.name);
        let named = values::File { what: "values.yaml", failed: "cannot load values.yaml", place: &place };
        let limits = (&self.cx.limits).into();
        values::of_chart(values::load_documents(&file.content()?, named, self.helm, &limits)?, self.cx)
    }

    fn yaml(&self, file: &ChartFile, origin: &str) -> Result<Value> {
        let content = file.content()?;
        keyfill_yaml::load_object(&content, &(&self.cx.limits).into()).map_err(|e| {
            let what = format!("cannot load {}", file.name);
            let place = join(origin, &file.name);
            values::unreadable(values::Text { text: &content, line: 0, what: &what, place: &place }, &e)
        })
    }

    /// Loads the charts below `charts/`, in the order of their names.
    fn subcharts(
        &mut self,
        groups: BTreeMap<String, Vec<ChartFile>>,
        parent: &str,
        origin: &str,
        depth: u32,
    ) -> Result<Vec<ChartId>> {
        let mut children = Vec::new();
        for (name, files) in groups {
            if name.starts_with(['_', '.']) {
                continue;
            }
            let place = join(origin, &format!("charts/{name}"));
            let doing = format!("error unpacking subchart {name} in {parent}");
            let loaded = if name.ends_with(".tgz") {
                self.archived(&name, &files, &place, depth)
            } else {
                let inner = files.into_iter().filter_map(|file| {
                    let (_, rest) = file.name.split_once('/')?;
                    Some(ChartFile { name: rest.to_owned(), data: file.data })
                });
                self.load(inner.collect(), &place, depth + 1)
            };
            children.push(loaded.map_err(|e| e.context(&doing).in_file(place))?);
        }
        Ok(children)
    }

    fn archived(&mut self, name: &str, files: &[ChartFile], place: &str, depth: u32) -> Result<ChartId> {
        match files {
            [file] if file.name == name => {
                let inner = archive::unpack(file.data.bytes(), &mut self.budget, self.cx)?;
                self.load(inner, place, depth + 1)
            }
            _ => Err(Error::render(format!("{name} is a folder, not an archive"))),
        }
    }
}

impl Sorted {
    fn add(&mut self, file: ChartFile) {
        if file.name.starts_with("templates/") {
            self.templates.push(file);
        } else if let Some(below) = file.name.strip_prefix("charts/") {
            if file.name.ends_with(".prov") {
                self.files.push(file);
                return;
            }
            let below = below.to_owned();
            let first = below.split('/').next().unwrap_or(&below).to_owned();
            self.subcharts.entry(first).or_default().push(ChartFile { name: below, data: file.data });
        } else {
            self.files.push(file);
        }
    }
}

/// Whether every rendering needs the file: to load the chart, or as a template. `path` is relative to the root
/// chart.
pub(super) fn is_needed(path: &str) -> bool {
    let mut path = path;
    while let Some(below) = path.strip_prefix("charts/") {
        match below.split_once('/') {
            Some((_, inner)) => path = inner,
            None => return below.ends_with(".tgz"),
        }
    }
    path.starts_with("templates/")
        || matches!(
            path,
            "Chart.yaml"
                | "Chart.lock"
                | "values.yaml"
                | "values.schema.json"
                | "requirements.yaml"
                | "requirements.lock"
        )
}

/// A file's path in the tree, for errors.
pub(super) fn join(origin: &str, name: &str) -> String {
    if origin.is_empty() || origin == "." { name.to_owned() } else { format!("{origin}/{name}") }
}
