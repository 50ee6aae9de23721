//! No text makes the placeholder language panic, findings never overlap, and a file's scan misses none.
#![no_main]

// The modules of the root package that are fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/fill/placeholder.rs"]
mod placeholder;
#[allow(dead_code)]
#[path = "../../src/fill/scan.rs"]
mod scan;

use libfuzzer_sys::fuzz_target;
use placeholder::{Found, find, parse};

fuzz_target!(|text: &[u8]| {
    for keys in [false, true] {
        let mut end = 0;
        for found in find(text, keys) {
            let (Found::Placeholder(span) | Found::Broken(span, _)) = &found;
            assert!(span.start < span.end && span.end <= text.len());
            if let Found::Placeholder(span) = found {
                assert!(span.start >= end, "they do not overlap");
                end = span.end;
                let _ = parse(&text[span]);
            }
        }
        if end > 0 && !keys {
            assert!(scan::text_looks_fillable(text), "the scan misses a placeholder");
        }
    }
});
