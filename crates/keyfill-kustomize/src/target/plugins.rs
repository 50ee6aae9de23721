//! `generators`, `transformers` and `validators`: objects that configure builtin plugins.

use super::Target;
use super::accumulator::Accumulator;
use crate::builtins;
use crate::error::{Error, Result};
use crate::load::objects_of;
use crate::origin::{self, Origin};
use crate::resmap::ResMap;
use crate::resource::{Resource, metadata_mut, strings_in_metadata};
use crate::transform::Transformer;
use keyfill_yaml::{Limits, Node, Scalar, Text};
use std::sync::Arc;

/// The label with which a validator may mark what it has seen.
const VALIDATED_BY: &str = "validated-by";

impl Target<'_> {
    pub(super) fn run_generator_plugins(&self, accumulator: &mut Accumulator) -> Result<()> {
        for plugin in self.plugins(&self.kustomization.generators)? {
            let made = builtins::generate(self.session, &self.loader, &plugin).map_err(|e| self.blame(e))?;
            // What one generator makes must differ among itself.
            let made = ResMap::from_list(made).map_err(|e| self.blame(e))?.into_list();
            self.absorb_with(accumulator, made, Origin::of_plugin(&plugin).as_ref())?;
        }
        Ok(())
    }

    /// The transformers of objects, each with where it is configured.
    pub(super) fn transformer_plugins(&self, entries: &[Text]) -> Result<Vec<(Transformer, Option<Origin>)>> {
        let mut list = Vec::new();
        for plugin in self.plugins(entries)? {
            let transformer =
                builtins::transformer(self.session, &self.loader, &plugin).map_err(|e| self.blame(e))?;
            list.push((transformer, Origin::of_plugin(&plugin)));
        }
        Ok(list)
    }

    /// The objects of a list: written in the list itself, or in files and folders that it names.
    fn plugins(&self, entries: &[Text]) -> Result<Vec<Resource>> {
        let limits = Limits::from(&self.loader.cx().limits);
        let mut accumulator = Accumulator::default();
        let mut paths = Vec::new();
        let schema = self.session.schema();
        let file: Arc<str> = self.file.as_str().into();
        for entry in entries {
            let Ok(nodes) = objects_of(&file, entry.as_bytes(), &limits) else {
                paths.push(entry.clone());
                continue;
            };
            for node in nodes {
                let mut plugin = Resource::new(node, &schema);
                plugin.file = Some(file.clone());
                if let Some(own) = &self.origin {
                    origin::set(&mut plugin, &own.below(self.file.name()));
                }
                accumulator.map.append(plugin).map_err(|e| self.blame(e))?;
            }
        }
        self.add_resources(&mut accumulator, &paths)?;
        Ok(accumulator.map.into_list())
    }

    /// Runs validators: transformers that must change nothing but one label.
    pub(super) fn run_validators(&self, accumulator: &mut Accumulator) -> Result<()> {
        let entries = &self.kustomization.validators;
        if entries.is_empty() {
            return Ok(());
        }
        for (validator, _) in self.transformer_plugins(entries)? {
            let before: Vec<Resource> = accumulator.map.iter().cloned().collect();
            validator.apply(&mut accumulator.map, &self.session.schema()).map_err(|e| self.blame(e))?;
            let mut after = accumulator.map.iter();
            let is_kept = before.len() == accumulator.map.iter().count()
                && before.iter().all(|b| after.next().is_some_and(|a| is_untouched(b, a)));
            if !is_kept {
                return Err(self.blame(Error::new(format!(
                    "the validator {} must not change resources",
                    validator.kind()
                ))));
            }
        }
        Ok(())
    }
}

fn is_untouched(before: &Resource, after: &Resource) -> bool {
    before.memory == after.memory && is_same(&before.node, &unmarked(&after.node))
}

/// Whether a node was not touched at all: the official tool compares where things stand in their files, too.
fn is_same(a: &Node, b: &Node) -> bool {
    let scalars =
        |a: &Scalar, b: &Scalar| (&a.text, a.style, &a.tag, a.line) == (&b.text, b.style, &b.tag, b.line);
    match (a, b) {
        (Node::Scalar(a), Node::Scalar(b)) => scalars(a, b),
        (Node::Seq(a), Node::Seq(b)) => {
            a.line == b.line
                && a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| is_same(a, b))
        }
        (Node::Map(a), Node::Map(b)) => {
            let entries = a.entries.iter().zip(&b.entries);
            a.line == b.line
                && a.len() == b.len()
                && entries.clone().all(|(a, b)| scalars(&a.key, &b.key) && is_same(&a.value, &b.value))
        }
        _ => false,
    }
}

/// An object without the label that validators set.
fn unmarked(object: &Node) -> Node {
    let mut object = object.clone();
    let labels = metadata_mut(&mut object).and_then(|m| m.get_mut("labels"));
    if let Some(Node::Map(labels)) = labels
        && labels.remove(VALIDATED_BY).is_some()
    {
        strings_in_metadata(&mut object, "labels");
    }
    object
}
