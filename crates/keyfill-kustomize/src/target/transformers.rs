//! The transformers of a kustomization's own fields, in the order in which they run.

use super::Target;
use super::accumulator::Accumulator;
use crate::Gvk;
use crate::config::TransformerConfig;
use crate::error::{Error, Result};
use crate::fieldspec::{FieldSpec, merge_all, merge_one};
use crate::filters::namespace::SetSubjects;
use crate::load::{Item, Label, Loader, Replacement, Source, decode_replacement};
use crate::origin::{self, Origin};
use crate::transform::{JsonTransformer, PatchTransformer, StrategicTransformer, Transformer};
use keyfill_yaml::{Limits, Text, Value, load_value};
use std::sync::Arc;

impl Target<'_> {
    pub(super) fn run_transformers(&self, accumulator: &mut Accumulator) -> Result<()> {
        let config = accumulator.config.clone();
        let mut list: Vec<(Transformer, Option<Origin>)> = Vec::new();
        for transformer in self.own_transformers(&config).map_err(|e| self.blame(e))? {
            let origin = self.origin.as_ref().map(|o| o.builtin(self.file.name(), transformer.kind()));
            list.push((transformer, origin));
        }
        list.extend(self.transformer_plugins(&self.kustomization.transformers)?);
        for (transformer, configured) in &list {
            transformer.apply(&mut accumulator.map, &self.session.schema()).map_err(|e| self.blame(e))?;
            if let Some(configured) = configured {
                accumulator.map.nodes_mut().for_each(|r| origin::note_transformer(r, configured));
            }
        }
        Ok(())
    }

    fn own_transformers(&self, config: &TransformerConfig) -> Result<Vec<Transformer>> {
        let (k, schema, file) = (&self.kustomization, self.session.schema(), self.file.as_str());
        let mut list = Vec::new();
        if !k.patches_strategic_merge.is_empty() {
            let patches =
                StrategicTransformer::new(&self.loader, file, &k.patches_strategic_merge, "", &schema)?;
            list.push(Transformer::Strategic(patches));
        }
        for patch in &k.patches {
            list.push(Transformer::Patch(PatchTransformer::new(&self.loader, file, patch, &schema)?));
        }
        if !k.namespace.is_empty() {
            list.push(Transformer::Namespace {
                name: k.namespace.clone(),
                specs: Arc::new(config.namespace.clone()),
                unset_only: false,
                subjects: SetSubjects::DefaultOnly,
            });
        }
        if !k.name_prefix.is_empty() {
            let specs = Arc::new(config.name_prefix.clone());
            list.push(Transformer::Prefix { prefix: k.name_prefix.clone(), specs });
        }
        if !k.name_suffix.is_empty() {
            let specs = Arc::new(config.name_suffix.clone());
            list.push(Transformer::Suffix { suffix: k.name_suffix.clone(), specs });
        }
        for label in &k.labels {
            let specs = label_specs(label, config).map_err(|e| e.context("labels"))?;
            list.push(Transformer::Labels { pairs: label.pairs.clone(), specs: Arc::new(specs) });
        }
        if !k.labels.is_empty() || !k.common_labels.is_empty() {
            let specs = Arc::new(config.common_labels.clone());
            list.push(Transformer::Labels { pairs: k.common_labels.clone(), specs });
        }
        if !k.common_annotations.is_empty() {
            let specs = Arc::new(config.common_annotations.clone());
            list.push(Transformer::Annotations { pairs: k.common_annotations.clone(), specs });
        }
        for patch in &k.patches_json6902 {
            list.push(Transformer::Json(JsonTransformer::new(&self.loader, file, patch)?));
        }
        let replica_specs = Arc::new(config.replicas.clone());
        for replica in &k.replicas {
            list.push(Transformer::Replicas { replica: replica.clone(), specs: replica_specs.clone() });
        }
        let image_specs = Arc::new(config.images.clone());
        for image in &k.images {
            list.push(Transformer::Image { image: image.clone(), specs: image_specs.clone() });
        }
        if !k.replacements.is_empty() {
            list.push(Transformer::Replacements(load_replacements(&self.loader, k.replacements.clone())?));
        }
        Ok(list)
    }
}

/// The fields of one entry of `labels`.
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

/// Puts the replacements of files in the place of their paths.
pub fn load_replacements(loader: &Loader, entries: Vec<(Text, Replacement)>) -> Result<Vec<Replacement>> {
    let mut list = Vec::with_capacity(entries.len());
    for (path, replacement) in entries {
        if path.is_empty() {
            list.push(replacement);
            continue;
        }
        let text = loader.load(&path)?;
        let file = loader.join(&path)?;
        let limits = Limits::from(&loader.cx().limits);
        let value = load_value(&text, &limits).map_err(|e| Error::yaml(file.as_str(), &e))?;
        let source = Source { file: file.as_str(), text: &text, strict: false, lenient: true };
        let item = Item::root(&value, &source);
        match value {
            Value::Seq(_) => list.extend(item.list(decode_replacement)?),
            Value::Map(_) => list.push(decode_replacement(&item)?),
            _ => return Err(item.error("a file of replacements holds a replacement or a list of them")),
        }
    }
    Ok(list)
}
