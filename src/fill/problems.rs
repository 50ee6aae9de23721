//! The problems of a run: the first ones in full, and the number of the others.
//!
//! An author's text may have any number of errors, and finding the position of each means parsing its document
//! again. So only the first [`MOST_SHOWN`], in the order of the documents, are made into diagnostics.

use super::options::Sources;
use keyfill_diag::{Class, Diagnostic, Severity};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The most errors that are reported; the limit for warnings is the same.
pub const MOST_SHOWN: usize = 100;

/// The most problems whose exact position is found. It is more than [`MOST_SHOWN`], since problems that are found
/// later may come first in order and replace others.
const MOST_PLACED: usize = 4 * MOST_SHOWN;

/// The position of a problem in the order of problems: the index of its document, the number of strings before it
/// in the document, the offset in the string.
pub type Order = (usize, usize, usize);

/// How exactly the position of a problem is found.
#[derive(Clone, Copy, Debug, Default)]
pub struct Precision<'s> {
    /// Whether to find line and column, which means parsing the document again.
    pub exact: bool,
    /// The number of problems so far whose position was found, this one included.
    pub number: usize,
    /// The source files of the documents; `None` if they are not available.
    pub sources: Option<&'s dyn Sources>,
}

/// Collected problems of one severity.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    kept: BTreeMap<(Order, usize), Diagnostic>,
    added: usize,
    placed: usize,
    /// The classes of the problems that are not kept.
    dropped: HashSet<Class>,
    warns: bool,
    sources: Option<Arc<dyn Sources>>,
}

impl Problems {
    /// An empty list; `sources` are the source files, to show lines of them.
    pub fn with(sources: Option<Arc<dyn Sources>>) -> Self {
        Self { sources, ..Self::default() }
    }

    /// Adds a problem. `make` is called only if the problem is among the first ones so far; its argument says
    /// whether to find the exact position.
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

    /// The number of problems that were added.
    pub fn len(&self) -> usize {
        self.added
    }

    /// Whether no problem was added.
    pub fn is_empty(&self) -> bool {
        self.added == 0
    }

    /// The first problems in the order of documents and lines, without duplicates, and one more with the number of
    /// the others.
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
        // Problems that come last in the document are added first, as with failed reads.
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
