//! Versions and ranges of charts and of Kubernetes.

use keyfill_go::semver::{Constraint, Version};

/// Whether text is a version as helm takes it.
pub(crate) fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Whether a version lies in a range. What is not a version or a range does not.
pub(crate) fn is_compatible(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.check(&version),
        _ => false,
    }
}
