//! ApplicationSets: the apps that their [`generators`] make from the files of the repository. Generators that
//! query a cluster or a server are not supported: they are noted, and make no app. The rules are those of Argo CD
//! 3.

mod functions;
mod generators;
mod git;
mod parameters;
mod patch;
mod selector;
mod template;

use super::application::{self, Application, go_on, text_at};
use anyhow::{Context as _, Result};
use generators::Generators;
use keyfill_diag::Cx;
use keyfill_files::{Files, TreePath};
use parameters::Parameters;
use serde_json::Value;
use std::collections::BTreeSet;
use template::Templating;

/// The most apps of a set.
const MOST: usize = 5_000;

/// The apps of a set. `notes` gets what is not supported or fails.
pub fn applications(
    files: &dyn Files,
    path: &TreePath,
    set: &Value,
    repository: &[String],
    notes: &mut BTreeSet<String>,
    cx: &Cx,
) -> Result<Vec<Application>> {
    let name = format!("ApplicationSet {} ({path})", text_at(set, "/metadata/name"));
    let mut apps = Vec::new();
    let mut note = |error: anyhow::Error| -> Result<()> {
        // If the run was cancelled or exceeded its deadline, that is not an error of the set.
        go_on(cx)?;
        notes.insert(format!("{name}: {error:#}"));
        Ok(())
    };
    let templating = match Templating::of(set) {
        Ok(templating) => templating,
        Err(error) => return note(error).map(|()| apps),
    };
    let template = set.pointer("/spec/template").cloned().unwrap_or_default();
    let generators = Generators::new(files, repository, &templating, cx);
    let listed = set.pointer("/spec/generators").and_then(Value::as_array);
    for generator in listed.map(Vec::as_slice).unwrap_or_default() {
        for (kind, spec) in generators::kinds(generator) {
            let made = match generators.of_kind(kind, spec, generator.get("selector")) {
                Ok(made) => made,
                Err(error) => {
                    note(error)?;
                    continue;
                }
            };
            let mut base = spec.get("template").cloned().unwrap_or_default();
            parameters::fill_in(&mut base, &template);
            for parameters in &made {
                match object(set, &base, parameters, &templating, cx) {
                    Ok(object) => apps.extend(application::of(&object)),
                    Err(error) => note(error)?,
                }
                anyhow::ensure!(apps.len() <= MOST, "{name} makes more than {MOST} apps");
            }
        }
    }
    Ok(apps)
}

/// The Application that a set of parameters makes.
fn object(
    set: &Value,
    base: &Value,
    parameters: &Parameters,
    templating: &Templating,
    cx: &Cx,
) -> Result<Value> {
    let filler = templating.with(parameters, cx)?;
    let mut object = filler.filled(base)?;
    if let Some(text) = set.pointer("/spec/templatePatch").and_then(Value::as_str) {
        let patch = filler.text(text).context("templatePatch")?;
        object = patch::applied(object, &patch, cx).context("templatePatch")?;
    }
    // Argo CD creates apps in the namespace of their set.
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("namespace".to_owned(), text_at(set, "/metadata/namespace").into());
    }
    Ok(object)
}
