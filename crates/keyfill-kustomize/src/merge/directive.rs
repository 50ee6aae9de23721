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
                .at_line(node.line())
                .hint("$patch is merge, replace or delete")),
        }
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
