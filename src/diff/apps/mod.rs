//! What the Argo CD Applications in a repository render: `--apps`.
//!
//! [`application`] reads Applications, and those that ApplicationSets make ([`set`]), from the files of a side.
//! [`source`] turns each of their sources into what is rendered. An app is compared when its definition changed, or a
//! file that its sources read.

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

/// How a folder is rendered for an app whose environment is this one.
pub type OptionsFor<'a> = dyn Fn(&Env, &TreePath) -> Result<Options> + 'a;

/// What apps are made of on both sides.
pub struct World<'a> {
    /// The files that differ.
    pub changed: &'a BTreeSet<TreePath>,
    /// The addresses under which Applications name this repository.
    pub repository: &'a [String],
    /// The environment that each app's own is added to.
    pub env: &'a Env,
    /// How folders are rendered.
    pub options: &'a OptionsFor<'a>,
}

/// A side, and whom it asks for what its files do not hold.
pub struct AppSide<'a> {
    /// Its files.
    pub side: &'a Side,
    /// Whom it asks.
    pub outside: &'a Outside,
}

/// What an app renders on one side.
struct Rendered {
    /// As it is written, for a comparison of definitions.
    definition: serde_json::Value,
    parts: Vec<Part>,
    /// Files that its sources read.
    reads: BTreeSet<TreePath>,
}

/// The apps that the change reaches, those whose sources or definitions lie at or below `within` where any is named;
/// and what could not be followed.
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
