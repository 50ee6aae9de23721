//! Paths of operations.

use crate::error::{Error, Result};
use keyfill_yaml::{Node, ScalarKind};

/// The containers on the way and the last step. What stands before the first slash does not count.
pub fn split(path: &str) -> Option<(Vec<String>, String)> {
    let mut steps: Vec<String> =
        path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let last = steps.pop()?;
    Some((steps, last))
}

/// The mapping or list that holds what the path means.
pub fn container<'a>(root: &'a mut Node, steps: &[String]) -> Option<&'a mut Node> {
    steps
        .iter()
        .try_fold(root, |at, step| match at {
            Node::Map(map) => map.get_mut(step),
            Node::Seq(seq) => {
                let place = place(step, seq.items.len()).ok()?;
                seq.items.get_mut(place)
            }
            Node::Scalar(_) => None,
        })
        .filter(|node| !matches!(node, Node::Scalar(_)))
}

/// An index of a list; a negative one counts from the end.
pub fn place(step: &str, count: usize) -> Result<usize> {
    let index = keyfill_go::strconv::parse_int(step, 10)
        .map_err(|_| Error::new(format!("`{step}` is not an index of a list")))?;
    let place = if index < 0 {
        count.checked_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX))
    } else {
        usize::try_from(index).ok().filter(|place| *place < count)
    };
    place.ok_or_else(|| Error::new(format!("index {index} is outside of the list, which has {count} items")))
}

/// Whether a node is null: it counts as absent in places.
pub fn is_null(node: &Node) -> bool {
    node.as_scalar().is_some_and(|s| s.kind() == ScalarKind::Null)
}
