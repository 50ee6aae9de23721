//! Deprecated fields of a kustomization, which still work.

use super::decode::Object;
use super::spot::Spot;

/// A deprecated field that a kustomization uses.
#[derive(Clone, Debug)]
pub struct Deprecated {
    /// Name of the deprecated field.
    pub field: &'static str,
    /// Name of the field to use instead.
    pub instead: &'static str,
    /// Where the deprecated field is written.
    pub spot: Spot,
}

/// Each deprecated field with the one to use instead.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// The deprecated fields that a kustomization uses, with their places.
pub fn used(object: &Object) -> Vec<Deprecated> {
    let used = DEPRECATED.into_iter().filter(|(field, _)| !object.get(field).is_null());
    used.map(|(field, instead)| Deprecated { field, instead, spot: object.get(field).spot() }).collect()
}
