//! Any answer of a registry is read or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let _ = keyfill_fetch::manifest_of(text);
});
