//! Scalars that several fields of an object share.
//!
//! kustomize inserts a label that it adds as one and the same node in all the places that get it: the object's
//! labels, its selector, its template. A later change to one of them, in the same or in another kustomization,
//! changes all: an overlay that overrides a common label with a patch of `metadata.labels` alone changes the
//! selector, too. The output shows it, so it is reproduced here.
//!
//! A node has one owner here. Scalars that kustomize would share carry a common mark instead ([`Scalar::twin`]);
//! they are twins. A change to a marked scalar is noted in [`Writes`] and copied to its twins at the end of the
//! step.

use super::scalar::{is_untyped, tag_of};
use keyfill_yaml::{Node, Scalar, Twin, Typing};
use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};

/// A mark that no other scalar has.
pub fn new_mark() -> Twin {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    Twin::new(NEXT.fetch_add(1, Ordering::Relaxed)).unwrap_or(Twin::MAX)
}

/// Removes the marks of all scalars below a node: in kustomize a copy of a tree shares no node with the original.
pub fn part(node: &mut Node) {
    match node {
        Node::Scalar(scalar) => part_scalar(scalar),
        Node::Seq(seq) => seq.items.iter_mut().for_each(part),
        Node::Map(map) => map.entries.iter_mut().for_each(|e| part(&mut e.value)),
    }
}

/// Removes the mark of a scalar, so that it has no twins.
pub fn part_scalar(scalar: &mut Scalar) {
    scalar.twin = None;
}

/// The changes of one step to scalars that have twins.
#[derive(Debug, Default)]
pub struct Writes(Vec<Scalar>);

impl Writes {
    /// Replaces a scalar by a value and keeps the mark of the replaced one. A value without a location gets the
    /// location of the replaced scalar.
    pub fn put(&mut self, target: &mut Scalar, mut value: Scalar) {
        part_scalar(&mut value);
        if !value.location.is_known() {
            value.location = target.location;
        }
        match target.twin {
            None => *target = value,
            Some(mark) => {
                if !is_untyped(&value) {
                    value.tag = tag_of(&value);
                }
                (value.typing, value.twin) = (Typing::Open, Some(mark));
                *target = value.clone();
                self.0.push(value);
            }
        }
    }

    /// Copies the changes to the twins. Of several changes to the same twins the last one counts.
    pub fn spread(self, root: &mut Node) {
        if !self.0.is_empty() {
            let last: HashMap<Twin, Scalar> = self.0.into_iter().filter_map(|v| Some((v.twin?, v))).collect();
            visit(root, &last);
        }
    }
}

fn visit(node: &mut Node, values: &HashMap<Twin, Scalar>) {
    match node {
        Node::Map(map) => map.entries.iter_mut().for_each(|e| visit(&mut e.value, values)),
        Node::Seq(seq) => seq.items.iter_mut().for_each(|item| visit(item, values)),
        Node::Scalar(scalar) => {
            if let Some(value) = scalar.twin.and_then(|mark| values.get(&mark)) {
                *scalar = value.clone();
            }
        }
    }
}
