//! Transformer configuration from the files of `configurations:`.

use super::{BackReferences, TransformerConfig};
use crate::Gvk;
use crate::error::Result;
use crate::load::{Item, Loader, Spotted, decode_field_specs};
use keyfill_yaml::Text;
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

/// The built-in configuration merged with that of the files.
pub fn from_files(loader: &Loader, paths: &[Spotted<Text>]) -> Result<Arc<TransformerConfig>> {
    let builtin = TransformerConfig::builtin();
    if paths.is_empty() {
        return Ok(builtin);
    }
    let mut own = TransformerConfig::default();
    for path in paths {
        let tables = parse(loader, path).map_err(|e| e.at_spot(&path.spot))?;
        own.absorb(&tables).map_err(|e| e.at_spot(&path.spot))?;
    }
    let mut merged = super::defaults::tables();
    merged.absorb(&own).map_err(|e| e.at_spot(&paths[0].spot))?;
    Ok(Arc::new(merged))
}

fn parse(loader: &Loader, path: &str) -> Result<TransformerConfig> {
    let (value, source) = loader.load_document(path, true)?;
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
