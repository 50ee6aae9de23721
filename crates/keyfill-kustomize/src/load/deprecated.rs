//! Fields that still work and should no longer be used.

use super::decode::Object;

/// Each deprecated field with what to use instead.
const DEPRECATED: [(&str, &str); 6] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("imageTags", "images"),
    ("patchesJson6902", "patches"),
    ("patchesStrategicMerge", "patches"),
    ("vars", "replacements"),
];

/// The deprecated fields that a kustomization uses.
pub fn used(object: &Object) -> Vec<(&'static str, &'static str)> {
    DEPRECATED.into_iter().filter(|(field, _)| !object.get(field).is_null()).collect()
}
