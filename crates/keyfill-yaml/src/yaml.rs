//! The YAML writer.

use crate::emit::Emit;

/// The tree as `sigs.k8s.io/yaml` prints it.
pub fn to_yaml(value: &impl Emit) -> Vec<u8> {
    crate::json::to_json(value)
}
