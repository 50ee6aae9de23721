//! No text makes a YAML loader panic or exceed its limits.
#![no_main]

use keyfill_yaml::{Limits, Step, load_nodes, load_object, load_value, locate, resolve, split_stream};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let limits = Limits { depth: 200, nodes: 50_000, cx: None };
    let _ = load_value(text, &limits);
    let _ = load_object(text, &limits);
    for node in load_nodes(text, &limits).unwrap_or_default() {
        let _ = resolve(&node);
    }
    let _ = locate(text, &[Step::Key("a"), Step::Index(0)]);
    let mut at = 0;
    for part in split_stream(text) {
        assert_eq!(part.before.start, at, "nothing is lost between parts");
        assert_eq!(part.before.end, part.body.start);
        at = part.body.end;
    }
    assert_eq!(at, text.len());
});
