//! Matches the items of two lists: by Kubernetes' merge keys, else by a usual key such as `name` that all items
//! have, else by their order, as lines of a text are compared.

use crate::edit_script;
use keyfill_kustomize::schema::FieldType;
use keyfill_yaml::Value;
use similar::DiffTag;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// Two matching items, and their label.
#[derive(Debug)]
pub struct Item<'a> {
    /// `name=web`, `containerPort=80,protocol=TCP`, or the number of the item.
    pub label: String,
    /// The item on the older side.
    pub before: Option<&'a Value>,
    /// The item on the newer side.
    pub after: Option<&'a Value>,
}

/// Keys that distinguish the items of lists without a schema.
const USUAL_KEYS: [&str; 3] = ["name", "key", "id"];
/// The time limit for comparing two lists by order.
const LONGEST: Duration = Duration::from_millis(500);

/// The items of two lists in the order of the newer side, removed ones last; and whether the items of both sides
/// are in another order.
pub fn items<'a>(before: &'a [Value], after: &'a [Value], of: Option<FieldType>) -> (Vec<Item<'a>>, bool) {
    let known = of.and_then(FieldType::merge_keys).filter(|keys| !keys.is_empty());
    let by_schema = known.and_then(|keys| by_keys(before, after, keys));
    let by_keys = by_schema.or_else(|| USUAL_KEYS.iter().find_map(|key| by_keys(before, after, &[*key])));
    by_keys.unwrap_or_else(|| (by_order(before, after), false))
}

/// Matches items by keys; `None` if an item does not have the first key, or two items have the same keys.
fn by_keys<'a>(before: &'a [Value], after: &'a [Value], keys: &[&str]) -> Option<(Vec<Item<'a>>, bool)> {
    let old = labels(before, keys)?;
    let new = labels(after, keys)?;
    let by_label: BTreeMap<&str, &Value> = old.iter().map(String::as_str).zip(before).collect();
    let mut items: Vec<Item<'a>> = new
        .iter()
        .zip(after)
        .map(|(label, after)| Item {
            label: label.clone(),
            before: by_label.get(label.as_str()).copied(),
            after: Some(after),
        })
        .collect();
    let is_new: HashSet<&str> = new.iter().map(String::as_str).collect();
    let gone = old.iter().zip(before).filter(|(label, _)| !is_new.contains(label.as_str()));
    items.extend(gone.map(|(label, before)| Item {
        label: label.clone(),
        before: Some(before),
        after: None,
    }));
    let kept_old = old.iter().filter(|label| is_new.contains(label.as_str()));
    let kept_new = new.iter().filter(|label| by_label.contains_key(label.as_str()));
    let moved = !kept_old.eq(kept_new);
    Some((items, moved))
}

fn labels(items: &[Value], keys: &[&str]) -> Option<Vec<String>> {
    let label = |item: &Value| -> Option<String> {
        item.get(keys.first()?).and_then(scalar)?;
        let parts = keys.iter().filter_map(|key| Some(format!("{key}={}", scalar(item.get(key)?)?)));
        Some(parts.collect::<Vec<_>>().join(","))
    };
    let labels: Vec<String> = items.iter().map(label).collect::<Option<_>>()?;
    let distinct: HashSet<&String> = labels.iter().collect();
    (distinct.len() == labels.len()).then_some(labels)
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text.to_string()),
        Value::Int(_) | Value::Uint(_) | Value::Number(_) | Value::Bool(_) | Value::Float(_) => {
            Some(String::from_utf8_lossy(&keyfill_yaml::to_json(value)).into_owned())
        }
        Value::Null | Value::Seq(_) | Value::Map(_) => None,
    }
}

/// Matches items by order, as lines of a text are compared. An item in the same position as a removed one counts
/// as changed.
fn by_order<'a>(before: &'a [Value], after: &'a [Value]) -> Vec<Item<'a>> {
    let texts = |items: &[Value]| -> Vec<Vec<u8>> { items.iter().map(keyfill_yaml::to_json).collect() };
    let (old, new) = (texts(before), texts(after));
    let mut items: Vec<Item<'a>> = Vec::new();
    for op in edit_script::operations(&old, &new, Instant::now() + LONGEST) {
        let (tag, old, new) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            continue;
        }
        for at in 0..old.len().max(new.len()) {
            let (before_at, after_at) = (old.start + at, new.start + at);
            let before = before.get(before_at).filter(|_| at < old.len());
            let after = after.get(after_at).filter(|_| at < new.len());
            let label = if after.is_some() { after_at } else { before_at };
            items.push(Item { label: label.to_string(), before, after });
        }
    }
    items
}
