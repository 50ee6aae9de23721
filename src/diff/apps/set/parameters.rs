//! Parameters of an app: their form for templates, and how sets of several generators are merged.

use keyfill_go::strconv::{Bits, Layout, format_float};
use serde_json::{Map, Number, Value};

/// The parameters of one app.
pub type Parameters = Map<String, Value>;

/// Adds the leaves of a value as texts, by their paths separated with dots.
pub fn flatten(prefix: &str, value: &Value, found: &mut Parameters) {
    let at = |key: &str| if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
    match value {
        Value::Object(entries) if !entries.is_empty() => {
            entries.iter().for_each(|(key, value)| flatten(&at(key), value, found));
        }
        Value::Array(items) if !items.is_empty() => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| flatten(&at(&index.to_string()), value, found));
        }
        leaf if !prefix.is_empty() => drop(found.insert(prefix.to_owned(), printed(leaf).into())),
        _ => {}
    }
}

/// A leaf as Go's `%v` prints it.
fn printed(leaf: &Value) -> String {
    match leaf {
        Value::String(text) => text.clone(),
        Value::Number(number) => {
            let float = number.as_f64().unwrap_or_default();
            format_float(float, Layout::General, None, Bits::B64)
        }
        Value::Null => "<nil>".to_owned(),
        Value::Object(_) => "map[]".to_owned(),
        other => other.to_string(),
    }
}

/// The value with all numbers as floats, as Go's JSON decoder returns them.
pub fn with_floats(value: Value) -> Value {
    match value {
        Value::Number(number) => {
            number.as_f64().and_then(Number::from_f64).map_or(Value::Number(number), Value::Number)
        }
        Value::Array(items) => items.into_iter().map(with_floats).collect(),
        Value::Object(entries) => {
            entries.into_iter().map(|(key, value)| (key, with_floats(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

/// Merges `over` into `base`: maps are merged, other values are replaced; an empty list replaces no list.
pub fn overlay(base: &mut Parameters, over: &Parameters) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => overlay(base, over),
            (Some(Value::Array(_)), Value::Array(items)) if items.is_empty() => {}
            _ => drop(base.insert(key.clone(), value.clone())),
        }
    }
}

/// Fills the empty fields of a generator's template from the set's template.
pub fn fill_in(template: &mut Value, from: &Value) {
    match (&mut *template, from) {
        (Value::Object(held), Value::Object(from)) if !held.is_empty() => {
            for (key, value) in from {
                fill_in(held.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (held, from) if is_empty(held) => *held = from.clone(),
        _ => {}
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Parameters, fill_in, flatten, overlay, with_floats};
    use serde_json::{Value, json};

    #[test]
    fn leaves_are_named_by_their_paths_and_printed_as_go_prints_them() {
        let mut found = Parameters::new();
        let value =
            json!({"a": {"b": "x", "list": [true, {"c": 3}]}, "n": 1_000_000, "none": null, "empty": {}});
        flatten("", &value, &mut found);
        let want = json!({
            "a.b": "x", "a.list.0": "true", "a.list.1.c": "3", "n": "1e+06", "none": "<nil>", "empty": "map[]",
        });
        assert_eq!(Value::Object(found), want);
    }

    #[test]
    fn a_generators_template_is_filled_with_the_sets() {
        let mut template = json!({"metadata": {}, "spec": {"source": {"path": "own", "repoURL": ""}}});
        let set = json!({"metadata": {"name": "n"}, "spec": {"project": "p", "source": {"path": "x", "repoURL": "r"}}});
        fill_in(&mut template, &set);
        let want = json!({"metadata": {"name": "n"}, "spec": {"project": "p", "source": {"path": "own", "repoURL": "r"}}});
        assert_eq!(template, want);
        let mut none = Value::Null;
        fill_in(&mut none, &set);
        assert_eq!(none, set);
    }

    #[test]
    fn maps_are_merged_and_an_empty_list_replaces_none() {
        let Value::Object(mut base) = json!({"a": {"x": 1, "y": 2}, "list": [1], "b": "old"}) else { return };
        let Value::Object(over) = json!({"a": {"y": 3}, "list": [], "b": ""}) else { return };
        overlay(&mut base, &over);
        assert_eq!(Value::Object(base), json!({"a": {"x": 1, "y": 3}, "list": [1], "b": ""}));
        assert_eq!(with_floats(json!({"n": [1]})), json!({"n": [1.0]}));
    }
}
