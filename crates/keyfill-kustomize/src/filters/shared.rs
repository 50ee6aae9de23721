//! Values that several fields of an object share.
//!
//! kustomize puts a label that it adds as one and the same node into all the places that get it: the
//! object's labels, its selector, its template. Whoever changes one of them later, in the same or in another
//! kustomization, changes all: an overlay that overrides a common label with a patch of `metadata.labels`
//! alone changes the selector too. The output shows it, so it is done here as well.
//!
//! Nodes here have one owner each. Scalars that kustomize would share carry a common mark instead, in
//! [`Scalar::line`], which is free for what was made on the way. A change to a marked scalar is noted in
//! [`Writes`] and spread to its twins when the step is over.

use super::scalar::{is_untyped, tag_of};
use keyfill_yaml::{Node, Scalar};
use std::sync::atomic::{AtomicU32, Ordering};

/// Lines above this are marks.
const FIRST_MARK: u32 = 1 << 31;

/// A mark that no other scalar of a tree has.
pub fn new_mark() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    FIRST_MARK | NEXT.fetch_add(1, Ordering::Relaxed)
}

fn mark_of(scalar: &Scalar) -> Option<u32> {
    (scalar.line >= FIRST_MARK).then_some(scalar.line)
}

/// Whether a scalar has twins.
pub fn is_shared(scalar: &Scalar) -> bool {
    mark_of(scalar).is_some()
}

/// Makes every scalar below a node one of its own, as a copy of the tree has them in kustomize.
pub fn part(node: &mut Node) {
    match node {
        Node::Scalar(scalar) => part_scalar(scalar),
        Node::Seq(seq) => seq.items.iter_mut().for_each(part),
        Node::Map(map) => map.entries.iter_mut().for_each(|e| part(&mut e.value)),
    }
}

/// Makes a scalar one of its own.
pub fn part_scalar(scalar: &mut Scalar) {
    if mark_of(scalar).is_some() {
        scalar.line = 0;
    }
}

/// Changes of one step to scalars that have twins.
#[derive(Debug, Default)]
pub struct Writes(Vec<Scalar>);

impl Writes {
    /// Puts a value in the place of another, which keeps its twins.
    pub fn put(&mut self, target: &mut Scalar, mut value: Scalar) {
        part_scalar(&mut value);
        match mark_of(target) {
            None => *target = value,
            Some(mark) => {
                // The line, which the mark replaces, says that the text has decided its type.
                if !is_untyped(&value) {
                    value.tag = tag_of(&value);
                }
                value.line = mark;
                *target = value.clone();
                self.0.push(value);
            }
        }
    }

    /// Brings the twins into line. Where several changes met, the last one counts.
    pub fn spread(self, root: &mut Node) {
        if !self.0.is_empty() {
            self.visit(root);
        }
    }

    fn visit(&self, node: &mut Node) {
        match node {
            Node::Map(map) => map.entries.iter_mut().for_each(|e| self.visit(&mut e.value)),
            Node::Seq(seq) => seq.items.iter_mut().for_each(|item| self.visit(item)),
            Node::Scalar(scalar) => {
                if let Some(mark) = mark_of(scalar)
                    && let Some(value) = self.0.iter().rev().find(|v| v.line == mark)
                {
                    *scalar = value.clone();
                }
            }
        }
    }
}
