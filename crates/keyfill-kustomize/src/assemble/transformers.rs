//! The transformers of a kustomization's own fields, in the order in which they run.

use super::Target;
use super::accumulator::Accumulator;
use crate::Gvk;
use crate::config::TransformerConfig;
use crate::error::Result;
use crate::fieldspec::{FieldSpec, merge_all, merge_one};
use crate::filters::namespace::SetSubjects;
use crate::load::{Item, Label, Loader, Replacement, Spot, Spotted, decode_replacement};
use crate::origin::{self, Origin};
use crate::transform::{JsonTransformer, PatchTransformer, StrategicTransformer, Transformer};
use keyfill_yaml::{Text, Value};
use std::sync::Arc;

impl Target<'_> {
    pub(super) fn run_transformers(&self, accumulator: &mut Accumulator) -> Result<()> {
        let config = accumulator.config.clone();
        let mut steps = self.own_transformers(&config).map_err(|e| self.blame(e))?;
        for step in &mut steps {
            step.configured =
                self.origin.as_ref().map(|o| o.builtin(self.file.name(), step.transformer.kind()));
        }
        steps.extend(self.transformer_plugins(&self.kustomization.transformers)?);
        for step in &steps {
            self.run(step, accumulator)?;
            if let Some(configured) = &step.configured {
                for resource in accumulator.map.nodes_mut() {
                    self.loader.cx().check()?;
                    origin::note_transformer(resource, configured);
                }
            }
        }
        Ok(())
    }

    /// Runs one transformer.
    pub(super) fn run(&self, step: &Step, accumulator: &mut Accumulator) -> Result<()> {
        let (schema, cx) = (self.session.schema(), self.loader.cx());
        let result = step.transformer.apply(&mut accumulator.map, &schema, cx);
        result.map_err(|e| self.blame(e.at_spot(&step.spot)))
    }

    fn own_transformers(&self, config: &TransformerConfig) -> Result<Vec<Step>> {
        let (k, schema) = (&self.kustomization, self.session.schema());
        let mut list = Vec::new();
        let mut add = |transformer, spot: &Spot| list.push(Step::new(transformer, spot.clone()));
        if !k.patches_strategic_merge.is_empty() {
            let none = Spotted::default();
            let patches =
                StrategicTransformer::new(&self.loader, &k.patches_strategic_merge, &none, &schema)?;
            add(Transformer::Strategic(patches), &k.spot.field("patchesStrategicMerge"));
        }
        for patch in &k.patches {
            let transformer = PatchTransformer::new(&self.loader, patch, &schema)?;
            add(Transformer::Patch(transformer), &patch.spot);
        }
        if !k.namespace.is_empty() {
            let transformer = Transformer::Namespace {
                name: k.namespace.value.clone(),
                specs: Arc::new(config.namespace.clone()),
                unset_only: false,
                subjects: SetSubjects::DefaultOnly,
            };
            add(transformer, &k.namespace.spot);
        }
        if !k.name_prefix.is_empty() {
            let specs = Arc::new(config.name_prefix.clone());
            add(Transformer::Prefix { prefix: k.name_prefix.value.clone(), specs }, &k.name_prefix.spot);
        }
        if !k.name_suffix.is_empty() {
            let specs = Arc::new(config.name_suffix.clone());
            add(Transformer::Suffix { suffix: k.name_suffix.value.clone(), specs }, &k.name_suffix.spot);
        }
        for label in &k.labels {
            let specs = label_specs(label, config).map_err(|e| e.context("labels").at_spot(&label.spot))?;
            add(Transformer::Labels { pairs: label.pairs.clone(), specs: Arc::new(specs) }, &label.spot);
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            let specs = Arc::new(config.common_labels.clone());
            let pairs = k.common_labels.value.clone();
            add(Transformer::Labels { pairs, specs }, &k.common_labels.spot);
        }
        if !k.common_annotations.is_empty() {
            let specs = Arc::new(config.common_annotations.clone());
            let pairs = k.common_annotations.value.clone();
            add(Transformer::Annotations { pairs, specs }, &k.common_annotations.spot);
        }
        for patch in &k.patches_json6902 {
            add(Transformer::Json(JsonTransformer::new(&self.loader, patch)?), &patch.spot);
        }
        let replica_specs = Arc::new(config.replicas.clone());
        for replica in &k.replicas {
            let transformer =
                Transformer::Replicas { replica: replica.clone(), specs: replica_specs.clone() };
            add(transformer, &replica.spot);
        }
        let image_specs = Arc::new(config.images.clone());
        for image in &k.images {
            let transformer = Transformer::Image { image: image.value.clone(), specs: image_specs.clone() };
            add(transformer, &image.spot);
        }
        if !k.replacements.is_empty() {
            let replacements = load_replacements(&self.loader, k.replacements.clone())?;
            add(Transformer::Replacements(replacements), &k.spot.field("replacements"));
        }
        Ok(list)
    }
}

/// A transformer with the place of its configuration.
pub(super) struct Step {
    pub transformer: Transformer,
    /// The origin for build metadata.
    pub configured: Option<Origin>,
    /// The place for errors.
    pub spot: Spot,
}

impl Step {
    pub fn new(transformer: Transformer, spot: Spot) -> Self {
        Self { transformer, configured: None, spot }
    }
}

/// The fields that the labels of one entry of `labels` are set in.
fn label_specs(label: &Label, config: &TransformerConfig) -> Result<Vec<FieldSpec>> {
    let mut specs = label.fields.clone();
    merge_all(&mut specs, config.labels.iter().cloned())?;
    if label.include_selectors {
        merge_all(&mut specs, config.common_labels.iter().cloned())?;
        return Ok(specs);
    }
    if label.include_templates {
        merge_all(&mut specs, config.template_labels.iter().cloned())?;
    }
    merge_one(&mut specs, FieldSpec::new(Gvk::default(), "metadata/labels", true))?;
    Ok(specs)
}

/// Replaces the entries that name a file by the replacements in that file.
pub fn load_replacements(
    loader: &Loader,
    entries: Vec<(Spotted<Text>, Replacement)>,
) -> Result<Vec<Replacement>> {
    let mut list = Vec::with_capacity(entries.len());
    for (path, replacement) in entries {
        if path.is_empty() {
            list.push(replacement);
            continue;
        }
        let (value, source) = loader.load_document(&path, false).map_err(|e| e.at_spot(&path.spot))?;
        let item = Item::root(&value, &source);
        match value {
            Value::Seq(_) => list.extend(item.list(decode_replacement)?),
            Value::Map(_) => list.push(decode_replacement(&item)?),
            _ => return Err(item.error("a file of replacements holds a replacement or a list of them")),
        }
    }
    Ok(list)
}
