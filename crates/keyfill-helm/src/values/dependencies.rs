//! Decides which subcharts are enabled, under which names, and imports the values that they export.

use super::coalesce::{Coalesce, Nulls};
use super::{copy_map, scalar_at, table_at};
use crate::chart::{ChartId, Charts, Dependency, DependencyId, ImportValues};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use crate::versions;
use keyfill_diag::Cx;
use keyfill_template::value::{Map, Value};
use std::collections::{HashMap, HashSet};

/// The most charts, copies for aliases included. Each alias copies a chart with all that it contains, so a few
/// levels of aliases would make millions.
const MOST_CHARTS: usize = 20_000;

/// Applies aliases, conditions and tags, then imports values from the bottom up.
pub(crate) fn process(
    charts: &mut Charts,
    root: ChartId,
    values: &Map,
    helm: HelmCompat,
    cx: &Cx,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let mut process = Process { charts, helm, cx, warnings };
    process.enable(root, values, "")?;
    process.import(root)
}

/// The charts while their subcharts and values are determined.
struct Process<'a> {
    charts: &'a mut Charts,
    helm: HelmCompat,
    cx: &'a Cx,
    warnings: &'a mut Vec<String>,
}

impl Process<'_> {
    fn coalesce(&mut self) -> Coalesce<'_> {
        Coalesce::new(self.charts, self.helm, self.warnings, self.cx)
    }

    fn enable(&mut self, id: ChartId, values: &Map, path: &str) -> Result<()> {
        self.cx.check().map_err(Error::stopped)?;
        if self.charts.len() > MOST_CHARTS {
            let message = format!("aliases make more than {MOST_CHARTS} charts of this one");
            return Err(Error::render(message).in_file(self.charts.chart(id).place_of("Chart.yaml")));
        }
        let Some(required) = self.charts.chart(id).metadata.dependencies.clone() else { return Ok(()) };
        let children = self.resolved(id, &required);
        self.charts.set_children(id, children);
        for dependency in &required {
            self.charts.dependency_mut(*dependency).enabled = true;
        }
        let values = self.coalesce().chart(id, values, Nulls::Remove)?;
        self.by_tags(&required, &values);
        self.by_conditions(&required, &values, path);

        let charts = &mut *self.charts;
        let off: HashSet<String> = required
            .iter()
            .map(|d| charts.dependency(*d))
            .filter(|d| !d.enabled)
            .map(|d| d.name.clone())
            .collect();
        let mut children = charts.chart(id).children.clone();
        children.retain(|child| !off.contains(&charts.chart(*child).metadata.name));
        let mut kept = required;
        kept.retain(|dependency| !off.contains(&charts.dependency(*dependency).name));

        for child in &children {
            let below = format!("{path}{}.", self.charts.chart(*child).metadata.name);
            self.enable(*child, &values, &below)?;
        }
        self.charts.chart_mut(id).metadata.dependencies = (!kept.is_empty()).then_some(kept);
        self.charts.set_children(id, children);
        Ok(())
    }

    /// The subcharts that the requirements select: first those that no requirement names, then one for each
    /// requirement that a chart satisfies. Requirements are renamed to their aliases.
    fn resolved(&mut self, id: ChartId, required: &[DependencyId]) -> Vec<ChartId> {
        let charts = &mut *self.charts;
        let present = charts.chart(id).children.clone();
        let mut by_name: HashMap<&str, Vec<ChartId>> = HashMap::new();
        for child in &present {
            by_name.entry(&charts.chart(*child).metadata.name).or_default().push(*child);
        }
        let mut taken = HashSet::new();
        let mut found = Vec::with_capacity(required.len());
        for dependency in required {
            let Dependency { name, version, .. } = charts.dependency(*dependency);
            let fits =
                |child: &&ChartId| versions::is_compatible(version, &charts.chart(**child).metadata.version);
            let fitting: Vec<ChartId> =
                by_name.get(name.as_str()).into_iter().flatten().filter(fits).copied().collect();
            taken.extend(fitting.iter().copied());
            found.push((*dependency, fitting.first().copied()));
        }
        let mut children: Vec<ChartId> =
            present.iter().copied().filter(|child| !taken.contains(child)).collect();
        for (dependency, child) in found {
            if let Some(child) = child {
                let copy = match self.helm {
                    HelmCompat::V3 => charts.add(charts.chart(child).clone()),
                    HelmCompat::V4 => charts.add_copy(child),
                };
                let name = charts.dependency(dependency).known_as().to_owned();
                charts.chart_mut(copy).metadata.name = name;
                children.push(copy);
            }
            let dependency = charts.dependency_mut(dependency);
            dependency.name = dependency.known_as().to_owned();
        }
        children
    }

    fn by_tags(&mut self, required: &[DependencyId], values: &Map) {
        let Some(tags) = table_at(values, "tags") else { return };
        for id in required {
            let dependency = self.charts.dependency_mut(*id);
            let (mut on, mut off) = (false, false);
            for tag in &dependency.tags {
                match tags.get(tag.as_bytes()) {
                    Some(Value::Bool(true)) => on = true,
                    Some(Value::Bool(false)) => off = true,
                    Some(_) => self
                        .warnings
                        .push(format!("tag {tag} of subchart {} is neither true nor false", dependency.name)),
                    None => {}
                }
            }
            dependency.enabled = on || !off;
        }
    }

    fn by_conditions(&mut self, required: &[DependencyId], values: &Map, path: &str) {
        for id in required {
            let dependency = self.charts.dependency_mut(*id);
            let conditions = dependency.condition.trim().to_owned();
            // The first path that leads to a boolean decides.
            for condition in conditions.split(',').filter(|c| !c.is_empty()) {
                match scalar_at(values, &format!("{path}{condition}")) {
                    Some(Value::Bool(on)) => {
                        dependency.enabled = on;
                        break;
                    }
                    Some(_) => {
                        let name = &dependency.name;
                        self.warnings.push(format!(
                            "condition {condition} of subchart {name} is neither true nor false"
                        ));
                    }
                    None => {}
                }
            }
        }
    }

    fn import(&mut self, id: ChartId) -> Result<()> {
        for child in self.charts.chart(id).children.clone() {
            self.import(child)?;
        }
        let Some(required) = self.charts.chart(id).metadata.dependencies.clone() else { return Ok(()) };
        let mut values = self.coalesce().chart(id, &Map::new(), Nulls::Keep)?;
        let imported = Map::new();
        for dependency in &required {
            self.import_from(*dependency, &values, &imported)?;
        }
        if !imported.is_empty() {
            // The imported values still share maps with `values`.
            values = copy_map(&values);
            self.coalesce().share(&values, &imported);
        }
        self.charts.chart_mut(id).values = values;
        Ok(())
    }

    fn import_from(&mut self, id: DependencyId, values: &Map, imported: &Map) -> Result<()> {
        let dependency = self.charts.dependency_mut(id);
        let name = dependency.name.clone();
        let entries = std::mem::take(&mut dependency.import_values);
        let mut taken = Vec::with_capacity(entries.len());
        for entry in entries {
            self.cx.check().map_err(Error::stopped)?;
            let (child, parent) = match &entry {
                ImportValues::Written(keyfill_yaml::Value::Str(export)) => {
                    (format!("exports.{export}"), ".".to_owned())
                }
                ImportValues::Written(written @ keyfill_yaml::Value::Map(_)) => {
                    (named(written, "child"), named(written, "parent"))
                }
                ImportValues::Written(_) | ImportValues::Taken { .. } => continue,
            };
            match table_at(values, &format!("{name}.{child}")) {
                Some(table) => {
                    let table = if table.is_empty() { Map::new() } else { table };
                    self.coalesce().share(imported, &below(&parent, table));
                }
                None => {
                    self.warnings.push(format!("import-values of subchart {name}: it has no map {child}"));
                }
            }
            taken.push(ImportValues::Taken { child, parent });
        }
        self.charts.dependency_mut(id).import_values = taken;
        Ok(())
    }
}

/// An entry of an `import-values` mapping as text. helm prints a missing entry as `<nil>`.
fn named(written: &keyfill_yaml::Value, key: &str) -> String {
    written.get(key).and_then(crate::chart::text).unwrap_or_else(|| "<nil>".to_owned())
}

/// Nests a table in new maps, so that it is at a path of keys. `.` is the table itself.
fn below(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| [(key, inner)].into_iter().collect())
}
