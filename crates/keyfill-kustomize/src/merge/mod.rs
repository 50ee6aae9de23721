//! Strategic merge: a patch in the shape of the object, with lists merged by keys and `$patch` directives.
//!
//! The rules are those of kyaml, which differ from Kubernetes' own: items of a patch come before the others,
//! `$setElementOrder`, `$retainKeys` and `$deleteFromPrimitiveList` have no meaning and stay in the object,
//! and every merge also takes fields without a value (`key:`) out of all mappings of the object.

mod directive;
mod elements;
mod stepwise;
mod walk;

pub(crate) use directive::left_in as directive_left_in;

use crate::error::Result;
use crate::filters::shared::Writes;
use crate::schema::Schema;
use keyfill_diag::Cx;
use keyfill_yaml::Node;
use walk::{Outcome, Walk};

/// What became of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// It is there, merged.
    Kept,
    /// The patch deletes it whole.
    Deleted,
}

/// Merges a patch into an object.
pub fn strategic(object: &mut Node, patch: &Node, schema: &Schema, cx: &Cx) -> Result<Merged> {
    let mut walk = Walk { schema, cx, steps: 0, writes: Writes::default() };
    match walk.both(object, patch, None)? {
        Outcome::Cleared => return Ok(Merged::Deleted),
        // A patch that replaces the whole object has no effect in kustomize, which forgets the result.
        Outcome::Kept | Outcome::Replaced(_) => {}
    }
    walk.writes.spread(object);
    Ok(Merged::Kept)
}

#[cfg(test)]
mod tests;
