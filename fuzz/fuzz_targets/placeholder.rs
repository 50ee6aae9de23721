//! No text makes the search for placeholders panic or run too long. Placeholders that were found never overlap,
//! those found in base64 are at the place in the encoded text that is reported, and the scan of a file misses no
//! placeholder.
#![no_main]

// The modules of the root package that are fuzzed: a binary cannot be a dependency.
#[allow(dead_code)]
#[path = "../../src/fill/datum.rs"]
mod datum;
#[allow(dead_code)]
#[path = "../../src/fill/encoded.rs"]
mod encoded;
#[allow(dead_code)]
#[path = "../../src/fill/placeholder/mod.rs"]
mod placeholder;
#[allow(dead_code)]
#[path = "../../src/fill/scan.rs"]
mod scan;

use encoded::{Codec, Sighting};
use libfuzzer_sys::fuzz_target;
use placeholder::{Found, find, parse};

fuzz_target!(|text: &[u8]| {
    for keys in [false, true] {
        let mut end = 0;
        let mut finder = find(text, keys);
        while let Some(found) = finder.next() {
            let (Found::Placeholder(span) | Found::Broken(span, _)) = &found;
            assert!(span.start < span.end && span.end <= text.len());
            let _ = finder.is_text_to_avp(span.start);
            if let Found::Placeholder(span) = found {
                assert!(span.start >= end, "they do not overlap");
                end = span.end;
                let _ = parse(&text[span], keys);
            }
        }
        if end > 0 && !keys {
            assert!(scan::text_looks_fillable(text), "the scan misses a placeholder");
        }
        let mut end = 0;
        for sighting in encoded::look(text, keys) {
            let is_of_a_key = matches!(sighting, Sighting::Encoded { guess: true, .. });
            assert!(!is_of_a_key || encoded::may_hold_keys(text), "the fast look misses a placeholder");
            let span = sighting.span().clone();
            assert!(span.start >= end && span.start < span.end && span.end <= text.len());
            end = span.end;
            if let Sighting::Encoded { codec: codec @ Codec::Base64(_), text: inner, .. } = sighting {
                assert_eq!(codec.encode(&inner), &text[span], "base64 is written as it was");
            }
        }
    }
});
