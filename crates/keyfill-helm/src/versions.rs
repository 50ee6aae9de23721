//! Versions and ranges of charts and of Kubernetes.

use keyfill_go::semver::{Constraint, Version};

/// Whether helm accepts a text as a version.
pub(crate) fn is_version(text: &str) -> bool {
    Version::parse(text).is_ok()
}

/// Whether a version is in a range. A text that is not a version, or not a range, never matches.
pub(crate) fn is_compatible(range: &str, version: &str) -> bool {
    match (Constraint::parse(range), Version::parse(version)) {
        (Ok(range), Ok(version)) => range.check(&version),
        _ => false,
    }
}
