//! Compares the container images of a root.

use super::object::Object;
use keyfill_yaml::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An image that differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageChange {
    /// The image on the older side; `None` if the container is new.
    pub before: Option<String>,
    /// The image on the newer side; `None` if the container was removed.
    pub after: Option<String>,
    /// The containers with this change, as `Deployment prod/web: CONTAINER`.
    pub used_by: Vec<String>,
}

/// The fields with containers in a pod's specification.
const LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// The containers of objects, each with its image.
pub fn containers(objects: &[Object]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for object in objects {
        walk(&object.value, &object.id.to_string(), &mut found);
    }
    found
}

fn walk(value: &Value, object: &str, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Map(entries) => {
            for (key, value) in entries {
                let items = value.as_seq().filter(|_| LISTS.contains(&key.as_str())).unwrap_or_default();
                for (at, item) in items.iter().enumerate() {
                    if let Some(image) = item.get("image").and_then(Value::as_str) {
                        let name = item.get("name").and_then(Value::as_str);
                        let name = name.map_or_else(|| at.to_string(), str::to_owned);
                        found.insert(format!("{object}: {name}"), image.to_owned());
                    }
                }
                walk(value, object, found);
            }
        }
        Value::Seq(items) => items.iter().for_each(|item| walk(item, object, found)),
        _ => {}
    }
}

/// The images that differ: each change once, with all its containers.
pub fn changes(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> Vec<ImageChange> {
    let places: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut found: BTreeMap<(Option<String>, Option<String>), Vec<String>> = BTreeMap::new();
    for place in places {
        let (before, after) = (before.get(place).cloned(), after.get(place).cloned());
        if before != after {
            found.entry((before, after)).or_default().push(place.clone());
        }
    }
    found.into_iter().map(|((before, after), used_by)| ImageChange { before, after, used_by }).collect()
}
