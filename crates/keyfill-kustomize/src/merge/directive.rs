//! The directive `$patch` in strategic merge patches.

use crate::error::{Error, Result};
use keyfill_yaml::{Map, Node, Seq};

/// The key of a directive.
pub const KEY: &str = "$patch";

/// What a directive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Merge the patch into the object, as without a directive.
    Merge,
    /// Replace the object's value by the patch's.
    Replace,
    /// Delete the object's value.
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

/// A warning if an object still contains a merge directive after all merges. No step acts on it any more, and the
/// cluster refuses or drops it.
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

/// The directive of a mapping in a patch.
pub fn of_map(patch: &Map) -> Result<Directive> {
    patch.get(KEY).map_or(Ok(Directive::Merge), Directive::from_word)
}

/// The directive of a list in a patch: an item with no key but `$patch`. Only the first item with a directive
/// counts.
pub fn of_list(patch: &Seq) -> Result<(Directive, Option<&str>)> {
    let item = patch.items.iter().filter_map(Node::as_map).find(|item| item.has(KEY));
    match item.filter(|item| item.len() == 1).and_then(|item| item.get(KEY)) {
        None => Ok((Directive::Merge, None)),
        Some(word) => Ok((Directive::from_word(word)?, Some(word.text().unwrap_or("")))),
    }
}
