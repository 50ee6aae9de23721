//! Values while they are merged. Looking up names and changing lists is cheap even with a million entries, which
//! an author may write.

use crate::error::{Error, Result};
use keyfill_diag::{Cx, Stopped};
use keyfill_go::json_decode::Json;
use keyfill_template::value::{List, Map, Str, Value};
use std::collections::BTreeMap;

/// A value while it is merged.
#[derive(Clone)]
pub(super) enum Node {
    /// A scalar, or null.
    Scalar(Value),
    /// A list.
    List(Vec<Node>),
    /// A mapping.
    Map(BTreeMap<Str, Node>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Scalar(Value::Nil)
    }
}

impl Node {
    /// An empty mapping.
    pub(super) fn map() -> Self {
        Self::Map(BTreeMap::new())
    }

    /// The type of the value, for errors.
    pub(super) fn type_name(&self) -> &'static str {
        match self {
            Self::Scalar(Value::Nil) => "null",
            Self::Scalar(Value::Bool(_)) => "boolean",
            Self::Scalar(Value::Str(_)) => "string",
            Self::Scalar(_) => "number",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }

    /// Merges `over` into the value: mappings are merged, all else is replaced, by null too.
    pub(super) fn merge(&mut self, over: Self, cx: &Cx) -> Result<()> {
        let mut count = 0;
        self.merge_counted(over, cx, &mut count).map_err(Error::stopped)
    }

    fn merge_counted(&mut self, over: Self, cx: &Cx, count: &mut u32) -> std::result::Result<(), Stopped> {
        let (Self::Map(entries), Self::Map(over)) = (&mut *self, over) else { return Ok(()) };
        if entries.is_empty() {
            *entries = over;
            return Ok(());
        }
        for (key, value) in over {
            *count = count.wrapping_add(1);
            if count.is_multiple_of(ENTRIES_PER_CHECK) {
                cx.check()?;
            }
            match entries.get_mut(&key) {
                Some(there @ Self::Map(_)) if matches!(value, Self::Map(_)) => {
                    there.merge_counted(value, cx, count)?;
                }
                Some(there) => *there = value,
                None => drop(entries.insert(key, value)),
            }
        }
        Ok(())
    }

    /// The mapping as a map for templates; an empty map if the value is no mapping.
    pub(super) fn into_map(self) -> Map {
        match Value::from(self) {
            Value::Map(map) => map,
            _ => Map::new(),
        }
    }
}

/// The number of entries that are merged between two checks of the deadline.
const ENTRIES_PER_CHECK: u32 = 1 << 12;

impl From<keyfill_yaml::Value> for Node {
    fn from(value: keyfill_yaml::Value) -> Self {
        use keyfill_yaml::Value as Yaml;
        match value {
            Yaml::Seq(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Yaml::Map(entries) => {
                Self::Map(entries.into_iter().map(|(k, v)| (k.as_str().into(), Self::from(v))).collect())
            }
            scalar => Self::Scalar(Value::from(&scalar)),
        }
    }
}

impl From<Json> for Node {
    fn from(json: Json) -> Self {
        match json {
            Json::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Json::Object(entries) => {
                Self::Map(entries.into_iter().map(|(k, v)| (k.into(), Self::from(v))).collect())
            }
            scalar => Self::Scalar(Value::from(scalar)),
        }
    }
}

impl From<Node> for Value {
    fn from(node: Node) -> Self {
        match node {
            Node::Scalar(value) => value,
            Node::List(items) => Self::List(List::new(items.into_iter().map(Self::from).collect())),
            Node::Map(entries) => {
                Self::Map(entries.into_iter().map(|(k, v)| (k, Self::from(v))).collect::<Map>())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Node;
    use keyfill_diag::Cx;
    use keyfill_go::json_decode::decode;

    fn node(json: &str) -> Node {
        decode(json.as_bytes(), 10).unwrap().into_result().unwrap().into()
    }

    fn shown(node: Node) -> String {
        let value = keyfill_yaml::Value::from(&keyfill_template::value::Value::from(node));
        String::from_utf8(keyfill_yaml::to_json(&value)).unwrap()
    }

    #[test]
    fn maps_merge_and_all_else_is_replaced() {
        let mut base = node(r#"{"a":{"x":1,"y":2},"b":3,"d":[1,2]}"#);
        base.merge(node(r#"{"a":{"y":null},"b":{},"c":true,"d":[3]}"#), &Cx::default()).unwrap();
        assert_eq!(shown(base), r#"{"a":{"x":1,"y":null},"b":{},"c":true,"d":[3]}"#);
    }
}
