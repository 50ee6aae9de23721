//! The problems of a run: the first ones in full, and how many others there are.
//!
//! An author's text may hold any number of faults, and each costs a reading of its document to be put into
//! its place. So only the first [`MOST_SHOWN`], in the order of the documents, are made at all.

use super::options::Sources;
use keyfill_diag::{Class, Diagnostic, Severity};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// How many problems are reported, and as many warnings.
pub const MOST_SHOWN: usize = 100;

/// How many problems are put into their exact place: those found out of order may push others out.
const MOST_PLACED: usize = 4 * MOST_SHOWN;

/// Where a problem stands among the others: its document, how many strings of it stand before, the offset in
/// the string.
pub type Order = (usize, usize, usize);

/// How exactly a problem is put into its place.
#[derive(Clone, Copy, Debug, Default)]
pub struct Precision<'s> {
    /// With line and column: that costs a reading of the document.
    pub exact: bool,
    /// How many problems were put into their place before, this one included.
    pub number: usize,
    /// The texts of the files that the documents came from, where they are at hand.
    pub sources: Option<&'s dyn Sources>,
}

/// Collected problems of one severity.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: BTreeMap<(Order, usize), Diagnostic>,
    added: usize,
    placed: usize,
    /// The classes of those that are not kept.
    dropped: HashSet<Class>,
    warns: bool,
    sources: Option<Arc<dyn Sources>>,
}

impl Problems {
    /// None yet; the texts of the files are for showing lines.
    pub fn with(sources: Option<Arc<dyn Sources>>) -> Self {
        Self { sources, ..Self::default() }
    }

    /// Adds a problem. `make` is called only when it is among the first so far; its argument says whether to find the
    /// exact place.
    pub fn add(&mut self, order: Order, class: Class, make: impl FnOnce(Precision<'_>) -> Diagnostic) {
        let key = (order, self.added);
        self.added += 1;
        let full = self.kept.len() >= MOST_SHOWN;
        if full && self.kept.last_key_value().is_some_and(|(last, _)| *last < key) {
            self.dropped.insert(class);
            return;
        }
        self.placed += 1;
        let exact = self.placed <= MOST_PLACED;
        let diagnostic = make(Precision { exact, number: self.placed, sources: self.sources.as_deref() });
        self.warns |= diagnostic.severity == Severity::Warning;
        self.kept.insert(key, diagnostic);
        if full && let Some((_, last)) = self.kept.pop_last() {
            self.dropped.insert(last.class);
        }
    }

    /// How many were added.
    pub fn len(&self) -> usize {
        self.added
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.added == 0
    }

    /// The first ones in the order of documents and lines, equal ones once, and the number of the others.
    pub fn finish(self) -> Vec<Diagnostic> {
        let others = self.added - self.kept.len();
        let mut kept: Vec<(usize, Diagnostic)> =
            self.kept.into_iter().map(|(((document, ..), _), diagnostic)| (document, diagnostic)).collect();
        kept.sort_by_key(|(document, d)| (*document, d.place.line, d.place.column));
        let mut seen = HashSet::new();
        let mut all: Vec<Diagnostic> = kept.into_iter().map(|(_, diagnostic)| diagnostic).collect();
        all.retain(|d| seen.insert((d.to_string(), d.hint.clone())));
        if others > 0 {
            let what = if self.warns { "warning" } else { "problem" };
            let plural = if others == 1 { "" } else { "s" };
            let message = format!("and {others} more {what}{plural} that are not shown");
            let class = self.dropped.into_iter().max().unwrap_or(Class::Other);
            all.push(if self.warns {
                Diagnostic::warning(class, message)
            } else {
                Diagnostic::error(class, message)
            });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_SHOWN, Problems};
    use keyfill_diag::{Class, Diagnostic};
    use std::cell::Cell;

    #[test]
    fn the_first_are_shown_and_the_others_are_counted() {
        let made = Cell::new(0);
        let mut problems = Problems::default();
        // The last ones come first, as reads that failed do.
        for number in (50_000..60_000).chain(0..50_000) {
            problems.add((0, number, 0), Class::Render, |_| {
                made.set(made.get() + 1);
                Diagnostic::error(Class::Render, format!("problem {number}"))
            });
        }
        let all = problems.finish();
        assert_eq!(all.len(), MOST_SHOWN + 1);
        assert_eq!((all[0].message.as_str(), all[99].message.as_str()), ("problem 0", "problem 99"));
        assert_eq!(all[100].message, "and 59900 more problems that are not shown");
        assert_eq!(made.get(), 2 * MOST_SHOWN);
    }

    #[test]
    fn equal_ones_are_told_once_and_the_worst_class_is_kept() {
        let mut problems = Problems::default();
        for _ in 0..3 {
            problems.add((0, 0, 0), Class::Missing, |_| Diagnostic::error(Class::Missing, "the same"));
        }
        assert_eq!(problems.clone().finish().len(), 1);
        for number in 1..200 {
            let class = if number == 150 { Class::Forbidden } else { Class::Missing };
            problems.add((number, 0, 0), class, |_| Diagnostic::error(class, format!("{number}")));
        }
        assert_eq!(problems.finish().last().map(|d| d.class), Some(Class::Forbidden));
    }
}
