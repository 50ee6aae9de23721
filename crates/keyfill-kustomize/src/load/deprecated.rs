//! Fields that still work and should no longer be used.

use super::decode::Object;
use super::spot::Spot;

/// A deprecated field that is in use.
#[derive(Clone, Debug)]
pub struct Deprecated {
    /// Its name.
    pub field: &'static str,
    /// What to use instead.
    pub instead: &'static str,
    /// Where it stands.
    pub spot: Spot,
}

/// Each deprecated field with what to use instead.
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
