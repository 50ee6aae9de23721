//! The objects of a rendered stream, and the matching of objects in two streams.

use keyfill_diag::Cx;
use keyfill_yaml::{Body, Document, Limits, Text, Value};
use std::collections::{BTreeMap, HashMap};

/// The identity of an object in a cluster. The version of its API group is not a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId {
    /// The API group, for example `apps`; empty for the core group.
    pub group: String,
    /// The kind, for example `Deployment`; empty for a document that is not an object.
    pub kind: String,
    /// The namespace; empty if the manifest has none.
    pub namespace: String,
    /// `metadata.name`, or `metadata.generateName` followed by `*`.
    pub name: String,
    /// The number of objects with the same identity before it in the stream.
    pub nth: usize,
}

impl std::fmt::Display for ObjectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.kind.is_empty() { "document" } else { &self.kind })?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        f.write_str(" ")?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)?;
        if self.nth > 0 { write!(f, " (number {})", self.nth + 1) } else { Ok(()) }
    }
}

/// An object of a stream.
#[derive(Debug)]
pub struct Object {
    /// Its identity.
    pub id: ObjectId,
    /// Its content.
    pub value: Value,
}

/// Matching objects of two sides; at least one exists.
#[derive(Debug)]
pub struct Pair {
    /// The object on the older side.
    pub before: Option<Object>,
    /// The object on the newer side.
    pub after: Option<Object>,
}

/// Removes the documents whose text is the same on both sides.
pub fn without_same(before: Vec<Document>, after: Vec<Document>) -> (Vec<Document>, Vec<Document>) {
    let text = |document: &Document| match &document.body {
        Body::Raw(text) => text.clone(),
        Body::Tree(node) => keyfill_yaml::to_yaml(&**node).into(),
    };
    let before: Vec<_> = before.into_iter().map(|document| (text(&document), document)).collect();
    let mut held: HashMap<bytes::Bytes, usize> = HashMap::new();
    for (text, _) in &before {
        *held.entry(text.clone()).or_default() += 1;
    }
    let mut same: HashMap<bytes::Bytes, usize> = HashMap::new();
    let mut only_after = Vec::new();
    for document in after {
        let text = text(&document);
        match held.get_mut(&text).filter(|count| **count > 0) {
            Some(count) => {
                *count -= 1;
                *same.entry(text).or_default() += 1;
            }
            None => only_after.push(document),
        }
    }
    let is_only_before = |(text, document): (bytes::Bytes, Document)| match same.get_mut(&text) {
        Some(count) if *count > 0 => {
            *count -= 1;
            None
        }
        _ => Some(document),
    };
    (before.into_iter().filter_map(is_only_before).collect(), only_after)
}

/// The objects in documents. A `List` is replaced by its items; empty documents are skipped.
pub fn objects(documents: &[Document], cx: &Cx) -> Result<Vec<Object>, keyfill_yaml::Error> {
    let limits = Limits::from(cx);
    let mut found = Vec::new();
    for document in documents {
        let value = match &document.body {
            Body::Raw(text) => keyfill_yaml::load_exact(text, &limits)?,
            Body::Tree(node) => keyfill_yaml::resolve(node)?,
        };
        flatten(value, &mut found, 0);
    }
    let mut seen: HashMap<ObjectId, usize> = HashMap::new();
    for object in &mut found {
        let count = seen.entry(object.id.clone()).or_default();
        object.id.nth = *count;
        *count += 1;
    }
    Ok(found)
}

fn flatten(value: Value, found: &mut Vec<Object>, depth: usize) {
    let is_list = value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"))
        && matches!(value.get("items"), Some(Value::Seq(_)));
    match value {
        Value::Null => {}
        Value::Map(entries) if is_list && depth < 4 => {
            let items = entries.into_iter().filter(|(key, _)| key == "items").map(|(_, items)| items);
            for item in
                items.filter_map(|items| if let Value::Seq(items) = items { Some(items) } else { None })
            {
                item.into_iter().for_each(|item| flatten(item, found, depth + 1));
            }
        }
        value => found.push(Object { id: id_of(&value), value }),
    }
}

fn id_of(value: &Value) -> ObjectId {
    let text = |path: &[&str]| value.at(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let api_version = text(&["apiVersion"]);
    let group = api_version.split_once('/').map_or("", |(group, _)| group).to_owned();
    let mut name = text(&["metadata", "name"]);
    if name.is_empty() {
        let generated = text(&["metadata", "generateName"]);
        name = if generated.is_empty() { "without a name".to_owned() } else { format!("{generated}*") };
    }
    ObjectId { group, kind: text(&["kind"]), namespace: text(&["metadata", "namespace"]), name, nth: 0 }
}

/// Matches the objects of two sides, in the order of their identities. ConfigMaps and Secrets whose names end with
/// a hash of their content match if the rest of the name is the same.
pub fn pairs(before: Vec<Object>, after: Vec<Object>) -> Vec<Pair> {
    let mut pairs: BTreeMap<ObjectId, Pair> = BTreeMap::new();
    for object in before {
        pairs.insert(object.id.clone(), Pair { before: Some(object), after: None });
    }
    for object in after {
        let pair = pairs.entry(object.id.clone()).or_insert(Pair { before: None, after: None });
        pair.after = Some(object);
    }
    let alone = |pairs: &BTreeMap<ObjectId, Pair>, is_before: bool| -> HashMap<ObjectId, Vec<ObjectId>> {
        let mut stems: HashMap<ObjectId, Vec<ObjectId>> = HashMap::new();
        for (id, pair) in pairs {
            let side = if is_before { &pair.before } else { &pair.after };
            let is_alone = pair.before.is_some() != pair.after.is_some() && side.is_some();
            if let Some(stem) = stem(id).filter(|_| is_alone) {
                stems.entry(stem).or_default().push(id.clone());
            }
        }
        stems
    };
    let (old, new) = (alone(&pairs, true), alone(&pairs, false));
    for (stem, old) in old {
        if let (Some([new]), [old]) = (new.get(&stem).map(Vec::as_slice), old.as_slice()) {
            let before = pairs.remove(old).and_then(|pair| pair.before);
            if let Some(pair) = pairs.get_mut(new) {
                pair.before = before;
            }
        }
    }
    pairs.into_values().collect()
}

/// The identity without the hash that kustomize appends to the name: ten letters and digits.
fn stem(id: &ObjectId) -> Option<ObjectId> {
    const HASH: &str = "bcdfghkmt2456789";
    if !id.group.is_empty() || !["ConfigMap", "Secret"].contains(&id.kind.as_str()) {
        return None;
    }
    let (stem, hash) = id.name.rsplit_once('-')?;
    let is_hash = hash.len() == 10 && hash.chars().all(|c| HASH.contains(c));
    is_hash.then(|| ObjectId { name: stem.to_owned(), ..id.clone() })
}

/// The entries of a map, sorted by their keys.
pub fn sorted(map: &[(Text, Value)]) -> BTreeMap<&str, &Value> {
    map.iter().map(|(key, value)| (key.as_str(), value)).collect()
}
