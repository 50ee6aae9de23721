//! Operations whose expected results are those of the official tool.

use super::Patch;
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, TextPlace, load_nodes, to_json};

fn after(object: &str, patch: &str) -> String {
    let mut nodes = load_nodes(object.as_bytes(), &Limits::default()).expect("it is YAML");
    match Patch::parse_at(patch.as_bytes(), TextPlace::default(), &Limits::default())
        .and_then(|p| p.apply(&mut nodes[0], &Cx::default()))
    {
        Ok(()) => String::from_utf8(to_json(&nodes[0])).expect("JSON is UTF-8"),
        Err(e) => format!("error: {}", e.message()),
    }
}

#[test]
fn patches_are_json_or_yaml() {
    let json = r#"[{"op": "add", "path": "/a/-", "value": "x"}]"#;
    assert_eq!(after("{a: [1]}", json), r#"{"a":[1,"x"]}"#);
    assert_eq!(after("{a: [1]}", "- {op: add, path: /a/0, value: yes}"), r#"{"a":[true,1]}"#);
    assert!(after("{}", "a: 1").starts_with("error: not a list"));
}

#[test]
fn indexes_count_from_the_end() {
    assert_eq!(after("{a: [1, 2]}", "- {op: add, path: /a/-1, value: 3}"), r#"{"a":[1,2,3]}"#);
    assert_eq!(after("{a: [1, 2]}", "- {op: remove, path: /a/-1}"), r#"{"a":[1]}"#);
    assert!(after("{a: [1, 2]}", "- {op: remove, path: /a/2}").starts_with("error: "));
}

#[test]
fn replace_succeeds_on_a_missing_key_of_a_mapping() {
    assert_eq!(after("{a: {}}", "- {op: replace, path: /a/b, value: 1}"), r#"{"a":{"b":1}}"#);
    assert!(after("{}", "- {op: replace, path: /a/b, value: 1}").starts_with("error: "));
    assert!(after("{a: []}", "- {op: replace, path: /a/0, value: 1}").starts_with("error: "));
}

#[test]
fn pointers_are_escaped() {
    assert_eq!(after("{a/b: {c~d: 1}}", "- {op: remove, path: /a~1b/c~0d}"), r#"{"a/b":{}}"#);
}

#[test]
fn copying_a_missing_key_adds_null() {
    assert_eq!(after("{a: 1}", "- {op: copy, from: /b, path: /c}"), r#"{"a":1,"c":null}"#);
    assert!(after("{a: 1}", "- {op: move, from: /b, path: /c}").starts_with("error: "));
}

#[test]
fn the_test_operation_compares_numbers_as_they_are_written() {
    assert_eq!(after("{a: 1}", "- {op: test, path: /a, value: 1}"), r#"{"a":1}"#);
    assert!(after("{a: 1}", r#"[{"op": "test", "path": "/a", "value": 1.0}]"#).starts_with("error: "));
    assert_eq!(after("{a: {b: [x]}}", "- {op: test, path: /a, value: {b: [x]}}"), r#"{"a":{"b":["x"]}}"#);
}

#[test]
fn unknown_operations_fail() {
    assert!(after("{a: 1}", "- {op: set, path: /a, value: 1}").starts_with("error: "));
}
