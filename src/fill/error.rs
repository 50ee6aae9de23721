//! The fill stage's error: every problem of the run, each with its place.

use keyfill_diag::Diagnostic;
use std::collections::HashSet;
use std::fmt;

/// Why the documents could not be filled.
#[derive(Clone, PartialEq, Eq)]
pub struct FillError(Vec<Diagnostic>);

impl FillError {
    /// From the problems found: equal ones are told once, in the order of documents and lines.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort_by_key(|d| (d.place.document, d.place.line, d.place.column));
        let mut told = HashSet::new();
        let mut is_new =
            |diagnostic: &Diagnostic| told.insert((diagnostic.to_string(), diagnostic.hint.clone()));
        Self(diagnostics.into_iter().filter(|d| is_new(d)).collect())
    }

    /// All problems.
    pub fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.0
    }
}

impl From<Diagnostic> for FillError {
    fn from(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }
}

impl fmt::Display for FillError {
    /// One line for each problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, diagnostic) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for FillError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for FillError {}
