//! `$patch` in patches.

use crate::error::{Error, Result};
use keyfill_yaml::{Map, Node, Seq};

/// The key of a directive.
pub const KEY: &str = "$patch";

/// What a patch wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Merge it in: the case without a directive.
    Merge,
    /// Put it in the place of what is there.
    Replace,
    /// Delete what is there.
    Delete,
}

impl Directive {
    fn from_word(node: &Node) -> Result<Self> {
        match node.text().unwrap_or("") {
            "merge" => Ok(Self::Merge),
            "replace" => Ok(Self::Replace),
            "delete" => Ok(Self::Delete),
            other => Err(Error::new(format!("unknown patch strategy '{other}'"))
                .at_location(node.location())
                .hint("$patch is merge, replace or delete")),
        }
    }
}

/// What an object still says to a merge when all merges are over: nobody acts on it, and the cluster refuses or
/// drops it.
pub fn left_in(object: &Node) -> Option<Error> {
    const OTHERS: [&str; 3] = ["$retainKeys", "$setElementOrder/", "$deleteFromPrimitiveList/"];
    match object {
        Node::Scalar(_) => None,
        Node::Seq(seq) => {
            let mut items = seq.items.iter().enumerate();
            items.find_map(|(n, item)| left_in(item).map(|e| e.below(&format!("[{n}]"))))
        }
        Node::Map(map) => map.entries.iter().find_map(|entry| {
            let key = entry.key.text.as_str();
            if !key.starts_with('$') {
                return left_in(&entry.value).map(|e| e.below(key));
            }
            let hint = if key == KEY {
                "the list has no merge key in the schema, so that the patch took the place of all of it: \
                 use a JSON patch, or give the type's schema with `openapi:`"
            } else {
                "kustomize does not act on it: take it out of the patch"
            };
            let is_directive = key == KEY || OTHERS.iter().any(|name| key.starts_with(name));
            let message = format!("`{key}` is left in the output");
            is_directive.then(|| Error::new(message).at_location(entry.key.location).below(key).hint(hint))
        }),
    }
}

/// The directive of a mapping.
pub fn of_map(patch: &Map) -> Result<Directive> {
    patch.get(KEY).map_or(Ok(Directive::Merge), Directive::from_word)
}

/// The directive of a list: an item that has nothing else. Only the first item with a directive counts.
pub fn of_list(patch: &Seq) -> Result<(Directive, Option<&str>)> {
    let item = patch.items.iter().filter_map(Node::as_map).find(|item| item.has(KEY));
    match item.filter(|item| item.len() == 1).and_then(|item| item.get(KEY)) {
        None => Ok((Directive::Merge, None)),
        Some(word) => Ok((Directive::from_word(word)?, Some(word.text().unwrap_or("")))),
    }
}
