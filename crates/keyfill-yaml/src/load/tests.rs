//! Tests of the loaders.

use super::{
    load_exact, load_node, load_nodes, load_object, load_value, load_yaml, resolve, with_last_line_ended,
};
use crate::{Limits, Node, Value, to_json, to_yaml};

fn v2(text: &str) -> String {
    match load_value(text.as_bytes(), &Limits::default()) {
        Ok(value) => String::from_utf8_lossy(&to_json(&value)).into_owned(),
        Err(e) => format!("error {e}"),
    }
}

fn v3(text: &str) -> String {
    let json = |node: &Node| match resolve(node) {
        Ok(value) => String::from_utf8_lossy(&to_json(&value)).into_owned(),
        Err(e) => format!("error {e}"),
    };
    match load_nodes(text.as_bytes(), &Limits::default()) {
        Ok(nodes) => nodes.iter().map(json).collect::<Vec<_>>().join(" | "),
        Err(e) => format!("error {e}"),
    }
}

#[test]
fn yaml_v2_is_parsed_as_helm_does() {
    assert_eq!(
        v2("a: yes\nb: 017\nc: 1.0\nd: ~\ne: 2001-12-14\nf: 0b1\n"),
        r#"{"a":true,"b":15,"c":1,"d":null,"e":"2001-12-14","f":1}"#
    );
    assert_eq!(v2("1: a\ntrue: b\n1.5: c\n"), r#"{"1":"a","1.5":"c","true":"b"}"#);
    assert_eq!(v2("a: 1\na: 2\n"), r#"{"a":2}"#);
    assert_eq!(v2(""), "null");
    assert_eq!(v2("{a: [b, {c: d}], e}"), r#"{"a":["b",{"c":"d"}],"e":null}"#);
    assert_eq!(v2("x: &x {a: 1, b: 2}\nz:\n  b: 3\n  <<: *x\n"), r#"{"x":{"a":1,"b":2},"z":{"a":1,"b":2}}"#);
    assert_eq!(v2("a: !!binary aGk="), r#"{"a":"hi"}"#);
    assert_eq!(v2("{{ .Values.x }}"), "error line 1: a key of a mapping must be a string, number or bool");
    assert_eq!(v2("a: .nan"), "error line 1: JSON has no number for infinity and NaN");
}

#[test]
fn loaders_differ_in_the_types_of_numbers() {
    let limits = Limits::default();
    let text = b"[1, 1.0, 1e3, 1.5, 18446744073709551615]";
    let debug = |value: Value| {
        value.as_seq().map(|items| items.iter().map(kind).collect::<Vec<_>>().join(" ")).unwrap_or_default()
    };
    fn kind(value: &Value) -> &'static str {
        match value {
            Value::Int(_) => "int",
            Value::Uint(_) => "uint",
            Value::Float(_) => "float",
            _ => "other",
        }
    }
    assert_eq!(debug(load_value(text, &limits).expect("reads")), "float float float float float");
    assert_eq!(debug(load_object(text, &limits).expect("reads")), "int int int float float");
    assert_eq!(debug(load_exact(text, &limits).expect("reads")), "int int int float uint");
    assert_eq!(debug(load_yaml(text, &limits).expect("reads")), "int float float float uint");
}

#[test]
fn yaml_v3_is_parsed_as_kustomize_does() {
    assert_eq!(
        v3("a: yes\nb: 0777\nc: 2001-12-14\nd: \"1\"\n"),
        r#"{"a":"yes","b":511,"c":"2001-12-14T00:00:00Z","d":"1"}"#
    );
    assert_eq!(v3("a: 1\n---\n# only a comment\n---\nb: 2\n--- # c\n"), r#"{"a":1} | {"b":2}"#);
    assert_eq!(v3("a: 1\na: 2\n"), r#"error line 2: mapping key "a" already defined at line 1"#);
    assert_eq!(v3("x: 1\n--- y\na: 1\n"), "error line 2: invalid document separator: --- y");
    assert_eq!(v3("x: 1\n---\na: [\n"), "error line 4: did not find expected node content");
    assert_eq!(v3("a: {1: b}\n"), r#"error line 1: key "1" is not a string"#);
    assert_eq!(v3("1: b\n"), r#"{"1":"b"}"#);
    assert_eq!(v3("a: b\r\nc: |\r\n  d\r\n"), r#"{"a":"b","c":"d\n"}"#);
}

#[test]
fn own_entries_win_over_merged_ones() {
    assert_eq!(
        v3("x: &x {a: 1, b: 2}\nz: &z {b: 5, c: 6}\ny:\n  b: 3\n  <<: [*x, *z]\n"),
        r#"{"x":{"a":1,"b":2},"y":{"a":1,"b":3,"c":6},"z":{"b":5,"c":6}}"#
    );
    assert_eq!(v3("a: 1\n<<: b\n"), "error line 1: map merge requires map or sequence of maps as the value");
}

#[test]
fn alias_bombs_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..12 {
        let items = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{items}]\n"));
    }
    assert!(v2(&bomb).ends_with("document contains excessive aliasing"), "{}", v2(&bomb));
    let small = Limits { nodes: 10_000, ..Limits::default() };
    let refused = load_nodes(bomb.as_bytes(), &small).expect_err("too large");
    assert!(refused.message().contains("excessive aliasing"));
    let refused = load_nodes("- x\n".repeat(10_001).as_bytes(), &small).expect_err("too large");
    assert!(refused.message().contains("nodes with its aliases expanded"));
    assert_eq!(v2("a: &a [*a]"), "error line 1: anchor 'a' value contains itself");
    let deep = "[".repeat(2000);
    assert!(v2(&deep).contains("nested deeper than 1000 levels"));
    let fine = format!("{}{}", "[".repeat(900), "]".repeat(900));
    assert!(load_node(fine.as_bytes(), &Limits::default()).is_ok());
}

#[test]
fn a_null_key_at_the_top_is_dropped_when_it_is_printed_too() {
    let nodes = load_nodes(b"~: a\nb: 1\n", &Limits::default()).expect("reads");
    assert_eq!(to_yaml(&nodes[0]), b"b: 1\n");
    assert_eq!(resolve(&nodes[0]).map(|v| to_yaml(&v)), Ok(b"b: 1\n".to_vec()));
}

#[test]
fn lines_are_counted_in_the_file() {
    let nodes = load_nodes(b"# c\na: 1\n---\n\nb:\n  c: 2\n", &Limits::default()).expect("reads");
    assert_eq!(nodes[1].get("b").map(Node::line), Some(6));
    assert_eq!(nodes[1].line(), 5);
}

#[test]
fn a_block_scalar_at_the_end_of_a_manifest_keeps_its_line_break() {
    let last = |text: &[u8]| {
        let value = load_exact(text, &Limits::default()).expect("it is YAML");
        value.get("a").and_then(Value::as_str).map(str::to_owned)
    };
    let manifest = |text: &str| last(&with_last_line_ended(text.as_bytes()));
    assert_eq!(manifest("a: |\n  x").as_deref(), Some("x\n"));
    assert_eq!(manifest("a: >+\n  x").as_deref(), Some("x\n"));
    assert_eq!(manifest("a: |-\n  x").as_deref(), Some("x"));
    assert_eq!(manifest("a: x").as_deref(), Some("x"));
    assert_eq!(last(b"a: |\n  x").as_deref(), Some("x"), "Go's YAML library itself");
}

#[test]
fn integers_up_to_two_to_the_64_keep_their_digits() {
    for text in ["9223372036854775807", "9223372036854775808", "18446744073709551615"] {
        let value = load_exact(text.as_bytes(), &Limits::default()).expect("it is YAML");
        assert_eq!(to_json(&value), text.as_bytes());
        let node = load_nodes(format!("a: {text}").as_bytes(), &Limits::default()).expect("it is YAML");
        assert_eq!(to_yaml(&node[0]), format!("a: {text}\n").as_bytes());
    }
    let beyond = load_exact(b"18446744073709551616", &Limits::default()).expect("it is YAML");
    assert!(matches!(beyond, Value::Float(_)));
}

#[test]
fn errors_have_the_words_and_lines_of_go_programs() {
    for (text, words) in [
        ("x: 1\nfoo\nbar: 2\n", "line 3: could not find expected ':'"),
        ("x: 1\ny: 2\nfoo\n", "line 4: could not find expected ':'"),
        ("x: 1\ny: 2\nfoo", "line 4: could not find expected ':'"),
        ("a: \"x\n", "line 2: found unexpected end of stream"),
        ("y: @a\n", "found character that cannot start any token"),
        ("x: 1\n\ty: 1\n", "line 2: found a tab character that violates indentation"),
        ("a: b: c\n", "mapping values are not allowed in this context"),
        ("a: [", "line 1: did not find expected node content"),
        ("a: [\n", "line 1: did not find expected node content"),
        ("a: [1, 2\nb: 3\n", "line 1: did not find expected ',' or ']'"),
        ("\"a\": \"b", "found unexpected end of stream"),
        ("a: {b: c", "line 1: did not find expected ',' or '}'"),
        ("- a\nb: c", "line 1: did not find expected '-' indicator"),
        ("a: |\n  x\n y: 1", "line 2: did not find expected key"),
        ("a: *x\n", "unknown anchor 'x' referenced"),
    ] {
        let error = load_value(text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.go_text(), words, "{text:?}");
    }
}
