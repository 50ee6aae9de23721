//! Merges values: the user's values override those of a chart, and these override those of its subcharts. Mappings
//! are merged, lists and scalars are replaced. Globals are passed from a chart to its subcharts.

use super::{copy_map, deep_copy};
use crate::chart::{ChartId, Charts};
use crate::error::{Error, Result};
use crate::request::HelmCompat;
use keyfill_diag::Cx;
use keyfill_template::value::{ANY_MAP, Map, Str, Value};

const GLOBAL: &[u8] = b"global";

/// The most warnings about values that could not be merged.
const MOST_WARNINGS: usize = 100;

/// What a null does to the value that it overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// The null removes the value and itself.
    Remove,
    /// The null stays, to remove the value in a later merge.
    Keep,
}

/// How the lower values get into the upper ones.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Take {
    /// They are copied, and stay unchanged.
    Copy,
    /// They are shared from then on: a change of one is a change of both.
    Share,
}

/// Merges the values of charts.
pub(crate) struct Coalesce<'a> {
    charts: &'a Charts,
    helm: HelmCompat,
    /// Warnings that helm would log: about values that were skipped because one is a map and the other is not.
    warnings: &'a mut Vec<String>,
    cx: &'a Cx,
}

impl<'a> Coalesce<'a> {
    /// Merges for these charts. Values that have to be skipped are reported in `warnings`.
    pub(crate) fn new(
        charts: &'a Charts,
        helm: HelmCompat,
        warnings: &'a mut Vec<String>,
        cx: &'a Cx,
    ) -> Self {
        Self { charts, helm, warnings, cx }
    }

    /// Merges the values of a chart and its subcharts below `values`, which are not changed, and returns the
    /// result.
    pub(crate) fn chart(&mut self, id: ChartId, values: &Map, nulls: Nulls) -> Result<Map> {
        let values = copy_map(values);
        self.level(id, &values, "", nulls)?;
        Ok(values)
    }

    fn level(&mut self, id: ChartId, values: &Map, prefix: &str, nulls: Nulls) -> Result<()> {
        self.own(id, values, prefix, nulls);
        let chart = self.charts.chart(id);
        let prefix = joined(prefix, &chart.metadata.name);
        for child in &chart.children {
            // Each subchart gets all globals, so this may take long.
            self.cx.check().map_err(Error::stopped)?;
            let name = self.charts.chart(*child).metadata.name.as_str();
            let inner = match values.get(name.as_bytes()) {
                Some(Value::Map(inner)) => inner,
                None => {
                    let inner = Map::new();
                    values.set(name, inner.clone());
                    inner
                }
                Some(other) => {
                    return Err(Error::render(format!(
                        "the values of subchart {name} must be a map, but `{name}` is a {}",
                        other.type_name()
                    ))
                    .hint(format!("helm hands the key `{name}` of the values to the subchart of that name"))
                    .at_path(below_root(&joined(&prefix, name))));
                }
            };
            self.globals(&inner, values, &prefix);
            self.level(*child, &inner, &prefix, nulls)?;
        }
        Ok(())
    }

    /// Merges the chart's own `values.yaml` below the given values.
    fn own(&mut self, id: ChartId, values: &Map, prefix: &str, nulls: Nulls) {
        let chart = self.charts.chart(id);
        let prefix = joined(prefix, &chart.metadata.name);
        for (key, below) in chart.values.entries().iter() {
            match values.get(key.as_bytes()) {
                None => self.take_over(values, key.clone(), below, nulls),
                Some(Value::Nil) if nulls == Nulls::Remove => drop(values.remove(key.as_bytes())),
                Some(Value::Map(above)) => match below {
                    Value::Map(below) => {
                        let is_child = |c: &ChartId| *key == self.charts.chart(*c).metadata.name.as_str();
                        // Nulls in the values of a subchart are removed when the subchart itself is merged.
                        let nulls = if chart.children.iter().any(is_child) { Nulls::Keep } else { nulls };
                        self.tables(&above, below, &path(&prefix, key), nulls, Take::Copy);
                    }
                    Value::Nil => {}
                    _ => self.warn(
                        &path(&prefix, key),
                        "is a map in the given values, but not in the chart: the chart's value is skipped",
                    ),
                },
                Some(_) => {}
            }
        }
    }

    /// Merges the parent's globals into a subchart's values.
    fn globals(&mut self, child: &Map, parent: &Map, prefix: &str) {
        let own = match child.get(GLOBAL) {
            None => Map::new(),
            Some(Value::Map(own)) => own,
            Some(_) => return self.warn(prefix, "has a `global` that is not a map: globals are skipped"),
        };
        match parent.get(GLOBAL) {
            None => {}
            Some(Value::Map(given)) => {
                for (key, value) in given.snapshot() {
                    self.global(&own, &key, value, prefix);
                }
            }
            Some(_) => return self.warn(prefix, "gets a `global` that is not a map: globals are skipped"),
        }
        child.set(Str::new(GLOBAL), own);
    }

    fn global(&mut self, own: &Map, key: &Str, value: Value, prefix: &str) {
        let there = own.get(key.as_bytes());
        let Value::Map(given) = value else {
            if matches!(there, Some(Value::Map(_))) {
                self.warn(
                    &path(prefix, key),
                    "is a map in the subchart's globals: the parent's value is skipped",
                );
            } else {
                own.set(key.clone(), value);
            }
            return;
        };
        // Only this level is copied: deeper maps stay shared with the parent.
        let given: Map = given.snapshot().into_iter().collect();
        match there {
            None => own.set(key.clone(), given),
            Some(Value::Map(there)) => {
                self.tables(&given, &there, &path(prefix, key), Nulls::Keep, Take::Share);
                own.set(key.clone(), given);
            }
            Some(_) => {
                self.warn(
                    &path(prefix, key),
                    "is no map in the subchart's globals: the parent's map is skipped",
                );
            }
        }
    }

    /// Merges `below` into `above` with nulls kept and mappings shared, as helm merges imported values.
    pub(crate) fn share(&mut self, above: &Map, below: &Map) {
        self.tables(above, below, "", Nulls::Keep, Take::Share);
    }

    /// Sets a value of the chart that no value overrides. helm 4 drops nulls in it, unless nulls are kept for a
    /// later merge.
    fn take_over(&self, above: &Map, key: Str, lower: &Value, nulls: Nulls) {
        if self.helm == HelmCompat::V3 || nulls == Nulls::Keep {
            above.set(key, deep_copy(lower));
        } else if !lower.is_nil() {
            above.set(key, without_nulls(lower));
        }
    }

    fn tables(&mut self, above: &Map, below: &Map, prefix: &str, nulls: Nulls, take: Take) {
        if above.same(below) {
            return;
        }
        // Shared maps may change during the walk, so it is over a snapshot.
        for (key, lower) in below.snapshot() {
            match above.get(key.as_bytes()) {
                None if take == Take::Copy => self.take_over(above, key, &lower, nulls),
                None => above.set(key, lower),
                Some(Value::Nil) if nulls == Nulls::Remove && !lower.is_nil() => {
                    drop(above.remove(key.as_bytes()));
                }
                Some(Value::Nil) => {}
                Some(Value::Map(upper)) => match lower {
                    Value::Map(lower) => self.tables(&upper, &lower, &path(prefix, &key), nulls, take),
                    Value::Nil => {}
                    _ => self.warn(&path(prefix, &key), "is a map: a value that is none is ignored"),
                },
                Some(_) if matches!(lower, Value::Map(_)) => {
                    self.warn(&path(prefix, &key), "is no map: it replaces one");
                }
                Some(_) => {}
            }
        }
        if take == Take::Share {
            let nulls = above
                .entries()
                .iter()
                .filter(|(_, v)| v.is_nil())
                .map(|(k, _)| k.clone())
                .collect::<Vec<_>>();
            for key in nulls {
                below.set(key, Value::Nil);
            }
        }
    }

    fn warn(&mut self, place: &str, what: &str) {
        if self.warnings.len() >= MOST_WARNINGS {
            return;
        }
        let warning = format!("value {place} {what}");
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// A copy without the entries that are null, also in nested maps.
fn without_nulls(value: &Value) -> Value {
    let Value::Map(map) = value else { return deep_copy(value) };
    let kept = map
        .entries()
        .iter()
        .filter(|(_, v)| !v.is_nil())
        .map(|(k, v)| (k.clone(), without_nulls(v)))
        .collect();
    Value::Map(Map::typed(kept, &ANY_MAP))
}

fn joined(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") }
}

/// A path of values without the name of the root chart, as users write it.
fn below_root(path: &str) -> &str {
    path.split_once('.').map_or(path, |(_, below)| below)
}

fn path(prefix: &str, key: &Str) -> String {
    joined(prefix, &key.to_text())
}
