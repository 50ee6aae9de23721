//! References as vals writes them (`ref+SCHEME://PATH#/KEY`), read where the administrator allows them
//! (`KEYFILL_VALS_REFS`): [`grammar`] finds them, [`meaning`] says what they ask for.

mod grammar;
mod meaning;

pub use grammar::{MARK, Reference, find};
pub use meaning::{Refusal, placeholder};
