//! Merging lists in which an item lacks a key, or two items have the same keys, in kustomize's own steps.

use super::elements::Patch;
use super::walk::{Outcome, Walk};
use crate::error::Result;
use crate::filters::scalar::{is_null, untype, wrong_kind};
use crate::schema::Type;
use keyfill_yaml::{Map, Node, Seq};
use std::collections::HashSet;

/// Merges a list step by step. If `keys` is `[""]`, each item is its own key.
pub fn merge<'a>(
    walk: &mut Walk<'a>,
    dest: &mut Seq,
    patch: Patch<'_>,
    items: Option<Type<'a>>,
    keys: &[&str],
) -> Result<()> {
    let mut steps = Steps::new(std::mem::take(&mut dest.items), patch);
    let merged = steps.run(walk, items, keys)?;
    dest.items = merged.into_iter().map(|id| steps.nodes[id].clone()).collect();
    Ok(())
}

/// The state of one merge. Items are referred to by their index in `nodes`, since one item can be in several
/// lists.
struct Steps {
    nodes: Vec<Node>,
    dest: Vec<usize>,
    patch: Option<Vec<usize>>,
    /// Whether the patch is the list itself: an item that is removed from one is removed from the other.
    is_itself: bool,
}

/// The values of the merge keys of an item; empty for a key that it does not have.
type Values = Vec<String>;

impl Steps {
    fn new(mut nodes: Vec<Node>, patch: Patch<'_>) -> Self {
        let dest: Vec<usize> = (0..nodes.len()).collect();
        let (patch, is_itself) = match patch {
            Patch::None => (None, false),
            Patch::Itself => (None, true),
            Patch::Other(other) => {
                let first = nodes.len();
                nodes.extend(other.items.iter().cloned());
                (Some((first..nodes.len()).collect()), false)
            }
        };
        Self { nodes, dest, patch, is_itself }
    }

    fn run<'a>(&mut self, walk: &mut Walk<'a>, items: Option<Type<'a>>, keys: &[&str]) -> Result<Vec<usize>> {
        let all = self.all_values(walk, keys)?;
        if all.is_empty() {
            return Ok(std::mem::take(&mut self.dest));
        }
        let mut added = Vec::new();
        let mut valid_keys: Vec<&str> = Vec::new();
        for values in &all {
            self.whole_step(walk)?;
            let valid_values;
            (valid_keys, valid_values) = valid(&all, values, keys);
            let value = self.merge_one(walk, items, &valid_keys, &valid_values)?;
            let value = value.filter(|id| !is_nothing(&self.nodes[*id]));
            let Some(id) = value else {
                for _ in &valid_keys {
                    self.dest = self.set(&self.dest, None, &valid_keys, &valid_values)?;
                }
                continue;
            };
            self.make_keys(id, &valid_keys, &valid_values)?;
            added = self.set(&added, Some(id), &valid_keys, &valid_values)?;
        }
        self.append(walk, added, &valid_keys)
    }

    /// The key values of all items, those of the patch first, without repetitions.
    fn all_values(&self, walk: &mut Walk<'_>, keys: &[&str]) -> Result<Vec<Values>> {
        let mut all: Vec<Values> = Vec::new();
        let mut seen = HashSet::new();
        for id in self.patch.iter().flatten().chain(&self.dest) {
            let values: Values = keys.iter().map(|key| value_of(&self.nodes[*id], key)).collect();
            if seen.insert(values.clone()) {
                all.push(values);
            }
        }
        if keys.len() > 1 {
            complete(walk, &mut all)?;
        }
        Ok(all)
    }

    /// Counts a step that visits all items.
    fn whole_step(&self, walk: &mut Walk<'_>) -> Result<()> {
        walk.steps(self.nodes.len())
    }

    /// Merges the first items of both lists that have the given key values.
    fn merge_one<'a>(
        &mut self,
        walk: &mut Walk<'a>,
        items: Option<Type<'a>>,
        keys: &[&str],
        values: &[String],
    ) -> Result<Option<usize>> {
        let (keys, values) = valid(&[values.to_vec()], values, keys);
        let find = |list: &[usize]| list.iter().copied().find(|id| has(&self.nodes[*id], &keys, &values));
        let own = find(&self.dest);
        let theirs = self.patch.as_deref().and_then(find);
        match (own, theirs) {
            (None, None) => Ok(None),
            (Some(id), None) if self.is_itself => {
                Ok(walk.within_patch(&mut self.nodes[id], items)?.then_some(id))
            }
            (Some(id), None) => Ok(walk.only_dest(&mut self.nodes[id], items)?.then_some(id)),
            (None, Some(id)) => match walk.only_patch(&self.nodes[id], items)? {
                None => Ok(None),
                Some(node) => {
                    self.nodes[id] = node;
                    Ok(Some(id))
                }
            },
            (Some(own), Some(theirs)) => {
                let patch = self.nodes[theirs].clone();
                if let (Node::Scalar(_), Node::Scalar(_)) = (&self.nodes[own], &patch) {
                    return Ok(Some(theirs));
                }
                match walk.both(&mut self.nodes[own], &patch, items)? {
                    Outcome::Kept => Ok(Some(own)),
                    Outcome::Cleared => Ok(None),
                    Outcome::Replaced(node) => {
                        self.nodes[theirs] = node;
                        Ok(Some(theirs))
                    }
                }
            }
        }
    }

    /// Sets the merge keys that an item lacks.
    fn make_keys(&mut self, id: usize, keys: &[&str], values: &[String]) -> Result<()> {
        for (key, value) in keys.iter().zip(values) {
            if value.is_empty() || self.nodes[id].get(key).is_some() {
                continue;
            }
            match &mut self.nodes[id] {
                Node::Scalar(scalar) if key.is_empty() => {
                    scalar.text = value.as_str().into();
                    untype(scalar);
                }
                Node::Map(map) if !key.is_empty() => map.set(*key, Node::plain(value.as_str())),
                other => return Err(wrong_kind("a mapping with a merge key", other)),
            }
        }
        Ok(())
    }

    /// Replaces the items with the given key values by `item`, or appends it if there are none. Without an item
    /// they are removed. Null and empty items are removed in any case.
    fn set(
        &self,
        list: &[usize],
        item: Option<usize>,
        keys: &[&str],
        values: &[String],
    ) -> Result<Vec<usize>> {
        let wants_maps =
            keys.first().is_some_and(|k| !k.is_empty()) && values.first().is_some_and(|v| !v.is_empty());
        let mut out = Vec::with_capacity(list.len() + 1);
        let mut is_found = false;
        for &id in list {
            let node = &self.nodes[id];
            if is_nothing(node) {
                continue;
            }
            if wants_maps && node.as_map().is_none() {
                out.push(id);
                continue;
            }
            if !is_match(node, keys, values)? {
                if !values.is_empty() {
                    out.push(id);
                }
                continue;
            }
            is_found = true;
            out.extend(item);
        }
        if let Some(item) = item.filter(|id| !is_found && !is_null(&self.nodes[*id])) {
            out.push(item);
        }
        Ok(out)
    }

    /// Appends the object's items to the merged ones.
    fn append(&self, walk: &mut Walk<'_>, mut out: Vec<usize>, keys: &[&str]) -> Result<Vec<usize>> {
        for &id in &self.dest {
            self.whole_step(walk)?;
            let node = &self.nodes[id];
            if keys.first().is_none_or(|k| k.is_empty()) {
                let text = node.text().unwrap_or("").to_owned();
                out = self.set(&out, Some(id), &[""], &[text])?;
                continue;
            }
            let mut values = Vec::with_capacity(keys.len());
            for key in keys {
                match node {
                    Node::Map(map) => match map.get(key) {
                        Some(value) => values.push(value.text().unwrap_or("").to_owned()),
                        None => out.push(id),
                    },
                    node if is_null(node) => out.push(id),
                    node => return Err(wrong_kind("a mapping with a merge key", node)),
                }
            }
            if keys.len() > 1 {
                out = self.set(&out, None, keys, &values)?;
            }
            out = self.set(&out, Some(id), keys, &values)?;
        }
        Ok(out)
    }
}

/// Whether a node is null or an empty mapping.
fn is_nothing(node: &Node) -> bool {
    is_null(node) || node.as_map().is_some_and(Map::is_empty)
}

/// The value of an item's key. If the key is the empty string, it is the item itself.
fn value_of(item: &Node, key: &str) -> String {
    if key.is_empty() {
        return item.text().unwrap_or("").to_owned();
    }
    item.get(key).filter(|node| !is_null(node)).and_then(Node::text).unwrap_or("").to_owned()
}

/// Whether an item has each key with exactly the given value.
fn has(item: &Node, keys: &[&str], values: &[String]) -> bool {
    if keys.first().is_none_or(|k| k.is_empty()) {
        return item.text().unwrap_or("") == values.first().map_or("", String::as_str);
    }
    item.as_map().is_some_and(|map| {
        keys.iter()
            .zip(values)
            .all(|(key, value)| map.get(key).is_some_and(|n| n.text().unwrap_or("") == value))
    })
}

/// Whether an item counts as the same in [`Steps::set`]: there an empty value matches any, and a key without a
/// value matches if the key before it did.
fn is_match(item: &Node, keys: &[&str], values: &[String]) -> Result<bool> {
    let mut found = false;
    for (n, key) in keys.iter().enumerate() {
        if let Some(value) = values.get(n) {
            found = match item {
                Node::Scalar(scalar) if key.is_empty() => scalar.text == *value,
                Node::Map(map) if !key.is_empty() => {
                    map.get(key).is_some_and(|node| value.is_empty() || node.text().unwrap_or("") == value)
                }
                other => return Err(wrong_kind("items of one sort in a merged list", other)),
            };
        }
        if !found {
            return Ok(false);
        }
    }
    Ok(found)
}

/// The keys that at least one item has, with the given values of these keys. If no item has a key, all keys.
fn valid<'k>(all: &[Values], values: &[String], keys: &[&'k str]) -> (Vec<&'k str>, Vec<String>) {
    let is_used: Vec<bool> =
        (0..keys.len()).map(|n| all.iter().any(|v| v.get(n).is_some_and(|v| !v.is_empty()))).collect();
    if !is_used.contains(&true) {
        return (keys.to_vec(), values.to_vec());
    }
    let used = |n: &usize| is_used[*n];
    (
        (0..keys.len()).filter(used).map(|n| keys[n]).collect(),
        (0..values.len()).filter(used).map(|n| values[n].clone()).collect(),
    )
}

/// Makes key values equal that only differ where one of them is empty: they mean the same item.
fn complete(walk: &mut Walk<'_>, all: &mut [Values]) -> Result<()> {
    // Without an empty value nothing can be filled in.
    if all.iter().flatten().all(|value| !value.is_empty()) {
        return Ok(());
    }
    for i in 0..all.len() {
        walk.steps(all.len())?;
        let first = all[i].clone();
        for j in 0..all.len() {
            if let Some(values) = common(&first, &all[j]) {
                all[i].clone_from(&values);
                all[j] = values;
            }
        }
    }
    Ok(())
}

fn common(a: &[String], b: &[String]) -> Option<Values> {
    let mut shares_one = false;
    let mut values = Vec::with_capacity(a.len());
    for (a, b) in a.iter().zip(b) {
        if a == b {
            shares_one = true;
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        }
        values.push(if a.is_empty() { b.clone() } else { a.clone() });
    }
    shares_one.then_some(values)
}
