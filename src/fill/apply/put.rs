//! Puts values at their places in a document.

use super::super::plan::Site;
use super::super::plan::count_strings;
use keyfill_yaml::{Text, Value};
use std::collections::HashSet;

/// What becomes of a string.
pub enum Put {
    /// It is replaced.
    Set(Value),
    /// It is taken out, with its key.
    Remove,
    /// It stays: a problem was reported, or there was nothing to do.
    Keep,
}

/// Puts outcomes at their sites, which are in the order of the document. It gives the sites whose keys became
/// equal to others of their mapping.
pub fn put(value: &mut Value, sites: &[Site], outcomes: Vec<Put>) -> Vec<usize> {
    let mut walk = Walk {
        strings: 0,
        next: 0,
        sites,
        outcomes: outcomes.into_iter().map(Some).collect(),
        collisions: Vec::new(),
    };
    walk.value(value);
    walk.collisions
}

struct Walk<'s> {
    strings: usize,
    /// The next site.
    next: usize,
    sites: &'s [Site],
    outcomes: Vec<Option<Put>>,
    collisions: Vec<usize>,
}

impl Walk<'_> {
    /// The outcome of the string that is passed, and its site.
    fn pass(&mut self) -> Option<(usize, Put)> {
        let here = self.strings;
        self.strings += 1;
        let site = self.next;
        if self.sites.get(site)?.ordinal != here {
            return None;
        }
        self.next += 1;
        Some((site, self.outcomes[site].take()?))
    }

    /// `false` when the value is to be taken out.
    fn value(&mut self, value: &mut Value) -> bool {
        match value {
            Value::Str(_) => match self.pass() {
                Some((_, Put::Set(new))) => *value = new,
                Some((_, Put::Remove)) => return false,
                Some((_, Put::Keep)) | None => {}
            },
            Value::Seq(items) => items.retain_mut(|item| self.value(item)),
            Value::Map(entries) => self.map(entries),
            _ => {}
        }
        true
    }

    fn map(&mut self, entries: &mut Vec<(Text, Value)>) {
        // Most documents end before their last site's mapping does.
        if self.next >= self.sites.len() {
            self.strings += entries.iter().map(|(_, entry)| 1 + count_strings(entry)).sum::<usize>();
            return;
        }
        let mut changed = Vec::new();
        entries.retain_mut(|(key, entry)| {
            let kept = match self.pass() {
                Some((site, Put::Set(Value::Str(new)))) => {
                    *key = new;
                    changed.push((key.clone(), site));
                    true
                }
                Some((_, Put::Remove)) => false,
                _ => true,
            };
            self.value(entry) && kept
        });
        if !changed.is_empty() {
            let mut seen = HashSet::new();
            let twice: HashSet<&str> = entries
                .iter()
                .filter(|(key, _)| !seen.insert(key.as_str()))
                .map(|(key, _)| key.as_str())
                .collect();
            self.collisions
                .extend(changed.iter().filter(|(key, _)| twice.contains(key.as_str())).map(|(_, s)| *s));
        }
    }
}
