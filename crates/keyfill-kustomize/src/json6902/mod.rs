//! JSON 6902 patches, by the rules of the library that kustomize uses.
//!
//! It is more lenient than the standard: `replace` of a key that is not there adds it, indexes may count
//! from the end, and a path without a slash before it loses its first part.

mod operate;
mod values;

use crate::error::{Error, Result};
use keyfill_yaml::{Limits, Node, Text, Value, load_value, resolve};
use values::{from_json, node_of};

/// A list of operations.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    operations: Vec<Operation>,
}

/// One operation.
#[derive(Clone, Debug)]
struct Operation {
    kind: Kind,
    path: Text,
    from: Text,
    /// `None` when the field is absent.
    value: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Add,
    Remove,
    Replace,
    Move,
    Copy,
    Test,
}

impl Kind {
    fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "add" => Self::Add,
            "remove" => Self::Remove,
            "replace" => Self::Replace,
            "move" => Self::Move,
            "copy" => Self::Copy,
            "test" => Self::Test,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Replace => "replace",
            Self::Move => "move",
            Self::Copy => "copy",
            Self::Test => "test",
        }
    }
}

impl Patch {
    /// Reads operations. Text that begins with `[` is JSON and nothing else, other text is YAML.
    pub fn parse(text: &[u8]) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::new("the JSON patch is empty"));
        }
        let value = if text.starts_with(b"[") {
            from_json(text)?
        } else {
            load_value(text, &Limits::default()).map_err(|e| Error::new(e.message()).at_line(e.line()))?
        };
        let items = match value {
            Value::Null => Vec::new(),
            Value::Seq(items) => items,
            other => {
                return Err(Error::new(format!(
                    "a JSON patch is a list of operations, not a {}",
                    other.type_name()
                )));
            }
        };
        let operations =
            items.iter().enumerate().map(|(at, item)| operation(at, item)).collect::<Result<Vec<_>>>()?;
        Ok(Self { operations })
    }

    /// Whether there are no operations.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Does all operations; when one fails, the object is left as it was.
    ///
    /// The object takes the way through JSON, as it does in kustomize: numbers are floats then, and what was
    /// written as a date is a string.
    pub fn apply(&self, object: &mut Node) -> Result<()> {
        let mut value = resolve(object).map_err(|e| Error::new(e.message()).at_line(e.line()))?;
        for operation in &self.operations {
            operate::apply(&mut value, operation).map_err(|e| {
                e.context(format!("the operation {} of {}", operation.kind.name(), operation.path))
                    .at_path(operation.path.to_string())
            })?;
        }
        if !matches!(value, Value::Map(_)) {
            return Err(Error::new("the JSON patch leaves no object"));
        }
        *object = node_of(value);
        Ok(())
    }
}

fn operation(at: usize, item: &Value) -> Result<Operation> {
    let wrong = |what: &str| Error::new(format!("operation {} of the JSON patch {what}", at + 1));
    if !matches!(item, Value::Map(_)) {
        return Err(wrong("is not a mapping"));
    }
    let text = |name| item.get(name).and_then(Value::as_str).map(Text::from);
    let name = text("op").ok_or_else(|| wrong("has no `op`"))?;
    let kind = Kind::from_name(&name).ok_or_else(|| {
        wrong(&format!("has the unknown op \"{name}\""))
            .hint("op is add, remove, replace, move, copy or test")
    })?;
    let path = text("path").ok_or_else(|| wrong("has no `path`"))?;
    let from = match (kind, text("from")) {
        (Kind::Move | Kind::Copy, None) => return Err(wrong("has no `from`")),
        (_, from) => from.unwrap_or_default(),
    };
    Ok(Operation { kind, path, from, value: item.get("value").cloned() })
}

#[cfg(test)]
mod tests {
    use super::Patch;
    use keyfill_yaml::{Limits, load_nodes, to_json};

    fn after(object: &str, patch: &str) -> String {
        let mut nodes = load_nodes(object.as_bytes(), &Limits::default()).expect("it is YAML");
        let patch = Patch::parse(patch.as_bytes()).expect("it is a patch");
        match patch.apply(&mut nodes[0]) {
            Ok(()) => String::from_utf8(to_json(&nodes[0])).expect("JSON is UTF-8"),
            Err(e) => format!("error: {}", e.message()),
        }
    }

    #[test]
    fn replace_on_a_missing_key_adds_it() {
        assert_eq!(
            after("a: {}", "[{\"op\":\"replace\",\"path\":\"/a/b\",\"value\":1}]"),
            r#"{"a":{"b":1}}"#
        );
        assert!(after("a: []", "- {op: replace, path: /a/0, value: 1}").starts_with("error"));
    }

    #[test]
    fn lists_take_values_anywhere() {
        assert_eq!(after("a: [1, 2]", "- {op: add, path: /a/-, value: x}"), r#"{"a":[1,2,"x"]}"#);
        assert_eq!(after("a: [1, 2]", "- {op: add, path: /a/0, value: x}"), r#"{"a":["x",1,2]}"#);
        assert_eq!(after("a: [1, 2]", "- {op: add, path: /a/-1, value: x}"), r#"{"a":[1,2,"x"]}"#);
        assert_eq!(after("a: [1, 2]", "- {op: remove, path: /a/-1}"), r#"{"a":[1]}"#);
        assert!(after("a: [1, 2]", "- {op: add, path: /a/3, value: x}").starts_with("error"));
    }

    #[test]
    fn keys_are_escaped() {
        let patch = "- {op: add, path: /a/b~1c~0d, value: 'yes'}";
        assert_eq!(after("a: {}", patch), r#"{"a":{"b/c~d":"yes"}}"#);
    }

    #[test]
    fn values_move_copy_and_are_tested() {
        assert_eq!(after("a: 1", "- {op: move, from: /a, path: /b}"), r#"{"b":1}"#);
        assert_eq!(after("a: 1", "- {op: copy, from: /a, path: /b}"), r#"{"a":1,"b":1}"#);
        assert_eq!(
            after("a: [1, {b: x}]", "- {op: test, path: /a, value: [1, {b: x}]}"),
            r#"{"a":[1,{"b":"x"}]}"#
        );
        assert!(after("a: 1", "- {op: test, path: /a, value: '1'}").starts_with("error"));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for text in ["", "{a: b}", "[{op: add}]", "- {path: /a}", "- {op: put, path: /a}", "- x"] {
            assert!(Patch::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
