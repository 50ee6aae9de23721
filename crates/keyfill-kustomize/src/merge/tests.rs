//! Merges whose expected results are those of the official tool.

use super::{Merged, strategic};
use crate::schema::Schema;
use keyfill_diag::Cx;
use keyfill_yaml::{Limits, Node, load_nodes, to_yaml};

fn node(text: &str) -> Node {
    load_nodes(text.as_bytes(), &Limits::default()).expect("it is YAML").swap_remove(0)
}

/// The `spec` of a pod after a merge, as YAML in one line.
fn pods(object: &str, patch: &str) -> String {
    let pod = |spec: &str| node(&format!("{{apiVersion: v1, kind: Pod, spec: {spec}}}"));
    let mut object = pod(object);
    match strategic(&mut object, &pod(patch), &Schema::builtin(), &Cx::default()) {
        Ok(Merged::Kept) => {
            let text = object.get("spec").map(|spec| keyfill_yaml::to_json(&spec)).unwrap_or_default();
            String::from_utf8(text).expect("JSON is UTF-8")
        }
        Ok(Merged::Deleted) => "deleted".into(),
        Err(e) => format!("error: {}", e.message()),
    }
}

#[test]
fn items_of_a_patch_come_first() {
    assert_eq!(
        pods(
            "{containers: [{name: a}, {name: b, image: x}]}",
            "{containers: [{name: c}, {name: b, image: y}]}"
        ),
        r#"{"containers":[{"name":"c"},{"image":"y","name":"b"},{"name":"a"}]}"#
    );
}

#[test]
fn items_can_be_deleted() {
    assert_eq!(
        pods("{containers: [{name: a}, {name: b}]}", "{containers: [{name: a, $patch: delete}]}"),
        r#"{"containers":[{"name":"b"}]}"#
    );
}

#[test]
fn a_list_can_be_replaced() {
    assert_eq!(
        pods("{containers: [{name: a}]}", "{containers: [{name: b}, {$patch: replace}]}"),
        r#"{"containers":[{"name":"b"}]}"#
    );
}

#[test]
fn null_removes_a_field() {
    assert_eq!(pods("{a: 1, b: 2}", "{a: null}"), r#"{"b":2}"#);
    assert_eq!(pods("{a: , b: ~, c: 1}", "{d: null}"), r#"{"b":null,"c":1}"#);
}

#[test]
fn quotes_of_the_object_stay() {
    assert_eq!(pods(r#"{a: "1"}"#, "{a: 2}"), r#"{"a":"2"}"#);
    assert_eq!(pods("{a: 1}", r#"{a: "2"}"#), r#"{"a":"2"}"#);
}

#[test]
fn a_whole_object_is_deleted() {
    let mut object = node("{apiVersion: v1, kind: Pod}");
    let patch = node("{apiVersion: v1, kind: Pod, $patch: delete}");
    assert_eq!(
        strategic(&mut object, &patch, &Schema::builtin(), &Cx::default()).expect("it merges"),
        Merged::Deleted
    );
    assert_eq!(to_yaml(&object), b"apiVersion: v1\nkind: Pod\n");
}

#[test]
fn directives_that_only_kubernetes_knows_have_no_effect() {
    assert_eq!(
        pods("{a: 1}", "{$retainKeys: [a], $setElementOrder/containers: [{name: a}]}"),
        r#"{"$retainKeys":["a"],"$setElementOrder/containers":[{"name":"a"}],"a":1}"#
    );
}

#[test]
fn a_scalar_cannot_be_merged_into_a_mapping() {
    assert!(pods("{a: {b: 1}}", "{a: 1}").starts_with("error: "));
}
