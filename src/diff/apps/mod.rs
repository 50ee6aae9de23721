//! Compares what the Argo CD Applications of a repository render: `--apps`.
//!
//! [`application`] reads Applications, and those that ApplicationSets generate ([`set`]), from the files of a
//! side. [`source`] translates each of their sources to the parts that are rendered. An app is compared if its
//! definition changed, or a file that its sources read.

pub mod application;
mod kustomize;
mod overlay;
mod set;
mod source;

use super::reach::{Job, Part};
use super::revisions::Side;
use crate::outside::Outside;
use crate::render::options::Options;
use crate::settings::Env;
use anyhow::Result;
use keyfill_diag::Cx;
use keyfill_files::TreePath;
use std::collections::{BTreeMap, BTreeSet};

/// Returns the rendering options of a folder for an app with this environment.
pub type OptionsFor<'a> = dyn Fn(&Env, &TreePath) -> Result<Options> + 'a;

/// The data that apps of both sides share.
pub struct World<'a> {
    /// The files that differ between the sides.
    pub changed: &'a BTreeSet<TreePath>,
    /// The URLs under which Applications refer to this repository.
    pub repository: &'a [String],
    /// The environment to which each app's own variables are added.
    pub env: &'a Env,
    /// Returns the rendering options of a folder.
    pub options: &'a OptionsFor<'a>,
}

/// One side of the comparison, with its services for fetching and decrypting.
pub struct AppSide<'a> {
    /// The revision and its files.
    pub side: &'a Side,
    /// The services for what is not in the files.
    pub outside: &'a Outside,
}

/// An app on one side, with the parts to render.
struct Rendered {
    /// The app's definition, to find out whether it changed.
    definition: serde_json::Value,
    parts: Vec<Part>,
    /// Files that its sources read.
    reads: BTreeSet<TreePath>,
}

/// The apps that the change affects, and notes about what is not supported. If `within` is not empty, only apps
/// with a source at or below one of its folders.
pub fn jobs(
    world: &World<'_>,
    base: &AppSide<'_>,
    head: &AppSide<'_>,
    within: &[TreePath],
    cx: &Cx,
) -> Result<(Vec<Job>, Vec<String>)> {
    let mut notes: BTreeSet<String> = BTreeSet::new();
    let mut before = apps(world, base, &mut notes, cx)?;
    let mut after = apps(world, head, &mut notes, cx)?;
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let mut jobs = Vec::new();
    for name in names {
        let (before, after) = (before.remove(&name), after.remove(&name));
        let is_within = |app: &Rendered| {
            app.parts.iter().any(|part| within.iter().any(|path| part.root.dir.is_within(path)))
        };
        let sides = || [&before, &after].into_iter().flatten();
        if !within.is_empty() && !sides().any(is_within) {
            continue;
        }
        let definition = |app: &Option<Rendered>| app.as_ref().map(|app| app.definition.clone());
        let is_reached = definition(&before) != definition(&after)
            || sides().any(|app| app.reads.iter().any(|path| world.changed.contains(path)));
        if is_reached {
            let parts = |app: Option<Rendered>| app.map(|app| app.parts).unwrap_or_default();
            jobs.push(Job { name: format!("app {name}"), before: parts(before), after: parts(after) });
        }
    }
    Ok((jobs, notes.into_iter().collect()))
}

fn apps(
    world: &World<'_>,
    side: &AppSide<'_>,
    notes: &mut BTreeSet<String>,
    cx: &Cx,
) -> Result<BTreeMap<String, Rendered>> {
    let mut found = BTreeMap::new();
    for app in application::read(&*side.side.tree.files, world.repository, notes, cx)? {
        let name = app.name.clone();
        let mut rendered =
            Rendered { definition: app.definition.clone(), parts: Vec::new(), reads: BTreeSet::new() };
        for at in 0..app.sources.len() {
            match source::parts(world, side, &app, at, cx) {
                Ok(source) => {
                    rendered.parts.extend(source.parts);
                    rendered.reads.extend(source.reads);
                    notes.extend(source.notes);
                }
                Err(error) => {
                    notes.insert(format!("app {name} is compared without a source: {error:#}"));
                }
            }
        }
        found.insert(name, rendered);
    }
    Ok(found)
}
