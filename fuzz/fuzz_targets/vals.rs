//! The references of vals that are found in a text are in order and do not overlap, and each matches the text at
//! its place.
#![no_main]

// The module of the root package that is fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/fill/vals/grammar.rs"]
mod grammar;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let mut free = 0;
    for reference in grammar::find(text) {
        assert!(reference.span.start >= free && reference.span.end <= text.len());
        free = reference.span.end;
        let written = &text[reference.span];
        let parts = [reference.scheme, reference.path, reference.parameters, reference.fragment];
        assert!(!reference.scheme.is_empty() && parts.iter().map(|part| part.len()).sum::<usize>() < written.len());
    }
});
