//! References of vals (`ref+SCHEME://PATH#/KEY`), which are filled if the administrator allows them
//! (`KEYFILL_VALS_REFS`): [`grammar`] finds them, [`meaning`] translates them to placeholders.

mod grammar;
mod meaning;

pub use grammar::{MARK, Reference, find};
pub use meaning::{Refusal, placeholder};
