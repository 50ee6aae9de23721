//! `generators`, `transformers` and `validators`: objects that configure builtin plugins.

use super::Target;
use super::accumulator::Accumulator;
use super::transformers::Step;
use crate::builtins;
use crate::error::{Error, Result};
use crate::load::{Spotted, objects_of};
use crate::origin::{self, Origin};
use crate::resmap::ResMap;
use crate::resource::{Resource, metadata_mut, strings_in_metadata};
use keyfill_yaml::{Limits, Location, Node, Scalar, Style, Tag, Text, Typing};
use std::sync::Arc;

/// The label that a validator may set on the resources it has checked.
const VALIDATED_BY: &str = "validated-by";

impl Target<'_> {
    pub(super) fn run_generator_plugins(&self, accumulator: &mut Accumulator) -> Result<()> {
        for plugin in self.plugins(&self.kustomization.generators)? {
            let mut made =
                builtins::generate(self.session, &self.loader, &plugin).map_err(|e| self.blame(e))?;
            let file = plugin.file.as_ref().unwrap_or(&self.file_name);
            made.iter_mut().for_each(|resource| resource.made_at(plugin.node.location(), file));
            // The resources that one generator makes must all have different ids.
            let made = ResMap::from_list(made).map_err(|e| self.blame(e))?.into_list();
            self.absorb_with(accumulator, made, Origin::of_plugin(&plugin).as_ref())?;
        }
        Ok(())
    }

    /// The transformers that objects configure, each with the place of its configuration.
    pub(super) fn transformer_plugins(&self, entries: &[Spotted<Text>]) -> Result<Vec<Step>> {
        let mut list = Vec::new();
        for plugin in self.plugins(entries)? {
            let transformer =
                builtins::transformer(self.session, &self.loader, &plugin).map_err(|e| self.blame(e))?;
            let spot = builtins::spot(&plugin);
            list.push(Step { transformer, configured: Origin::of_plugin(&plugin), spot });
        }
        Ok(list)
    }

    /// The plugin objects that a list names: written in the list itself, or in the files and folders of its
    /// entries.
    fn plugins(&self, entries: &[Spotted<Text>]) -> Result<Vec<Resource>> {
        let limits = Limits::from(self.loader.cx());
        let mut accumulator = Accumulator::default();
        let mut paths = Vec::new();
        let schema = self.session.schema();
        let file: Arc<str> = self.file.as_str().into();
        for entry in entries {
            let nodes = match objects_of(entry.spot.text_place(), entry.as_bytes(), &limits) {
                Ok(nodes) => nodes,
                // An entry of several lines is an object and not a path.
                Err(e) if entry.trim_end().contains('\n') => return Err(e.at_spot(&entry.spot)),
                Err(_) => {
                    paths.push(entry.clone());
                    continue;
                }
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

    /// Runs validators. A validator is a transformer that may change nothing but the label `validated-by`.
    pub(super) fn run_validators(&self, accumulator: &mut Accumulator) -> Result<()> {
        let entries = &self.kustomization.validators;
        if entries.is_empty() {
            return Ok(());
        }
        for validator in self.transformer_plugins(entries)? {
            let before: Vec<Resource> = accumulator.map.iter().cloned().collect();
            self.run(&validator, accumulator)?;
            let mut after = accumulator.map.iter();
            let is_kept = before.len() == accumulator.map.iter().count()
                && before.iter().all(|b| after.next().is_some_and(|a| is_untouched(b, a)));
            if !is_kept {
                let kind = validator.transformer.kind();
                let error = Error::new(format!("the validator {kind} must not change resources"));
                return Err(self.blame(error.at_spot(&validator.spot)));
            }
        }
        Ok(())
    }
}

fn is_untouched(before: &Resource, after: &Resource) -> bool {
    before.memory == after.memory && is_same(&before.node, &unmarked(&after.node))
}

/// Whether two nodes are equal, their locations included: the official tool compares those, too.
fn is_same(a: &Node, b: &Node) -> bool {
    fn look(s: &Scalar) -> (&Text, Style, &Tag, Typing, Location) {
        (&s.text, s.style, &s.tag, s.typing, s.location)
    }
    let scalars = |a: &Scalar, b: &Scalar| look(a) == look(b);
    match (a, b) {
        (Node::Scalar(a), Node::Scalar(b)) => scalars(a, b),
        (Node::Seq(a), Node::Seq(b)) => {
            a.location == b.location
                && a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| is_same(a, b))
        }
        (Node::Map(a), Node::Map(b)) => {
            let entries = a.entries.iter().zip(&b.entries);
            a.location == b.location
                && a.len() == b.len()
                && entries.clone().all(|(a, b)| scalars(&a.key, &b.key) && is_same(&a.value, &b.value))
        }
        _ => false,
    }
}

/// A copy of an object without the label that validators set.
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
