//! Evaluates generators, which give a set of parameters for each app.

use super::MOST;
use super::parameters::{self, Parameters, flatten, with_floats};
use super::selector::Selector;
use super::template::Templating;
use crate::diff::apps::application::go_on;
use anyhow::{Context as _, Result, bail, ensure};
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use serde_json::{Map, Value};
use std::cell::OnceCell;
use std::collections::BTreeMap;

/// The deepest nesting of generators.
const DEEPEST: usize = 4;

/// The input of generators: the files that they read, and the syntax of templates in them.
pub struct Generators<'a> {
    pub(super) files: &'a dyn Files,
    pub(super) repository: &'a [String],
    pub(super) templating: &'a Templating,
    pub(super) cx: &'a Cx,
    /// The tree's folders and files, which are listed when they are first needed.
    pub(super) folders: OnceCell<Vec<TreePath>>,
    pub(super) paths: OnceCell<Vec<TreePath>>,
}

/// The generators in one item of the list of generators: usually one.
pub fn kinds(generator: &Value) -> Vec<(&str, &Value)> {
    let entries = generator.as_object().into_iter().flatten();
    let kinds = entries.filter(|(key, spec)| *key != "selector" && !spec.is_null());
    kinds.map(|(key, spec)| (key.as_str(), spec)).collect()
}

impl<'a> Generators<'a> {
    /// Makes the input from the files of a repository and the repository's URLs.
    pub fn new(
        files: &'a dyn Files,
        repository: &'a [String],
        templating: &'a Templating,
        cx: &'a Cx,
    ) -> Self {
        Self { files, repository, templating, cx, folders: OnceCell::new(), paths: OnceCell::new() }
    }

    /// The parameters that a generator gives and its selector accepts.
    ///
    /// # Errors
    /// If the generator is not supported, or Argo CD would refuse it.
    pub fn of_kind(&self, kind: &str, spec: &Value, selector: Option<&Value>) -> Result<Vec<Parameters>> {
        self.parameters(kind, spec, selector, 0)
    }

    fn parameters(
        &self,
        kind: &str,
        spec: &Value,
        selector: Option<&Value>,
        depth: usize,
    ) -> Result<Vec<Parameters>> {
        go_on(self.cx)?;
        ensure!(depth <= DEEPEST, "generators lie more than {DEEPEST} deep in each other");
        let selector = Selector::of(selector)?;
        let mut found = match kind {
            "list" => self.list(spec)?,
            "git" => self.git(spec)?,
            "matrix" => self.matrix(spec, depth)?,
            "merge" => self.merge(spec, depth)?,
            _ => bail!("the generator {kind} is not followed"),
        };
        found.retain(|parameters| selector.keeps(parameters));
        ensure!(found.len() <= MOST, "it makes more than {MOST} apps");
        Ok(found)
    }

    /// The parameters of a generator inside another one. Its templates may use the parameters `outer`.
    fn nested(&self, generator: &Value, outer: &Parameters, depth: usize) -> Result<Vec<Parameters>> {
        let [(kind, spec)] = kinds(generator)[..] else {
            bail!("a nested generator has to be one generator")
        };
        let spec = self.templating.with(outer, self.cx)?.filled(spec).with_context(|| kind.to_owned())?;
        self.parameters(kind, &spec, generator.get("selector"), depth + 1)
    }

    fn list(&self, list: &Value) -> Result<Vec<Parameters>> {
        let elements = list.get("elements").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<Parameters> =
            elements.iter().filter_map(Value::as_object).map(|element| self.of_element(element)).collect();
        if let Some(text) = list.get("elementsYaml").and_then(Value::as_str).filter(|text| !text.is_empty()) {
            let Value::Array(items) = self.loaded(text.as_bytes()).context("elementsYaml")? else {
                bail!("elementsYaml is not a list");
            };
            for item in items {
                let Value::Object(element) = with_floats(item) else { bail!("elementsYaml holds no maps") };
                found.push(element);
            }
        }
        Ok(found)
    }

    /// The parameters for a map: the map itself for Go templates, else its leaves by their paths.
    pub(super) fn of_element(&self, element: &Parameters) -> Parameters {
        let element = with_floats(Value::Object(element.clone()));
        match element {
            Value::Object(element) if self.templating.is_go() => element,
            other => {
                let mut found = Parameters::new();
                flatten("", &other, &mut found);
                found
            }
        }
    }

    /// Each set of the first generator combined with each set of the next one, whose templates may use the
    /// parameters of the first.
    fn matrix(&self, matrix: &Value, depth: usize) -> Result<Vec<Parameters>> {
        let parts = parts(matrix, "matrix")?;
        let mut all = self.nested(&parts[0], &Parameters::new(), depth)?;
        for part in &parts[1..] {
            let mut joined = Vec::new();
            for first in &all {
                for second in self.nested(part, first, depth)? {
                    joined.push(self.joined(first, second)?);
                    ensure!(joined.len() <= MOST, "it makes more than {MOST} apps");
                }
                go_on(self.cx)?;
            }
            all = joined;
        }
        Ok(all)
    }

    fn joined(&self, first: &Parameters, mut second: Parameters) -> Result<Parameters> {
        if self.templating.is_go() {
            parameters::overlay(&mut second, first);
            return Ok(second);
        }
        for (key, value) in first {
            if let Some(other) = second.insert(key.clone(), value.clone()).filter(|other| other != value) {
                bail!("both generators of a matrix give {key}: {value} and {other}");
            }
        }
        Ok(second)
    }

    /// The sets of the first generator, overridden by sets of the next ones with the same values of `mergeKeys`.
    fn merge(&self, merge: &Value, depth: usize) -> Result<Vec<Parameters>> {
        let keys = merge.get("mergeKeys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        ensure!(!keys.is_empty(), "a merge needs mergeKeys");
        let of = |parameters: &Parameters| {
            let value = |key: &Value| parameters.get(key.as_str().unwrap_or_default()).cloned();
            Value::Array(keys.iter().map(|key| value(key).unwrap_or_default()).collect()).to_string()
        };
        let parts = parts(merge, "merge")?;
        let none = Parameters::new();
        let mut base = self.nested(&parts[0], &none, depth)?;
        unique(base.iter().map(of))?;
        for part in &parts[1..] {
            let over = self.nested(part, &none, depth)?;
            unique(over.iter().map(of))?;
            let over: BTreeMap<String, Parameters> = over.into_iter().map(|set| (of(&set), set)).collect();
            for set in &mut base {
                match over.get(&of(set)) {
                    Some(over) if self.templating.is_go() => parameters::overlay(set, over),
                    Some(over) => set.extend(over.clone()),
                    None => {}
                }
            }
        }
        Ok(base)
    }

    /// Decodes YAML or JSON.
    pub(super) fn loaded(&self, text: &[u8]) -> Result<Value> {
        let value = keyfill_yaml::load_object(text, &keyfill_yaml::Limits::from(self.cx))?;
        Ok(serde_json::from_slice(&keyfill_yaml::to_json(&value))?)
    }

    /// Adds the parameters of a generator's `values`.
    pub(super) fn add_values(&self, generator: &Value, parameters: &mut Parameters) -> Result<()> {
        let Some(values) = generator.get("values").and_then(Value::as_object) else { return Ok(()) };
        let values: Map<String, Value> = {
            let filler = self.templating.with(parameters, self.cx)?;
            let filled = |(key, value): (&String, &Value)| {
                let text = filler.text(value.as_str().unwrap_or_default()).context("values")?;
                anyhow::Ok((key.clone(), Value::String(text)))
            };
            values.iter().map(filled).collect::<Result<_>>()?
        };
        if self.templating.is_go() {
            parameters.insert("values".to_owned(), values.into());
        } else {
            parameters.extend(values.into_iter().map(|(key, value)| (format!("values.{key}"), value)));
        }
        Ok(())
    }
}

/// The generators inside a generator: at least two.
fn parts<'a>(generator: &'a Value, kind: &str) -> Result<&'a [Value]> {
    let parts = generator.get("generators").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    ensure!(parts.len() > 1, "a {kind} needs two generators");
    Ok(parts)
}

fn unique(keys: impl Iterator<Item = String>) -> Result<()> {
    let mut seen = std::collections::BTreeSet::new();
    for key in keys {
        ensure!(!seen.contains(&key), "a generator of a merge gives {key} for its mergeKeys twice");
        seen.insert(key);
    }
    Ok(())
}
