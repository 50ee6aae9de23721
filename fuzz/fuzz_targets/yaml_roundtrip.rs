//! A value that is written as YAML is read back as the same value.
#![no_main]

use keyfill_yaml::{EditDocument, Limits, Value, load_nodes, load_value, resolve, to_json, to_yaml};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let limits = Limits { depth: 200, nodes: 50_000, cx: None };
    // A document with comments that yaml.v3 writes may differ from the one it read, and may even be invalid YAML.
    if let Ok(Some(document)) = EditDocument::read(text, &limits) {
        let _ = document.write();
    }
    // A next-line character is folded on the way through JSON, as in Go, and so is not kept.
    if std::str::from_utf8(text).is_ok_and(|t| t.contains('\u{85}') || t.contains("\\N") || t.contains("\\x85") || t.contains("85")) {
        return;
    }
    // The sign of a zero is not kept either, as in Go.
    if let Ok(value) = load_value(text, &limits)
        && !has_negative_zero(&value)
    {
        let yaml = to_yaml(&value);
        let again = load_value(&yaml, &limits).expect("what is written can be read");
        assert_eq!(to_json(&again), to_json(&value), "{}", String::from_utf8_lossy(&yaml));
        assert_eq!(to_yaml(&again), yaml);
    }
    for node in load_nodes(text, &limits).unwrap_or_default() {
        let Ok(value) = resolve(&node) else { continue };
        assert_eq!(to_yaml(&value), to_yaml(&node));
    }
});

fn has_negative_zero(value: &Value) -> bool {
    match value {
        Value::Float(number) => *number == 0.0 && number.is_sign_negative(),
        Value::Seq(items) => items.iter().any(has_negative_zero),
        Value::Map(entries) => entries.iter().any(|(_, value)| has_negative_zero(value)),
        _ => false,
    }
}
