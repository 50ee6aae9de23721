//! Tests of the writer: styles of strings, and layout.

use super::to_yaml;
use crate::{Node, Text, Value};

fn yaml(value: &Value) -> String {
    String::from_utf8(to_yaml(value)).expect("UTF-8")
}

fn string(text: &str) -> String {
    yaml(&Value::Map(vec![("k".into(), Value::Str(text.into()))]))
}

#[test]
fn collections_are_laid_out_as_go_lays_them_out() {
    let map = |entries: &[(&str, Value)]| {
        Value::Map(entries.iter().map(|(k, v)| (Text::new(k), v.clone())).collect())
    };
    let value = map(&[
        ("b10", Value::Null),
        (
            "b9",
            Value::Seq(vec![
                map(&[("x", Value::Int(1)), ("y", Value::Bool(true))]),
                Value::Seq(vec![Value::Int(2)]),
            ]),
        ),
        ("c", map(&[("d", map(&[])), ("e", Value::Seq(vec![]))])),
    ]);
    assert_eq!(yaml(&value), "b9:\n- x: 1\n  \"y\": true\n- - 2\nb10: null\nc:\n  d: {}\n  e: []\n");
    assert_eq!(yaml(&Value::Seq(vec![Value::Null, map(&[])])), "- null\n- {}\n");
    assert_eq!(yaml(&map(&[])), "{}\n");
    assert_eq!(yaml(&Value::Str("a".into())), "a\n");
    assert_eq!(yaml(&Value::Str("a\nb".into())), "|-\n  a\n  b\n");
    let long = "k".repeat(129);
    assert_eq!(yaml(&map(&[(&long, Value::Seq(vec![Value::Int(1)]))])), format!("? {long}\n: - 1\n"));
}

#[test]
fn strings_have_the_quotes_that_go_gives_them() {
    assert_eq!(string("plain"), "k: plain\n");
    assert_eq!(string(""), "k: \"\"\n");
    assert_eq!(string("yes"), "k: \"yes\"\n");
    assert_eq!(string("1e3"), "k: \"1e3\"\n");
    assert_eq!(string("1:20"), "k: \"1:20\"\n");
    assert_eq!(string("2001-12-14"), "k: \"2001-12-14\"\n");
    assert_eq!(string("a: b"), "k: 'a: b'\n");
    assert_eq!(string("it's: b"), "k: 'it''s: b'\n");
    assert_eq!(string("a\tb"), "k: \"a\\tb\"\n");
    assert_eq!(string("a\nb\n"), "k: |\n  a\n  b\n");
    assert_eq!(string("a\n\nb"), "k: |-\n  a\n\n  b\n");
    assert_eq!(string(" a\n"), "k: |2\n   a\n");
    assert_eq!(string("a\n\n"), "k: |+\n  a\n\n");
    assert_eq!(string("a \nb"), "k: \"a \\nb\"\n");
    assert_eq!(string("\u{1F600}"), "k: \"\\U0001F600\"\n");
    assert_eq!(string("é"), "k: é\n");
    assert_eq!(string("\u{FEFF}a"), "k: \"\\uFEFF\\x61\"\n");
}

#[test]
fn long_lines_are_folded() {
    let words = "word ".repeat(20);
    let text = words.trim_end();
    let folded = format!("k: {}\n  word word word word\n", vec!["word"; 16].join(" "));
    assert_eq!(string(text), folded);
    let quoted = string(&format!("a: {text}"));
    assert!(quoted.lines().all(|l| l.len() < 90) && quoted.lines().count() == 2, "{quoted}");
    let spaced = "word  ".repeat(20);
    assert_eq!(string(spaced.trim_end()).lines().count(), 1);
}

#[test]
fn numbers_are_those_of_their_json_text() {
    let n = |value: Value| yaml(&value).trim_end().to_owned();
    assert_eq!(n(Value::Float(1.0)), "1");
    assert_eq!(n(Value::Float(-0.0)), "0");
    assert_eq!(n(Value::Float(1_234_567.5)), "1.2345675e+06");
    assert_eq!(n(Value::Float(1e6)), "1000000");
    assert_eq!(n(Value::Float(1e20)), "1e+20");
    assert_eq!(n(Value::Float(1e19)), "10000000000000000000");
    assert_eq!(n(Value::Float(1e-7)), "1e-07");
    assert_eq!(n(Value::Int(i64::MIN)), "-9223372036854775808");
    assert_eq!(n(Value::Uint(u64::MAX)), "18446744073709551615");
    assert_eq!(n(Value::Number("1.10".into())), "1.1");
}

#[test]
fn scalars_of_nodes_are_resolved_when_they_are_written() {
    let mut node = Node::map();
    if let Some(map) = node.as_map_mut() {
        map.set("b", Node::plain("0777"));
        map.set("a", Node::string("0777"));
        map.set("c", Node::plain("2001-12-14"));
        map.set("d", Node::plain("yes"));
        map.set("e", Node::null());
    }
    assert_eq!(
        String::from_utf8(to_yaml(&node)).expect("UTF-8"),
        "a: \"0777\"\nb: 511\nc: \"2001-12-14T00:00:00Z\"\nd: \"yes\"\ne: null\n"
    );
}
