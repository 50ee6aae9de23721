//! Writes values to their positions in a document.

use super::super::plan::Site;
use super::super::plan::count_strings;
use keyfill_yaml::{Text, Value};
use std::collections::HashSet;

/// What to do with one string of a document.
pub enum Put {
    /// Replace the string with this value.
    Set(Value),
    /// Remove the string, together with its key.
    Remove,
    /// Keep the string: a problem was reported, or there was nothing to fill.
    Keep,
}

/// Applies the outcomes to the strings at their sites, which are in the order of the document. It returns the
/// indexes of sites whose filled key equals another key of the same mapping.
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
    /// Index of the next site.
    next: usize,
    sites: &'s [Site],
    outcomes: Vec<Option<Put>>,
    collisions: Vec<usize>,
}

impl Walk<'_> {
    /// Counts the string that the walk has reached; if it is a site, returns the site's index and outcome.
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

    /// Applies the outcomes inside a value; `false` if the value itself is to be removed.
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
        // Without further sites the strings only need to be counted.
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
