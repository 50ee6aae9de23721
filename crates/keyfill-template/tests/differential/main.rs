//! Compares with Go: generated templates and values give the same output in both, or fail in both.
//!
//! `KEYFILL_CASES` is the number of cases (2,000 by default), `KEYFILL_SEED` the seed that selects them.

#![allow(clippy::print_stdout)]

mod arguments;
mod calls;
mod case;
mod certificates;
mod functions;
mod language;
mod oracle;
mod source;

use case::{Case, Mode, Outcome};
use oracle::Oracle;
use source::Source;

/// The number of cases to try.
fn cases() -> usize {
    std::env::var("KEYFILL_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2_000)
}

fn seed() -> u64 {
    std::env::var("KEYFILL_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// Executes generated cases with both programs, and fails with the first cases that differ.
fn compare(mode: Mode, generate: impl Fn(&mut Source) -> Case) {
    let program = if mode == Mode::Helm4 { "template4-oracle" } else { "template-oracle" };
    let Some(program) = keyfill_testkit::oracle(program) else { return };
    let mut oracle = Oracle::start(&program);
    let mut source = Source::new(seed());
    let mut differing = Vec::new();
    let (mut failed, mut same_message) = (0_usize, 0_usize);
    let total = cases();
    let mut left = total;
    while left > 0 && differing.len() < 20 {
        let batch: Vec<Case> = (0..left.min(500)).map(|_| generate(&mut source)).collect();
        left -= batch.len();
        for (case, theirs) in batch.iter().zip(oracle.ask(mode, &batch)) {
            let ours = case.run(mode);
            match (&ours, &theirs) {
                (Outcome::Output(a), Outcome::Output(b)) if a == b => {}
                (Outcome::Failure(a), Outcome::Failure(b)) => {
                    failed += 1;
                    same_message += usize::from(a == b);
                    if a != b && std::env::var_os("KEYFILL_MESSAGES").is_some() {
                        println!("{case}\n  ours   {a}\n  theirs {b}\n");
                    }
                }
                _ => differing.push(format!("{case}\n  ours   {ours}\n  theirs {theirs}")),
            }
        }
    }
    println!("{mode:?}: {total} cases, {failed} fail in both, {same_message} of these with the same message");
    assert!(differing.is_empty(), "{} cases differ:\n{}", differing.len(), differing.join("\n"));
}

#[test]
fn the_language_is_that_of_go() {
    compare(Mode::Go, language::case);
}

#[test]
fn the_language_is_that_of_helm_3() {
    compare(Mode::Helm, |source| language::case(source).for_helm());
}

#[test]
fn the_functions_are_those_of_helm_3() {
    compare(Mode::Helm, |source| functions::case(source, Mode::Helm).for_helm());
}

#[test]
fn the_language_is_that_of_helm_4() {
    compare(Mode::Helm4, |source| language::case(source).for_helm());
}

#[test]
fn the_functions_are_those_of_helm_4() {
    compare(Mode::Helm4, |source| functions::case(source, Mode::Helm4).for_helm());
}

#[test]
fn go_and_this_crate_use_each_others_certificates() {
    let Some(program) = keyfill_testkit::oracle("template-oracle") else { return };
    certificates::go_both_ways(&mut Oracle::start(&program));
}
