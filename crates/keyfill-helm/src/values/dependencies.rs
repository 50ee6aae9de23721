//! Decides which subcharts are on, under which names, and takes over the values that they export.

use super::coalesce::{Coalesce, Nulls};
use super::{copy_map, scalar_at, table_at};
use crate::chart::{ChartId, Charts, DependencyId, ImportValues};
use crate::error::Result;
use crate::versions;
use keyfill_template::value::{Map, Value};

/// Applies aliases, conditions and tags, then imports values from the bottom up.
pub(crate) fn process(
    charts: &mut Charts,
    root: ChartId,
    values: &Map,
    warnings: &mut Vec<String>,
) -> Result<()> {
    enable(charts, root, values, "", warnings)?;
    import(charts, root, warnings)
}

fn enable(
    charts: &mut Charts,
    id: ChartId,
    values: &Map,
    path: &str,
    warnings: &mut Vec<String>,
) -> Result<()> {
    let Some(required) = charts.chart(id).metadata.dependencies.clone() else { return Ok(()) };
    let children = resolved(charts, id, &required);
    charts.set_children(id, children);
    for dependency in &required {
        charts.dependency_mut(*dependency).enabled = true;
    }
    let values = Coalesce::new(charts, warnings).chart(id, values, Nulls::Remove)?;
    by_tags(charts, &required, &values, warnings);
    by_conditions(charts, &required, &values, path, warnings);

    let off: Vec<String> = required
        .iter()
        .map(|d| charts.dependency(*d))
        .filter(|d| !d.enabled)
        .map(|d| d.name.clone())
        .collect();
    let is_on = |name: &String| !off.contains(name);
    let mut children = charts.chart(id).children.clone();
    children.retain(|child| is_on(&charts.chart(*child).metadata.name));
    let mut kept = required;
    kept.retain(|dependency| is_on(&charts.dependency(*dependency).name));

    for child in &children {
        let below = format!("{path}{}.", charts.chart(*child).metadata.name);
        enable(charts, *child, &values, &below, warnings)?;
    }
    charts.chart_mut(id).metadata.dependencies = (!kept.is_empty()).then_some(kept);
    charts.set_children(id, children);
    Ok(())
}

/// The subcharts by the requirements: those that no requirement names, then one for each requirement
/// that a chart fits. From here on a requirement goes by its alias.
fn resolved(charts: &mut Charts, id: ChartId, required: &[DependencyId]) -> Vec<ChartId> {
    let present = charts.chart(id).children.clone();
    let fits = |charts: &Charts, child: ChartId, dependency: DependencyId| {
        let (chart, dependency) = (&charts.chart(child).metadata, charts.dependency(dependency));
        chart.name == dependency.name && versions::is_compatible(&dependency.version, &chart.version)
    };
    let mut children: Vec<ChartId> =
        present.iter().copied().filter(|child| !required.iter().any(|d| fits(charts, *child, *d))).collect();
    for dependency in required {
        if let Some(child) = present.iter().find(|child| fits(charts, **child, *dependency)) {
            let mut copy = charts.chart(*child).clone();
            copy.metadata.name = charts.dependency(*dependency).known_as().to_owned();
            children.push(charts.add(copy));
        }
        let dependency = charts.dependency_mut(*dependency);
        dependency.name = dependency.known_as().to_owned();
    }
    children
}

fn by_tags(charts: &mut Charts, required: &[DependencyId], values: &Map, warnings: &mut Vec<String>) {
    let Some(tags) = table_at(values, "tags") else { return };
    for id in required {
        let dependency = charts.dependency_mut(*id);
        let (mut on, mut off) = (false, false);
        for tag in &dependency.tags {
            match tags.get(tag.as_bytes()) {
                Some(Value::Bool(true)) => on = true,
                Some(Value::Bool(false)) => off = true,
                Some(_) => warnings
                    .push(format!("tag {tag} of subchart {} is neither true nor false", dependency.name)),
                None => {}
            }
        }
        dependency.enabled = on || !off;
    }
}

fn by_conditions(
    charts: &mut Charts,
    required: &[DependencyId],
    values: &Map,
    path: &str,
    warnings: &mut Vec<String>,
) {
    for id in required {
        let dependency = charts.dependency_mut(*id);
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
                    warnings
                        .push(format!("condition {condition} of subchart {name} is neither true nor false"));
                }
                None => {}
            }
        }
    }
}

fn import(charts: &mut Charts, id: ChartId, warnings: &mut Vec<String>) -> Result<()> {
    for child in charts.chart(id).children.clone() {
        import(charts, child, warnings)?;
    }
    let Some(required) = charts.chart(id).metadata.dependencies.clone() else { return Ok(()) };
    let mut values = Coalesce::new(charts, warnings).chart(id, &Map::new(), Nulls::Keep)?;
    let imported = Map::new();
    for dependency in &required {
        import_from(charts, *dependency, &values, &imported, warnings);
    }
    if !imported.is_empty() {
        // What was imported still refers to maps of `values`.
        values = copy_map(&values);
        Coalesce::new(charts, warnings).share(&values, &imported);
    }
    charts.chart_mut(id).values = values;
    Ok(())
}

fn import_from(
    charts: &mut Charts,
    id: DependencyId,
    values: &Map,
    imported: &Map,
    warnings: &mut Vec<String>,
) {
    let dependency = charts.dependency_mut(id);
    let name = dependency.name.clone();
    let entries = std::mem::take(&mut dependency.import_values);
    let mut taken = Vec::with_capacity(entries.len());
    for entry in entries {
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
                Coalesce::new(charts, warnings).share(imported, &below(&parent, table));
            }
            None => warnings.push(format!("import-values of subchart {name}: it has no map {child}")),
        }
        taken.push(ImportValues::Taken { child, parent });
    }
    charts.dependency_mut(id).import_values = taken;
}

/// An entry of a written mapping as text; helm prints what is not there as `<nil>`.
fn named(written: &keyfill_yaml::Value, key: &str) -> String {
    written.get(key).and_then(crate::chart::text).unwrap_or_else(|| "<nil>".to_owned())
}

/// The table at a path of keys in otherwise empty maps; `.` is the table itself.
fn below(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| [(key, inner)].into_iter().collect())
}
