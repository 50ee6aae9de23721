//! Replaces the values of Secrets, so that they are not shown. Placeholders stay, since they are not secret.

use crate::fill::placeholder;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use keyfill_yaml::Value;

/// The fields of a Secret that contain values.
const FIELDS: [&str; 2] = ["data", "stringData"];
/// kubectl's annotation with the whole object as it was applied.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Replaces the values of a Secret by their size. If the same field has another value in `other`, the text says
/// that it changed.
pub fn cover(object: &mut Value, other: Option<&Value>) {
    let is = |object: &Value, key: &str, want: &str| object.get(key).and_then(Value::as_str) == Some(want);
    if !is(object, "kind", "Secret") || !is(object, "apiVersion", "v1") {
        return;
    }
    for field in FIELDS {
        let other = other.and_then(|other| other.get(field));
        match object.get_mut(field) {
            Some(Value::Map(entries)) => {
                for (key, value) in entries {
                    cover_value(value, other.and_then(|other| other.get(key)), field == "data");
                }
            }
            Some(Value::Null) | None => {}
            Some(whole) => cover_value(whole, other, field == "data"),
        }
    }
    let annotation = ["metadata", "annotations", LAST_APPLIED];
    let metadata = object.get_mut("metadata").and_then(|metadata| metadata.get_mut("annotations"));
    if let Some(value) = metadata.and_then(|annotations| annotations.get_mut(LAST_APPLIED)) {
        cover_value(value, other.and_then(|other| other.at(&annotation)), false);
    }
}

fn cover_value(value: &mut Value, other: Option<&Value>, is_base64: bool) {
    let text = match &*value {
        Value::Str(text) => text.to_string(),
        Value::Null => return,
        other => String::from_utf8_lossy(&keyfill_yaml::to_json(other)).into_owned(),
    };
    let decoded = if is_base64 { STANDARD.decode(text.trim()).ok() } else { None };
    let plain = decoded.as_deref().unwrap_or(text.as_bytes());
    if is_placeholder(plain) || is_placeholder(text.as_bytes()) {
        return;
    }
    let changed = if other.is_some_and(|other| other != value) { ", changed" } else { "" };
    *value = Value::Str(format!("({} bytes, not shown{changed})", plain.len()).into());
}

/// Whether a text is one placeholder and nothing else.
fn is_placeholder(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let is_one = text.len() > 2 && text.starts_with(b"<") && text.ends_with(b">");
    is_one
        && !text[1..text.len() - 1].iter().any(|b| *b == b'<' || *b == b'>')
        && placeholder::parse(text, true).is_ok()
}

#[cfg(test)]
mod tests {
    use super::cover;
    use keyfill_yaml::{Limits, Value, load_object};

    fn covered(text: &str) -> String {
        let mut value = load_object(text.as_bytes(), &Limits::default()).unwrap();
        cover(&mut value, None);
        String::from_utf8(keyfill_yaml::to_yaml(&value)).unwrap()
    }

    #[test]
    fn values_of_secrets_are_covered_and_placeholders_stay() {
        let text = covered(
            "apiVersion: v1\nkind: Secret\nstringData:\n  a: hunter2\n  b: <path:secret/data/x#k>\n  c: \
             x<path:secret/data/x#k>\n  m: 7\ndata:\n  d: aHVudGVyMg==\n  e: PHBhdGg6c2VjcmV0L2RhdGEveCNrPg==\n",
        );
        assert!(!text.contains("hunter2") && !text.contains("aHVudGVyMg"), "{text}");
        assert!(text.contains("b: <path:secret/data/x#k>") && text.contains("e: PHBhdGg6"), "{text}");
        assert!(text.contains("c: (23 bytes") && text.contains("d: (7 bytes"), "{text}");
    }

    #[test]
    fn equal_values_look_the_same_and_others_do_not() {
        let secret = |value: &str| -> Value {
            let text = format!("apiVersion: v1\nkind: Secret\nstringData: {{a: {value}}}\n");
            load_object(text.as_bytes(), &Limits::default()).unwrap()
        };
        let against = |value: &str, other: &str| {
            let mut value = secret(value);
            cover(&mut value, Some(&secret(other)));
            value.at(&["stringData", "a"]).and_then(Value::as_str).unwrap().to_owned()
        };
        assert_eq!(against("one", "one"), "(3 bytes, not shown)");
        assert_eq!(against("two", "one"), "(3 bytes, not shown, changed)");
    }
}
