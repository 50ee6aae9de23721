//! Commands about what stands in a repository: values in plain, references to secrets, edits in place, the report of
//! `doctor`, and what `check` must not pass over.

mod check;
mod doctor;
mod edit;
mod plain;
mod progress;
mod refs;
mod watch;

use keyfill_testkit::{Outcome, Run};

/// A run of keyfill in a work tree.
fn keyfill(args: &[&str]) -> Run {
    Run::of(env!("CARGO_BIN_EXE_keyfill")).args(args).file(".git/HEAD", "")
}

/// What a run printed on both streams, with its exit code.
#[track_caller]
fn said(outcome: &Outcome, code: i32) -> String {
    let all = format!("{}{}", outcome.text(), outcome.stderr);
    assert_eq!(outcome.code, Some(code), "{all}");
    assert!(!all.contains("hunter2"), "a value is in: {all}");
    all
}
