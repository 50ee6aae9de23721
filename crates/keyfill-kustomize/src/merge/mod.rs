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

/// Whether the object still exists after the merge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The object exists, with the patch merged in.
    Kept,
    /// The patch deletes the object.
    Deleted,
}

/// Merges a patch into an object.
///
/// ```
/// use keyfill_diag::Cx;
/// use keyfill_kustomize::merge::{Merged, strategic};
/// use keyfill_kustomize::schema::Schema;
/// use keyfill_yaml::{Limits, Node, load_nodes};
///
/// let read = |text: &str| load_nodes(text.as_bytes(), &Limits::default()).unwrap().remove(0);
/// let mut object = read("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, image: a}]}\n");
/// let patch = read("apiVersion: v1\nkind: Pod\nspec: {containers: [{name: web, tty: true}, {name: log}]}\n");
///
/// // The schema says that containers are merged by their names.
/// let merged = strategic(&mut object, &patch, &Schema::builtin(), &Cx::default())?;
/// assert_eq!(merged, Merged::Kept);
/// let containers = object.at(&["spec", "containers"]).and_then(Node::as_seq).unwrap();
/// assert_eq!(containers.items.len(), 2);
/// assert_eq!(containers.items[0].get("image").and_then(Node::text), Some("a"));
/// # Ok::<(), keyfill_kustomize::Error>(())
/// ```
pub fn strategic(object: &mut Node, patch: &Node, schema: &Schema, cx: &Cx) -> Result<Merged> {
    let mut walk = Walk { schema, cx, steps: 0, writes: Writes::default() };
    match walk.both(object, patch, None)? {
        Outcome::Cleared => return Ok(Merged::Deleted),
        // A patch with `$patch: replace` at its root has no effect in kustomize, which drops the result.
        Outcome::Kept | Outcome::Replaced(_) => {}
    }
    walk.writes.spread(object);
    Ok(Merged::Kept)
}

#[cfg(test)]
mod tests;
