//! Merging lists whose items are matched by keys.
//!
//! In most lists each item has all keys, and no two items have the same ones: these lists are merged in one pass,
//! with an index when they are long. For all others kustomize's procedure is followed step by step, with its
//! surprises: an item without a key can remove others.

use super::walk::{Outcome, Walk};
use crate::error::Result;
use crate::filters::scalar::{is_null, untype};
use crate::schema::Type;
use keyfill_yaml::{Map, Node, Seq, Text};
use std::collections::{HashMap, HashSet};

/// The patch for a list.
#[derive(Clone, Copy)]
pub enum Patch<'a> {
    /// No patch: the list is only in the object.
    None,
    /// The list at the same path of the patch.
    Other(&'a Seq),
    /// The list itself: it is only in the patch.
    Itself,
}

/// Merges a list. New items of the patch come first.
pub fn merge<'a>(
    walk: &mut Walk<'a>,
    dest: &mut Seq,
    patch: Patch<'_>,
    at: Option<Type<'a>>,
    keys: &[&str],
) -> Result<()> {
    let items = at.and_then(Type::items);
    let other: &[Node] = if let Patch::Other(other) = patch { &other.items } else { &[] };
    if keys.is_empty() {
        if let (Some(_), Some(_)) = (texts(&dest.items), texts(other)) {
            merge_scalars(dest, other);
            return Ok(());
        }
        return super::stepwise::merge(walk, dest, patch, items, &[""]);
    }
    match (unique_keys(&dest.items, keys), unique_keys(other, keys)) {
        (Some(own), Some(theirs)) => {
            let shared = if keys.len() > 1 { Shared::AsInObject } else { Shared::AsInPatch };
            merge_by_keys(walk, dest, patch, items, (&own, &theirs), shared)
        }
        _ => super::stepwise::merge(walk, dest, patch, items, keys),
    }
}

/// The position of items that both lists have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shared {
    /// The position in the patch: for lists with one key.
    AsInPatch,
    /// The position in the object, behind the items that only the patch has: for lists with several keys.
    AsInObject,
}

/// `Some` if all items are scalars with a text that is not empty.
fn texts(items: &[Node]) -> Option<()> {
    items.iter().all(|i| !is_null(i) && i.text().is_some_and(|t| !t.is_empty())).then_some(())
}

fn merge_scalars(dest: &mut Seq, patch: &[Node]) {
    let own: HashMap<Text, Node> =
        dest.items.iter().filter_map(|n| Some((n.text()?.into(), n.clone()))).collect();
    let mut seen = HashSet::new();
    let mut merged = Vec::with_capacity(dest.items.len() + patch.len());
    for item in patch.iter().chain(&dest.items) {
        let text: Text = item.text().unwrap_or("").into();
        if seen.insert(text.clone()) {
            let mut item = own.get(&text).unwrap_or(item).clone();
            // kustomize sets each value again, as the key that it is, so that its type is resolved again.
            if let Node::Scalar(scalar) = &mut item {
                untype(scalar);
            }
            merged.push(item);
        }
    }
    dest.items = merged;
}

/// The keys of each item; `None` unless all items have all keys, and no two items have the same ones.
fn unique_keys(items: &[Node], keys: &[&str]) -> Option<Vec<Text>> {
    let found: Vec<Text> = items.iter().map(|item| key_of(item.as_map()?, keys)).collect::<Option<_>>()?;
    let mut seen = HashSet::with_capacity(found.len());
    found.iter().all(|key| seen.insert(key)).then_some(found)
}

fn key_of(item: &Map, keys: &[&str]) -> Option<Text> {
    let part = |key: &&str| {
        let node = item.get(key).filter(|node| !is_null(node))?;
        node.as_scalar().map(|s| &s.text).filter(|text| !text.is_empty())
    };
    match keys {
        [key] => part(key).cloned(),
        keys => {
            let parts: Vec<&str> = keys.iter().map(|k| part(k).map(Text::as_str)).collect::<Option<_>>()?;
            Some(parts.join("\0").into())
        }
    }
}

fn merge_by_keys<'a>(
    walk: &mut Walk<'a>,
    dest: &mut Seq,
    patch: Patch<'_>,
    items: Option<Type<'a>>,
    (own, theirs): (&[Text], &[Text]),
    shared: Shared,
) -> Result<()> {
    let is_patch = matches!(patch, Patch::Itself);
    let places: HashMap<&Text, usize> = if theirs.is_empty() {
        HashMap::new()
    } else {
        own.iter().enumerate().map(|(n, k)| (k, n)).collect()
    };
    let mut old: Vec<Option<Node>> = std::mem::take(&mut dest.items).into_iter().map(Some).collect();
    let mut changed: Vec<Option<Node>> = Vec::new();
    changed.resize_with(old.len(), || None);
    let mut merged = Vec::with_capacity(old.len() + theirs.len());
    let other: &[Node] = if let Patch::Other(other) = patch { &other.items } else { &[] };
    for (n, (item, key)) in other.iter().zip(theirs).enumerate() {
        let Some((place, mut node)) = places.get(key).and_then(|place| Some((*place, old[*place].take()?)))
        else {
            merged.extend(walk.only_patch(item, items)?);
            continue;
        };
        match walk.both(&mut node, item, items).map_err(|e| e.below(&format!("[{n}]")))? {
            Outcome::Cleared => {}
            // An item with `$patch: replace` stays as it was, since kustomize puts the old item back.
            Outcome::Kept | Outcome::Replaced(_) => match shared {
                Shared::AsInPatch => merged.push(node),
                Shared::AsInObject => changed[place] = Some(node),
            },
        }
    }
    for (node, changed) in old.into_iter().zip(changed) {
        merged.extend(changed);
        let Some(mut node) = node else { continue };
        let stays =
            if is_patch { walk.within_patch(&mut node, items)? } else { walk.only_dest(&mut node, items)? };
        if stays {
            merged.push(node);
        }
    }
    dest.items = merged;
    Ok(())
}
