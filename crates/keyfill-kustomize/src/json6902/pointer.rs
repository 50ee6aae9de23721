//! Paths of operations (JSON pointers).

use crate::error::{Error, Result};
use keyfill_yaml::{Node, ScalarKind};

/// The steps to the containing mapping or list, and the last step. Text before the first slash is ignored.
pub fn split(path: &str) -> Option<(Vec<String>, String)> {
    let mut steps: Vec<String> =
        path.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect();
    let last = steps.pop()?;
    Some((steps, last))
}

/// The mapping or list at the end of `steps`.
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

/// The index that `step` means in a list of `count` items. A negative number counts from the end.
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

/// Whether a node is null. Some operations treat null as absent.
pub fn is_null(node: &Node) -> bool {
    node.as_scalar().is_some_and(|s| s.kind() == ScalarKind::Null)
}
