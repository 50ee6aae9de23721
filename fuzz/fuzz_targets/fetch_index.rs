//! Any index of a chart repository is read or refused. One that was read can be searched, and survives being
//! written as JSON and read again.
#![no_main]

use keyfill_fetch::Index;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Ok(index) = Index::parse(text) else { return };
    let names: Vec<&str> = index.names().collect();
    for name in names {
        for version in ["", "*", "^1", "1.0.0", ">0.0.0-0"] {
            let _ = index.find(name, version);
        }
    }
    let small = serde_json::to_vec(&index).expect("an index is JSON");
    let again: Index = serde_json::from_slice(&small).expect("and comes back");
    assert_eq!(again, index);
});
