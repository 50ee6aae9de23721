//! Tables from the files of `configurations:`.

use super::{BackReferences, TransformerConfig};
use crate::Gvk;
use crate::error::{Error, Result};
use crate::load::{Item, Loader, Source, decode_field_specs};
use keyfill_yaml::{Limits, Text, load_value};
use std::sync::Arc;

const FIELDS: [&str; 11] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "templateLabels",
    "commonAnnotations",
    "nameReference",
    "varReference",
    "images",
    "replicas",
];

/// The built-in tables with those of the files put in.
pub fn from_files(loader: &Loader, paths: &[Text]) -> Result<Arc<TransformerConfig>> {
    let builtin = TransformerConfig::builtin();
    if paths.is_empty() {
        return Ok(builtin);
    }
    let mut own = TransformerConfig::default();
    for path in paths {
        own.absorb(&parse(loader, path)?)?;
    }
    let mut merged = super::defaults::tables();
    merged.absorb(&own)?;
    Ok(Arc::new(merged))
}

fn parse(loader: &Loader, path: &str) -> Result<TransformerConfig> {
    let text = loader.load(path)?;
    let file = loader.join(path)?;
    let limits = Limits::from(&loader.cx().limits);
    let value = load_value(&text, &limits).map_err(|e| Error::yaml(file.as_str(), &e))?;
    let source = Source { file: file.as_str(), text: &text, strict: true, lenient: true };
    let object = Item::root(&value, &source).object(&FIELDS)?;
    let specs = |name| decode_field_specs(&object.get(name));
    let mut config = TransformerConfig {
        name_prefix: specs("namePrefix")?,
        name_suffix: specs("nameSuffix")?,
        namespace: specs("namespace")?,
        common_labels: specs("commonLabels")?,
        labels: specs("labels")?,
        template_labels: specs("templateLabels")?,
        common_annotations: specs("commonAnnotations")?,
        name_reference: object.get("nameReference").list(references)?,
        var_reference: specs("varReference")?,
        images: specs("images")?,
        replicas: specs("replicas")?,
    };
    config.sort();
    Ok(config)
}

fn references(item: &Item) -> Result<BackReferences> {
    let object = item.object(&["group", "version", "kind", "fieldSpecs"])?;
    Ok(BackReferences {
        target: Gvk::new(object.text("group")?, object.text("version")?, object.text("kind")?),
        referrers: decode_field_specs(&object.get("fieldSpecs"))?,
    })
}
