//! Merging trees of nodes. A node may be in the object, in the patch, or in both.

use super::directive::{self, Directive};
use super::elements;
use crate::error::{Error, Result};
use crate::filters::scalar::{is_null, put_over, quote, text_of, wrong_kind};
use crate::filters::shared::Writes;
use crate::schema::{Schema, Type};
use keyfill_diag::Cx;
use keyfill_yaml::{Entry, Map, Node, Seq, Text, move_into, write_as};
use std::collections::HashMap;

/// What a merge makes of a node.
pub enum Outcome {
    /// The node stays, changed in place.
    Kept,
    /// The node is removed.
    Cleared,
    /// The node is replaced by this one.
    Replaced(Node),
}

/// The number of key comparisons above which an index is faster.
const WORTH_AN_INDEX: usize = 1024;

/// The state of one merge.
pub struct Walk<'a> {
    /// The schema, which says how lists are merged.
    pub schema: &'a Schema,
    /// The context of the run: deadline, cancellation and limits.
    pub cx: &'a Cx,
    /// Steps since the last check whether the run was stopped.
    pub steps: usize,
    /// Changes to scalars that have twins.
    pub writes: Writes,
}

impl<'a> Walk<'a> {
    /// Counts a step, and from time to time checks whether the run was stopped. Called where a small patch can
    /// cause much work.
    pub fn step(&mut self) -> Result<()> {
        self.steps(1)
    }

    /// As [`Walk::step`], for several steps.
    pub fn steps(&mut self, count: usize) -> Result<()> {
        const OFTEN: usize = 1_000;
        self.steps += count;
        if self.steps < OFTEN {
            return Ok(());
        }
        self.steps = 0;
        self.cx.check().map_err(Error::from)
    }

    /// Merges a node that is in both.
    pub fn both(&mut self, dest: &mut Node, patch: &Node, at: Option<Type<'a>>) -> Result<Outcome> {
        if is_null(patch) {
            return Ok(Outcome::Cleared);
        }
        if is_null(dest) {
            return Ok(self.only_patch(patch, at)?.map_or(Outcome::Cleared, Outcome::Replaced));
        }
        self.step()?;
        let at = at.or_else(|| self.type_by_fields(dest)).or_else(|| self.type_by_fields(patch));
        match (dest, patch) {
            (Node::Map(dest), Node::Map(patch)) => match directive::of_map(patch)? {
                Directive::Delete => Ok(Outcome::Cleared),
                Directive::Replace => {
                    let mut copy = Node::Map(patch.clone());
                    self.within_patch(&mut copy, at)?;
                    Ok(Outcome::Replaced(copy))
                }
                Directive::Merge => self.maps(dest, patch, at),
            },
            (Node::Seq(dest), Node::Seq(patch)) => match at.and_then(Type::merge_keys) {
                None => Ok(Outcome::Replaced(Node::Seq(patch.clone()))),
                Some(keys) => self.lists(dest, patch, at, &keys),
            },
            (Node::Scalar(dest), Node::Scalar(patch)) => {
                put_over(dest, patch.clone(), &mut self.writes);
                Ok(Outcome::Kept)
            }
            (dest, patch) => {
                let expected = match dest {
                    Node::Map(_) => "a mapping",
                    Node::Seq(_) => "a list",
                    Node::Scalar(_) => "a scalar",
                };
                Err(wrong_kind(&format!("{expected} in the patch, as in the object,"), patch))
            }
        }
    }

    fn maps(&mut self, dest: &mut Map, patch: &Map, at: Option<Type<'a>>) -> Result<Outcome> {
        // Fields are merged in the order of their names: of several changes to twins the last one counts.
        let mut fields: Vec<&Entry> = patch.entries.iter().filter(|e| e.key.text != directive::KEY).collect();
        fields.sort_by(|a, b| a.key.text.cmp(&b.key.text));
        let own = dest.entries.len();
        let index: Option<HashMap<Text, usize>> = (own * fields.len() > WORTH_AN_INDEX)
            .then(|| dest.entries.iter().enumerate().map(|(n, e)| (e.key.text.clone(), n)).collect());
        let mut is_touched = vec![false; own];
        let mut cleared = Vec::new();
        for field in fields {
            let name = &field.key.text;
            let below = at.and_then(|t| t.field(name));
            let place = match &index {
                Some(index) => index.get(name).copied(),
                None => dest.entries[..own].iter().position(|e| e.key.text == *name),
            };
            let Some(place) = place else {
                if let Some(mut value) = self.only_patch(&field.value, below)? {
                    quote(&mut value, self.cx);
                    if dest.flow {
                        move_into(&mut value, true);
                    }
                    dest.entries.push(Entry { key: field.key.clone(), value });
                }
                continue;
            };
            is_touched[place] = true;
            let value = &mut dest.entries[place].value;
            match self.both(value, &field.value, below).map_err(|e| e.below(name))? {
                Outcome::Kept => {}
                Outcome::Cleared => cleared.push(place),
                Outcome::Replaced(new) => self.replace(value, new),
            }
        }
        for (place, entry) in dest.entries[..own].iter_mut().enumerate() {
            let below = at.and_then(|t| t.field(&entry.key.text));
            if is_touched[place] {
                continue;
            }
            if self.only_dest(&mut entry.value, below)? {
                quote(&mut entry.value, self.cx);
            } else {
                cleared.push(place);
            }
        }
        remove_places(dest, cleared);
        Ok(Outcome::Kept)
    }

    fn replace(&mut self, value: &mut Node, new: Node) {
        match (value, new) {
            (Node::Scalar(old), Node::Scalar(new)) => put_over(old, new, &mut self.writes),
            (old, mut new) => {
                write_as(&mut new, is_flow(old));
                *old = new;
            }
        }
    }

    fn lists(&mut self, dest: &mut Seq, patch: &Seq, at: Option<Type<'a>>, keys: &[&str]) -> Result<Outcome> {
        let outcome = self.merged_lists(dest, patch, at, keys);
        if dest.flow {
            dest.items.iter_mut().for_each(|item| move_into(item, true));
        }
        outcome
    }

    fn merged_lists(
        &mut self,
        dest: &mut Seq,
        patch: &Seq,
        at: Option<Type<'a>>,
        keys: &[&str],
    ) -> Result<Outcome> {
        match directive::of_list(patch)? {
            (Directive::Delete, _) => Ok(Outcome::Cleared),
            (Directive::Replace, word) => {
                let mut copy = patch.clone();
                elide(&mut copy, word);
                elements::merge(self, &mut copy, elements::Patch::Itself, at, keys)?;
                Ok(Outcome::Replaced(Node::Seq(copy)))
            }
            (Directive::Merge, None) => {
                elements::merge(self, dest, elements::Patch::Other(patch), at, keys)?;
                Ok(Outcome::Kept)
            }
            (Directive::Merge, word) => {
                let mut copy = patch.clone();
                elide(&mut copy, word);
                elements::merge(self, dest, elements::Patch::Other(&copy), at, keys)?;
                Ok(Outcome::Kept)
            }
        }
    }

    /// Visits a node that is only in the object. Returns false if it is removed, as a field without any value
    /// (`key:`) is; `null` and `~` stay.
    pub fn only_dest(&mut self, dest: &mut Node, at: Option<Type<'a>>) -> Result<bool> {
        let at = at.or_else(|| self.type_by_fields(dest));
        match dest {
            Node::Scalar(scalar) => return Ok(!scalar.text.is_empty() || !is_null(dest)),
            Node::Seq(seq) => {
                if let Some(keys) = at.and_then(Type::merge_keys) {
                    elements::merge(self, seq, elements::Patch::None, at, &keys)?;
                }
            }
            Node::Map(map) => {
                let mut cleared = Vec::new();
                for (place, entry) in map.entries.iter_mut().enumerate() {
                    if self.only_dest(&mut entry.value, at.and_then(|t| t.field(&entry.key.text)))? {
                        quote(&mut entry.value, self.cx);
                    } else {
                        cleared.push(place);
                    }
                }
                remove_places(map, cleared);
            }
        }
        Ok(true)
    }

    /// The node to add for one that is only in the patch.
    pub fn only_patch(&mut self, patch: &Node, at: Option<Type<'a>>) -> Result<Option<Node>> {
        if is_null(patch) {
            return Ok(None);
        }
        let at = at.or_else(|| self.type_by_fields(patch));
        let mut copy = patch.clone();
        match &mut copy {
            Node::Scalar(_) => {}
            Node::Seq(seq) => {
                // A directive in the list itself is ignored, since there is nothing to merge with.
                if let Some(keys) = at.and_then(Type::merge_keys) {
                    elements::merge(self, seq, elements::Patch::Itself, at, &keys)?;
                }
            }
            Node::Map(map) => {
                match directive::of_map(map) {
                    Ok(Directive::Delete) => return Ok(None),
                    Ok(_) => {
                        map.remove(directive::KEY);
                    }
                    // An unknown directive is ignored and stays in the object.
                    Err(_) => {}
                }
                self.fields_within_patch(map, at)?;
            }
        }
        Ok(Some(copy))
    }

    /// Visits a node below one that is only in the patch. Returns false if it is removed.
    pub fn within_patch(&mut self, node: &mut Node, at: Option<Type<'a>>) -> Result<bool> {
        if is_null(node) {
            return Ok(false);
        }
        let at = at.or_else(|| self.type_by_fields(node));
        match node {
            Node::Scalar(_) => {}
            Node::Seq(seq) => {
                if let Some(keys) = at.and_then(Type::merge_keys) {
                    let (directive, word) = directive::of_list(seq)?;
                    if directive == Directive::Delete {
                        return Ok(false);
                    }
                    let word = word.map(str::to_owned);
                    elide(seq, word.as_deref());
                    elements::merge(self, seq, elements::Patch::Itself, at, &keys)?;
                }
            }
            Node::Map(map) => {
                if directive::of_map(map)? == Directive::Delete {
                    return Ok(false);
                }
                map.remove(directive::KEY);
                self.fields_within_patch(map, at)?;
            }
        }
        Ok(true)
    }

    fn fields_within_patch(&mut self, map: &mut Map, at: Option<Type<'a>>) -> Result<()> {
        let mut cleared = Vec::new();
        for (place, entry) in map.entries.iter_mut().enumerate() {
            if self.within_patch(&mut entry.value, at.and_then(|t| t.field(&entry.key.text)))? {
                quote(&mut entry.value, self.cx);
            } else {
                cleared.push(place);
            }
        }
        remove_places(map, cleared);
        Ok(())
    }

    /// The type that a mapping declares by `apiVersion` and `kind`, at any depth.
    fn type_by_fields(&self, node: &Node) -> Option<Type<'a>> {
        let map = node.as_map()?;
        let field = |name| map.get(name).map(text_of).filter(|text| !text.is_empty());
        self.schema.type_of(field("apiVersion")?, field("kind")?)
    }
}

fn remove_places(map: &mut Map, mut places: Vec<usize>) {
    if places.is_empty() {
        return;
    }
    places.sort_unstable();
    let mut at = 0;
    map.entries.retain(|_| {
        at += 1;
        places.binary_search(&(at - 1)).is_err()
    });
}

/// Removes the items that consist of the directive `word`, and null or empty ones.
fn elide(seq: &mut Seq, word: Option<&str>) {
    let Some(word) = word else { return };
    seq.items.retain(|item| {
        let is_nothing = is_null(item) || item.as_map().is_some_and(Map::is_empty);
        !is_nothing && item.get(directive::KEY).is_none_or(|d| d.text().unwrap_or("") != word)
    });
}

fn is_flow(node: &Node) -> bool {
    match node {
        Node::Scalar(_) => false,
        Node::Seq(seq) => seq.flow,
        Node::Map(map) => map.flow,
    }
}
